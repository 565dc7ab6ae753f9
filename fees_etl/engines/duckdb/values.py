"""Values in DuckDB's own SQL, and moments as it gives them back."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from fees_etl import query
from fees_etl.project.template import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fees_etl.script import Outcome
    from fees_etl.types import Contract, Table


log = logging.getLogger("fees_etl.sql")
MOMENT = "TIMESTAMP WITH TIME ZONE"
"""Fetched as microseconds: DuckDB makes a datetime of it only where pytz is installed."""
LIMITS = "SELECT current_setting('threads'), current_setting('memory_limit')"
_LEAST, _A_THREAD = 1024, 128
"""MiB. DuckDB 2.0 sorted and grouped ten million fees in 1 GiB on 16 threads and failed on 64: twice that is safe."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a translation depends on besides its text; it can be hashed, so that each is made once."""

    types: tuple[tuple[Table, tuple[tuple[str, str], ...]], ...] = ()
    partitions: tuple[tuple[Table, str], ...] = ()
    suffix: str = ""

    @classmethod
    def of(cls, contracts: Mapping[Table, Contract], suffix: str) -> Self:
        """What the contracts say."""
        return cls(
            tuple((table, tuple(contract.types.items())) for table, contract in contracts.items()),
            tuple((table, contract.partition_by) for table, contract in contracts.items() if contract.partition_by),
            suffix,
        )


@lru_cache(maxsize=128)
def to_native(sql: str, known: Known) -> str:
    """A run asks some questions before and after; every chunk of a backfill asks them again."""
    types = {table: dict(columns) for table, columns in known.types}
    return query.to_duckdb(sql, types, known.suffix, dict(known.partitions))


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


def known(answers: Iterable[str], outcome: Outcome) -> str:
    """The row of a record (:class:`fees_etl.script.Record`): what happened so far, as GoogleSQL literals."""
    steps = [{"name": one.name, "rows": one.rows, "seconds": round(one.seconds, 3)} for one in outcome.steps]
    texts: dict[str, str | None] = {"steps": json.dumps(steps)}
    for name in answers:
        texts[f"answer_{name}"] = outcome.answers[name].text() if name in outcome.answers else None
    cells = [f"CAST({literal(text)} AS STRING) AS {name}" for name, text in texts.items()]
    cells += [f"{literal(datetime.now(UTC))} AS finished_at", "CAST(NULL AS INT64) AS bytes_processed"]
    return f"SELECT {', '.join(cells)}"


def modest(threads: int, limit: str) -> str:
    """What a database may hold in memory unless it is told otherwise; never more than DuckDB's own ``limit``.

    Memory so stays as it is however long history grows; a first build of ten million rows takes an eighth longer.

    >>> modest(2, "18.7 GiB"), modest(32, "51.2 GiB"), modest(2, "409.5 MiB")
    ('1024 MiB', '4096 MiB', '409.5 MiB')
    """
    amount, unit = limit.split()
    own = float(amount) * {"KiB": 2**-10, "GiB": 2**10, "TiB": 2**20}.get(unit, 1)
    wanted = max(_LEAST, threads * _A_THREAD)
    return f"{wanted} MiB" if wanted < own else limit


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
