"""Project, selection and state of the warehouse -> Plan: finished statements as data. Printing it is the dry run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from fees_etl import window as windows
from fees_etl.errors import UsageError
from fees_etl.project.graph import did_you_mean, select
from fees_etl.project.load import edges
from fees_etl.project.template import statements
from fees_etl.types import Assertion, Model, Plan, Project, State, Step, StepKind, Table, Window

if TYPE_CHECKING:
    from collections.abc import Sequence


_SHOWN = 20
"""Offending rows that an assertion brings back."""


def plan(
    project: Project,
    *,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    window: Window | None = None,
    state: State | None = None,
    full_refresh: bool = False,
    today: date | None = None,
    assertions: bool = True,
) -> Plan:
    """What a run will do: the selected models in order, then every assertion.

    Args:
        project: the loaded project.
        select: selectors (see :func:`fees_etl.project.graph.select`); none selects every model.
        exclude: selectors of models to leave out.
        window: the fee dates to stage; left out, it follows from ``state``: the lookback and every pending date.
        state: what is in the warehouse; left out, an empty one.
        full_refresh: rebuild merged tables from raw, all dates.
        assertions: whether they follow the models; without them a run stages and does not publish.
        today: the day that waivers are judged on; left out, today in UTC.

    Raises:
        UsageError: a selector chooses nothing.

    >>> from fees_etl import load
    >>> [step.name for step in plan(load(), select=["+dim_clients"]).steps if step.kind != "assertion"]
    ['stg_fees', 'dim_clients']
    """
    state = state or State()
    chosen = [project.models[Table.parse(name)] for name in _chosen(project, select, exclude)]
    whole = full_refresh or state.last_staged is None
    lookback = max((model.contract.lookback_days or 0 for model in chosen if model.is_merged), default=None)
    dates = _dates(state, lookback, window, whole=whole)
    steps = [_fill(project, model, dates, whole=whole and window is None) for model in chosen]
    checks = [check_step(project, assertion, today) for assertion in project.assertions if assertions]
    late_before = state.last_staged and state.last_staged - timedelta(days=lookback or 0)
    names = tuple(model.name for model in chosen)
    return Plan(project, names, dates, (*steps, *checks), state, full_refresh, late_before)


def render(project: Project, name: str, window: Window | None = None) -> str:
    """The query of one model or assertion over ``window``, as GoogleSQL to read or to paste into the console.

    Raises:
        UsageError: the project has neither a model nor an assertion of that name.
    """
    for assertion in project.assertions:
        if assertion.name == name:
            return assertion.sql
    models = {key: model for model in project.models.values() for key in (model.name, str(model.table))}
    if name not in models:
        known = {model.name for model in project.models.values()} | {one.name for one in project.assertions}
        raise UsageError(
            f"no model or assertion is called '{name}'.",
            published="Nothing was touched.",
            hint=did_you_mean(name, known),
        )
    return _query(project, models[name], window or windows.WHOLE)


def matches(project: Project) -> tuple[Assertion, ...]:
    """For each model the assertion that its table holds what its query yields: nobody wrote to it by hand.

    A run has just written the tables, so only ``fees-etl assert`` pays for these.
    """
    found = []
    for model in project.models.values():
        where = ""
        if model.is_merged:
            where = " WHERE " + project.templates.render("operations/judged.sql", column=model.contract.partition_by)
        sql = project.templates.render(
            "materializations/matches.sql",
            query=model.sql, columns=list(model.contract.types), table=model.table, where=where,
        )  # fmt: skip
        sentence = f"{model.table} holds what its query yields."
        reads = frozenset({model.table, *model.reads})
        columns = ("problem", *model.contract.types)
        found.append(Assertion(f"matches_{model.name}", None, sentence, "error", sql, reads, ("problem",), columns))
    return tuple(found)


def check_step(project: Project, assertion: Assertion, today: date | None = None) -> Step:
    """The step that asks an assertion: 20 rows at most, with how many fail, how many are waived, and whether one is."""
    day = today or datetime.now(UTC).date()
    waived = [one.key for one in project.waivers if one.assertion == assertion.name and day <= one.expires]
    sql = project.templates.render(
        "operations/verdict.sql",
        query=assertion.sql,
        key=assertion.key,
        order=(assertion.columns or assertion.key),
        waived=waived,
        shown=_SHOWN,
    )
    return Step(
        assertion.name, "assertion", (sql,),
        severity=assertion.severity, key=assertion.key, description=assertion.description,
    )  # fmt: skip


def _chosen(project: Project, include: Sequence[str], exclude: Sequence[str]) -> tuple[str, ...]:
    return select(edges(project), include, exclude)


def _dates(state: State, lookback: int | None, asked: Window | None, *, whole: bool) -> Window:
    """The fee dates to stage; none when no merged model is selected, for then nothing is staged."""
    if lookback is None:
        return Window()
    if asked is not None:
        return windows.clip(asked, windows.everything(state))
    return windows.everything(state) if whole else windows.due(state, lookback)


def _fill(project: Project, model: Model, dates: Window, *, whole: bool) -> Step:
    if model.is_merged:
        parts = windows.chunks(dates)
        template = "rebuild" if whole else "merge"
        found = [
            sql
            for number, part in enumerate(parts)
            for sql in _write(project, model, template, part, first=number == 0)
        ]
        books = tuple(sql for part in parts for sql in _afterwards(project, model, part))
        kind: StepKind = "rebuild" if whole else "merge"
        return Step(model.name, kind, tuple(found), model.table, window=dates, books=books)
    return Step(model.name, "rebuild", tuple(_write(project, model, "rebuild", windows.WHOLE, first=True)), model.table)


def _write(project: Project, model: Model, template: str, dates: Window, *, first: bool) -> Sequence[str]:
    made = model.contract
    columns = list(made.types)
    text = project.templates.render(
        f"materializations/{template}.sql",
        table=model.table, query=_query(project, model, dates), columns=columns, key=made.key, window=dates,
        values=[name for name in columns if name not in made.key], partition_by=made.partition_by, first=first,
    )  # fmt: skip
    return statements(text)


def _afterwards(project: Project, model: Model, dates: Window) -> Sequence[str]:
    if model.contract.afterwards is None:
        return ()
    return statements(project.templates.render(f"operations/{model.contract.afterwards}.sql", window=dates))


def _query(project: Project, model: Model, dates: Window) -> str:
    if not model.is_merged:
        return model.sql
    sql: str = project.templates.render(f"{model.table.dataset}/{model.table.name}.sql", window=dates)
    return sql
