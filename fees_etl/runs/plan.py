"""Project, selection and state of the warehouse -> Plan: finished statements as data. Printing it is the dry run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from fees_etl import query
from fees_etl import window as windows
from fees_etl.errors import UsageError
from fees_etl.project import graph
from fees_etl.project.load import edges
from fees_etl.project.template import statements
from fees_etl.runs import ledger
from fees_etl.script import Ask, Plan, Step, StepKind
from fees_etl.types import Assertion, Model, Project, State, Table, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fees_etl.engines import Engine


def plan(  # noqa: PLR0913 - one argument an option
    project: Project,
    engine: Engine | None = None,
    *,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    window: Window | None = None,
    full_refresh: bool = False,
    today: date | None = None,
    assertions: bool = True,
    state: State | None = None,
) -> Plan:
    """What a run will do: the selected models in order, then every assertion.

    Args:
        project: the loaded project.
        engine: the warehouse that the plan is for; its tables are prepared, and its state is read.
        select: selectors (see :func:`fees_etl.project.graph.select`); none selects every model.
        exclude: selectors of models to leave out.
        window: the fee dates to stage; left out, it follows from the state: the lookback and every pending date.
        full_refresh: rebuild merged tables from raw, all dates.
        today: the day that waivers are judged on; left out, today in UTC.
        assertions: whether they follow the models; without them a run stages and does not publish.
        state: what is in the warehouse, where that is known already: then ``engine`` is asked nothing.

    Raises:
        UsageError: a selector chooses nothing, or there is neither an engine nor a state.
        GuardRefused: a live table is not as its contract says.

    >>> from fees_etl import State, load
    >>> plan(load(), select=["+dim_clients"], state=State(), assertions=False)
    <Plan of 2 steps, 0 assertions: stg_fees dim_clients; no fee dates>
    """
    if state is None:
        if engine is None:
            raise UsageError("a plan follows from what its warehouse holds.", hint="Say which: plan(project, engine)")
        state = ledger.state(project, engine)
    chosen = [project.models[Table.parse(name)] for name in graph.select(edges(project), select, exclude)]
    whole = full_refresh or state.last_staged is None
    lookback = max((model.contract.lookback_days or 0 for model in chosen if model.is_merged), default=None)
    held, dates = windows.everything(state), Window()
    if lookback is not None:  # else no merged model is selected, and nothing is staged
        due = held if whole else windows.due(state, lookback)
        dates = due if window is None else windows.clip(window, held)
    steps = [_fill(project, model, dates, whole=whole and window is None) for model in chosen]
    checks = [question(project, assertion, today) for assertion in project.assertions if assertions]
    late_before = state.last_staged and state.last_staged - timedelta(days=lookback or 0)
    names = tuple(model.name for model in chosen)
    return Plan(project, names, dates, (*steps, *checks), state, full_refresh, late_before)


def render(project: Project, name: str, window: Window | None = None) -> str:
    """The query of one model or assertion over ``window``, as GoogleSQL to read or to paste into the console.

    Raises:
        UsageError: the project has neither a model nor an assertion of that name.
    """
    named: dict[str, Model | Assertion] = {model.name: model for model in project.models.values()}
    named |= {assertion.name: assertion for assertion in project.assertions}
    found = named.get(name) or project.models.get(Table.parse(name))  # whose name may have its dataset
    if found is None:
        hint = graph.did_you_mean(name, set(named))
        raise UsageError(f"no model or assertion is called '{name}'.", hint=hint)
    return found.sql if isinstance(found, Assertion) else _query(project, found, window or windows.WHOLE)


def matches(project: Project) -> tuple[Assertion, ...]:
    """For each model the assertion that its table holds what its query yields: nobody wrote to it by hand.

    A run has just written the tables, so only ``fees-etl assert`` pays for these.
    """
    found = []
    for model in project.models.values():
        where = ""
        if model.is_merged:
            where = " WHERE " + project.templates.render("operations/judged.sql", column=model.contract.partition_by)
        sql = partial(
            project.templates.render, "materializations/matches.sql",
            query=model.sql, columns=list(model.contract.types), table=model.table, where=where,
        )  # fmt: skip
        sentence = f"{model.table} holds what its query yields."
        reads = frozenset({model.table, *model.reads})
        columns = ("problem", *model.contract.types)
        found.append(Assertion(f"matches_{model.name}", None, sentence, "error", sql, reads, ("problem",), columns))
    return tuple(found)


def question(project: Project, assertion: Assertion, today: date | None = None) -> Ask:
    """What asks an assertion: 20 rows at most, with how many fail, how many are waived, and whether one is."""
    day = today or datetime.now(UTC).date()
    waived = [one.key for one in project.waivers if one.assertion == assertion.name and day <= one.expires]
    sql = project.templates.render(
        "operations/verdict.sql",
        query=assertion.sql, key=assertion.key, order=assertion.columns or assertion.key, waived=waived, shown=20,
    )  # fmt: skip
    return Ask(assertion.name, sql, assertion.severity, assertion.description)


def _fill(project: Project, model: Model, dates: Window, *, whole: bool) -> Step:
    """The step of a model; what its contract shares is computed once, however many statements need it."""
    made, columns, render = model.contract, list(model.contract.types), project.templates.render
    kind: StepKind = "merge" if model.is_merged and not whole else "rebuild"
    spans = windows.chunks(dates) if model.is_merged else (windows.WHOLE,)
    kept = Table(query.SESSION, f"{model.name}_{made.shared}") if made.shared and spans else None
    found, rest = list[str](), ""
    if kept:
        create, rest = query.parted(query.parse(_query(project, model, dates), model.path), str(made.shared), kept)
        found.append(create)

    def rows_of(span: Window) -> str:
        if kept is None:
            return _query(project, model, span)
        by = {"columns": columns, "partition_by": made.partition_by}
        return rest if len(spans) == 1 else render("materializations/part.sql", query=rest, window=span, **by)

    for span in spans:
        found += statements(render(
            f"materializations/{kind}.sql",
            table=model.table, query=rows_of(span), columns=columns, key=made.key, window=span,
            values=[name for name in columns if name not in made.key], partition_by=made.partition_by,
            first=span is spans[0],
        ))  # fmt: skip
    after = made.afterwards if model.is_merged else None
    books = [sql for span in spans if after for sql in project.templates.operation(after, window=span, shared=kept)]
    return Step(model.name, kind, tuple(found), model.table, (*books, *([f"DROP TABLE {kept}"] if kept else [])))


def _query(project: Project, model: Model, dates: Window) -> str:
    file = f"{model.table.dataset}/{model.name}.sql"
    return str(project.templates.render(file, window=dates)) if model.is_merged else model.sql
