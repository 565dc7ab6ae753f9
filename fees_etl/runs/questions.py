"""What is asked of tables, by assertions and besides them, and what an answer means once waivers have their say.

Whether fees come when they are due and are as usual is a warning, never a reason to stop.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from fees_etl.errors import UsageError
from fees_etl.privacy import IN_AN_ID, mask
from fees_etl.project.graph import did_you_mean
from fees_etl.project.watched import ANOMALIES, BOOKS, FOUND, FRESHNESS, LATE, UNUSUAL, due_days
from fees_etl.results import AssertionResult
from fees_etl.script import COVERING, FAILING, PLACE, TOLD, WAIVED, Answer, Ask, Rows
from fees_etl.types import Assertion, Table
from fees_etl.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fees_etl.engines import Engine
    from fees_etl.script import StepResult
    from fees_etl.types import Contract, Project, Waiver

_FEES, _LEFT_OUT = Table("raw", "fees"), Table("ops", "left_out")
_IS_WAIVED = "_is_waived"
_COLUMNS = "contract_columns"
_OURS = {_IS_WAIVED, PLACE, TOLD, FAILING, WAIVED, COVERING, "_waiver", "_nth"}
_WATCHED_DAYS = 400
"""Of what has not come only the last year is told: a source that ended is told of by its newest fee date."""


def check(
    project: Project,
    engine: Engine,
    on_step: Callable[[AssertionResult], object] | None = None,
    names: Collection[str] = (),
    *,
    today: date | None = None,
) -> tuple[AssertionResult, ...]:
    """Every assertion on what is published now; for each model that its table holds what its query yields; columns.

    With ``names`` these and no other. ``today``, left out today in UTC, is when waivers end and fees are due.

    Raises:
        UsageError: there is no assertion of such a name.
    """
    today = today or datetime.now(UTC).date()
    known = {one.name: one for one in (*project.assertions, *matches(project), *watches(project, today))}
    if strange := [name for name in names if name not in {*known, _COLUMNS}]:
        near = did_you_mean(strange[0], {*known, _COLUMNS})
        raise UsageError(f"no assertion is called '{strange[0]}'.", hint=near or "See their names: fees-etl assert")
    engine.prepare(project.contracts)
    asks = {name: question(project, one, today) for name, one in known.items() if not names or name in names}

    def told(found: StepResult | Answer) -> None:
        if on_step and isinstance(found, Answer):
            on_step(judge(asks[found.name], found, project, today))

    answers = engine.answers(asks.values(), told)
    judged = (judge(ask, answers[name], project, today) for name, ask in asks.items())
    return (*judged, *([_columns(project, engine)] if not names or _COLUMNS in names else ()))


def watches(project: Project, today: date, arriving: Collection[date] | None = None) -> tuple[Assertion, ...]:
    """What is asked of a source besides its contract: at most two assertions of severity ``warn``.

    ``arriving`` are the fee dates that a run takes off the pending list; of others nothing is unusual or late. Left
    out, every published fee date is judged, and only what has not come by ``today`` is late.
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
    places, own = _waived(project, assertion.name)
    standing = sorted({places[one.key] for one in own if today <= one.expires})
    sql = project.templates.render(
        "operations/verdict.sql",
        query=assertion.sql, key=assertion.key, order=assertion.columns or assertion.key,
        waived=list(places), standing=standing, shown=20, tagged=_tagged(project, assertion), nino=IN_AN_ID,
    )  # fmt: skip
    return Ask(assertion.name, sql, assertion.severity, assertion.description)


def judge(ask: Ask, answer: Answer, project: Project, today: date) -> AssertionResult:
    """An assertion's answer as a verdict: what identifies a person is masked by its column's policy tag."""
    shown = tuple(name for name in answer.rows.columns if name not in _OURS)
    found = sorted(answer.rows.records, key=lambda row: row[PLACE])
    hidden = _tagged(project, next((one for one in project.assertions if one.name == ask.name), None))
    rows = tuple(
        tuple(mask(row[name]) if name in hidden else row[name] for name in shown)
        for row in found
        if not row[_IS_WAIVED]
    )
    failing, waived = answer.count(FAILING), answer.count(WAIVED)
    covering = {int(place) for row in found[:1] for place in (row[COVERING] or "").split()}
    told = waivers(project, ask.name, today)
    used = "; ".join(said for place, said, _ in told if said and place in covering)
    unused = "; ".join(said for place, _, said in told if place not in covering)
    sample, severity = Rows(shown, rows), ask.severity or "error"
    return AssertionResult(ask.name, severity, failing, waived, sample, answer.seconds, ask.description, used, unused)


def waivers(project: Project, assertion: str, today: date) -> list[tuple[int, str, str]]:
    """Of each waiver the place of its key, and what is said of it where that covers a row, and where it covers none."""
    places, own = _waived(project, assertion)
    standing = {one.key for one in own if today <= one.expires}
    told = []
    for one in own:
        where = f"{one.path}:{one.line}"
        used = f"waived by {where}: {one.reason} (until {one.expires})" if today <= one.expires else ""
        if one.key not in standing:
            used = f"{where} waives nothing since {one.expires} has passed"
        told.append((places[one.key], used, f"{where} covers no row: {', '.join(one.key)}"))
    return told


def _waived(project: Project, assertion: str) -> tuple[dict[tuple[str, ...], int], list[Waiver]]:
    """The keys that an assertion's waivers name, each with its place from 1, and the waivers."""
    own = [one for one in project.waivers if one.assertion == assertion]
    return {key: place for place, key in enumerate(dict.fromkeys(one.key for one in own), 1)}, own


def _tagged(project: Project, assertion: Assertion | None) -> set[str]:
    """The columns of an assertion that identify a person, by name in any contract or by what they are made of."""
    named = {one.name for made in project.contracts.values() for one in made.columns if one.policy_tag}
    return named | (assertion.tagged if assertion else set())


def _columns(project: Project, engine: Engine) -> AssertionResult:
    """A published table has no column that its contract does not know."""
    found = tuple((str(table), name) for table in project.models for name in engine.strange.get(table, ()))
    sentence = "Published tables have the columns of their contracts and no other; ALTER TABLE ... DROP COLUMN ends it."
    sample = Rows(("table", "column"), found[:20])
    return AssertionResult(_COLUMNS, "error", len(found), 0, sample, 0.0, sentence)


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
