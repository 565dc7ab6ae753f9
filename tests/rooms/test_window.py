from __future__ import annotations

import itertools
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fees_etl.window import Window, chunks

DAYS = st.dates(date(2024, 1, 1), date(2024, 3, 1))
SETS = st.frozensets(DAYS, max_size=30)


def days(window):
    return {start + timedelta(days=n) for start, end in window.ranges for n in range((end - start).days + 1)}


@given(SETS, SETS)
def test_a_window_is_a_set_of_dates(left, right):
    united = Window.union(Window.of(left), Window.of(right))

    assert days(Window.of(left)) == left
    assert days(united) == left | right
    assert all(day in united for day in left | right)
    assert date(2025, 1, 1) not in united
    assert bool(united) == bool(left | right)


@given(SETS)
def test_ranges_are_disjoint_ascending_and_never_touch(dates):
    ranges = Window.of(dates).ranges

    assert all(start <= end for start, end in ranges)
    assert all(end + timedelta(days=1) < start for (_, end), (start, _) in itertools.pairwise(ranges))


@given(SETS, st.integers(1, 10))
def test_chunks_are_small_in_order_and_lose_nothing(dates, size):
    parts = chunks(Window.of(dates), size)

    assert all(0 < len(days(part)) <= size for part in parts)
    assert [day for part in parts for day in sorted(days(part))] == sorted(dates)


@given(DAYS, DAYS)
def test_between_is_inclusive_and_empty_backwards(start, end):
    assert days(Window.between(start, end)) == {
        start + timedelta(days=n) for n in range(max((end - start).days + 1, 0))
    }
