"""Tables and paragraphs as text: aligned columns, as wide as the terminal."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.figures import cell, plain
from fees_etl.privacy import redact
from fees_etl.streams import inline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

WIDTH = 100
LEAST = 12
"""What a text is cut to at the shortest, before the columns of a table go on two pages."""
DATES = 10
"""Fee dates that a table names; what the others come to is one line."""
READABLE = 24
"""A cell may be cut to this much before a table becomes paragraphs."""
NUMBER = re.compile(r"[+-]?[\d,]+(\.\d+)?")


def width() -> int:
    """Columns of the terminal, 60 to 200; 100 where stdout is none."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return min(max(shutil.get_terminal_size((WIDTH, 24)).columns, 60), 200) if is_terminal else WIDTH


def grid(
    rows: Sequence[Sequence[str]], align: str, indent: int = 2, *, keys: int = 1, whole: int | None = None
) -> list[str]:
    """Rows in aligned columns, ``<`` or ``>`` each, decimal points too; texts give way until a line fits.

    A text that is cut keeps its beginning and its end, which is what tells two paths apart; the column ``whole`` is
    never cut. Where that is not enough, the columns follow in pages, each with the first ``keys`` columns; with 0 keys
    there are no pages, and numbers are cut, too.

    >>> grid([("file", "rows", "pounds"), ("a.csv", "1,200", "1.005"), ("b.csv", "7", "12.50")], "<>>")
    ['  file    rows  pounds', '  a.csv  1,200   1.005', '  b.csv      7  12.50']
    """
    # While they are whole: a cut may end within a number.
    rows = [[inline(redact(text)) for text in row] for row in rows]
    columns = [
        _points(column) if side == ">" else column for column, side in zip(zip(*rows, strict=True), align, strict=True)
    ]
    widths = [max(map(len, column)) for column in columns]
    may = [at for at, side in enumerate(align) if side == "<" and at != whole]
    while _line(widths, indent) > width() and (wide := [at for at in may if widths[at] > LEAST]):
        widths[max(wide, key=lambda at: (widths[at], at))] -= 1
    pages = [list(range(len(columns)))]
    if keys and _line(widths, indent) > width():
        pages = [list(range(keys))]
        for at in range(keys, len(columns)):
            if len(pages[-1]) > keys and _line([widths[one] for one in (*pages[-1], at)], indent) > width():
                pages.append(list(range(keys)))
            pages[-1].append(at)
    while max(_line([widths[at] for at in page], indent) for page in pages) > width():
        widest, at = max((one, at) for at, one in enumerate(widths) if at != whole)
        if widest <= 1:
            break
        widths[at] -= 1
    lines: list[str] = []
    for page in pages:
        lines += [""] * bool(lines)
        cells = [[f"{_cut(text, widths[at]):{align[at]}{widths[at]}}" for text in columns[at]] for at in page]
        lines += [(" " * indent + "  ".join(row)).rstrip() for row in zip(*cells, strict=True)]
    return lines


def _cut(text: str, size: int) -> str:
    """At most so long; what is left out is in its middle."""
    head = max((size - 1) // 3, 1)
    tail = size - 1 - head
    return text if len(text) <= size else f"{text[:head]}…{text[-tail:] if tail > 0 else ''}"[:size]


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], indent: int = 2, *, keys: int = 0) -> list[str]:
    """The answer of any query: a grid where that can be read, else a paragraph a row. Columns without values go.

    With ``keys``, which are the first columns, it is a grid in any case, if need be in pages of columns.
    """
    shown = [at for at in range(len(columns)) if at < keys or any(row[at] is not None for row in rows)]
    cells = [[columns[at] for at in shown], *([cell(row[at]) for at in shown] for row in rows)]
    align = "".join("<>"[all(isinstance(row[at], int | Decimal | None) for row in rows)] for at in shown)
    widths = [min(max(map(len, column)), READABLE) for column in zip(*cells, strict=True)]
    if keys or _line(widths, indent) <= width():
        return grid(cells, align, indent, keys=keys)
    texts = (", ".join(f"{name} {text}" for name, text in zip(cells[0], row, strict=True)) for row in cells[1:])
    return paragraphs(texts, indent, 2)


def _line(widths: Sequence[int], indent: int) -> int:
    return sum(widths) + 2 * (len(widths) - 1) + indent


def _points(column: Sequence[str]) -> list[str]:
    """Numbers padded on the right until their decimal points stand below each other."""
    decimals = {text: len(text.lstrip("+-,0123456789")) for text in column if NUMBER.fullmatch(text)}
    most = max(decimals.values(), default=0)
    return [text + " " * (most - decimals.get(text, most)) for text in column]


def paragraph(text: str, indent: int = 2, hanging: int = 0) -> list[str]:
    """Text wrapped to the width."""
    first, more = " " * indent, " " * (indent + hanging)
    return textwrap.wrap(
        redact(text),
        width(),
        initial_indent=first,
        subsequent_indent=more,
        break_long_words=width() < WIDTH,
        break_on_hyphens=False,
    )


def paragraphs(texts: Iterable[str], indent: int = 2, hanging: int = 0) -> list[str]:
    """Each of them."""
    return [line for text in texts for line in paragraph(text, indent, hanging)]


def keyed(values: Mapping[str, Any], say: Callable[[Any], str] = plain) -> str:
    """Names, each with its value.

    >>> keyed({"adviser_id": "A1", "month": 9})
    'adviser_id A1, month 9'
    """
    return ", ".join(f"{name} {say(value)}" for name, value in values.items())
