"""What differs between two publications, and why totals moved: as documents, on screens, as Markdown and as CSV."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.cli.show import as_csv
from fees_etl.cli.text import grid, keyed, paragraph
from fees_etl.figures import cell, change, count, plain, plural, pounds, shown, total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fees_etl.results import Bridge, Cell, Line, Published, TableDiff

NOTHING = "Nothing differs in any published table."
HEADS = ("table", "key", "column", "before", "after", "cause", "file", "fee_date", "rows", "pounds")
BAR = r"\|"
ROWS = 10
"""Rows of a table on a screen, with all of their cells that differ."""
FILE = 28
"""Characters of a file's name on a screen."""
BRIDGES = 8
"""Numbers on a screen: the totals, then those of advisers and cohorts that moved most."""
_CLIENTS = {"moved", "window", "rule"}


def as_document(
    found: Sequence[TableDiff], sql: Sequence[str], why: Sequence[Bridge], **of: str | None
) -> dict[str, Any]:
    """``fees-etl/diff/1``; ``of`` says of what."""
    return {"schema": "fees-etl/diff/1", **of, "tables": tables(found), "bridge": bridges(why), "sql": sql}


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


def bridges(found: Sequence[Bridge]) -> list[dict[str, Any]]:
    """Each number with the lines between what it was and what it is."""

    def line(one: Line) -> dict[str, Any]:
        told = {"cause": one.cause, "kind": one.kind, "file": one.file, "fee_date": one.fee_date}
        return told | {"rows": one.rows, "pounds": one.pounds}

    return [
        {"table": one.table, "key": dict(one.key), "column": one.column, "before": one.before, "after": one.after}
        | {"lines": list(map(line, one.lines)), "residual": one.residual}
        for one in found
    ]


def totals(names: Mapping[str, str], was: Published, now: Published, same: str = "") -> list[tuple[str, ...]]:
    """Headline numbers by their labels: before, after and the difference, or ``same``."""
    pairs = [(label, getattr(was, name), getattr(now, name)) for label, name in names.items()]
    return [(label, cell(old), cell(new), change(old, new, same)) for label, old, new in pairs]


def edited(names: Sequence[str]) -> list[str]:
    """Which models and assertions have other SQL than before; no lines where none has."""
    return ["", "Changed SQL", *(f"  {name}" for name in names)] if names else []


def differing(found: Sequence[TableDiff]) -> list[str]:
    """What differs, a heading and the largest changes a table; no lines where nothing does."""
    changed = [one for one in found if one.rows]
    if not changed:
        return []
    rows: list[tuple[str, ...]] = [("Changed numbers", "added", "removed", "changed", "cells")]
    rows += [(f"  {one.table}", *counts(one)) for one in changed]
    lines = ["", *grid(rows, "<>>>>", 0)]
    for one in changed:
        rows = [(", ".join(one.key), "column", "before", "after", "change")]
        rows += [(", ".join(map(cell, cells.key)), *_row(one, cells)[1:]) for cells in _largest(one)]
        lines += ["", one.table, *grid(rows, "<<>>>", 2, keys=2), *_rest(one)]
    return lines


def counts(one: TableDiff) -> tuple[str, ...]:
    """Rows added, removed and changed, and cells of the last."""
    return tuple(map(count, (one.added, one.removed, one.changed, sum(one.columns.values()))))


def rows_noted(changed: Sequence[TableDiff]) -> list[str]:
    """The largest changes of each table as Markdown."""
    lines = list[str]()
    for one in changed:
        lines += ["", f"## {one.table}", "", "| Row | Column | before | after | change |", "|---|---|---:|---:|---:|"]
        lines += [f"| {' | '.join(text.replace('|', BAR) for text in _row(one, cells))} |" for cells in _largest(one)]
        lines += _rest(one)
    return lines


