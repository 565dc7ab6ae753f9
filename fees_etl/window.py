"""Sets of fee dates: what a run must stage, and how it is cut. No I/O."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fees_etl.types import State


@dataclass(frozen=True, slots=True)
class Window:
    """A set of fee dates: inclusive, disjoint ranges in ascending order.

    >>> Window.of([date(2025, 1, 1), date(2025, 1, 2), date(2025, 3, 1)]).ranges  # doctest: +NORMALIZE_WHITESPACE
    ((datetime.date(2025, 1, 1), datetime.date(2025, 1, 2)),
     (datetime.date(2025, 3, 1), datetime.date(2025, 3, 1)))
    """

    ranges: tuple[tuple[date, date], ...] = ()

    @classmethod
    def of(cls, dates: Any) -> Window:
        """The window of exactly these dates; neighbours are joined into one range."""
        return cls.union(*(cls(((day, day),)) for day in set(dates)))

    @classmethod
    def between(cls, start: date, end: date) -> Window:
        """Both ends inclusive; empty when ``end`` is before ``start``."""
        return cls(((start, end),)) if start <= end else cls()

    @classmethod
    def union(cls, *windows: Window) -> Window:
        """The fee dates that are in at least one of the windows."""
        joined: list[tuple[date, date]] = []
        for start, end in sorted(bounds for window in windows for bounds in window.ranges):
            if joined and (start - joined[-1][1]).days <= 1:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            else:
                joined.append((start, end))
        return cls(tuple(joined))

    def __contains__(self, day: object) -> bool:
        if not isinstance(day, date):
            return False
        at = bisect_right(self.ranges, day, key=itemgetter(0))  # the only range that may hold it is the one before
        return at > 0 and day <= self.ranges[at - 1][1]

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __str__(self) -> str:
        return ", ".join(f"{a}" if a == b else f"{a}..{b}" for a, b in self.ranges) or "no fee dates"


PARTITIONS_PER_STATEMENT = 4000
"""Partitions one BigQuery job may modify (documentation: quotas and limits, partitioned tables)."""

WHOLE = Window.between(date(1990, 1, 1), date(2099, 12, 31))
"""Every fee date that ingestion lets in; for showing and proving a model without a warehouse."""


def everything(state: State) -> Window:
    """Every fee date that raw or staging holds, or held before something vanished."""
    days = [day for day in (state.first_raw, state.last_raw, state.first_staged, state.last_staged) if day]
    held = Window.between(min(days), max(days)) if days else Window()
    return Window.union(held, Window.of(pending.fee_date for pending in state.pending))


def due(state: State, lookback_days: int) -> Window:
    """The fee dates a run must stage: the lookback and every pending date.

    >>> from fees_etl.types import State
    >>> state = State(first_raw=date(2025, 1, 1), last_raw=date(2025, 9, 2), last_staged=date(2025, 9, 1))
    >>> str(due(state, 3))
    '2025-08-29..2025-09-02'
    """
    if state.last_staged is None:
        return everything(state)
    newest = max(state.last_staged, state.last_raw or state.last_staged)
    lookback = Window.between(state.last_staged - timedelta(days=lookback_days), newest)
    return Window.union(lookback, Window.of(pending.fee_date for pending in state.pending))


def clip(window: Window, held: Window) -> Window:
    """The window without what lies before the first and after the last of the dates held.

    >>> str(clip(Window.between(date(1, 1, 1), date.max), Window.between(date(2025, 1, 5), date(2025, 2, 1))))
    '2025-01-05..2025-02-01'
    """
    if not held:
        return window
    first, last = held.ranges[0][0], held.ranges[-1][1]
    return Window.union(*(Window.between(max(start, first), min(end, last)) for start, end in window.ranges))


def months(window: Window) -> tuple[Window, ...]:
    """The window cut at the ends of calendar months.

    >>> [str(month) for month in months(Window.between(date(2025, 1, 30), date(2025, 3, 1)))]
    ['2025-01-30..2025-01-31', '2025-02-01..2025-02-28', '2025-03-01']
    """
    parts = []
    for start, end in window.ranges:
        first = start
        while first <= end:
            following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
            last = min(end, following - timedelta(days=1))
            parts.append(Window.between(first, last))
            first = following
    return tuple(parts)


def chunks(window: Window, days: int = PARTITIONS_PER_STATEMENT) -> tuple[Window, ...]:
    """The window in pieces of at most ``days`` calendar days each, in order.

    >>> [str(part) for part in chunks(Window.between(date(2025, 1, 1), date(2025, 1, 5)), 2)]
    ['2025-01-01..2025-01-02', '2025-01-03..2025-01-04', '2025-01-05']
    """
    parts: list[list[tuple[date, date]]] = []
    room = 0
    for start, end in window.ranges:
        first = start
        while first <= end:
            if room == 0:
                parts.append([])
                room = days
            last = min(end, first + timedelta(days=room - 1))
            parts[-1].append((first, last))
            room -= (last - first).days + 1
            first = last + timedelta(days=1)
    return tuple(Window(tuple(part)) for part in parts)
