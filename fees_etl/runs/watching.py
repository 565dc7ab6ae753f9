"""Whether fees come when they are due and are as usual: warnings of a run and of ``assert``, never a reason to stop."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from fees_etl.project.watched import ANOMALIES, BOOKS, FOUND, FRESHNESS, LATE, UNUSUAL, due_days
from fees_etl.types import Assertion
from fees_etl.window import Window

if TYPE_CHECKING:
    from collections.abc import Collection

    from fees_etl.types import Contract, Project

_WATCHED_DAYS = 400
"""Of what has not come only the last year is told: a source that ended is told of by its newest fee date."""


def watches(project: Project, today: date, arriving: Collection[date] | None = None) -> tuple[Assertion, ...]:
    """What is asked of a source besides its contract: at most two assertions of severity ``warn``.

    Args:
        project: the loaded project.
        today: the day that fees may be late on.
        arriving: the fee dates that a run takes off the pending list; of others nothing is unusual or late. Left out,
            every published fee date is judged, and only what has not come is late.
    """
    found = []
    if project.sources.keys() >= BOOKS and (arriving is None or arriving):
        found.append(_anomalies(project, None if arriving is None else Window.of(arriving)))
    found += [
        _freshness(project, made, today, sorted(arriving or ())) for made in project.sources.values() if made.freshness
    ]
    return tuple(found)


def _anomalies(project: Project, window: Window | None) -> Assertion:
    sql = partial(project.templates.render, "operations/anomalies.sql", window=window)
    sentence = "Rows, pounds, mean fee and rejects are as usual at their place in the billing calendar."
    return Assertion(ANOMALIES, None, sentence, "warn", sql, BOOKS, FOUND, UNUSUAL)


def _freshness(project: Project, made: Contract, today: date, arriving: list[date]) -> Assertion:
    assert made.freshness is not None  # noqa: S101 - for mypy
    ends = [today - timedelta(days=_WATCHED_DAYS), today]
    if arriving:
        ends = [min(ends[0], arriving[0]), max(ends[1], arriving[-1])]
    days = due_days(made.freshness, *ends)
    nexts = [*(day for day, _ in days[1:]), date.max]
    due = [
        (day, deadline, any(day <= one < after for one in arriving))
        for (day, deadline), after in zip(days, nexts, strict=True)
    ]
    sql = partial(project.templates.render, "operations/freshness.sql", due=due, today=today)
    said = f"due on the {made.freshness.due}, with {made.freshness.grace} of grace ({made.freshness.calendar})"
    sentence = f"The fees of {made.table} come when they are due: {said}."
    return Assertion(f"{FRESHNESS}_{made.table.name}", None, sentence, "warn", sql, BOOKS, ("due_date",), LATE)
