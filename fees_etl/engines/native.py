"""Values in DuckDB's own SQL, and moments as it gives them back."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["MOMENT", "Reader", "quoted", "stamped", "with_moments"]

log = logging.getLogger("fees_etl.sql")
MOMENT = "TIMESTAMP WITH TIME ZONE"
"""Fetched as microseconds: DuckDB makes a datetime of it only where pytz is installed."""


class Reader:
    """A cursor whose statements are logged, and whose errors are translated, like those of its engine."""

    def __init__(self, cursor: Any, translated: Callable[[str], AbstractContextManager[None]]) -> None:
        self._cursor, self._translated = cursor, translated

    def execute(self, sql: str) -> Self:
        """Run one statement."""
        log.debug("%s", sql)
        with self._translated("reading a file"):
            self._cursor.execute(sql)
        return self

    def fetchall(self) -> list[Any]:
        """The rows of the last one."""
        with self._translated("reading a file"):
            return list(self._cursor.fetchall())


def with_moments(row: tuple[Any, ...], places: set[int]) -> tuple[Any, ...]:
    """A row whose cells at these places are microseconds since 1970, as datetimes in UTC."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return tuple(
        epoch + timedelta(microseconds=cell) if place in places and cell is not None else cell
        for place, cell in enumerate(row)
    )


def quoted(path: Path) -> str:
    """A path as a text, whatever is in its name."""
    return "'" + str(path).replace("'", "''") + "'"


def stamped(relation: str, constants: Mapping[str, Any]) -> str:
    """The rows of a query with the same cells added to each."""
    cells = "".join(f', {_literal(value)} AS "{name}"' for name, value in constants.items())
    return f"SELECT *{cells} FROM ({relation})"  # noqa: S608 - our own SQL


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
    return "'" + str(value).replace("'", "''") + "'"
