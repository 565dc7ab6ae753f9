"""``diff``: what differs between what two runs published, table by table and cell by cell."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from fees_etl.cli import completion
from fees_etl.cli.bridge import HEADS, bridged, bridges, noted
from fees_etl.cli.bridge import listed as listed_bridges
from fees_etl.cli.session import Session, emit
from fees_etl.cli.show import RUNS, as_csv
from fees_etl.cli.text import grid
from fees_etl.errors import UsageError
from fees_etl.figures import cell, change, count, plural
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fees_etl.explain.history import Moment
    from fees_etl.results import Bridge, Cell, Published, TableDiff

_NUMBERS = {int, Decimal}
TEXTS = Table("ops", "sql")
TOTALS = {
    "Fees": "staged_rows",
    "Fees, pounds": "staged_amount",
    "Lifetime value, pounds": "ltv_total",
    "Clients": "clients",
    "Cohorts": "cohorts",
    "Advisers": "advisers",
}
RULES = "No SQL changed between the two: the same rules were applied to other data."
BAR = r"\|"
Totals: TypeAlias = "tuple[Published, Published] | None"
SHOWN = 10
"""Rows of a table on a screen, with all of their cells that differ."""


def diff(
    context: typer.Context,
    was: Annotated[
        str, typer.Argument(metavar="[A]", autocompletion=completion.runs, help="A run id, previous, latest or a day.")
    ] = "",
    now: Annotated[str, typer.Argument(metavar="[B]", autocompletion=completion.runs, help="The same.")] = "latest",
    *,
    changed: Annotated[
        str | None,
        typer.Option(
            "--project", metavar="DIR|REF", help="What this project would change, on the live data, rolled back."
        ),
    ] = None,
    fail: Annotated[bool, typer.Option("--fail", help="With --project: exit 1 where anything differs.")] = False,
    output: Annotated[
        Literal["text", "json", "md", "csv"], typer.Option(help="A screen, one document, a comment, or a file.")
    ] = "text",
) -> int:
    """Show what differs between two runs, or would by a changed project.

    \b
    fees-etl diff previous latest
    fees-etl diff 2025-09-30 --output md            a restatement notice
    fees-etl --target prod diff --project . --output md   a comment for a pull request
    """
    from fees_etl.explain import bridge, history
    from fees_etl.explain import diff as differences
    from fees_etl.runs import ledger

    session: Session = context.obj
    if changed is not None:
        from fees_etl.cli.proposed import proposed

        return proposed(session, changed, output, fail=fail)
    if not was or fail:
        hint = f"{session.start} diff previous, or {session.start} diff --project DIR"
        raise UsageError("name what to compare: a run, or with --project a changed project.", hint=hint)
    project = session.open(proven=False)
    kept = [made.history.table for made in differences.published(project) if made.history]
    read = [RUNS, TEXTS, bridge.CAUSES, *kept]
    with session.warehouse(project, read_only=True, tables=read) as engine:
        known = history.moments(project, engine)
        first, second = history.moment(known, was), history.moment(known, now)
        found = differences.between(project, engine, first, second)
        sql = differences.edited(project, engine, first, second)
        why = bridge.between(project, engine, first, second)
        both = [ledger.left(project, engine, one.run_id) for one in (first, second)]
    totals = (both[0], both[1]) if both[0] and both[1] else None
    match output:
        case "md":
            lines = notice(found, sql, why, first, second, totals)
        case "csv":
            lines = listed(found, why)
        case _:
            lines = screen(found, sql, why, first, second)
    emit(output, as_document(found, sql, why, first, second), lines)
    return 0


def as_document(
    found: Sequence[TableDiff], sql: Sequence[str], why: Sequence[Bridge], was: Moment, now: Moment
) -> dict[str, Any]:
    """``fees-etl/diff/1``."""
    return {
        "schema": "fees-etl/diff/1",
        "before": was.run_id,
        "after": now.run_id,
        "tables": tables(found),
        "bridge": bridges(why),
        "sql": sql,
    }


def tables(found: Sequence[TableDiff]) -> list[dict[str, Any]]:
    """Each table with its counts and samples; a key is its columns' values by name."""
    return [
        {
            "table": one.table,
            "added": one.added,
            "removed": one.removed,
            "changed": one.changed,
            "columns": dict(one.columns),
            "samples": [
                {"key": dict(zip(one.key, cells.key, strict=True)), "column": cells.column}
                | {"before": cells.before, "after": cells.after}
                for cells in one.samples
            ],
        }
        for one in found
    ]


def screen(
    found: Sequence[TableDiff], sql: Sequence[str], why: Sequence[Bridge], was: Moment, now: Moment
) -> list[str]:
    """Both runs, then what differs, and why."""
    heads = [
        f"From run {was.run_id} of {was.at:%Y-%m-%d %H:%M} UTC",
        f"to run {now.run_id} of {now.at:%Y-%m-%d %H:%M} UTC",
    ]
    nothing = ["", "Nothing differs in any published table."]
    return [*heads, *edited(sql), *(differing(found) or nothing), *bridged(why)]


