"""The embedded engine. The only door to duckdb.

GoogleSQL is translated statement by statement; the file, its write-ahead log and its spill folder hold NINOs and are
private to their owner.
"""

from __future__ import annotations

import logging
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import duckdb

from fees_etl import query
from fees_etl.engines.duckdb import tables as drift
from fees_etl.engines.duckdb.errors import busy, reason
from fees_etl.engines.duckdb.files import clean, create, private
from fees_etl.engines.duckdb.values import (
    LIMITS,
    MOMENT,
    Known,
    Reader,
    known,
    modest,
    quoted,
    stamped,
    to_native,
    with_moments,
)
from fees_etl.errors import UsageError, WarehouseBusy, WarehouseError
from fees_etl.plans import Ask, Step
from fees_etl.privacy import redact
from fees_etl.results import Rows, StepResult
from fees_etl.script import Answer, Load, Outcome, Part, Record, Script, Stop, Write
from fees_etl.types import Contract, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

    from fees_etl.engines import Watch


log = logging.getLogger("fees_etl.sql")

_CONFIG: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
"""From the moment of opening: for a file of another database DuckDB would download what reads it."""


@dataclass(slots=True)
class _Block:
    """A transaction that is under way."""

    keep: bool = True

    def roll_back(self) -> None:
        self.keep = False


