"""What the JSON columns of ``ops.runs`` hold, to tell what a run has written from what somebody has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date  # noqa: TC003  (pydantic reads annotations)
from decimal import Decimal  # noqa: TC003  (pydantic reads annotations)
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, TypeAdapter


def _alike(rows: Any) -> Any:
    """Rows of one table, which have the same columns.

    Raises:
        ValueError: they have not.
    """
    if isinstance(rows, list) and any(not isinstance(one, dict) or [*one] != [*rows[0]] for one in rows):
        raise ValueError
    return rows


@dataclass
class Step:
    """A table that was filled: rows, where the engine counts them, and seconds."""

    name: str
    rows: int | None
    seconds: float | None


@dataclass
class Moved:
    """A fee date: rows and pounds before and after."""

    fee_date: date
    rows: tuple[int, int]
    amount: tuple[Decimal, Decimal]


@dataclass
class Verdict:
    """An assertion: rows that fail and that are waived, and the failing ones."""

    name: str
    severity: Literal["error", "warn"]
    failing: int
    waived: int
    waivers: str | None
    unused: str | None = None
    rows: Annotated[list[dict[str, Any]] | None, BeforeValidator(_alike)] = None


SHAPES: dict[str, TypeAdapter[Any]] = {
    "steps": TypeAdapter(Annotated[list[Step], BeforeValidator(_alike)]),
    "changes": TypeAdapter(list[Moved]),
    "assertions": TypeAdapter(list[Verdict]),
    "headline": TypeAdapter(dict[str, list[list[str | None]] | None]),
}
