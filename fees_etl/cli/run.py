"""``run``, and ``backfill``, which is a run of given fee dates that reads no files."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import fees_etl
from fees_etl.cli import options as opt
from fees_etl.cli.ingest import next_step, read_files, require_files, require_source
from fees_etl.cli.logs import logger, progress
from fees_etl.cli.session import Session, emit
from fees_etl.cli.text import DATES
from fees_etl.errors import AssertionsFailed, GuardRefused, UsageError
from fees_etl.figures import count, net, plural, pounds, shown, summed
from fees_etl.streams import inline, quoted
from fees_etl.window import everything

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fees_etl import Engine, Plan, Result, State, Window
    from fees_etl.types import Pending


def run(  # noqa: PLR0913  (each is an option)
    context: typer.Context,
    *,
    source: Annotated[
        str | None, typer.Option("--source", metavar="SOURCE", help="A CSV file, a folder or a glob; quote the glob.")
    ] = None,
    start_at: opt.From = None,
    end_at: opt.To = None,
    select: opt.Select = None,
    exclude: opt.Exclude = None,
    since: opt.State = None,
    full_refresh: opt.FullRefresh = False,
    start: opt.OptionalStart = None,
    end: opt.OptionalEnd = None,
    rehearse: opt.Rehearse = False,
    skip_ingest: Annotated[bool, typer.Option("--skip-ingest", help="Transform what is in raw already.")] = False,
    allow_withdraw: opt.AllowWithdraw = False,
    output: opt.Output = "text",
) -> int:
    """Ingest, transform and assert, then publish in one transaction.

    \b
    fees-etl run --source 'lake/*.csv'           new, changed and vanished files; then the models
    fees-etl run --from stg_fees                 the models again, without looking at files
    fees-etl run --rehearse --source new.csv     all of it, shown and rolled back
    fees-etl run --output json | jq .status
    """
    session: Session = context.obj
    if (start_at or skip_ingest) and source:
        blind = f"--from {shlex.quote(start_at)}" if start_at else "--skip-ingest"
        raise UsageError(
            f"{blind} reads no files, so --source means nothing.",
            hint=f"{session.start} run --source {shlex.quote(source)}   or   {session.start} run {blind}",
        )
    window = opt.window(f"{session.start} run", start, end, full_refresh=full_refresh)
    project = session.open(source=source, writes=True)
    if rehearse and session.is_remote and not skip_ingest:
        logger.info("A rehearsal on BigQuery reads no files: a load job cannot be rolled back.")
        skip_ingest = True
    select, exclude = opt.stated(session, project, since, select, exclude)
    included, excluded = opt.selection(project, start_at, end_at, select, exclude)
    if reads := not (skip_ingest or start_at):
        require_source(session)
    with session.warehouse(project, rehearse=rehearse) as engine:
        planned = partial(
            fees_etl.plan, project, select=included, exclude=excluded, window=window, full_refresh=full_refresh
        )
        session.state = state = fees_etl.state(project, engine)
        _ask(session, engine, planned(state=state, assertions=False))
        if session.is_remote and reads:
            costs = (sql for step in planned(state=state).steps for sql in step.statements)
            engine.allow(costs)  # before a load job, which cannot be undone
        read_files(session, project, engine, reads=reads, allow_withdraw=allow_withdraw)
        if session.ingested:
            session.state = state = fees_etl.state(project, engine)
        _proceed(session, state, window, output, reads=reads)
        session.plan = plan = planned(state=state)
        if session.settings.late_policy == "fail" and plan.late:
            raise _late(session, plan.late)
        with progress(len(plan.steps)) as steps:
            steps.say(f"Staging {plan.window}.")
            session.result = result = fees_etl.run(
                plan, engine, rehearse=rehearse, on_step=steps.step, run_id=session.run_id, now=session.now
            )
    return _conclude(session, result, output, rehearsed=rehearse, reads=reads)


def backfill(
    context: typer.Context,
    *,
    start: opt.Start,
    end: opt.End,
    chunk: Annotated[
        Literal["none", "month"], typer.Option("--chunk", help="One transaction for all, or one a calendar month.")
    ] = "none",
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the last stopped backfill of the same range and chunks.")
    ] = False,
    rehearse: opt.Rehearse = False,
    output: opt.Output = "text",
) -> int:
    """Mirror these fee dates from raw again and rebuild reporting.

    \b
    fees-etl backfill --start 2025-09-01 --end 2025-09-30
    fees-etl backfill --start 2024-01-01 --end 2025-12-31 --chunk month
    fees-etl backfill --start 2024-01-01 --end 2025-12-31 --chunk month --resume

    In chunks, each month is committed and recorded; reporting and assertions come once, at the end.
    """
    from fees_etl.runs.backfill import backfill as staged_again

    session: Session = context.obj
    window = opt.window(f"{session.start} backfill", start, end)
    project = session.open(writes=True)
    if rehearse and chunk != "none" and session.is_remote:
        raise UsageError(
            "each chunk is a job of its own on BigQuery, and the assertions would see none that was rolled back.",
            hint="Rehearse the dates as one transaction: "
            f"{session.start} backfill --start {start} --end {end} --rehearse",
        )
    with session.warehouse(project, rehearse=rehearse) as engine:
        session.state = state = fees_etl.state(project, engine)
        read_files(session, project, engine, reads=False)
        _proceed(session, state, window, output, reads=False)
        _ask(session, engine, fees_etl.plan(project, state=state, window=window, assertions=False))
        with progress() as steps:
            steps.say(f"Staging {start}..{end}.")

            def told(number: int, chunks: int, part: Result) -> None:
                moved = pounds(net(part.before.staged_amount, part.after.staged_amount))
                steps.say(f"Chunk {number} of {chunks}: {part.plan.window}, {count(part.steps[0].rows)} rows, {moved}.")

            result = staged_again(
                project, engine, start, end,
                chunk=chunk, resume=resume, run_id=session.run_id, on_step=steps.step, on_chunk=told,
            )  # fmt: skip
        if rehearse and result.status == "published":
            result = replace(result, status="rehearsed")
        session.result = result
    return _conclude(session, result, output, rehearsed=rehearse, reads=False)


def _ask(session: Session, engine: Engine, plan: Plan) -> None:
    """Say first that tables are staged whole because their SQL changed, and for how much; or let the target refuse."""
    from fees_etl.cli import report

    if not plan.restated or plan.full_refresh:
        return
    if session.settings.sql_policy == "fail":
        raise GuardRefused(
            f"the target's sql_policy is 'fail', and every fee date would be staged again: {report.reasons(plan)}.",
            published="Nothing was touched: the numbers are as before.",
            hint=f"Stage them again on purpose: {session.start} run --skip-ingest --full-refresh",
        )
    billed = summed(
        engine.estimate(sql for step in plan.steps if str(step.table) in plan.restated for sql in step.statements)
    )
    price = (
        "" if billed is None else f" It reads {billed // 2**20:,} MiB, {session.settings.price(billed):f} US dollars."
    )
    logger.warning("%s%s", " ".join(report.restated(plan)), price)


def _proceed(session: Session, state: State, window: Window | None, output: opt.Output, *, reads: bool) -> None:
    """Stop where a file is refused; tell of what is seldom meant: a range beyond the data, files of other places."""
    require_files(session, output, state.refused, reads=reads)
    held = everything(state)
    if window is not None and held:
        ((start, end),) = window.ranges
        first, last = held.ranges[0][0], held.ranges[-1][1]
        if end < first or start > last:
            logger.warning("No fee date lies in %s..%s: the data goes from %s to %s.", start, end, first, last)
        elif start < first or end > last:
            logger.warning("The data goes from %s to %s; the other dates hold nothing.", first, last)
    own = sum(file.outcome != "withdrawn" for file in session.ingested.files) if session.ingested else state.files
    if others := state.files - own:
        way = f"{session.start} ingest --forget PLACE withdraws those of one."
        logger.info("Raw also holds %s of other places: %s", plural(others, "file"), way)


def _conclude(session: Session, result: Result, output: opt.Output, *, rehearsed: bool, reads: bool) -> int:
    """Report it; 0 when it was published, rehearsed or nothing to do, else an error of its assertions."""
    from fees_etl.cli import document, report

    settings, ingested, before = session.settings, session.ingested, result.before
    told = document.run(result, ingested, settings, session.command)
    lines = [*report.heading(settings, ingested, session.start), *report.run(result, ingested)]
    if result.status == "published" and not before.staged_rows:  # the first one; who comes again knows it
        lines.append(f"As a page to read, print and mail: {session.start} report")
    emit(output, told, lines)
    if not rehearsed:
        document.keep(session, result, told)
        document.send(session, result)
    if result.status != "rejected":
        return 0
    fees = f"{pounds(before.staged_amount)} pounds in {plural(before.staged_rows, 'fee')}"
    published = f"Still {fees}, as before this run." if before.staged_rows else "Nothing yet."
    if result.chunks:
        kept = f"{pounds(before.ltv_total)} pounds of {plural(before.clients, 'client')}"
        published = f"Reporting is as before: {kept}. Staging keeps the chunks."
    elif rehearsed:
        published += " The rehearsal was rolled back, ingestion included."
    else:
        published += " The files are in raw, their dates wait."
    names = ", ".join(found.name for found in result.failures)
    raise AssertionsFailed(
        f"{plural(len(result.failures), 'assertion')} failed: {names}. The rows are in the report above.",
        published=published,
        hint=next_step(session, [one.name for one in result.failures])
        if "assert_raw_as_ingested" in names
        else _way_on(session, result, reads=reads),
    )


def _way_on(session: Session, result: Result, *, reads: bool) -> str:
    """What to type after a rejection: with what the selection left out, or when a file or a waiver is written."""
    project = result.plan.project
    chosen = opt.chosen(project, result.plan.selection)
    if left := set(opt.chosen(project, [f"{name}+" for name in chosen])) - set(chosen):
        again = session.without("--select", "--exclude", "--to")
        again += "" if "--from" in again else f" --select {shlex.quote(' '.join(f'{name}+' for name in chosen))}"
        return f"Not selected, and built from what is: {', '.join(sorted(left))}. With them: {again}"
    again = session.line + " --resume" * (result.chunks > 0 and "--resume" not in session.line)
    waive = "waive the rows in sql/waivers.yml"
    if not (session.settings.project_dir / "sql").is_dir():
        waive += f" (first, for SQL of your own: {session.start} init)"
    if reads or not result.plan.arrivals:
        return f"Correct the file, or {waive}; then: {again}"
    file = quoted(shown(result.plan.arrivals[0].source_file))
    return f"Correct the file, then: {session.start} run --source {file}; or {waive}, then: {again}"


def _late(session: Session, found: Sequence[Pending]) -> GuardRefused:
    """Fee dates before the lookback changed, and the target wants to be asked."""
    lines = [
        f"    {plural(one.rows_added + one.rows_removed, 'late row')}, "
        f"{pounds(net(one.amount_removed, one.amount_added))}, {one.fee_date} ({inline(shown(one.source_file))})"
        for one in found[:DATES]
    ]
    return GuardRefused(
        "\n".join([f"the target's late_policy is 'fail', and {plural(len(found), 'fee date')} changed late:", *lines]),
        published="Nothing: the numbers are as before. The files are in raw, their fee dates wait.",
        hint=f"Publish them on purpose: FEES_ETL_LATE_POLICY=restate {session.line}",
    )
