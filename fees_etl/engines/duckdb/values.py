"""What GoogleSQL is in DuckDB's own SQL: statements, values, tables that contracts promise."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from fees_etl import query
from fees_etl.errors import GuardRefused, ProjectError, UsageError, WarehouseError
from fees_etl.script import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from fees_etl.types import Contract, Table

log = logging.getLogger("fees_etl.sql")
TYPES = {
    "BOOL": "BOOLEAN",
    "DATE": "DATE",
    "DATETIME": "TIMESTAMP",
    "INT64": "BIGINT",
    "NUMERIC": "DECIMAL(38,9)",
    "STRING": "VARCHAR",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
}
"""GoogleSQL's types in DuckDB's words."""
_LEAST, _A_THREAD = 1024, 128
"""MiB. DuckDB 2.0 sorted and grouped ten million fees in 1 GiB on 16 threads and failed on 64: twice that is safe."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a translation depends on besides its text; it can be hashed, so that each is made once."""

    types: tuple[tuple[Table, tuple[tuple[str, str], ...]], ...] = ()
    partitions: tuple[tuple[Table, str], ...] = ()
    suffix: str = ""

    def after(self, sql: str) -> Known:
        """What is known once a statement has run: it may have made a temporary table."""
        if not sql.startswith(TEMPORARY):
            return self
        made = query.parse(sql, "statement")
        found = query.columns(made, {table: dict(columns) for table, columns in self.types})
        columns = tuple((column.name, column.type) for column in found)
        return replace(self, types=tuple((dict(self.types) | dict.fromkeys(made.writes, columns)).items()))


@lru_cache(maxsize=128)
def to_native(sql: str, known: Known) -> str:
    """GoogleSQL in DuckDB's words. A run asks some questions before and after, and every chunk of a backfill again."""
    types = {table: dict(columns) for table, columns in known.types}
    return query.to_duckdb(sql, types, known.suffix, dict(known.partitions))


@contextmanager
def named(name: str) -> Iterator[None]:
    """A block in which what is wrong with a query is told by the name of who asks: its text is no file."""
    try:
        yield
    except ProjectError as error:
        if error.path != "query":
            raise
        raise ProjectError(error.message.partition(": ")[2], path=name, line=error.line, hint=error.hint) from None


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


CALENDAR = {"DATE", "TIMESTAMP"}
"""Types of columns that are Python's dates and moments, from year 1 to 9999; beyond them DuckDB hands out texts."""


def beyond(column: str) -> WarehouseError:
    """The error for a moment that Python has not: nothing that was ingested or staged can hold one."""
    return WarehouseError(
        f"{column} holds a moment before year 1 or after 9999: somebody wrote to the warehouse by hand.",
        hint="See what else was: fees-etl assert --source",
    )


def own_words(native: Any) -> str:
    """The name that SQL knows an opened file by; a file that gives words of SQL another meaning is refused.

    Raises:
        GuardRefused: it has macros that are called as DuckDB's own functions are, and would be taken for them.
    """
    theirs = "NOT internal AND database_name = current_database()"
    named = f"SELECT function_name FROM duckdb_functions() GROUP BY ALL HAVING bool_or(internal) AND bool_or({theirs})"  # noqa: S608 - ours
    found = native.execute(f"SELECT current_database(), string_agg(function_name, ', ') FROM ({named})").fetchone()  # noqa: S608 - ours
    if found[1]:
        raise GuardRefused(
            f"the warehouse file gives functions of SQL another meaning: {found[1]}.",
            published="Nothing was touched: the numbers are as before.",
            hint=f"Take them out, in DuckDB: {' '.join(f'DROP MACRO {name};' for name in found[1].split(', '))}",
        )
    return str(found[0]).lower()


def modest(threads: int, limit: str) -> str:
    """What a database may hold in memory unless it is told otherwise: half of the machine's, or of its container's.

    ``limit`` is DuckDB's own, which is four fifths of that. It is never exceeded, however little there is.

    >>> modest(2, "18.7 GiB"), modest(64, "3.2 GiB"), modest(2, "1.6 GiB"), modest(2, "409.5 MiB")
    ('11968 MiB', '3.2 GiB', '1024 MiB', '409.5 MiB')
    """
    amount, unit = limit.split()
    own = float(amount) * {"KiB": 2**-10, "GiB": 2**10, "TiB": 2**20}.get(unit, 1)
    wanted = max(_LEAST, threads * _A_THREAD, int(own * 5 / 8))
    return f"{wanted} MiB" if wanted < own else limit


def quoted(value: object) -> str:
    """A moment, or the text of anything else such as a path, as a literal in DuckDB's own SQL."""
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
    return "'" + str(value).replace("'", "''") + "'"


def stamped(relation: str, constants: Mapping[str, Any]) -> str:
    """The rows of a query with the same cells added to each."""
    cells = "".join(f', {quoted(value)} AS "{name}"' for name, value in constants.items())
    return f"SELECT *{cells} FROM ({relation})"  # noqa: S608 - our own SQL


def ddl(contracts: Iterable[Contract], live: Mapping[str, Mapping[str, str]], *, may_create: bool) -> Iterator[str]:
    """DuckDB DDL that brings the live tables up to their contracts, which go by their names there.

    Raises:
        GuardRefused: a live column has another type.
        UsageError: something is missing and may not be created.
    """
    datasets = {name.partition(".")[0] for name in live}
    for contract in contracts:
        name, at = str(contract.table), f'"{contract.table.dataset}"."{contract.table.name}"'
        columns, seen = {one: TYPES[kind] for one, kind in contract.types.items()}, live.get(name, {})
        missing = [column for column in columns if column not in seen]
        for column, kind in columns.items():
            if seen.get(column, kind) != kind:
                raise GuardRefused(
                    f"{name}.{column} is {seen[column]} in the warehouse, but {kind} by {contract.path}.",
                    published="Nothing was written; the published numbers are as before.",
                    hint=f"Put the old type back into {contract.path}, or start a new warehouse file from the source.",
                )
        if missing and not may_create:
            raise UsageError(
                f"the warehouse has no {name} with the columns of {contract.path} yet.",
                hint="fees-etl run",
            )
        if name not in live:
            if contract.table.dataset not in datasets:
                datasets.add(contract.table.dataset)
                yield f'CREATE SCHEMA IF NOT EXISTS "{contract.table.dataset}"'
            listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            yield f"CREATE TABLE {at} ({listed})"
        else:
            yield from (f'ALTER TABLE {at} ADD COLUMN "{one}" {columns[one]}' for one in missing)
