"""The other screens: plan, ls, runs. Values in, lines out."""

from __future__ import annotations

import textwrap
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.cli.report import changes, pending
from fees_etl.cli.text import WIDTH, cell, change, count, grid, paragraph, plural, table
from fees_etl.ingestion.source import shown
from fees_etl.results import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fees_etl.target import Target
    from fees_etl.types import Assertion, Model, Plan, Project, Step, Table


def plan(found: Plan, source: str | None, billed: Sequence[int | None], target: Target) -> list[str]:
    """What a run would do, in order, and what it would be billed for."""
    models = [(step, read) for step, read in zip(found.steps, billed, strict=True) if step.kind != "assertion"]
    tests = [read for step, read in zip(found.steps, billed, strict=True) if step.kind == "assertion"]
    rows: list[tuple[str, ...]] = [("Steps", "", "", "statements", "estimated bytes")]
    rows += [(*_step(number, step), _cost(read)) for number, (step, read) in enumerate(models, 1)]
    asked = None if None in tests else sum(read or 0 for read in tests)
    rows.append((f"  {len(models) + 1}", "assert", plural(len(tests), "assertion"), count(len(tests)), _cost(asked)))
    whole = " (full refresh)" if found.full_refresh else ""
    before = f" A run first ingests {source}, which may add to them." if source else ""
    return [
        "",
        *grid(rows, "<<<>>", 0),
        *_priced(billed, target),
        *pending(found.state.pending),
        *_refused(found.state.refused),
        "",
        *paragraph(f"Fee dates: {found.window}{whole}.{before} One transaction; looking changed nothing.", 0),
    ]


def listing(project: Project, models: Sequence[Model], tests: Sequence[Assertion], *, sources: bool) -> list[str]:
    """Tables, models and assertions in the order they run."""
    rows: list[tuple[str, ...]] = [("Layer", "name", "kind")]
    reads: list[Iterable[Table]] = [()]
    if sources:
        rows += [(table.dataset, table.name, "source") for table in project.sources]
        reads += [() for _ in project.sources]
    rows += [(model.table.dataset, model.name, model.contract.materialized or "") for model in models]
    rows += [("assertion", one.name, one.severity) for one in tests]
    reads += [*(model.reads for model in models), *(one.reads for one in tests)]
    names = [", ".join(sorted(map(str, tables))) for tables in reads]
    return _beside(grid(rows, "<<<", 0), ["reads", *names[1:]])


def _beside(lines: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Texts in a last column that wraps."""
    width = max(map(len, lines)) + 2
    found = []
    for line, text in zip(lines, texts, strict=True):
        first, *more = textwrap.wrap(text, WIDTH - width) or [""]
        found += [f"{line:<{width}}{first}".rstrip(), *(" " * width + rest for rest in more)]
    return found


def runs(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ledger, newest first."""
    if not records:
        return ["No run yet. Next: fees-etl run"]
    header = ("Run (UTC)", "command", "status", "fee dates", "fees", "net pounds", "secs", "checks")
    return grid([header, *map(_run, records)], "<<<<>>><", 0, whole=0)


def run_details(record: Mapping[str, Any]) -> list[str]:
    """Everything the ledger keeps of one run; its lists as tables."""
    plain = [(name, cell(value)) for name, value in record.items() if name not in {"steps", "changes", "assertions"}]
    lines = [line for name, text in plain for line in paragraph(f"{name + ':':<18}{text}", 0, 18)]
    for name in ("steps", "assertions"):
        if found := record[name]:
            lines += ["", name.capitalize(), *table(list(found[0]), [list(one.values()) for one in found])]
    return [*lines, *changes([_change(one) for one in record["changes"]], len(record["changes"]))]


def _step(number: int, step: Step) -> tuple[str, ...]:
    return (f"  {number}", step.kind, str(step.table or step.name), count(len(step.statements)))


def _cost(billed: int | None) -> str:
    return "n/a on duckdb" if billed is None else f"{billed // 2**20:,} MiB"


def _priced(billed: Sequence[int | None], target: Target) -> list[str]:
    if None in billed:
        return []
    total = sum(read or 0 for read in billed)
    text = (
        f"In all {total // 2**20:,} MiB, {target.price(total):f} US dollars at {target.price_per_tib:f} a TiB; "
        "each table that a statement names counts 10 MiB at least. Headline numbers and the ledger are not in it."
    )
    return ["", *paragraph(text, 0)]


def _refused(refused: Sequence[tuple[str, str]]) -> list[str]:
    if not refused:
        return []
    lines = [line for uri, reason in refused for line in paragraph(f"{shown(uri)}: {reason}", 2, 2)]
    return ["", "REFUSED files: a run would stop here", *lines]


def _run(record: Mapping[str, Any]) -> tuple[str, ...]:
    tests = record["assertions"]
    failing = sum(1 for one in tests if one.get("failing") and one.get("severity") == "error")
    verdict = f"{failing} FAIL" if failing else f"{len(tests)} ok" if tests else ""
    before, after = Decimal(record["amount_before"]), Decimal(record["amount_after"])
    return (
        record["run_id"],
        record["command"].split()[0],
        record["status"],
        _dates(record["fee_dates"]),
        count(record["rows_after"]),
        change(before, after) or "0.00",
        f"{(record['finished_at'] - record['started_at']).total_seconds():.2f}",
        verdict,
    )


def _dates(text: str) -> str:
    """Short, so that the ledger fits a screen: the first and the last day, and of how many ranges.

    >>> _dates("2025-01-02, 2025-01-29..2025-02-01"), _dates("2024-12-31..2025-01-02")
    ('2025-01-02..02-01 (2)', '2024-12-31..25-01-02')
    """
    days = text.replace(", ", "..").split("..")
    ranges = text.count(",") + 1
    last = days[-1][5:] if days[-1][:4] == days[0][:4] else days[-1][2:]
    both = days[0] if len(days) == 1 else f"{days[0]}..{last}"
    return both if ranges == 1 else f"{both} ({ranges})"


def _change(found: Mapping[str, Any]) -> Change:
    (rows_before, rows_after), (before, after) = found["rows"], found["amount"]
    return Change(date.fromisoformat(found["fee_date"]), rows_before, Decimal(before), rows_after, Decimal(after))