def bridged(found: Sequence[Bridge]) -> list[str]:
    """What it was, the lines of cause, what it is; no lines where nothing moved."""
    if not found:
        return []
    rows: list[tuple[str, ...]] = [("Why totals moved", "rows", "pounds")]
    above: list[list[str]] = [[]]
    for one in found[:BRIDGES]:
        lines = list[tuple[str, ...]]()
        for line in one.lines:
            what, file, day, *figures = _line(line)
            end = file if len(file) <= FILE else f"…{file[1 - FILE :]}"  # which is what tells two apart
            lines.append((f"    {' '.join(filter(None, (what, day, end)))}", *figures))
        lines += [("    not explained", "", _signed(one.residual))] if one.residual else []
        rows += [("    before", "", pounds(one.before)), *lines, ("    now", "", pounds(one.after))]
        above += [paragraph(_named(one), 2, 2), *([[]] * (len(lines) + 1))]
    lined = (text for line, more in zip(grid(rows, "<>>", 0), above, strict=True) for text in (*more, line))
    more = f"  and {plural(len(found) - BRIDGES, 'more number')}: --output json has all of them"
    return ["", *lined, *([more] if found[BRIDGES:] else []), *_told(found)]


def bridges_noted(found: Sequence[Bridge]) -> list[str]:
    """The same as Markdown, of every number."""
    lines = ["", "## Why totals moved"] if found else []
    for one in found:
        lines += ["", f"`{one.table}` {_named(one).partition(' ')[2]}", ""]
        lines += ["| Cause | Kind | File | Fee date | rows | pounds |", "|---|---|---|---|---:|---:|"]
        lines.append(f"| before | | | | | {pounds(one.before)} |")
        for line in one.lines:
            what, file, day, rows, amount = _line(line)
            lines.append(f"| {what.partition(' (')[0]} | {line.kind} | {file} | {day} | {rows} | {amount} |")
        lines += [f"| not explained | | | | | {_signed(one.residual)} |"] if one.residual else []
        lines.append(f"| **after** | | | | | **{pounds(one.after)}** |")
    return [*lines, *(["", *_told(found)] if found else [])]


def listed(found: Sequence[TableDiff], why: Sequence[Bridge]) -> list[str]:
    """As CSV by :data:`HEADS`: a line a cell of the samples, then a line a cause of a total."""
    empty = (None,) * 5
    rows: list[tuple[object, ...]] = [
        (one.table, _key(one, cells), cells.column, cells.before, cells.after, *empty)
        for one in found
        for cells in one.samples
    ]
    for number in why:
        of = (number.table, keyed(number.key), number.column, number.before, number.after)
        rows += [(*of, line.cause, line.file, line.fee_date, line.rows, line.pounds) for line in number.lines]
    return as_csv(HEADS, rows)


def _largest(one: TableDiff) -> list[Cell]:
    keys = list(dict.fromkeys(cells.key for cells in one.samples))[:ROWS]
    return [cells for cells in one.samples if cells.key in keys]


def _rest(one: TableDiff) -> list[str]:
    return [f"  and {plural(one.rows - ROWS, 'more row')}"] if one.rows > ROWS else []


def _row(one: TableDiff, cells: Cell) -> tuple[str, ...]:
    before, after = ("-" if value is None else cell(value) for value in (cells.before, cells.after))
    is_number = all(type(value) in {int, Decimal} for value in (cells.before, cells.after))
    return (_key(one, cells), cells.column, before, after, change(cells.before, cells.after) if is_number else "")


def _key(one: TableDiff, cells: Cell) -> str:
    return keyed(dict(zip(one.key, cells.key, strict=True)), cell)


def _line(line: Line) -> tuple[str, str, str, str, str]:
    rows = plural(line.rows, "client") if line.cause in _CLIENTS else count(line.rows)
    what = f"{line.due_to} ({line.kind})"
    return what, shown(line.file or ""), str(line.fee_date or ""), rows if line.rows else "", _signed(line.pounds)


def _named(one: Bridge) -> str:
    keys = [f"{name} {plain(value)}" for name, value in one.key.items()]
    return " ".join([one.table.partition(".")[2], *keys, one.column])


def _signed(amount: Decimal) -> str:
    return f"{'+' if amount > 0 else ''}{pounds(amount)}"


def _told(found: Sequence[Bridge]) -> list[str]:
    """What an accountant asks first (IAS 8): how much puts an error right, and how much is new information."""
    lines = found[0].lines if not found[0].key else ()
    errors = total(line.pounds for line in lines if line.is_error)
    news = total(line.pounds for line in lines if not line.is_error)
    said = f"Of {_named(found[0])}, {_signed(news)} is new information and {_signed(errors)} puts errors right (IAS 8)."
    return paragraph(said, 0) if lines else []
