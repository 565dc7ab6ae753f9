"""The parts of a page, as its template needs them. A sheet is its table: a table is one of the warehouse elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fees_etl.pages.chart import Chart


_FIGURE = re.compile(r"[+-][\d,.]+|\d+%|\d+\.\d\d")
NARROW = 46
"""Characters that have room beside a chart, on paper too."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A value of which something must be known beside it: ``so far`` of one that still grows."""

    value: Any
    note: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows below heads, the first cell of each names its row. Cells are values: the template writes them out.

    ``trace`` is a command that tells where the numbers come from, ``notes`` is what else there is to say; ``is_form``:
    its empty cells are to be filled in by hand.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    trace: str = ""
    notes: Sequence[str] = ()
    is_form: bool = False

    @property
    def is_wide(self) -> bool:
        """Whether it needs the width of the page: a column is at least as wide as its longest word."""
        texts = zip(self.heads, *self.rows, strict=True)
        return sum(max(len(word) for cell in column for word in [*str(cell).split(), ""]) for column in texts) > NARROW

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Of each column whether it is of figures, which stand on the right."""
        columns = ([row[at] for row in self.rows] for at in range(len(self.heads)))
        return tuple(
            any(map(_is_figure, cells)) and all(cell in (None, "") or _is_figure(cell) for cell in cells)
            for cells in columns
        )


@dataclass(frozen=True, slots=True)
class Block:
    """Charts and the tables that hold their numbers, side by side where there is room."""

    charts: Sequence[Chart] = ()
    sheets: Sequence[Sheet] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page with its heading; ``anchor`` is its name within the page."""

    anchor: str
    title: str
    said: Sequence[str] = ()
    """Paragraphs."""
    blocks: Sequence[Block] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A headline number, what it is, and the command that tells where it comes from."""

    label: str
    value: Any
    note: str = ""
    trace: str = ""
    is_open: bool = False
    """Whether it warns of something."""


def _is_figure(cell: Any) -> bool:
    value = cell.value if isinstance(cell, Noted) else cell
    if isinstance(value, str):
        return bool(_FIGURE.fullmatch(value))
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
