"""What is asked of tables besides the assertions of a project, how any is asked, and what waivers say of the answer.

Whether fees come when they are due and are as usual is a warning, never a reason to stop.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from fees_etl.privacy import IN_AN_ID
from fees_etl.project.watched import ANOMALIES, BOOKS, FOUND, FRESHNESS, LATE, UNUSUAL, due_days
from fees_etl.script import Ask
from fees_etl.types import Assertion, Table
from fees_etl.window import Window

if TYPE_CHECKING:
    from collections.abc import Collection

    from fees_etl.types import Contract, Project, Waiver

_FEES, _LEFT_OUT = Table("raw", "fees"), Table("ops", "left_out")
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
        window = None if arriving is None else Window.of(arriving)
        sql = partial(project.templates.render, "operations/anomalies.sql", window=window)
        sentence = "Rows, pounds, mean fee and rejects are as usual at their place in the billing calendar."
        found.append(Assertion(ANOMALIES, None, sentence, "warn", sql, BOOKS, FOUND, UNUSUAL))
    found += [
        _freshness(project, made, today, sorted(arriving or ())) for made in project.sources.values() if made.freshness
    ]
    return tuple(found)


def matches(project: Project) -> tuple[Assertion, ...]:
    """For each model the assertion that its table holds what its query yields: nobody wrote to it by hand.

    So for the book of what staging left out. A run has just written the tables, so only ``fees-etl assert`` pays.
    """
    found = []
    held = [(model.contract, model.sql, model.reads) for model in project.models.values()]
    if any(model.is_merged and model.contract.afterwards for model in project.models.values()):
        sql = project.templates.render("operations/left_out_fees.sql")
        held.append((project.sources[_LEFT_OUT], sql, frozenset({_FEES})))
    for contract, text, reads in held:
        day = "fee_date" if contract.table == _LEFT_OUT else contract.partition_by
        is_whole = contract.materialized and contract.materialized != "merge"
        where = "" if is_whole else " WHERE " + project.templates.render("operations/judged.sql", column=day)
        sql_of = partial(
            project.templates.render, "materializations/matches.sql",
            query=text, columns=list(contract.types), table=contract.table, where=where,
        )  # fmt: skip
        found.append(
            Assertion(
                f"matches_{contract.table.name}", None, f"{contract.table} holds what its query yields.", "error",
                sql_of, frozenset({contract.table, *reads}), ("problem",), ("problem", *contract.types),
            )
        )  # fmt: skip
    return tuple(found)


def question(project: Project, assertion: Assertion, today: date) -> Ask:
    """What asks an assertion: 20 rows at most, with how many fail, how many are waived, and whether one is."""
    places, own = waived(project, assertion.name)
    standing = sorted({places[one.key] for one in own if today <= one.expires})
    sql = project.templates.render(
        "operations/verdict.sql",
        query=assertion.sql, key=assertion.key, order=assertion.columns or assertion.key,
        waived=list(places), standing=standing, shown=20, tagged=tagged(project, assertion), nino=IN_AN_ID,
    )  # fmt: skip
    return Ask(assertion.name, sql, assertion.severity, assertion.description)


def tagged(project: Project, assertion: Assertion | None) -> set[str]:
    """The columns of an assertion that identify a person, by name in any contract or by what they are made of."""
    named = {one.name for made in project.contracts.values() for one in made.columns if one.policy_tag}
    return named | (assertion.tagged if assertion else set())


def waived(project: Project, assertion: str) -> tuple[dict[tuple[str, ...], int], list[Waiver]]:
    """The keys that an assertion's waivers name, each with its place from 1, and the waivers."""
    own = [one for one in project.waivers if one.assertion == assertion]
    return {key: place for place, key in enumerate(dict.fromkeys(one.key for one in own), 1)}, own


def waivers(project: Project, assertion: str, today: date) -> list[tuple[int, str, str]]:
    """Of each waiver the place of its key, and what is said of it where that covers a row, and where it covers none."""
    places, own = waived(project, assertion)
    standing = {one.key for one in own if today <= one.expires}
    told = []
    for one in own:
        where = f"{one.path}:{one.line}"
        used = f"waived by {where}: {one.reason} (until {one.expires})" if today <= one.expires else ""
        if one.key not in standing:
            used = f"{where} waives nothing since {one.expires} has passed"
        told.append((places[one.key], used, f"{where} covers no row: {', '.join(one.key)}"))
    return told


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
