"""The commands that change nothing: assert, plan, render, ls, runs."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from fees_etl import query
from fees_etl.cli import document, opening, report, screens, transform
from fees_etl.cli.console import show, show_json
from fees_etl.errors import AssertionsFailed, UsageError
from fees_etl.project import graph
from fees_etl.project.load import edges
from fees_etl.results import summed
from fees_etl.runs import ledger
from fees_etl.runs.plan import render as rendered
from fees_etl.runs.run import check as judged
from fees_etl.types import State, Table, Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from fees_etl.cli.options import Call
    from fees_etl.engines import Engine
    from fees_etl.plans import Ask, Step
    from fees_etl.settings import Settings
    from fees_etl.types import Project


Output = Literal["text", "json"]
EVERY = 1_000_000


def check(call: Call, output: Output) -> int:
    """Judge what is published now."""
    settings = opening.settings(call, "assert")
    project = opening.load(settings)
    with opening.warehouse(settings, project, read_only=True) as engine:
        found = judged(project, engine)
    if output == "json":
        show_json(document.assertions(found, settings))
    else:
        show([*report.opening(settings, None), *report.assertions(found)])
    if failed := [one.name for one in found if not one.passed and one.severity == "error"]:
        raise AssertionsFailed(
            f"{len(failed)} of {len(found)} assertions fail on what is published now: {', '.join(failed)}.",
            published="What readers see now is wrong in these points; this command changed nothing.",
            hint=f"{call.start} run --full-refresh --skip-ingest   (rebuilds every table from raw, then asserts)",
        )
    return 0


def plan(call: Call, request: transform.Request, output: Output) -> int:
    """What a run would do."""
    transform.refuse_contradictions(call, request)
    settings = opening.settings(call, "plan")
    project = opening.load(settings)
    with _looking(settings, project) as engine:
        state = ledger.state(project, engine) if engine else State()
        found = transform.make_plan(project, request, state)
        billed = [_billed(step, engine) for step in found.steps]
    if output == "json":
        show_json(document.plan(found, settings, billed))
    else:
        source = transform.source_of(request, settings, state)
        show([*report.opening(settings, None), *screens.plan(found, source, billed, settings)])
    return 0


def render(call: Call, name: str, dialect: str, start: date | None, end: date | None) -> int:
    """The finished SQL of one model."""
    transform.refuse_contradictions(call, transform.Request(f"render {name}", start=start, end=end))
    settings = opening.settings(call, "render")
    project = opening.load(settings, proven=False)
    sql = rendered(project, name, Window.between(start, end) if start and end else None)
    if dialect == "duckdb":
        types = {table: contract.types for table, contract in project.contracts.items()}
        sql = query.to_duckdb(sql, types, settings.dataset_suffix)
    show([sql.rstrip()])
    return 0


def listing(call: Call, select: tuple[str, ...], output: Output) -> int:
    """Tables, models and assertions."""
    project = opening.load(opening.settings(call, "ls"), proven=False)
    models = [project.models[Table.parse(name)] for name in graph.select(edges(project), select)]
    chosen = {model.table for model in models}
    tests = [one for one in project.assertions if not select or one.reads & chosen]
    if output == "json":
        show_json(document.listing(project, models, tests, sources=not select))
    else:
        show(screens.listing(project, models, tests, sources=not select))
    return 0


def runs(call: Call, limit: int, output: Output) -> int:
    """The ledger."""
    records = _history(call, limit)
    if output == "json":
        show_json(document.runs(records))
    else:
        show(screens.runs(records))
    return 0


def show_run(call: Call, run_id: str, output: Output) -> int:
    """One attempt of the ledger."""
    records = _history(call, EVERY)
    chosen = [record for record in records if record["run_id"].startswith(run_id)]
    if len(chosen) != 1:
        ids = ", ".join(record["run_id"] for record in (chosen or records)[:5])
        raise UsageError(
            f"{len(chosen) or 'no'} runs begin with {run_id!r}.",
            hint=f"{call.start} runs   (the newest: {ids})" if ids else f"{call.start} runs",
        )
    if output == "json":
        show_json(document.runs(chosen))
    else:
        show(screens.run_details(chosen[0]))
    return 0


@contextmanager
def _looking(settings: Settings, project: Project) -> Iterator[Engine | None]:
    """The warehouse, to be read; None if it is not there yet, for looking must not make it."""
    if not opening.exists(settings):
        yield None
        return
    with opening.warehouse(settings, project, read_only=True) as engine:
        yield engine


def _billed(step: Step | Ask, engine: Engine | None) -> int | None:
    """The bytes a step would be billed for; None where reading is free."""
    return summed(engine.estimate((*step.statements, *step.books)) if engine else ())


def _history(call: Call, limit: int) -> list[dict[str, Any]]:
    """Rows of the ledger, their JSON columns parsed."""
    settings = opening.settings(call, "runs")
    project = opening.load(settings, proven=False)
    with opening.warehouse(settings, project, read_only=True, models=False) as engine:
        found = ledger.history(project, engine, limit)
    records = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return [
        record | {name: json.loads(record[name]) for name in ("steps", "changes", "assertions")} for record in records
    ]
