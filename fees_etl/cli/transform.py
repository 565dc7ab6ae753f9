"""The commands that write: run, backfill, ingest."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from fees_etl import ingestion
from fees_etl.cli import document, opening, report, verdicts
from fees_etl.cli.console import progress, show, show_json
from fees_etl.cli.logs import logger
from fees_etl.cli.text import count, net, plural, pounds
from fees_etl.errors import UsageError
from fees_etl.project import graph
from fees_etl.project.load import edges
from fees_etl.runs import ledger
from fees_etl.runs.backfill import backfill
from fees_etl.runs.plan import plan
from fees_etl.runs.run import allow
from fees_etl.runs.run import run as execute
from fees_etl.types import Window
from fees_etl.window import everything

if TYPE_CHECKING:
    from datetime import date

    from fees_etl.cli.options import Call
    from fees_etl.engines import Engine
    from fees_etl.results import IngestResult, Result
    from fees_etl.runs.backfill import Chunk
    from fees_etl.settings import Settings
    from fees_etl.types import Plan, Project, State


Output = Literal["text", "json"]


@dataclass(frozen=True, slots=True)
class Request:
    """What one command line asks for."""

    command: str
    source: str | None = None
    start_at: str | None = None
    end_at: str | None = None
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    full_refresh: bool = False
    start: date | None = None
    end: date | None = None
    rehearse: bool = False
    skip_ingest: bool = False
    allow_withdraw: bool = False
    reload: str | None = None
    """What is read again; all where it is empty."""
    chunk: Chunk = "none"
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One command under way."""

    call: Call
    request: Request
    settings: Settings
    project: Project
    run_id: str
    now: datetime


def run(call: Call, request: Request, output: Output) -> int:
    """Ingest, plan, run, report; 0 when published, rehearsed or nothing to do."""
    refuse_contradictions(call, request)
    attempt = _attempt(call, request)
    selected(attempt.project, request)
    _refuse_chunks(attempt)
    if _reads(attempt.request):
        opening.require_source(attempt.settings, f"{call.start} {request.command}")
    with (
        opening.warehouse(attempt.settings, attempt.project, rehearse=request.rehearse) as engine,
        _rehearsal(attempt, engine),
    ):
        state = _state(attempt, engine)
        if opening.is_remote(attempt.settings) and _reads(attempt.request):
            planned = make_plan(attempt.project, attempt.request, state)
            allow(planned, engine)  # before a load job, which cannot be undone
        ingested = _ingested(attempt, engine, _source(attempt, state))
        state = _state(attempt, engine) if ingested else state
        if refused := _refused(attempt, ingested, state):
            _show_files(attempt, ingested, output)
            raise verdicts.refusal(call, refused, reads=_reads(request))
        _warn_outside(request, state)
        result = _backfilled(attempt, engine) if request.command == "backfill" else _execute(attempt, state, engine)
        call.findings.result = result
    if output == "json":
        show_json(document.run(result, ingested, attempt.settings, request.command))
    else:
        show([*report.opening(attempt.settings, ingested), *report.run(result, ingested)])
    if result.status == "rejected":
        raise verdicts.rejection(call, result, rehearsed=request.rehearse, reads=_reads(request))
    return 0


def ingest(call: Call, request: Request, output: Output) -> int:
    """Make raw mirror the source."""
    attempt = _attempt(call, request)
    opening.require_source(attempt.settings, f"{call.start} ingest")
    if request.rehearse and opening.is_remote(attempt.settings):
        raise UsageError(
            "an ingestion into BigQuery begins with a load job, which cannot be rolled back.",
            hint=f"Rehearse on an embedded warehouse: FEES_ETL_WAREHOUSE=duckdb:///tmp/try.duckdb {call.line}",
        )
    with (
        opening.warehouse(attempt.settings, attempt.project, rehearse=request.rehearse, models=False) as engine,
        _rehearsal(attempt, engine),
    ):
        source = attempt.settings.source or _source(attempt, _state(attempt, engine))  # which reads staging
        ingested = _ingested(attempt, engine, source)
    _show_files(attempt, ingested, output)
    if refused := _refused(attempt, ingested, None):
        raise verdicts.refusal(call, refused, reads=_reads(request))
    return 0


