"""Project, selection and state of the warehouse -> Plan: finished statements as data. Printing it is the dry run."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from fees_etl import query
from fees_etl import window as windows
from fees_etl.errors import GuardRefused, UsageError
from fees_etl.project import graph
from fees_etl.project.load import edges
from fees_etl.project.template import statements, writing
from fees_etl.query import canonical
from fees_etl.runs import ledger
from fees_etl.runs.questions import question, watches
from fees_etl.script import Plan, Step, StepKind, Text
from fees_etl.types import Assertion, Model, Project, State, Table
from fees_etl.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fees_etl.engines import Engine

_ANY = Window.between(date(1990, 1, 1), date(1990, 12, 31))
"""Dates for statements that are only compared."""


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
    part_of: str | None = None,
) -> Plan:
    """What a run will do: the selected models in order, then every assertion.

    A merged table that other SQL than today's has built is staged whole, with all the others, whatever the window.

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
        part_of: the backfill in chunks that this is a part of, which stages every date of such a table by itself.

    Raises:
        UsageError: a selector chooses nothing, or there is neither an engine nor a state.
        GuardRefused: a live table is not as its contract says, or a selected model reads one that is not selected and
            that other SQL has built.

    >>> from fees_etl import State, load
    >>> plan(load(), select=["+dim_clients"], state=State(), assertions=False)
    <Plan of 2 steps, 0 assertions: stg_fees dim_clients; no fee dates>
    """
    if state is None:
        if engine is None:
            raise UsageError("a plan follows from what its warehouse holds.", hint="Say which: plan(project, engine)")
        state = ledger.state(project, engine)
    chosen = [project.models[Table.parse(name)] for name in graph.select(edges(project), select, exclude)]
    made, own = _fingerprints(project, {})
    other, built = _compared(made, state, chosen, part_of)
    restated = tuple(str(one.table) for one in chosen if one.is_merged and str(one.table) in other and not part_of)
    whole = bool(restated) or full_refresh or state.last_staged is None
    lookback = max((model.contract.lookback_days or 0 for model in chosen if model.is_merged), default=None)
    held, dates = windows.everything(state), Window()
    if lookback is not None:  # else no merged model is selected, and nothing is staged
        due = held if whole else windows.due(state, lookback)
        dates = due if window is None or restated else windows.clip(window, held)
    whole = whole and (window is None or bool(restated))
    if any(one.is_merged and one.contract.afterwards for one in chosen):  # what waits is staged, and for nobody else
        built |= _passed_over(project, state, chosen, dates)
    empties = bool(restated) or full_refresh
    steps = [_fill(project, model, dates, whole=whole, empties=empties) for model in chosen]
    occasions = {"all", "full_refresh"} if empties else {"all"}
    judging = [one for one in project.assertions if assertions and one.in_runs in occasions]
    day = today or datetime.now(UTC).date()
    arriving = {one.fee_date for one in state.pending if one.fee_date in dates}
    watching = watches(project, day, arriving) if assertions else ()
    checks = [question(project, one, day) for one in (*judging, *watching)]
    late_before = state.last_staged and state.last_staged - timedelta(days=lookback or 0)
    names = tuple(model.name for model in chosen)
    new = tuple(one for one in _texts(project, chosen, judging, own) if state.sql.get(one.name) != one.fingerprint)
    known = {"variables", *map(str, project.contracts), *(one.name for one in project.assertions)}
    gone = tuple(name for name in state.sql if name not in known) if judging else ()
    return Plan(project, names, dates, (*steps, *checks), state, full_refresh, restated, built, late_before, new, gone)


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


def digest(words: Iterable[str]) -> str:
    """The fingerprint of a text: of its words, where its layout does not count."""
    return sha256("\0".join(words).encode()).hexdigest()


def fingerprints(project: Project, reading: Mapping[str, str] | None = None) -> dict[str, str]:
    """Of each model's table the SHA-256 of all that decides its rows: two that are alike need not be staged again.

    That is the canon of the statements which fill it and keep its books, with the variables and macros rendered in
    them; key, partitioning and types by contract; and the fingerprints of the models it reads. Comments, layout, tests
    and descriptions are not in it, nor is raw's contract: what a query does not name cannot change what it yields.
    With ``reading`` models read tables of those fingerprints instead: one that differs then has changed itself.
    """
    return _fingerprints(project, reading or {})[0]


def _fingerprints(project: Project, reading: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Those, and each without what the model reads: which of two has been edited."""
    found, own = dict[str, str](), dict[str, str]()
    for table, model in project.models.items():  # each after those it reads
        step, one = _fill(project, model, _ANY, whole=False), model.contract
        said = [*map(canonical, (*step.statements, *step.books)), one.types, one.key, one.partition_by, one.cluster_by]
        own[str(table)] = sha256(json.dumps(said).encode()).hexdigest()
        said += [reading.get(name, found[name]) for name in map(str, sorted(model.reads)) if name in found]
        found[str(table)] = sha256(json.dumps(said).encode()).hexdigest()
    return found, own


