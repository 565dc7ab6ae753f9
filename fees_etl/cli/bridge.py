"""Why totals moved, for a screen, a comment and machines: each number as what it was, lines of cause, what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fees_etl.cli.text import grid, paragraph
from fees_etl.figures import count, plain, plural, pounds, shown, total

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from fees_etl.results import Bridge, Line

FILE = 28
"""Characters of a file's name on a screen."""
SHOWN = 8
"""Numbers on a screen: the totals, then those of advisers and cohorts that moved most."""
HEADS = ("table", "key", "column", "before", "after", "cause", "file", "fee_date", "rows", "pounds")
_CLIENTS = {"moved", "window", "rule"}


def bridges(found: Sequence[Bridge]) -> list[dict[str, Any]]:
    """As in ``fees-etl/diff/1``."""
    return [
        {"table": one.table, "key": dict(one.key), "column": one.column, "before": one.before, "after": one.after}
        | {"lines": list(map(_document, one.lines)), "residual": one.residual}
        for one in found
    ]


def bridged(found: Sequence[Bridge]) -> list[str]:
    """What it was, the lines of cause, what it is; no lines where nothing moved."""
    if not found:
        return []
    rows: list[tuple[str, ...]] = [("Why totals moved", "rows", "pounds")]
    above: list[list[str]] = [[]]
    for one in found[:SHOWN]:
        lines = [(f"    {_where(line)}", *_line(line)[3:]) for line in one.lines]
        lines += [("    not explained", "", _signed(one.residual))] if one.residual else []
        rows += [("    before", "", pounds(one.before)), *lines, ("    now", "", pounds(one.after))]
        above += [paragraph(_named(one), 2, 2), *([[]] * (len(lines) + 1))]
    lined = (text for line, more in zip(grid(rows, "<>>", 0), above, strict=True) for text in (*more, line))
    more = f"  and {plural(len(found) - SHOWN, 'more number')}: --output json has all of them"
    return ["", *lined, *([more] if found[SHOWN:] else []), *_told(found)]


def noted(found: Sequence[Bridge]) -> list[str]:
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


def listed(found: Sequence[Bridge]) -> Iterator[tuple[object, ...]]:
    """A row a line of cause, by :data:`HEADS`."""
    for one in found:
        key = ", ".join(f"{name} {plain(value)}" for name, value in one.key.items())
        for line in one.lines:
            told = (line.cause, line.file, line.fee_date, line.rows, line.pounds)
            yield (one.table, key, one.column, one.before, one.after, *told)


def _document(line: Line) -> dict[str, Any]:
    told = {"cause": line.cause, "kind": line.kind, "file": line.file, "fee_date": line.fee_date}
    return told | {"rows": line.rows, "pounds": line.pounds}


def _line(line: Line) -> tuple[str, str, str, str, str]:
    rows = plural(line.rows, "client") if line.cause in _CLIENTS else count(line.rows)
    what = f"{line.due_to} ({line.kind})"
    return what, shown(line.file or ""), str(line.fee_date or ""), rows if line.rows else "", _signed(line.pounds)


def _where(line: Line) -> str:
    """Cause, fee date and file; of a long name the end, which is what tells two apart."""
    what, file, day, *_ = _line(line)
    return " ".join(filter(None, (what, day, file if len(file) <= FILE else f"…{file[1 - FILE :]}")))


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