def source_of(request: Request, settings: Settings, state: State) -> str | None:
    """What to ingest; None when this command looks at no files."""
    if request.skip_ingest or request.start_at:
        return None
    if settings.source is not None:
        return settings.source
    return None if state.real or opening.is_remote(settings) else ingestion.SAMPLE


def make_plan(project: Project, request: Request, state: State) -> Plan:
    """The plan of the selection: --from, --to and --select each narrow it."""
    window = Window.between(request.start, request.end) if request.start and request.end else None
    select, exclude = selected(project, request)
    return plan(project, select=select, exclude=exclude, window=window, state=state, full_refresh=request.full_refresh)


def selected(project: Project, request: Request) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What to include and to exclude, proven to choose something before a file is read."""
    arrows = edges(project)
    ends = [f"{request.start_at}+"] if request.start_at else []
    ends += [f"+{request.end_at}"] if request.end_at else []
    asked = [(end,) for end in ends] + ([request.select] if request.select else [])
    chosen = [set(graph.select(arrows, selectors, request.exclude)) for selectors in asked or [()]]
    common = tuple(name for name in graph.order(arrows) if all(name in one for one in chosen))
    if not common:
        raise UsageError("nothing is selected: the flags have no model in common.", hint="See their names: fees-etl ls")
    return (common, ()) if len(asked) > 1 else (asked[0] if asked else (), request.exclude)


def refuse_contradictions(call: Call, request: Request) -> None:
    """Flags that cannot both be meant."""
    start, end, again = request.start, request.end, f"{call.start} {request.command}"
    blind = f"--from {request.start_at}" if request.start_at else "--skip-ingest" if request.skip_ingest else ""
    if blind and request.source:
        raise UsageError(
            f"{blind} reads no files, so --source means nothing.",
            hint=f"{again} --source {request.source}   or   {again} {blind}",
        )
    if (start is None) != (end is None):
        day = start or end
        raise UsageError(
            "--start and --end come together; both are inclusive.",
            hint=f"{again} --start {day} --end {day}   (one day)",
        )
    if start and end and end < start:
        raise UsageError(f"--end {end} is before --start {start}.", hint=f"{again} --start {end} --end {start}")
    if start and request.full_refresh:
        raise UsageError(
            "--full-refresh means every fee date, so --start and --end mean nothing.",
            hint=f"{again} --full-refresh   or   {again} --start {start} --end {end}",
        )


def _attempt(call: Call, request: Request) -> Attempt:
    now = datetime.now(UTC)
    run_id = ledger.new_run_id(now)
    settings = opening.settings(call, request.command, run_id=run_id, source=request.source)
    if request.command == "run" and request.rehearse and opening.is_remote(settings) and not request.skip_ingest:
        logger.info("A rehearsal on BigQuery reads no files: a load job cannot be rolled back.")
        request = replace(request, skip_ingest=True)
    return Attempt(call, request, settings, opening.load(settings), run_id, now)


def _rehearsal(attempt: Attempt, engine: Engine) -> AbstractContextManager[object]:
    return engine.rehearsal() if attempt.request.rehearse else nullcontext()


def _refuse_chunks(attempt: Attempt) -> None:
    """Rolled back one by one, the chunks of a rehearsal would be unseen by the assertions at its end."""
    request = attempt.request
    if request.rehearse and request.chunk != "none" and opening.is_remote(attempt.settings):
        raise UsageError(
            "each chunk is a job of its own on BigQuery, and the assertions would see none that was rolled back.",
            hint=f"Rehearse the dates as one transaction: {attempt.call.start} backfill --start {request.start} "
            f"--end {request.end} --rehearse",
        )


def _state(attempt: Attempt, engine: Engine) -> State:
    attempt.call.findings.state = state = ledger.state(attempt.project, engine)
    return state


def _source(attempt: Attempt, state: State) -> str | None:
    source = source_of(attempt.request, attempt.settings, state)
    if source is None:
        logger.info("No files are read: this works on the %s that raw holds.", plural(state.files, "file"))
    return source


def _ingested(attempt: Attempt, engine: Engine, source: str | None) -> IngestResult | None:
    if source is None:
        return None
    with progress() as steps:
        steps.say("Reading the bundled sample." if source == ingestion.SAMPLE else f"Reading {source}.")
        attempt.call.findings.ingested = ingested = ingestion.ingest(
            attempt.project,
            engine,
            source,
            allow_withdraw=attempt.request.allow_withdraw,
            reload=True if attempt.request.reload == "" else attempt.request.reload,
            run_id=attempt.run_id,
            now=attempt.now,
        )
    return ingested


def _reads(request: Request) -> bool:
    """Whether the command looks at files, so that repeating it notices a corrected one."""
    return not (request.skip_ingest or request.start_at)


def _backfilled(attempt: Attempt, engine: Engine) -> Result:
    request = attempt.request
    if request.start is None or request.end is None:
        raise UsageError("a backfill needs --start and --end.", hint="fees-etl backfill --help")
    with progress() as steps:
        steps.say(f"Staging {request.start}..{request.end}.")

        def told(number: int, chunks: int, result: Result) -> None:
            moved = pounds(net(result.before.staged_amount, result.after.staged_amount))
            steps.say(f"Chunk {number} of {chunks}: {result.plan.window}, {count(result.steps[0].rows)} rows, {moved}.")

        result = backfill(
            attempt.project, engine, request.start, request.end,
            chunk=request.chunk, resume=request.resume, run_id=attempt.run_id, on_step=steps.step, on_chunk=told,
        )  # fmt: skip
    return replace(result, status="rehearsed") if request.rehearse and result.status == "published" else result


def _warn_outside(request: Request, state: State) -> None:
    """A range that reaches beyond the data is seldom meant."""
    held = everything(state)
    if request.start is None or request.end is None or not held:
        return
    first, last = held.ranges[0][0], held.ranges[-1][1]
    if request.end < first or request.start > last:
        logger.warning(
            "No fee date lies in %s..%s: the data goes from %s to %s.", request.start, request.end, first, last
        )
    elif request.start < first or request.end > last:
        logger.warning("The data goes from %s to %s; the other dates hold nothing.", first, last)


def _execute(attempt: Attempt, state: State, engine: Engine) -> Result:
    attempt.call.findings.plan = planned = make_plan(attempt.project, attempt.request, state)
    if attempt.settings.late_policy == "fail" and planned.late:
        raise verdicts.late(attempt.call, planned.late)
    with progress(len(planned.steps)) as steps:
        steps.say(f"Staging {planned.window}.")
        return execute(
            planned,
            engine,
            rehearse=attempt.request.rehearse,
            on_step=steps.step,
            command=attempt.request.command,
            run_id=attempt.run_id,
            now=attempt.now,
        )


def _show_files(attempt: Attempt, ingested: IngestResult | None, output: Output) -> None:
    if output == "json":
        show_json(document.ingest(ingested, attempt.settings, attempt.request.command, attempt.run_id))
    else:
        show([*report.opening(attempt.settings, ingested), *(report.files(ingested) if ingested else ())])


def _refused(attempt: Attempt, ingested: IngestResult | None, state: State | None) -> list[tuple[str, str]]:
    now = [(file.uri, file.note) for file in ingested.refused] if ingested else []
    before = [found for found in state.refused if found[0] not in {uri for uri, _ in now}] if state else []
    attempt.call.findings.refused = refused = now + before
    return refused
