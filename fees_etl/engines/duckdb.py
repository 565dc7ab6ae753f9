"""The embedded engine. The only door to duckdb.

GoogleSQL is translated statement by statement; the file, its write-ahead log and its spill folder hold NINOs and are
private to their owner.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import duckdb

from fees_etl import query
from fees_etl.engines import drift
from fees_etl.errors import UsageError, WarehouseBusy, WarehouseError
from fees_etl.types import Contract, Rows, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

__all__ = ["DuckDB"]

log = logging.getLogger("fees_etl.sql")

_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
)
_MOMENT = "TIMESTAMP WITH TIME ZONE"
"""Fetched as microseconds: DuckDB makes a datetime of it only where pytz is installed."""
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_NINO = re.compile(r"\b[A-Za-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d]\b")


@dataclass(slots=True)
class _Block:
    """A transaction that is under way."""

    keep: bool = True

    def roll_back(self) -> None:
        self.keep = False


class _Reader:
    """A cursor whose statements are logged like the engine's own."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def execute(self, sql: str) -> Any:
        log.debug("%s", sql)
        return self._cursor.execute(sql)


class DuckDB:
    """A DuckDB file, or a database in memory when ``path`` is None."""

    def __init__(self, url: str, path: Path | None, *, read_only: bool, suffix: str) -> None:
        self.url = url
        self.spill = Path(f"{path}.tmp") if path else Path(tempfile.gettempdir())
        self._path = path
        self._suffix = suffix
        self._schema: dict[Table, dict[str, str]] = {}
        self._block: _Block | None = None
        if path is not None and read_only and not path.exists():
            raise UsageError(
                f"there is no warehouse at {path} yet.",
                published="Nothing is published.",
                hint="Run `fees-etl run` first.",
            )
        with _private(), self._translated("opening the warehouse"):
            self.native = self._open(path, read_only=read_only)
        for statement in (*_SETTINGS, *query.MACROS):
            self._native(statement)

    def prepare(self, contracts: Mapping[Table, Contract], *, create: bool = True) -> None:
        """See :class:`fees_etl.engines.Engine`."""
        self._schema = {table: contract.types for table, contract in contracts.items()}
        live = self._live_columns()
        for sql in drift.statements(contracts, live, may_create=create, suffix=self._suffix):
            self._native(sql)

    def query(self, sql: str) -> Rows:
        """See :class:`fees_etl.engines.Engine`."""
        native = query.to_duckdb(sql, self._schema, self._suffix)
        cursor = self._native(native)
        columns = tuple(column[0] for column in cursor.description or ())
        moments = [column[0] for column in cursor.description or () if column[1] == _MOMENT]
        if moments:
            listed = ", ".join(f'epoch_us("{name}") AS "{name}"' for name in moments)
            cursor = self._native(f"SELECT * REPLACE ({listed}) FROM ({native})")  # noqa: S608 - our own SQL
        with self._translated("reading"):
            rows = cursor.fetchall()
        places = {columns.index(name) for name in moments}
        return Rows(columns, tuple(_with_moments(row, places) for row in rows) if places else tuple(rows))

    def execute(self, sql: str) -> int:
        """See :class:`fees_etl.engines.Engine`."""
        cursor = self._native(query.to_duckdb(sql, self._schema, self._suffix))
        with self._translated("writing"):
            row = cursor.fetchone()
        return int(row[0]) if row else 0

    def load(self, table: Table, relation: str, constants: Mapping[str, Any]) -> int:
        """See :class:`fees_etl.engines.Engine`."""
        stamped = ", ".join(f'{_literal(value)} AS "{name}"' for name, value in constants.items())
        target = f'"{table.dataset}{self._suffix}"."{table.name}"'
        cursor = self._native(f"INSERT INTO {target} BY NAME SELECT *, {stamped} FROM ({relation})")  # noqa: S608 - our own SQL
        return int(cursor.fetchone()[0])

    def scratch(self) -> Any:
        """See :class:`fees_etl.engines.Engine`."""
        with _private():
            self.spill.mkdir(mode=0o700, exist_ok=True)
        return _Reader(self.native.cursor())

    @contextmanager
    def transaction(self) -> Iterator[_Block]:
        """See :class:`fees_etl.engines.Engine`."""
        if self._block is not None:
            yield self._block
            return
        self._native("BEGIN TRANSACTION")
        self._block = _Block()
        try:
            yield self._block
        except BaseException:
            self._end(keep=False)
            raise
        self._end(keep=self._block.keep)

    def close(self) -> None:
        """See :class:`fees_etl.engines.Engine`."""
        with suppress(duckdb.Error), _private():
            self.native.close()
        if self._path is not None:
            with suppress(OSError):
                Path(f"{self._path}.tmp").rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, path: Path | None, *, read_only: bool) -> Any:
        if path is None:
            return duckdb.connect(":memory:")
        if not read_only:
            _create(path)
        return duckdb.connect(str(path), read_only=read_only, config={"temp_directory": f"{path}.tmp"})

    def _end(self, *, keep: bool) -> None:
        self._block = None
        if keep:
            self._native("COMMIT")
            return
        with suppress(WarehouseError, duckdb.Error):  # the error that brought us here says more
            self._native("ROLLBACK")

    def _native(self, sql: str) -> Any:
        log.debug("%s", sql)
        with _private(), self._translated("running a statement"):
            return self.native.execute(sql)

    def _live_columns(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        sql = "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        for dataset, table, column, kind in self._native(sql).fetchall():
            found.setdefault(f"{dataset}.{table}", {})[column] = kind
        return found

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            self._fail(error, doing)
        except RuntimeError as error:
            if "interrupted" in str(error).lower():
                raise KeyboardInterrupt from error
            raise

    def _fail(self, error: duckdb.Error, doing: str) -> NoReturn:
        text = _NINO.sub("[NINO]", str(error).strip().splitlines()[0])
        if isinstance(error, duckdb.InterruptException):
            raise KeyboardInterrupt from error
        if "Could not set lock" in text or "Conflicting lock" in text:
            raise _busy(text, self._path) from error
        raise WarehouseError(
            f"{_reason(text)} ({doing} of {self._path or 'the database in memory'}): {text}"
        ) from error


def _reason(text: str) -> str:
    """Our words for what DuckDB says, for what people meet most."""
    lowered = text.lower()
    if "no space left" in lowered:
        return "The disk is full"
    if "read-only" in lowered or "permission denied" in lowered:
        return "The warehouse may not be written to"
    if "newer version" in lowered or "different version" in lowered or "storage version" in lowered:
        return "The warehouse was written by another version of DuckDB"
    if "not a valid duckdb database" in lowered or "corrupt" in lowered or "checksum" in lowered:
        return "The warehouse is damaged"
    return "DuckDB refused"


def _busy(text: str, path: Path | None) -> WarehouseBusy:
    match = _HOLDER.search(text)
    holder = "another process"
    if match:
        holder = f"process {match['pid']} ({match['program']}){_since(match['pid'])}"
    return WarehouseBusy(f"{path} is held by {holder}.")


def _since(pid: str) -> str:
    """When the process began, where the system says so."""
    try:
        began = Path(f"/proc/{pid}").stat().st_mtime
    except OSError:
        return ""
    return f" since {datetime.fromtimestamp(began, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _with_moments(row: tuple[Any, ...], places: set[int]) -> tuple[Any, ...]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return tuple(
        epoch + timedelta(microseconds=cell) if place in places and cell is not None else cell
        for place, cell in enumerate(row)
    )


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
    return "'" + str(value).replace("'", "''") + "'"


def _create(path: Path) -> None:
    """Make the file private before it holds anything: under another name, then linked into place if nobody else did."""
    if path.exists():
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} for the warehouse.", published="Nothing was touched.")
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        duckdb.connect(str(draft)).close()
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        for leftover in (draft, Path(f"{draft}.wal")):
            leftover.unlink(missing_ok=True)


@contextmanager
def _private() -> Iterator[None]:
    """Files that DuckDB makes meanwhile belong to their owner alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
