from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fees_etl.types import Pending, State, Window
from fees_etl.window import chunks, due, everything

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


def pending(*dates):
    return tuple(Pending(day, "file:///f.csv", "v", 1, Decimal(1), 0, Decimal(0)) for day in dates)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State(), "no fee dates"),
        (State(first_raw=date(2025, 1, 1), last_raw=date(2025, 3, 1)), "2025-01-01..2025-03-01"),
        (
            State(date(2025, 1, 1), date(2025, 3, 1), date(2025, 1, 1), date(2025, 3, 1)),
            "2025-02-26..2025-03-01",
        ),
        (
            State(date(2025, 1, 1), date(2025, 3, 9), date(2025, 1, 1), date(2025, 3, 1), pending(date(2025, 1, 5))),
            "2025-01-05, 2025-02-26..2025-03-09",
        ),
        # everything was withdrawn: what is staged must go
        (
            State(None, None, date(2025, 1, 1), date(2025, 3, 1), pending(date(2025, 1, 1))),
            "2025-01-01, 2025-02-26..2025-03-01",
        ),
    ],
)
def test_a_run_stages_the_lookback_and_every_pending_date(state, expected):
    assert str(due(state, 3)) == expected


def test_everything_is_what_raw_or_staging_holds():
    state = State(date(2025, 2, 1), date(2025, 3, 1), date(2025, 1, 1), date(2025, 2, 1))

    assert str(everything(state)) == "2025-01-01..2025-03-01"
