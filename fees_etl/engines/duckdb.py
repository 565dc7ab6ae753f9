"""The embedded engine. The only door to duckdb.

GoogleSQL is translated statement by statement; the file, its write-ahead log and its spill folder hold NINOs and are
private to their owner.
"""

from __future__ import annotations

import glob
import logging
import os
import re
import shutil
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

_CONFIG: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
"""From the moment of opening: for a file of another database DuckDB would download what reads it."""
_MOMENT = "TIMESTAMP WITH TIME ZONE"
"""Fetched as microseconds: DuckDB makes a datetime of it only where pytz is installed."""
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_NINO = re.compile(r"\b[A-Za-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d]\b")

_FULL = "The disk is full"
_OTHER = "The warehouse was written by another version of DuckDB"
_DAMAGED = "The warehouse is damaged"
_REASONS = {
    "no space left": _FULL,
    "file too large": f"{_FULL}, as far as this user may fill it",
    "quota exceeded": f"{_FULL}, as far as this user may fill it",
    "read-only": "The warehouse may not be written to",
    "permission denied": "The warehouse may not be written to",
    "newer version": _OTHER,
    "different version": _OTHER,
    "storage version": _OTHER,
    "not a valid duckdb database": _DAMAGED,
    "corrupt": _DAMAGED,
    "checksum": _DAMAGED,
    "enough bytes": _DAMAGED,
    "sqlite_scanner": "The file is an SQLite database",
}


@dataclass(slots=True)
class _Block:
    """A transaction that is under way."""

    keep: bool = True

    def roll_back(self) -> None:
        self.keep = False


class _Reader:
    """A cursor whose statements are logged, and whose errors are translated, like the engine's own."""

    def __init__(self, engine: DuckDB) -> None:
        self._cursor = engine.native.cursor()
        self._translated = engine.translated

    def execute(self, sql: str) -> Self:
        log.debug("%s", sql)
        with self._translated("reading a file"):
            self._cursor.execute(sql)
        return self

    def fetchall(self) -> list[Any]:
        with self._translated("reading a file"):
            return list(self._cursor.fetchall())


class DuckDB:
    """A DuckDB file, or a database in memory when ``path`` is None."""

    def __init__(self, url: str, path: Path | None, *, read_only: bool, suffix: str) -> None:
        self.url = url
        self.spill = Path(f"{path}.tmp") if path else Path(tempfile.gettempdir())
        self._path = path
        self._owns_spill = path is not None and not read_only
        self._suffix = suffix
        self._schema: dict[Table, dict[str, str]] = {}
        self._block: _Block | None = None
        if path is not None and read_only and not path.exists():
            raise UsageError(
                f"there is no warehouse at {path} yet.",
                published="Nothing is published.",
                hint="Run `fees-etl run` first.",
            )
        with _private(), self.translated("opening the warehouse"):
            self.native = self._open(path, read_only=read_only)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

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
        with self.translated("reading"):
            rows = cursor.fetchall()
        places = {columns.index(name) for name in moments}
        return Rows(columns, tuple(_with_moments(row, places) for row in rows) if places else tuple(rows))

    def execute(self, sql: str) -> int:
        """See :class:`fees_etl.engines.Engine`."""
        cursor = self._native(query.to_duckdb(sql, self._schema, self._suffix))
        with self.translated("writing"):
            row = cursor.fetchone()
        return int(row[0]) if row else 0

    def load(self, table: Table, relation: str, constants: Mapping[str, Any]) -> int:
        """See :class:`fees_etl.engines.Engine`."""
        stamped = ", ".join(f'{_literal(value)} AS "{name}"' for name, value in constants.items())
        target = f'"{table.dataset}{self._suffix}"."{table.name}"'
        cursor = self._native(f"INSERT INTO {target} BY NAME SELECT *, {stamped} FROM ({relation})")  # noqa: S608 - our own SQL
        with self.translated("writing"):
            return int(cursor.fetchone()[0])

    def scratch(self) -> Any:
        """See :class:`fees_etl.engines.Engine`."""
        with _private(), self.translated("making the spill folder"):
            self.spill.mkdir(mode=0o700, exist_ok=True)
        return _Reader(self)

    @contextmanager
    def transaction(self) -> Iterator[_Block]:
        """See :class:`fees_etl.engines.Engine`."""
        if self._block is not None:
            yield self._block
            return
        self._block = _Block()
        try:
            self._native("BEGIN TRANSACTION")
            yield self._block
        except BaseException:
            with suppress(WarehouseError):  # the error that brought us here says more
                self._end(keep=False)
            raise
        self._end(keep=self._block.keep)

    def close(self) -> None:
        """See :class:`fees_etl.engines.Engine`."""
        if self._owns_spill:
            self._owns_spill = False
            with suppress(OSError):  # while the file's lock is held: afterwards the folder may be another's
                self.spill.rmdir()
        with suppress(duckdb.Error), _private():
            self.native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, path: Path | None, *, read_only: bool) -> Any:
        if path is None:
            return duckdb.connect(":memory:", config=_CONFIG)
        if not read_only:
            _create(path)
        return duckdb.connect(str(path), read_only=read_only, config={**_CONFIG, "temp_directory": f"{path}.tmp"})

    def _begin(self) -> None:
        if self._path is not None and self._owns_spill:
            _clean(self._path, self.spill)
        for statement in ("SET TimeZone = 'UTC'", *query.MACROS):
            self._native(statement)

    def _end(self, *, keep: bool) -> None:
        self._block = None
        try:
            self._native("COMMIT" if keep else "ROLLBACK")
        except BaseException:
            with suppress(WarehouseError):  # whatever is still open must not become part of what comes next
                self._native("ROLLBACK")
            raise

    def _native(self, sql: str) -> Any:
        log.debug("%s", sql)
        with _private(), self.translated("running a statement"):
            return self.native.execute(sql)

    def _live_columns(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        sql = "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        cursor = self._native(sql)
        with self.translated("reading"):
            for dataset, table, column, kind in cursor.fetchall():
                found.setdefault(f"{dataset}.{table}", {})[column] = kind
        return found

    @contextmanager
    def translated(self, doing: str) -> Iterator[None]:
        """Errors of DuckDB and of the system become ours."""
        try:
            yield
        except duckdb.Error as error:
            self._fail(error, doing)
        except OSError as error:
            said = error.strerror or type(error).__name__
            raise WarehouseError(f"{_reason(said)} ({doing} of {self._path}): {said}") from error
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
        if isinstance(error, duckdb.TransactionException) and "conflict" in text.lower():
            raise WarehouseBusy(f"another connection of this process changed {self._path} meanwhile.") from error
        raise WarehouseError(
            f"{_reason(text)} ({doing} of {self._path or 'the database in memory'}): {text}"
        ) from error


def _reason(text: str) -> str:
    """Our words for what DuckDB says, for what people meet most."""
    lowered = text.lower()
    return next((ours for theirs, ours in _REASONS.items() if theirs in lowered), "DuckDB refused")


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
    if path.is_dir():
        raise UsageError(
            f"{path} is a folder, not a warehouse.",
            published="Nothing was touched.",
            hint=f"Name a file in it: duckdb://{path}/fees.duckdb",
        )
    if path.exists():
        mode = path.stat().st_mode
        if not mode & 0o200:
            raise WarehouseError(
                f"The warehouse may not be written to: {path} is read-only.",
                published="Nothing was touched; the published numbers are as before.",
                hint=f"If it is meant to be written: chmod u+w {path}",
            )
        if mode & 0o077:
            path.chmod(mode & 0o700)
        return
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} for the warehouse.", published="Nothing was touched.")
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        duckdb.connect(str(draft)).close()
        with suppress(FileExistsError, FileNotFoundError):  # somebody else was first, and may have tidied up
            os.link(draft, path)
    finally:
        for leftover in (draft, Path(f"{draft}.wal")):
            leftover.unlink(missing_ok=True)


def _clean(path: Path, spill: Path) -> None:
    """What killed processes left beside a file that is now ours alone."""
    drafts = [
        *path.parent.glob(f".{glob.escape(path.name)}.*.new"),
        *path.parent.glob(f".{glob.escape(path.name)}.*.new.wal"),
    ]
    for leftover in [*drafts, *spill.glob("duckdb_temp_*")]:
        with suppress(OSError):
            leftover.unlink()
    for folder in spill.glob("reading-*"):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _private() -> Iterator[None]:
    """Files that DuckDB makes meanwhile belong to their owner alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
