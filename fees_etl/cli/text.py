"""Figures and tables as text: exact pounds, aligned columns, at most 100 characters wide."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime
from decimal import Context, Decimal
from typing import Any

__all__ = ["WIDTH", "cell", "change", "count", "grid", "net", "paragraph", "plural", "pounds", "shorten", "total"]

WIDTH = 100
EXACT = Context(prec=80)
"""The default context would round a NUMERIC(38, 9) to 28 digits."""


def pounds(amount: Decimal) -> str:
    """All of its decimals, at least two, never an exponent.

    >>> pounds(Decimal("1234567.500000000")), pounds(Decimal("1E+3")), pounds(Decimal("-0.000000001"))
    ('1,234,567.50', '1,000.00', '-0.000000001')
    """
    whole, _, decimals = f"{amount or Decimal(0):,f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def net(before: Decimal, after: Decimal) -> Decimal:
    """What was added, exactly."""
    return EXACT.subtract(after, before)


def total(amounts: Sequence[Decimal]) -> Decimal:
    """The exact sum."""
    found = Decimal(0)
    for amount in amounts:
        found = EXACT.add(found, amount)
    return found


def count(number: int) -> str:
    """With thousands separators."""
    return f"{number:,}"


def change(before: Decimal | int, after: Decimal | int) -> str:
    """The signed difference; nothing when there is none.

    >>> change(1, 3), change(Decimal("2.50"), Decimal("1.50")), change(4, 4)
    ('+2', '-1.00', '')
    """
    if before == after:
        return ""
    if isinstance(before, int) and isinstance(after, int):
        return f"{after - before:+,}"
    difference = net(Decimal(before), Decimal(after))
    return f"{'+' if difference > 0 else ''}{pounds(difference)}"


def plural(number: int, noun: str) -> str:
    """One noun, counted.

    >>> plural(1, "row"), plural(2000, "row"), plural(2, "copy")
    ('1 row', '2,000 rows', '2 copies')
    """
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def cell(value: Any) -> str:  # noqa: ANN401  (a cell of any query)
    """One value of a query as text."""
    if value is None:
        return "NULL"
    if isinstance(value, Decimal):
        return pounds(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def shorten(text: str, width: int) -> str:
    """Keep the end, which is what tells two paths apart.

    >>> shorten("/a/very/long/folder/fees.csv", 12)
    '…er/fees.csv'
    """
    return text if len(text) <= width else f"…{text[len(text) - width + 1 :]}"


def grid(rows: Sequence[Sequence[str]], align: str, indent: int = 2) -> list[str]:
    """Rows in aligned columns, ``<`` or ``>`` each; the widest columns give way until a line fits.

    >>> grid([("files", "rows"), ("a.csv", "1,200")], "<>")
    ['  files   rows', '  a.csv  1,200']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + 2 * (len(widths) - 1) + indent > WIDTH and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for row in rows:
        cells = (f"{shorten(text, width):{side}{width}}" for text, side, width in zip(row, align, widths, strict=True))
        lines.append((" " * indent + "  ".join(cells)).rstrip())
    return lines


def paragraph(text: str, indent: int = 2, hanging: int = 0) -> list[str]:
    """Text wrapped to the width."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )
