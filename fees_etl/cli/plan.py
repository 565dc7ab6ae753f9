"""``plan`` and ``assert``: what a run would do, and whether what is published holds. Neither changes anything."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

import fees_etl
from fees_etl.cli import options as opt
from fees_etl.cli.differences import edited
from fees_etl.cli.ingest import next_step, require_source, source_of
from fees_etl.cli.session import Session, emit
from fees_etl.cli.text import DATES, grid, paragraph, paragraphs
from fees_etl.errors import AssertionsFailed, UsageError
from fees_etl.figures import count, plural, pounds, shown, summed, total

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from fees_etl.settings import Settings
    from fees_etl.types import Pending


def plan(  # noqa: PLR0913  (each is an option)
    context: typer.Context,
    *,
    start_at: opt.From = None,
    end_at: opt.To = None,
    select: opt.Select = None,
    exclude: opt.Exclude = None,
    since: opt.State = None,
    full_refresh: opt.FullRefresh = False,
    start: opt.OptionalStart = None,
    end: opt.OptionalEnd = None,
    output: opt.Output = "text",
) -> int:
    """Show what a run would do: steps, fee dates, tables, cost. Changes nothing.

    \b
    fees-etl plan
    fees-etl plan --from rpt_client_ltv --start 2025-09-01 --end 2025-09-30
    """
    from fees_etl.cli import report

    session: Session = context.obj
    window = opt.window(f"{session.start} plan", start, end, full_refresh=full_refresh)
    project = session.open()
    select, exclude = opt.stated(session, project, since, select, exclude)
    is_there = session.file is None or os.path.lexists(session.file)  # looking must not make it
    with session.warehouse(project, read_only=True) if is_there else nullcontext() as engine:
        session.state = state = fees_etl.state(project, engine) if engine else fees_etl.State()
        included, excluded = opt.selection(project, start_at, end_at, select, exclude)
        found = fees_etl.plan(
            project, engine, select=included, exclude=excluded, window=window, state=state, full_refresh=full_refresh
        )
        billed = [summed(engine.estimate((*step.statements, *step.books))) if engine else None for step in found.steps]
    settings = session.settings
    source = None if start_at else source_of(session)
    lines = [*report.heading(settings), *screen(found, source, billed, settings)]
    emit(output, as_document(found, billed, settings), lines)
    return 0


def check(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="These assertions; left out, all.", show_default=False),
    ] = None,
    *,
    source: Annotated[
        str | None,
        typer.Option(metavar="[SOURCE]", help="Read the files again, too, and compare raw with them row by row."),
    ] = None,
    output: opt.Output = "text",
) -> int:
    """Judge what is published now; change nothing. Exit 1 when an assertion fails.

    \b
    fees-etl assert
    fees-etl assert assert_ltv_matches_raw
    fees-etl assert --source 'lake/*.csv'        is raw what the files say?
    fees-etl assert --output json | jq '.assertions[] | select(.verdict == "fail")'
    """
    from fees_etl.cli import document, report
    from fees_etl.ingestion.compare import compare

    session: Session = context.obj
    project = session.open(source=source or None)
    if source is not None:
        require_source(session)
    with session.warehouse(project, read_only=True) as engine:
        found = fees_etl.check(project, engine, names=names or ())
        is_open = session.settings.source is None and not session.is_remote
        is_asked = source is not None or any(not one.passed and one.severity == "error" for one in found)
        held = fees_etl.state(project, engine) if is_open and is_asked else None
        if source is not None:
            if (place := source_of(session, held)) is None:
                hint = f"{session.start} assert --source 'lake/*.csv'"
                raise UsageError("no source is named, so there is nothing to compare raw with.", hint=hint)
            found = (*found, compare(project, engine, place))
    told = {**document.head("assert", session.settings), "assertions": document.verdicts(found)}
    emit(output, told, [*report.heading(session.settings), *report.assertions(found)])
    if failed := [one.name for one in found if not one.passed and one.severity == "error"]:
        raise AssertionsFailed(
            f"{len(failed)} of {len(found)} assertions fail on what is published now: {', '.join(failed)}.",
            published="What readers see now is wrong in these points; this command changed nothing.",
            hint=next_step(session, failed, held=held, compared=source is not None),
        )
    return 0


def as_document(found: fees_etl.Plan, billed: Sequence[int | None], settings: Settings) -> dict[str, Any]:
    """``fees-etl/plan/1``: what the screen says; ``render`` has the SQL. Where reading is free, bytes are null."""
    from fees_etl.cli.document import head, planned

    read = summed(billed)
    steps = [
        {
            "name": step.name,
            "kind": step.kind,
            "table": step.table,
            "statements": len(step.statements),
            "estimated_bytes": estimated,
        }
        for step, estimated in zip(found.steps, billed, strict=True)
    ]
    return {
        **head("plan", settings),
        **planned(found),
        "sql": found.edited,
        "refused": [{"uri": uri, "reason": reason} for uri, reason in found.state.refused],
        "steps": steps,
        "estimated_bytes": read,
        "estimated_dollars": None if read is None else f"{settings.price(read):f}",
    }


def screen(found: fees_etl.Plan, source: str | None, billed: Sequence[int | None], settings: Settings) -> list[str]:
    """What a run would do, in order, and what it would be billed for."""
    from fees_etl.cli import report

    def cost(billed: int | None) -> str:
        return "n/a on duckdb" if billed is None else f"{billed // 2**20:,} MiB"

    models = [(step, read) for step, read in zip(found.steps, billed, strict=True) if step.kind != "assertion"]
    tests = [read for step, read in zip(found.steps, billed, strict=True) if step.kind == "assertion"]
    rows: list[tuple[str, ...]] = [("Steps", "", "", "statements", "estimated bytes")]
    rows += [
        (f"  {number}", step.kind, str(step.table or step.name), count(len(step.statements)), cost(read))
        for number, (step, read) in enumerate(models, 1)
    ]
    asked = None if None in tests else sum(filter(None, tests))
    rows.append((f"  {len(rows)}", "assert", plural(len(tests), "assertion"), count(len(tests)), cost(asked)))
    lines = [*report.restated(found), *edited(found.edited), "", *grid(rows, "<<<>>", 0)]
    if None not in billed:
        read = sum(filter(None, billed))
        text = (
            f"In all {read // 2**20:,} MiB, {settings.price(read):f} US dollars at {settings.price_per_tib:f} a TiB; "
            "each table that a statement names counts 10 MiB at least. Headline numbers and the ledger are not in it."
        )
        lines += ["", *paragraph(text, 0)]
    lines += _pending(found.state.pending)
    if found.state.refused:
        lines += ["", "REFUSED files: a run would stop here"]
        lines += paragraphs((f"{shown(uri)}: {why}" for uri, why in found.state.refused), 2, 2)
    whole = " (full refresh)" if found.full_refresh else ""
    before = f" A run first ingests {source}, which may add to them." if source else ""
    said = f"Fee dates: {found.window}{whole}.{before} One transaction; looking changed nothing."
    return [*lines, "", *paragraph(said, 0)]


def _pending(rows: Sequence[Pending]) -> list[str]:
    """Fee dates whose rows arrived or vanished since they were last staged."""

    def moved(label: str, days: set[date]) -> tuple[str, ...]:
        some = [row for row in rows if row.fee_date in days]
        came, went = total(row.amount_added for row in some), total(row.amount_removed for row in some)
        counts = sum(row.rows_added for row in some), sum(row.rows_removed for row in some)
        return (label, count(counts[0]), pounds(came), count(counts[1]), pounds(went))

    dates = sorted({row.fee_date for row in rows})
    found: list[tuple[str, ...]] = [("Fee dates to restage", "rows in", "pounds in", "rows out", "pounds out")]
    found += [moved(f"  {day}", {day}) for day in dates[:DATES]]
    if rest := dates[DATES:]:
        found.append(moved(f"  and {count(len(rest))} more", set(rest)))
    return ["", *grid(found, "<>>>>", 0)] if rows else []
