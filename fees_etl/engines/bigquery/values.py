"""What a job brings back: the rows of a query as one text, and that text as typed rows again.

Each row is a JSON list of texts, so that a NUMERIC keeps its digits and a script variable holds any query's rows.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.script import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def as_json(sql: str, columns: Sequence[str]) -> str:
    """GoogleSQL for all rows of a query as one STRING, in no particular order; at most 1 MB fits a script variable."""
    cells = ", ".join(f"CAST({column} AS STRING)" for column in columns)
    return f"SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([{cells}]), ','), ''), ']')\nFROM (\n{sql}\n)"


def rows(text: str, types: Mapping[str, str]) -> Rows:
    """The rows of such a text, by the names and GoogleSQL types of their columns.

    >>> rows('[["1.50","2025-01-31",null]]', {"pounds": "NUMERIC", "day": "DATE", "why": "STRING"}).rows
    ((Decimal('1.50'), datetime.date(2025, 1, 31), None),)
    """
    readers = [_READERS[kind] for kind in types.values()]
    return Rows(
        tuple(types),
        tuple(
            tuple(None if cell is None else read(cell) for read, cell in zip(readers, row, strict=True))
            for row in json.loads(text)
        ),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


_READERS: dict[str, Callable[[str], Any]] = {
    "STRING": str,
    "INT64": int,
    "NUMERIC": Decimal,
    "DATE": date.fromisoformat,
    "DATETIME": datetime.fromisoformat,
    "TIMESTAMP": _moment,
    "BOOL": "true".__eq__,
}
