"""What a source is watched for: the names of the warnings, and when its fees are due by the calendar."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from fees_etl.types import Table
from fees_etl.window import Window, months

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fees_etl.results import AssertionResult
    from fees_etl.types import Contract, Freshness

ANOMALIES, FRESHNESS = "anomalies", "freshness"
FOUND = ("fee_date", "subject", "measure")
"""What identifies something unusual, for waivers."""
UNUSUAL = (*FOUND, "found", "usual_from", "usual_to", "pounds", "usual_pounds", "file", "other_files")
LATE = ("due_date", "deadline", "problem", "arrived_on", "days_late", "newest_fee_date", "newest_arrival")
"""The columns of what each kind of warning tells."""
BOOKS = frozenset(
    {Table("raw", "files"), Table("raw", "file_totals"), Table("ops", "left_out"), Table("ops", "pending")}
)
"""What tells of fees and their files: a project without them is not watched for what is unusual."""

_LAST = date(9998, 12, 31)
"""By a clock that is wrong the calendar may end before the grace does."""


class Due(BaseModel, extra="forbid", title="when fees are due"):
    """What a contract says of it."""

    due: str = Field(
        pattern="^([1-9]|[12][0-9]|3[01])(st|nd|rd|th) of month$|^last day of month$",
        description="The fee date: 1st of month, last day of month.",
    )
    grace: str = Field(pattern="^[0-9]{1,2} (working )?days?$", description="3 working days, 2 days.")
    calendar: Literal["GB", "GB-ENG", "GB-WLS", "GB-SCT", "GB-NIR"] = Field(
        "GB", description="Whose bank holidays are no working days; GB has those of England."
    )


def keys(sources: Mapping[Table, Contract]) -> dict[str, tuple[str, ...]]:
    """How the warnings are called, each with the columns that a waiver gives."""
    found = {ANOMALIES: FOUND} if sources.keys() >= BOOKS else {}
    return found | {f"{FRESHNESS}_{at.name}": ("due_date",) for at, made in sources.items() if made.freshness}


def kind(found: AssertionResult) -> str | None:
    """What an assertion watches for; None of one that is only called alike.

    >>> from fees_etl.results import AssertionResult
    >>> from fees_etl.script import Rows
    >>> kind(AssertionResult("freshness_fees", "warn", 1, 0, Rows(LATE, ((None,) * 7,)), 0.0))
    'freshness'
    >>> kind(AssertionResult("freshness_of_prices", "warn", 1, 0, Rows(("isin",), (("GB00",),)), 0.0))
    """
    word = found.name.partition("_")[0]
    told = {ANOMALIES: UNUSUAL, FRESHNESS: LATE}.get(word)
    return word if told and {*told} == {*found.sample.columns} else None


def due_days(freshness: Freshness, start: date, end: date) -> list[tuple[date, date]]:
    """Every day in ``start`` to ``end`` (inclusive) that fees are due, each with the last day of its grace.

    A month without that day has it on its last.

    >>> from fees_etl.types import Freshness
    >>> easter = due_days(Freshness("18th of month", "2 working days", "GB"), date(2025, 4, 1), date(2025, 4, 30))
    >>> [f"{due} {last}" for due, last in easter]
    ['2025-04-18 2025-04-23']
    """
    end = min(end, _LAST)
    grace, is_working = int(freshness.grace.split()[0]), "working" in freshness.grace
    closed = _holidays(freshness.calendar, start.year, end.year + 1) if is_working else frozenset()
    found = []
    number = re.match("[0-9]+", freshness.due)
    for month in months(Window.between(start, end)):
        first = month.ranges[0][0]
        last = monthrange(first.year, first.month)[1]
        day = first.replace(day=min(int(number[0]), last) if number else last)
        deadline = day
        for _ in range(grace):
            deadline += timedelta(days=1)
            while is_working and (deadline.weekday() >= 5 or deadline in closed):  # noqa: PLR2004 - Saturday, Sunday
                deadline += timedelta(days=1)
        if start <= day <= end:
            found.append((day, deadline))
    return found


@cache
def _holidays(calendar: str, first: int, last: int) -> frozenset[date]:
    import holidays  # noqa: PLC0415 - a tenth of a second, for those who ask

    part = calendar.partition("-")[2] or "ENG"
    return frozenset(holidays.country_holidays("GB", subdiv=part, years=range(first, last + 1)))
