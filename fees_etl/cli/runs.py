"""``runs`` and ``runs show``: the ledger, as ``ops.runs`` has it."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fees_etl.cli import completion
from fees_etl.cli import options as opt
from fees_etl.cli.differences import differing, edited, tables
from fees_etl.cli.logs import logger
from fees_etl.cli.pages import Out, put
from fees_etl.cli.session import Session, emit
from fees_etl.cli.show import RUNS, TEXTS
from fees_etl.cli.text import grid, paragraphs, table
from fees_etl.errors import FeesError, UsageError
from fees_etl.figures import cell, change, count
from fees_etl.results import AssertionResult, Change
from fees_etl.script import Rows
from fees_etl.types import Pending, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fees_etl import Engine, Project
    from fees_etl.results import TableDiff

SCHEMA = "fees-etl/runs/1"
NEWEST = {"latest": 0, "previous": 1}
CAUSE = tuple(one.name for one in fields(Pending))
NOT_LINES = ("steps", "changes", "assertions", "published", "left_out", "causes", "tables", "sql")
CHANGES = Table("ops", "changes")


def runs(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="How many, newest first.")] = 20,
    output: opt.Output = "text",
    html: Annotated[
        bool, typer.Option("--html", help="Write a page to read and print; runs.html in this folder.")
    ] = False,
    out: Out = None,
) -> int:
    """List every attempt and what became of it.

    \b
    fees-etl runs
    fees-etl runs show ID                        everything the ledger keeps of one
    fees-etl runs --limit 100 --output json
    fees-etl runs --html --out ledger.html       a page; charts need pip install 'fees-etl[pages]'
    """
    if out is not None and not html:
        raise UsageError("--out is where a page goes, so it means nothing without --html.", hint="fees-etl runs --html")
    if context.invoked_subcommand:
        return 0
    from fees_etl.runs import ledger

    if html:
        from fees_etl.pages.parts import require_charts

        require_charts()
    session: Session = context.obj
    project = session.open(proven=False)
    with session.warehouse(project, read_only=True, tables=[RUNS]) as engine:
        records = ledger.records(ledger.history(project, engine, limit))
    for one in records:
        del one["headline"]
    if html:
        from fees_etl.pages.report import ledger as written

        put(written(records, start=session.start), out, "runs.html")
    else:
        emit(output, {"schema": SCHEMA, "runs": records}, screen(records, session.start))
    return 0


def show(
    context: typer.Context,
    run_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", autocompletion=completion.runs, help="A run id, how it begins, latest or previous."
        ),
    ],
    *,
    output: opt.Output = "text",
) -> int:
    """Everything the ledger keeps of one run.

    \b
    fees-etl runs show latest
    fees-etl runs show 20250930T071500
    """
    from fees_etl.runs import ledger

    session: Session = context.obj
    project = session.open(proven=False)
    with session.warehouse(project, read_only=True, tables=[RUNS, CHANGES]) as engine:
        nth = NEWEST.get(run_id)
        ids = ledger.attempts(project, engine, "" if nth is not None else run_id)
        chosen = ids if nth is None else ids[nth : nth + 1]
        if len(chosen) != 1:
            near = ", ".join(chosen or ledger.attempts(project, engine))
            said = f"{len(chosen) or 'no'} runs begin with {run_id!r}." if nth is None else f"there is no {run_id} run."
            hint = f"The newest are {near}; see all: {session.start} runs" if near else f"{session.start} run"
            raise UsageError(said, hint=hint)
        record, changed = recorded(project, engine, chosen[0])
    descriptions = {one.name: one.description for one in project.assertions}
    emit(output, {"schema": SCHEMA, "runs": [record]}, _details(record, changed, descriptions))
    return 0


def recorded(project: Project, engine: Engine, run_id: str) -> tuple[dict[str, Any], tuple[TableDiff, ...]]:
    """One run of ``fees-etl/runs/1``, its headline numbers where they were kept, and what it changed in tables."""
    from fees_etl.runs import ledger

    record, headline, arrivals, late = ledger.recorded(project, engine, run_id)
    changed, sql = _changed(project, engine, record) if record["status"] == "published" else ((), ())
    before, after, left = headline or (None, None, None)
    record["published"], record["left_out"] = headline and {"before": before, "after": after}, left
    record["causes"] = [{name: getattr(one, name) for name in CAUSE} | {"is_late": one in late} for one in arrivals]
    return record | {"tables": tables(changed), "sql": sql}, changed


def _changed(
    project: Project, engine: Engine, record: Mapping[str, Any]
) -> tuple[tuple[TableDiff, ...], tuple[str, ...]]:
    """What a run changed in published tables and in their SQL; nothing where one may not read history."""
    from fees_etl.explain import diff

    run_id, needed = record["run_id"], [TEXTS, *(one.history.table for one in diff.published(project) if one.history)]
    try:
        engine.prepare({table: project.contracts[table] for table in needed}, create=False)
        sql = diff.edited_by(project, engine, run_id)
        return diff.of_run(project, engine, run_id) if record["rows_before"] else (), sql  # else all rows were added
    except FeesError as error:
        logger.warning("What it changed in published tables cannot be read here: %s", error)
        return (), ()


def screen(records: Sequence[Mapping[str, Any]], start: str = "fees-etl") -> list[str]:
    """The ledger, newest first."""
    if not records:
        return [f"No run yet. Next: {start} run"]
    rows = [("Run (UTC)", "command", "status", "fee dates", "fees", "net pounds", "secs", "checks")]
    for one in records:
        tests = one["assertions"]
        failing = sum(1 for test in tests if test.get("failing") and test.get("severity") == "error")
        verdict = f"{failing} FAIL" if failing else f"{len(tests)} ok" if tests else ""
        net = change(Decimal(one["amount_before"]), Decimal(one["amount_after"]), "0.00")
        seconds = f"{(one['finished_at'] - one['started_at']).total_seconds():.2f}"
        names = (one["run_id"], one["command"].partition(" ")[0], one["status"], _dates(one["fee_dates"]))
        rows.append((*names, count(one["rows_after"]), net, seconds, verdict))
    return grid(rows, "<<<<>>><", 0, whole=0)


def _dates(text: str) -> str:
    """Short, so that the ledger fits a screen: the first and the last day, and of how many ranges.

    >>> _dates("2025-01-02, 2025-01-29..2025-02-01"), _dates("2024-12-31..2025-01-02")
    ('2025-01-02..02-01 (2)', '2024-12-31..25-01-02')
    """
    first, *days = text.replace(", ", "..").split("..")
    both = f"{first}..{days[-1][5:] if days[-1][:4] == first[:4] else days[-1][2:]}" if days else first
    return f"{both} ({text.count(',') + 1})" if "," in text else both


def _details(record: Mapping[str, Any], changed: Sequence[TableDiff], descriptions: Mapping[str, str]) -> list[str]:
    """Everything the ledger keeps of one run, in the order of the run's own screen."""
    from fees_etl.cli import report

    texts = (f"{name + ':':<18}{cell(value)}" for name, value in record.items() if name not in NOT_LINES)
    lines = paragraphs(texts, 0, 18)
    arrivals = [Pending(*(one[name] for name in CAUSE)) for one in record["causes"]]
    late = {one for one, cause in zip(arrivals, record["causes"], strict=True) if cause["is_late"]}
    lines += report.causes(arrivals, late)
    numbers, is_kept = record["published"], record["status"] == "published"
    if numbers:
        lines += report.staging(record["left_out"], numbers["after"])
        lines += report.published(**numbers, is_kept=is_kept)
    found = []
    for one in record["changes"]:
        (rows_before, rows_after), (was, now) = one["rows"], map(Decimal, one["amount"])
        found.append(Change(date.fromisoformat(one["fee_date"]), rows_before, was, rows_after, now))
    lines += [*report.changes(found, len(found)), *edited(record["sql"]), *differing(changed)]
    if numbers:
        lines += report.incomplete(numbers["after"])
    if record["assertions"]:
        lines += report.assertions([_judged(one, descriptions) for one in record["assertions"]])
    if steps := record["steps"]:
        lines += ["", "Steps", *table(list(steps[0]), [list(one.values()) for one in steps])]
    return lines


def _judged(one: Mapping[str, Any], descriptions: Mapping[str, str]) -> AssertionResult:
    rows = one.get("rows", [])
    sample = Rows(tuple(rows[0]), tuple(tuple(row.values()) for row in rows)) if rows else Rows()
    said = (descriptions.get(one["name"], ""), one["waivers"], one.get("unused", ""))
    return AssertionResult(one["name"], one["severity"], one["failing"], one["waived"], sample, 0.0, *said)