class DuckDB:
    """A DuckDB file, or a database in memory when ``path`` is None."""

    def __init__(self, url: str, path: Path | None, *, read_only: bool, suffix: str, memory: str | None = None) -> None:
        self.url, self.location = url, ""
        self.spill = Path(f"{path}.tmp") if path else Path(tempfile.gettempdir())
        self._path = path
        self._config = _CONFIG | ({"memory_limit": memory} if memory else {})
        self._owns_spill = path is not None and not read_only
        self._known, self._contracts = Known(suffix=suffix), dict[Table, Contract]()
        self._block: _Block | None = None
        if path is not None and read_only and not path.exists():
            raise UsageError(
                f"there is no warehouse at {path} yet.",
                published="Nothing is published.",
                hint="Run `fees-etl run` first.",
            )
        with private(), self.translated("opening the warehouse"):
            self.native = self._open(path, read_only=read_only)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def prepare(self, contracts: Mapping[Table, Contract], *, create: bool = True) -> None:
        """See :class:`fees_etl.engines.Engine`."""
        if all(self._contracts.get(table) == contract for table, contract in contracts.items()):
            return
        self._known = Known.of({**self._contracts, **contracts}, self._known.suffix)
        live = self._live_columns()
        missing = tuple(drift.statements(contracts, live, may_create=create, suffix=self._known.suffix))
        if missing:  # all of it is judged before any of it is done
            with self._transaction():
                for sql in missing:
                    self._native(sql)
        if self._block is None:  # what is created within a block may be rolled back with it
            self._contracts.update(contracts)

    def query(self, sql: str) -> Rows:
        """See :class:`fees_etl.engines.Engine`."""
        native = to_native(sql, self._known)
        cursor = self._native(native)
        columns = tuple(column[0] for column in cursor.description or ())
        moments = [column[0] for column in cursor.description or () if column[1] == MOMENT]
        if moments:
            listed = ", ".join(f'epoch_us("{name}") AS "{name}"' for name in moments)
            cursor = self._native(f"SELECT * REPLACE ({listed}) FROM ({native})")  # noqa: S608 - our own SQL
        with self.translated("reading"):
            rows = cursor.fetchall()
        places = {columns.index(name) for name in moments}
        return Rows(columns, tuple(with_moments(row, places) for row in rows) if places else tuple(rows))

    def answers(self, asks: Iterable[Ask], watch: Watch | None = None) -> dict[str, Answer]:
        """See :class:`fees_etl.engines.Engine`."""
        outcome = Outcome()
        for ask in asks:
            self._do(ask, outcome, watch)
        return outcome.answers

    def transact(self, script: Script, watch: Watch | None = None) -> Outcome:
        """See :class:`fees_etl.engines.Engine`."""
        outcome = script.seen or Outcome()
        with self._transaction() as block:
            self._walk(script.parts, outcome, watch)
            if outcome.verdict != "accepted" or not script.keep:
                block.roll_back()
            else:
                self._record(script.accepted, outcome)
        if outcome.verdict == "rejected" and script.keep:
            with self._transaction():
                self._record(script.rejected, outcome)
        return outcome

    def estimate(self, statements: Iterable[str]) -> tuple[None, ...]:
        """See :class:`fees_etl.engines.Engine`."""
        return tuple(None for _ in statements)

    def allow(self, statements: Iterable[str]) -> None:
        """See :class:`fees_etl.engines.Engine`: reading is free."""

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """See :class:`fees_etl.engines.Engine`."""
        with self._transaction() as block:
            block.roll_back()
            yield

    def copy(self, relation: str, path: Path, constants: Mapping[str, Any] | None = None) -> None:
        """Write the rows of a query in DuckDB's own SQL to a Parquet file."""
        self._native(f"COPY ({stamped(relation, constants or {})}) TO {quoted(path)} (FORMAT parquet)")

    def scratch(self) -> Any:
        """See :class:`fees_etl.engines.Engine`."""
        with private(), self.translated("making the spill folder"):
            self.spill.mkdir(mode=0o700, exist_ok=True)
        return Reader(self.native.cursor(), self.translated)

    def close(self) -> None:
        """See :class:`fees_etl.engines.Engine`."""
        if self._owns_spill:
            self._owns_spill = False
            with suppress(OSError):  # while the file's lock is held: afterwards the folder may be another's
                self.spill.rmdir()
        with suppress(duckdb.Error), private():
            self.native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, path: Path | None, *, read_only: bool) -> Any:
        if path is None:
            return duckdb.connect(":memory:", config=self._config)
        if not read_only:
            create(path, lambda draft: duckdb.connect(str(draft)).close())
        return duckdb.connect(str(path), read_only=read_only, config=self._config | {"temp_directory": f"{path}.tmp"})

    def _begin(self) -> None:
        if self._path is not None and self._owns_spill:
            clean(self._path, self.spill)
        for statement in ("SET TimeZone = 'UTC'", *query.MACROS):
            self._native(statement)
        if self._owns_spill and "memory_limit" not in self._config:  # a reader may have no folder to spill into
            threads, limit = self._native(LIMITS).fetchone()
            self._native(f"SET memory_limit = '{modest(threads, limit)}'")

    def _walk(self, parts: Iterable[Part], outcome: Outcome, watch: Watch | None) -> None:
        fatal = []
        for part in parts:
            if isinstance(part, Stop):
                if self.query(part.sql).rows[0][0]:
                    outcome.verdict = part.verdict
                    return
                continue
            self._do(part, outcome, watch)
            fatal += [part.name] if isinstance(part, Ask) and part.severity == "error" else []
        outcome.judge(fatal)

    def _do(self, part: Part, outcome: Outcome, watch: Watch | None) -> None:
        began = time.monotonic()
        match part:
            case Write(sql):
                self._write(sql)
            case Load():
                self._load(part)
            case Step(name, kind):
                counts = [self._write(sql) for sql in part.statements]
                for sql in part.books:
                    self._write(sql)
                count = sum(counts[kind == "rebuild" :])  # a rebuild first deletes
                outcome.steps.append(StepResult(name, kind, part.table, count, time.monotonic() - began))
                (watch or _nobody)(outcome.steps[-1])
            case Ask(name, sql):
                outcome.answers[name] = Answer(name, self.query(sql), time.monotonic() - began)
                (watch or _nobody)(outcome.answers[name])

    def _write(self, sql: str) -> int:
        cursor = self._native(to_native(sql, self._known))
        with self.translated("writing"):
            row = cursor.fetchone()
        return int(row[0]) if row else 0

    def _load(self, part: Load) -> None:
        target = f'"{part.table.dataset}{self._known.suffix}"."{part.table.name}"'
        by = dict(self._known.partitions).get(part.table)
        order = f' ORDER BY "{by}"' if by else ""  # as to_duckdb has it
        self._native(f"INSERT INTO {target} BY NAME {stamped(part.relation, part.constants)}{order}")

    def _record(self, record: Record | None, outcome: Outcome) -> None:
        if record is not None:
            self._write(record.of(known(record.answers, outcome)))

    @contextmanager
    def _transaction(self) -> Iterator[_Block]:
        """A block that happens whole or not at all; a block within a block belongs to the outer one."""
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
        with private(), self.translated("running a statement"):
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
            raise WarehouseError(f"{reason(said)} ({doing} of {self._path}): {said}") from error
        except RuntimeError as error:
            if "interrupted" in str(error).lower():
                raise KeyboardInterrupt from error
            raise

    def _fail(self, error: duckdb.Error, doing: str) -> NoReturn:
        text = redact(str(error).strip().splitlines()[0])
        if isinstance(error, duckdb.InterruptException):
            raise KeyboardInterrupt from error
        if "Could not set lock" in text or "Conflicting lock" in text:
            raise busy(text, self._path) from error
        if isinstance(error, duckdb.TransactionException) and "conflict" in text.lower():
            raise WarehouseBusy(f"another connection of this process changed {self._path} meanwhile.") from error
        raise WarehouseError(f"{reason(text)} ({doing} of {self._path or 'the database in memory'}): {text}") from error


def _nobody(_: object) -> None:
    """Progress that nobody watches."""
