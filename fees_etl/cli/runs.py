"""``runs`` and ``runs show``: the ledger, as ``ops.runs`` has it."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fees_etl.cli import options as opt  # noqa: TC001  (typer reads annotations)
from fees_etl.cli.session import Session, emit
from fees_etl.cli.show import RUNS
from fees_etl.cli.text import cell, change, count, grid, paragraph, table
from fees_etl.errors import UsageError
from fees_etl.results import Change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA = "fees-etl/runs/1"
NEWEST = {"latest": 0, "previous": 1}
EVERY = 1_000_000
LISTS = ("steps", "changes", "assertions")
"""The columns of ``ops.runs`` that hold JSON."""


def runs(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="How many, newest first.")] = 20,
    output: opt.Output = "text",
) -> int:
    """List every attempt and what became of it.

    \b
    fees-etl runs
    fees-etl runs show ID                        everything the ledger keeps of one
    fees-etl runs --limit 100 --output json
    """
    if not context.invoked_subcommand:
        records = _history(context.obj, limit)
        emit(output, {"schema": SCHEMA, "runs": records}, screen(records, context.obj.start))
    return 0


def show(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="ID", help="A run id, how it begins, latest or previous.")],
    *,
    output: opt.Output = "text",
) -> int:
    """Everything the ledger keeps of one run.

    \b
    fees-etl runs show latest
    fees-etl runs show 20250930T071500
    """
    session: Session = context.obj
    records = _history(session, EVERY)
    nth = NEWEST.get(run_id)
    chosen = [record for record in records if record["run_id"].startswith(run_id)] if nth is None else records[nth:][:1]
    if len(chosen) != 1:
        ids = ", ".join(record["run_id"] for record in (chosen or records)[:5])
        raise UsageError(
            f"there is no {run_id} run." if nth is not None else f"{len(chosen) or 'no'} runs begin with {run_id!r}.",
            hint=f"The newest are {ids}; see all: {session.start} runs" if ids else f"{session.start} run",
        )
    emit(output, {"schema": SCHEMA, "runs": chosen}, _details(chosen[0]))
    return 0


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
        names = (one["run_id"], one["command"].split()[0], one["status"], _dates(one["fee_dates"]))
        rows.append((*names, count(one["rows_after"]), net, seconds, verdict))
    return grid(rows, "<<<<>>><", 0, whole=0)


def _history(session: Session, limit: int) -> list[dict[str, Any]]:
    """Rows of the ledger, their JSON columns parsed."""
    from fees_etl.runs import ledger

    project = session.open(proven=False)
    with session.warehouse(project, read_only=True, tables=[RUNS]) as engine:
        found = ledger.history(project, engine, limit)
    records = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return [record | {name: json.loads(record[name]) for name in LISTS} for record in records]


def _dates(text: str) -> str:
    """Short, so that the ledger fits a screen: the first and the last day, and of how many ranges.

    >>> _dates("2025-01-02, 2025-01-29..2025-02-01"), _dates("2024-12-31..2025-01-02")
    ('2025-01-02..02-01 (2)', '2024-12-31..25-01-02')
    """
    first, *days = text.replace(", ", "..").split("..")
    both = f"{first}..{days[-1][5:] if days[-1][:4] == first[:4] else days[-1][2:]}" if days else first
    return f"{both} ({text.count(',') + 1})" if "," in text else both


def _details(record: Mapping[str, Any]) -> list[str]:
    """Everything the ledger keeps of one run; its lists as tables."""
    from fees_etl.cli.report import changes

    texts = [f"{name + ':':<18}{cell(value)}" for name, value in record.items() if name not in LISTS]
    lines = [line for text in texts for line in paragraph(text, 0, 18)]
    for name in ("steps", "assertions"):
        if found := record[name]:
            lines += ["", name.capitalize(), *table(list(found[0]), [list(one.values()) for one in found])]
    found = [
        (date.fromisoformat(one["fee_date"]), *zip(one["rows"], map(Decimal, one["amount"]), strict=True))
        for one in record["changes"]
    ]
    return [*lines, *changes([Change(day, *before, *after) for day, before, after in found], len(found))]
