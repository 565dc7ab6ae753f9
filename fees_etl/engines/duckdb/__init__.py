"""The embedded engine. The only door to duckdb.

GoogleSQL is translated statement by statement; the file, its write-ahead log and its spill folder hold NINOs and are
private to their owner.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from fees_etl import query
from fees_etl.engines import Engine, alone, placed
from fees_etl.engines.duckdb.files import Place, clean, identity, opened, private, translated
from fees_etl.engines.duckdb.values import (
    CALENDAR,
    TYPES,
    Known,
    Reader,
    beyond,
    ddl,
    modest,
    named,
    own_words,
    quoted,
    stamped,
    to_native,
)
from fees_etl.errors import UsageError, WarehouseBusy, WarehouseError
from fees_etl.project.template import literal
from fees_etl.script import Answer, Ask, Load, Outcome, Part, Record, Rows, Script, Step, StepResult, Stop, Write
from fees_etl.types import Contract, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fees_etl.engines import Watch

__all__ = ["DuckDB"]

log = logging.getLogger("fees_etl.sql")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONFIG: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
"""From the moment of opening: for a file of another database DuckDB would download what reads it."""


class DuckDB(Engine):
    """A DuckDB file, or a database in memory when ``path`` is None."""

    most_files = 1_000
    """What a transaction read from is let go at its end: 170 KiB for each file of a few rows."""

    def __init__(self, url: str, path: Path | None, *, read_only: bool, suffix: str, memory: str | None = None) -> None:
        self.url, self.location = url, ""
        self._name: object = path or "the database in memory"
        self.spill = Path(f"{path}.tmp") if path else Path(tempfile.gettempdir())
        self.translated = partial(translated, path)
        self._owns_spill = path is not None and not read_only
        self._known, self._contracts = Known(suffix=suffix), dict[Table, Contract]()
        self.strange, self._catalog = {}, ""
        self._keep: bool | None = None  # of the transaction that is under way
        self._thread = 0  # which is in it
        with private(), self.translated("opening the warehouse"):
            config = _CONFIG | ({"memory_limit": memory} if memory else {})
            self.native = opened(path, config, read_only=read_only) if path else duckdb.connect(config=config)
            self._place: object = identity(path) if path else self.native
            self._file = Place(path) if path else None
        try:
            if path is not None and self._owns_spill:
                with suppress(WarehouseBusy), alone(self._place, path):  # else what lies there is in use
                    clean(path, self.spill)
            if path is not None:
                self._catalog = own_words(self.native)
            for statement in ("SET TimeZone = 'UTC'", *query.MACROS):
                self._native(statement)
            if self._owns_spill and memory is None:  # a reader may have no folder to spill into
                limits = self._native("SELECT current_setting('threads'), current_setting('memory_limit')").fetchone()
                self._native(f"SET memory_limit = '{modest(*limits)}'")
        except BaseException:
            self.close()
            raise

    def prepare(self, contracts: Mapping[Table, Contract], *, create: bool = True) -> None:
        if all(self._contracts.get(table) == contract for table, contract in contracts.items()):
            return
        named = placed(contracts, self._known.suffix)
        if self._catalog in {made.table.dataset.lower() for made in named.values()}:
            raise UsageError(
                f"a warehouse file cannot be called {self._catalog}, as one of its datasets is.",
                hint=f"Name another: FEES_ETL_WAREHOUSE={self.url.removesuffix('.duckdb')}_fees.duckdb",
            )
        known = {**self._contracts, **contracts}.items()
        types = tuple((table, tuple(contract.types.items())) for table, contract in known)
        partitions = tuple((table, contract.partition_by) for table, contract in known if contract.partition_by)
        self._known = Known(types, partitions, self._known.suffix)
        live: dict[str, dict[str, str]] = {}
        cursor = self._native(
            "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        )
        with self.translated("reading"):
            for table, column, kind in cursor.fetchall():
                live.setdefault(table, {})[column] = kind
        for at, made in named.items():
            self.strange[at] = tuple(name for name in live.get(str(made.table), {}) if name not in made.types)
        missing = tuple(ddl(named.values(), live, may_create=create))
        if missing:  # all of it is judged before any of it is done
            with self._transaction():
                for sql in missing:
                    self._native(sql)
        if self._keep is None:  # what is created within a block may be rolled back with it
            self._contracts.update(contracts)

    def query(self, sql: str) -> Rows:
        native = to_native(sql, self._known)
        cursor = self._native(native)
        columns = tuple(column[0] for column in cursor.description)
        moments = [column[0] for column in cursor.description if column[1] == TYPES["TIMESTAMP"]]
        if moments:  # DuckDB makes a datetime of one only where pytz is installed
            listed = ", ".join(f'epoch_us("{name}") AS "{name}"' for name in moments)
            cursor = self._native(f"SELECT * REPLACE ({listed}) FROM ({native})")  # noqa: S608 - our own SQL
        with self.translated("reading"):
            rows = cursor.fetchall()
        for place, column in enumerate(cursor.description):
            if column[1] in CALENDAR and any(isinstance(row[place], str) for row in rows):
                raise beyond(columns[place])
        for place in map(columns.index, moments):
            try:
                whens = [None if row[place] is None else _EPOCH + timedelta(microseconds=row[place]) for row in rows]
            except OverflowError:
                raise beyond(columns[place]) from None
            rows = [(*row[:place], when, *row[place + 1 :]) for row, when in zip(rows, whens, strict=True)]
        return Rows(columns, tuple(rows))

    def answers(self, asks: Iterable[Ask], watch: Watch | None = None) -> dict[str, Answer]:
        outcome = Outcome()
        for ask in asks:
            self._do(ask, outcome, watch)
        return outcome.answers

    def transact(self, script: Script, watch: Watch | None = None) -> Outcome:
        outcome = script.seen or Outcome()
        with self._transaction():
            self._walk(script.parts, outcome, watch)
            if outcome.verdict != "accepted" or not script.keep:
                self._keep = False
            else:
                self._record(script.accepted, outcome)
        if outcome.verdict == "rejected" and script.keep:
            with self._transaction():
                self._record(script.rejected, outcome)
        return outcome

    def estimate(self, statements: Iterable[str]) -> tuple[None, ...]:
        return tuple(None for _ in statements)

    def allow(self, statements: Iterable[str]) -> None:
        """See :class:`fees_etl.engines.Engine`: reading is free."""

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        with self._transaction():
            self._keep = False
            yield

    def copy(self, relation: str, path: Path, constants: Mapping[str, Any] | None = None) -> None:
        """Write the rows of a query in DuckDB's own SQL to a Parquet file."""
        self._native(f"COPY ({stamped(relation, constants or {})}) TO {quoted(path)} (FORMAT parquet)")

    def scratch(self) -> Any:
        with private(), self.translated("making the spill folder"):
            self.spill.mkdir(mode=0o700, exist_ok=True)
        return Reader(self.native.cursor(), self.translated)

    def close(self) -> None:
        if self._owns_spill:
            self._owns_spill = False
            # While the file's lock is held: afterwards the folder may be another's.
            with suppress(OSError, WarehouseBusy), alone(self._place, self._name):
                self.spill.rmdir()
        with suppress(duckdb.Error), private():
            self.native.close()

    def _walk(self, parts: Iterable[Part], outcome: Outcome, watch: Watch | None) -> None:
        fatal = []
        for part in parts:
            if isinstance(part, Stop) and self.query(part.sql).rows[0][0]:
                outcome.verdict = part.verdict
                return
            self._do(part, outcome, watch)
            fatal += [part.name] if isinstance(part, Ask) and part.severity == "error" else []
        outcome.judge(fatal)

    def _do(self, part: Part, outcome: Outcome, watch: Watch | None) -> None:
        began = time.monotonic()
        done: StepResult | Answer | None = None
        match part:
            case Write(sql):
                self._write(sql)
            case Load(table, relation, constants):
                target = f'"{table.dataset}{self._known.suffix}"."{table.name}"'
                by = dict(self._known.partitions).get(table)
                order = f' ORDER BY "{by}"' if by else ""  # as to_duckdb has it
                self._native(f"INSERT INTO {target} BY NAME {stamped(relation, constants)}{order}")
            case Step(name, kind):
                count = sum(self._write(sql) * part.counts(sql) for sql in part.statements)
                for sql in part.books:
                    self._write(sql)
                done = StepResult(name, kind, part.table, count, time.monotonic() - began)
                outcome.steps.append(done)
            case Ask(name, sql):
                with named(name):
                    done = outcome.answers[name] = Answer(name, self.query(sql), time.monotonic() - began)
        if watch and done:
            watch(done)

    def _write(self, sql: str) -> int:
        cursor = self._native(to_native(sql, self._known))
        self._known = self._known.after(sql)
        with self.translated("writing"):
            row = cursor.fetchone()
        return int(row[0]) if row else 0

    def _record(self, record: Record | None, outcome: Outcome) -> None:
        if record is None:
            return
        steps = [{"name": one.name, "rows": one.rows, "seconds": round(one.seconds, 3)} for one in outcome.steps]
        answers = {name: outcome.answers[name].text() if name in outcome.answers else None for name in record.answers}
        known = {"steps": json.dumps(steps), **{f"answer_{name}": text for name, text in answers.items()}}
        cells = [f"CAST({literal(text)} AS STRING) AS {name}" for name, text in known.items()]
        now = literal(datetime.now(UTC))
        row = ", ".join([f"{now} AS finished_at", "CAST(NULL AS INT64) AS bytes_processed", *cells])
        self._write(record.of(f"SELECT {row}"))
        if record.then:
            self._write(record.then)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """A block that happens whole or not at all; a block within a block belongs to the outer one."""
        if self._keep is not None and self._thread == threading.get_ident():
            yield
            return
        with alone(self._place, self._name):
            self._keep, self._thread, known = True, threading.get_ident(), self._known
            try:
                self._native("BEGIN TRANSACTION")
                yield
            except BaseException:
                with suppress(WarehouseError):  # the error that brought us here says more
                    self._end(keep=False)
                raise
            finally:
                self._known = known  # its temporary tables are gone, and translations of before hold again
            self._end(keep=self._keep)

    def _end(self, *, keep: bool) -> None:
        self._keep = None
        place = self._file if keep else None
        try:
            if place:
                place.require()
            self._native("COMMIT" if keep else "ROLLBACK")
        except BaseException:
            with suppress(WarehouseError):  # whatever is still open must not become part of what comes next
                self._native("ROLLBACK")
            raise
        if place:
            place.require()

    def _native(self, sql: str) -> Any:
        log.debug("%s", sql)
        with private(), self.translated("running a statement"):
            return self.native.execute(sql)