def differing(found: Sequence[TableDiff]) -> list[str]:
    """What differs, a heading and the largest changes a table; no lines where nothing does."""
    rows: list[tuple[str, ...]] = [("Changed numbers", "added", "removed", "changed", "cells")]
    rows += [
        (f"  {one.table}", *map(count, (one.added, one.removed, one.changed, sum(one.columns.values()))))
        for one in found
        if one.rows
    ]
    if len(rows) == 1:
        return []
    lines = ["", *grid(rows, "<>>>>", 0)]
    for one in found:
        if one.rows:
            lines += ["", *_cells(one)]
    return lines


def edited(names: Sequence[str]) -> list[str]:
    """Which models and assertions have other SQL than before; no lines where none has."""
    return ["", "Changed SQL", *(f"  {name}" for name in names)] if names else []


def notice(
    found: Sequence[TableDiff], sql: Sequence[str], why: Sequence[Bridge], was: Moment, now: Moment, totals: Totals
) -> list[str]:
    """The same as Markdown: what a finance team is told, or a comment for a pull request."""
    lines = [
        "# Restatement of published fee numbers",
        "",
        f"The numbers that run `{was.run_id}` published ({was.at:%Y-%m-%d %H:%M} UTC) are replaced",
        f"by those of run `{now.run_id}` ({now.at:%Y-%m-%d %H:%M} UTC).",
    ]
    changed = [one for one in found if one.rows]
    if not changed:
        return [*lines, "", "Nothing differs in any published table: no number is restated.", *noted(why)]
    if totals:
        before, after = totals
        lines += ["", "## Totals", "", "| | before | after | change |", "|---|---:|---:|---:|"]
        for label, name in TOTALS.items():
            old, new = getattr(before, name), getattr(after, name)
            lines.append(f"| {label} | {cell(old)} | {cell(new)} | {change(old, new, 'unchanged')} |")
    lines += [
        "",
        "## What moved",
        "",
        "| Table | added | removed | changed | columns that changed, and how many cells |",
    ]
    lines += ["|---|---:|---:|---:|---|"]
    for one in changed:
        counts = " | ".join(map(count, (one.added, one.removed, one.changed)))
        cells = ", ".join(f"{name} {count(cells)}" for name, cells in one.columns.items())
        lines.append(f"| `{one.table}` | {counts} | {cells} |")
    lines += ["", "## Rules", ""]
    lines.append(f"The SQL of {', '.join(f'`{name}`' for name in sql)} changed between the two." if sql else RULES)
    for one in changed:
        lines += ["", f"## {one.table}", "", "| Row | Column | before | after | change |", "|---|---|---:|---:|---:|"]
        lines += [f"| {' | '.join(text.replace('|', BAR) for text in _row(one, cells))} |" for cells in _shown(one)]
        lines += _rest(one)
    back = f"`fees-etl show TABLE --as-of {was.run_id}`"
    return [*lines, *noted(why), "", f"What was published before stays readable: {back}."]


def listed(found: Sequence[TableDiff], why: Sequence[Bridge]) -> list[str]:
    """A line a cell of the samples, then a line a cause of a total."""
    empty = (None,) * 5
    rows: list[tuple[object, ...]] = [
        (one.table, _key(one, cells), cells.column, cells.before, cells.after, *empty)
        for one in found
        for cells in one.samples
    ]
    return as_csv(HEADS, [*rows, *listed_bridges(why)])


def _cells(one: TableDiff) -> list[str]:
    rows: list[tuple[str, ...]] = [(", ".join(one.key), "column", "before", "after", "change")]
    rows += [(", ".join(map(cell, cells.key)), *_row(one, cells)[1:]) for cells in _shown(one)]
    return [one.table, *grid(rows, "<<>>>", 2, keys=2), *_rest(one)]


def _shown(one: TableDiff) -> list[Cell]:
    keys = list(dict.fromkeys(cells.key for cells in one.samples))[:SHOWN]
    return [cells for cells in one.samples if cells.key in keys]


def _rest(one: TableDiff) -> list[str]:
    return [f"  and {plural(one.rows - SHOWN, 'more row')}"] if one.rows > SHOWN else []


def _row(one: TableDiff, cells: Cell) -> tuple[str, ...]:
    pair: tuple[Decimal | int, Decimal | int] | None = None
    if all(type(value) in _NUMBERS for value in (cells.before, cells.after)):
        pair = (cells.before, cells.after)
    before, after = ("-" if value is None else cell(value) for value in (cells.before, cells.after))
    return (_key(one, cells), cells.column, before, after, change(*pair) if pair else "")


def _key(one: TableDiff, cells: Cell) -> str:
    return ", ".join(f"{name} {cell(value)}" for name, value in zip(one.key, cells.key, strict=True))
