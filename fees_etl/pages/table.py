"""A table of a page, as its template needs it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Noted:
    """A value of which something must be known beside it: ``so far`` of one that still grows."""

    value: Any
    note: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below heads, the first cell of each names its row. Cells are values: the template writes them out.

    ``trace`` is a command that tells where the numbers come from, ``notes`` is what else there is to say.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    trace: str = ""
    notes: Sequence[str] = ()

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Of each column whether it is of figures, which stand on the right."""
        return tuple(
            any(_is_figure(row[at]) for row in self.rows) and all(row[at] in (None, "") or _is_figure(row[at]) for row in self.rows)
            for at in range(len(self.heads))
        )


def _is_figure(cell: Any) -> bool:
    value = cell.value if isinstance(cell, Noted) else cell
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