def explained(plan: Plan, step: Step, run_id: str) -> Step:
    """The step, which first keeps why it is about to change fees where its contract says how."""
    model = plan.project.models[step.table] if step.table else None
    if model is None or not model.contract.beforehand or not plan.window:
        return step
    made, was = model.contract, plan.state.built
    kept = Table(query.SESSION, f"{model.name}_{made.shared}")
    _, rest = query.parted(query.parse(_query(plan.project, model, plan.window), model.path), str(made.shared), kept)
    books = plan.project.templates.operation(
        made.beforehand, run_id=run_id, window=plan.window, table=model.table, shared=kept, query=rest,
        columns=list(made.types), values=[name for name in made.types if name not in made.key],
        late_before=plan.late_before, is_first=is_first(plan),
        is_other_sql=str(model.table) in plan.built or " " in was.get(str(model.table), ""),
    )  # fmt: skip
    writing(books, f"operations/{made.beforehand}.sql")
    return replace(step, statements=(step.statements[0], *books, *step.statements[1:]))


def is_first(plan: Plan) -> bool:
    """Whether nothing was ever built: then all that comes is new, and there is nothing to explain."""
    return plan.state.last_staged is None and not plan.state.built


def _compared(
    made: dict[str, str], state: State, chosen: Sequence[Model], part_of: str | None
) -> tuple[set[str], dict[str, str]]:
    """The tables that other SQL than today's has built, and what a run of the chosen models has to remember.

    While a backfill stages a table in chunks, neither SQL has built it: it is known by that backfill until its end.
    """
    was = state.built
    part = {name: f"{one} {part_of}" for name, one in made.items() if part_of}
    begun = {name for name in part if was.get(name) == part[name]}
    is_empty = state.last_staged is None
    other = {name for name, one in made.items() if was.get(name, one if is_empty else "") != one} - begun
    names = {str(model.table): model for model in chosen}
    for name, model in names.items():
        for read in sorted(map(str, model.reads)):
            if read in other and read not in names:
                raise GuardRefused(
                    f"'{name}' reads '{read}', which is not selected and which other SQL than today's has built.",
                    hint="Build them together: fees-etl run --skip-ingest",
                )
    wanted = {
        name: part[name] if name in part and name in names and names[name].is_merged and name in other | begun else one
        for name, one in made.items()
        if name in names or name in begun
    }
    return other, {name: one for name, one in wanted.items() if was.get(name) != one}


def _passed_over(project: Project, state: State, chosen: Sequence[Model], dates: Window) -> dict[str, str]:
    """Tables that may be merged, with no fingerprint from now on: rows that wait leave the list without them."""
    if not any(one.fee_date in dates for one in state.pending):
        return {}
    kept = {str(one.table) for one in chosen} | {str(at) for at, one in project.models.items() if not one.is_merged}
    return {name: "" for name, one in state.built.items() if one and name not in kept}


def _texts(
    project: Project, chosen: Iterable[Model], judging: Sequence[Assertion], own: Mapping[str, str]
) -> Iterator[Text]:
    """All that decides what a run of these models publishes; ``own`` are the models' fingerprints by table.

    Of an assertion all but its layout counts. Where none judges, nothing is published, and only models are kept.
    """
    for model in chosen:
        beside = project.templates.text(f"{model.table.dataset}/{model.name}.yml")
        yield Text(str(model.table), "model", own[str(model.table)], model.sql, beside)
    for one in judging:
        written, settings = one.sql, [one.severity, *one.key]
        beside = project.templates.text(f"assertions/{one.name}.yml") if one.path else None
        yield Text(one.name, "assertion", digest([*written.split(), *settings]), written, beside)
    if judging:
        values = json.dumps(project.variables, sort_keys=True, default=str)
        yield Text("variables", "variables", digest([values]), values, None)
        for table in project.sources:
            beside = project.templates.text(f"{table.dataset}/{table.name}.yml")
            yield Text(str(table), "source", digest(beside.split()), None, beside)


def _fill(project: Project, model: Model, dates: Window, *, whole: bool, empties: bool = False) -> Step:
    """The step of a model; what its contract shares is computed once, however many statements need it.

    ``empties``: a merged table is rebuilt even of no dates, for it may hold rows.
    """
    made, columns, render = model.contract, list(model.contract.types), project.templates.render
    kind: StepKind = "merge" if model.is_merged and not whole else "rebuild"
    spans = windows.chunks(dates) if model.is_merged else (windows.WHOLE,)
    spans = spans or (Window(),) * empties
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
        found += writing(statements(render(
            f"materializations/{kind}.sql",
            table=model.table, query=rows_of(span), columns=columns, key=made.key, window=span,
            values=[name for name in columns if name not in made.key], partition_by=made.partition_by,
            first=span is spans[0],
        )), f"materializations/{kind}.sql")  # fmt: skip
    after = made.afterwards if model.is_merged else None
    books = [sql for span in spans if after for sql in project.templates.operation(after, window=span, shared=kept)]
    writing(tuple(books), f"operations/{after}.sql")
    return Step(model.name, kind, tuple(found), model.table, (*books, *([f"DROP TABLE {kept}"] if kept else [])))


def _query(project: Project, model: Model, dates: Window) -> str:
    file = f"{model.table.dataset}/{model.name}.sql"
    return str(project.templates.render(file, window=dates)) if model.is_merged else model.sql
