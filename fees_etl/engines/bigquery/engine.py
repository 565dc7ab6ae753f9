"""The engine: GoogleSQL as it is, each transaction one job, files carried there as Parquet."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from fees_etl import query
from fees_etl.engines.bigquery.cells import variable
from fees_etl.engines.bigquery.client import connected, is_emulated
from fees_etl.engines.bigquery.costs import allow, billed, require_short
from fees_etl.engines.bigquery.errors import JobFailed, TransientFailure
from fees_etl.engines.bigquery.incoming import MASKED, Entrance, Incoming, masked
from fees_etl.engines.bigquery.jobs import Jobs, job_id
from fees_etl.engines.bigquery.prepare import prepare
from fees_etl.engines.bigquery.script import Dialect, job, question
from fees_etl.engines.bigquery.tables import label, require_protection
from fees_etl.engines.bigquery.values import rows
from fees_etl.errors import FeesError, WarehouseBusy
from fees_etl.script import Answer, Ask, Done, Fill, Load, Outcome, Write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from google.cloud import bigquery

    from fees_etl.engines import Watch
    from fees_etl.engines.duckdb import DuckDB
    from fees_etl.results import Rows
    from fees_etl.script import Part, Script
    from fees_etl.target import Target
    from fees_etl.types import Contract, Table


_PAUSES = (2.0, 8.0, None)
"""Seconds before another attempt; None: the last one."""


class BigQuery:
    """One project's datasets in one location."""

    def __init__(self, url: str, *, target: Target, suffix: str) -> None:
        self.url, self.target, self.location = url, target, target.location
        self.spill = Path(target.spill or gettempdir(), f"fees-etl-{token_hex(6)}")
        self._suffix, self._emulated = suffix, is_emulated()
        self._schema: dict[Table, dict[str, str]] = {}
        self._contracts: dict[Table, Contract] = {}
        self._rehearsing = False
        self._local: DuckDB | None = None
        self._known_types: dict[str, dict[str, str]] = {}
        self._weighed: dict[str, int] = {}
        self._dialect = Dialect(
            lambda sql: tuple(self._types(sql)), self._schema, self._suffixed, system_variables=not self._emulated
        )

    @cached_property
    def client(self) -> bigquery.Client:
        """Made when first needed: what is wrong with a target is said before anybody asks for credentials."""
        return connected(urlsplit(self.url).netloc, self.target.location)

    @cached_property
    def jobs(self) -> Jobs:
        """The jobs of this engine."""
        return Jobs(self.client, self.target)

    def prepare(self, contracts: Mapping[Table, Contract], *, create: bool = True) -> None:
        """See :class:`fees_etl.engines.Engine`."""
        self._schema.update({table: contract.types for table, contract in contracts.items()})
        self._contracts.update(contracts)
        require_protection(contracts.values(), self.target, emulated=self._emulated)
        with self.jobs.translated("looking at the tables"):
            prepare(
                self.client, contracts, self.target, suffix=self._suffix, emulated=self._emulated, create=create
            )  # fmt: skip

    def query(self, sql: str) -> Rows:
        """See :class:`fees_etl.engines.Engine`."""
        return self.answers([Ask("rows", sql)])["rows"].rows

    def answers(self, asks: Iterable[Ask], watch: Watch | None = None) -> dict[str, Answer]:
        """See :class:`fees_etl.engines.Engine`: they are the columns of one query's one row."""
        asks, began = list(asks), time.monotonic()
        (row,) = self.jobs.read(question(asks, self._dialect))
        share = (time.monotonic() - began) / len(asks)
        found = [Answer(ask.name, self._rows(ask, row[variable(ask.name)]), share) for ask in asks]
        if watch is not None:
            for answer in found:
                watch(answer)
        return {answer.name: answer for answer in found}

    def estimate(self, statements: Iterable[str]) -> tuple[int | None, ...]:
        """See :class:`fees_etl.engines.Engine`."""
        return tuple(self._billed(sql) for sql in statements)

    def allow(self, statements: Iterable[str]) -> None:
        """See :class:`fees_etl.engines.Engine`; without a cap nothing is asked, for it takes a request a statement."""
        if self.target.max_bytes is not None or self.target.max_cost is not None:
            allow(map(self._billed, statements), self.target)

    def transact(self, script: Script, watch: Watch | None = None) -> Outcome:
        """See :class:`fees_etl.engines.Engine`: the script is one job, after a load job where there are files."""
        script = replace(script, keep=script.keep and not self._rehearsing)
        entrance = Entrance.among(self._contracts.values())
        incoming = Incoming(job_id(script.run_id, "load", token_hex(3)), entrance)
        parts = self._placed(script, incoming)
        if script.accepted is None and not any(isinstance(part, (Write, Fill)) for part in parts):
            return Outcome()
        self.allow(_costly(parts))
        require_short(job(script, parts, self._dialect, incoming.load))
        if incoming:
            self._load(script, incoming)
        ended = self._committed(script, parts)
        outcome = self._outcome(ended, parts)
        if outcome.verdict == MASKED:
            raise masked()
        if watch is not None:
            for done in outcome.steps:
                watch(done)
            for answer in outcome.answers.values():
                watch(answer)
        return outcome

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """See :class:`fees_etl.engines.Engine`."""
        self._rehearsing = True
        try:
            yield
        finally:
            self._rehearsing = False

    def scratch(self) -> Any:
        """See :class:`fees_etl.engines.Engine`."""
        return self._embedded().scratch()

    def close(self) -> None:
        """See :class:`fees_etl.engines.Engine`."""
        if self._local is not None:
            self._local.close()
        shutil.rmtree(self.spill, ignore_errors=True)
        if "client" in self.__dict__:
            self.client.close()  # type: ignore[no-untyped-call]  # the library has no types here

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _embedded(self) -> DuckDB:
        """The embedded engine that types files; what it cannot hold in memory goes into the spill folder."""
        from fees_etl.engines.duckdb import DuckDB  # noqa: PLC0415 - a third of a second, for those who read files

        if self._local is None:
            self.spill.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.spill / "typing.duckdb"
            self._local = DuckDB(f"duckdb://{path}", path, read_only=False, suffix="", memory=self.target.memory)
        return self._local

    def _placed(self, script: Script, incoming: Incoming) -> list[Part]:
        """The script's parts; its files are read and typed, and what moves their rows on stands in their place."""
        parts: list[Part] = []
        for part in script.parts:
            parts.append(part)
            if isinstance(part, Load):
                incoming.take(part, self._embedded(), self.spill)
        return incoming.moved(parts, self._schema) if incoming else [incoming.entrance.unmasked(), *parts]

    def _load(self, script: Script, incoming: Incoming) -> None:
        path, table = incoming.file(self._embedded(), self.spill), incoming.entrance.table
        name = f"{self.client.project}.{table.dataset}{self._suffix}.{table.name}"
        self.jobs.load(path, name, incoming.load, {"run": script.run_id, "kind": "load", **script.labels})
        path.unlink()

    def _committed(self, script: Script, parts: Sequence[Part]) -> Any:
        """The ended job of the script. One that failed for a passing reason, and left nothing, is tried again."""
        for attempt, pause in enumerate(_PAUSES, 1):
            identity = job_id(script.run_id, script.name, str(attempt))
            sql = job(script, parts, self._dialect, identity)
            try:
                return self.jobs.run(sql, identity, {"run": script.run_id, "kind": script.name, **script.labels})
            except JobFailed as failure:
                is_over = self._is_committed(identity, failure) or not isinstance(failure, TransientFailure)
                if is_over or pause is None:
                    raise
                time.sleep(pause)
            except WarehouseBusy as busy:
                with suppress(FeesError):
                    busy.message += f" The last one to finish was the job {self._writer()}."
                raise
        raise AssertionError("the last attempt returns or raises")

    def _is_committed(self, identity: str, failure: JobFailed) -> bool:
        """Whether the job failed after its commit; ``failure`` then says so."""
        failure.published = "Perhaps all of this command: nobody knows whether the job failed after its commit."
        try:
            is_committed = self._writer() == identity
        except FeesError:
            raise failure from None
        failure.published = "All of this command: the job failed after its commit." if is_committed else ""
        return is_committed

    def _writer(self) -> str:
        """The job of the last transaction that was committed."""
        found = self.query("SELECT job_id FROM ops.writer").rows
        return str(found[0][0]) if found else "nobody"

    def _outcome(self, ended: Any, parts: Sequence[Part]) -> Outcome:
        row = self.jobs.row(ended)
        outcome = Outcome(row["script_verdict"])
        outcome.bytes_processed, outcome.bytes_billed = ended.total_bytes_processed, ended.total_bytes_billed
        spent = self.jobs.spent(ended)
        for step in json.loads(f"[{row['script_steps']}]"):
            read, _ = spent.get(label(step["name"]), (None, 0.0))
            outcome.steps.append(Done(step["name"], step["rows"], float(step["seconds"]), read))
        for ask in (part for part in parts if isinstance(part, Ask)):
            if (text := row[variable(ask.name)]) is not None:
                _, seconds = spent.get(label(ask.name), (None, 0.0))
                outcome.answers[ask.name] = Answer(ask.name, self._rows(ask, text), seconds)
        return outcome

    def _billed(self, sql: str) -> int:
        """What a statement would be billed for; each is asked about once."""
        if sql not in self._weighed:
            asked = query.parse(sql, "statement")
            read = self.jobs.bytes_of(self._suffixed(sql))
            self._weighed[sql] = billed(read, len(asked.reads | asked.writes))
        return self._weighed[sql]

    def _rows(self, ask: Ask, text: str) -> Rows:
        return rows(text, self._types(ask.sql))

    def _types(self, sql: str) -> dict[str, str]:
        """The columns of a query by name and type."""
        if sql not in self._known_types:
            found = query.columns(query.parse(sql, "query"), self._schema)
            self._known_types[sql] = {column.name: column.type for column in found}
        return self._known_types[sql]

    def _suffixed(self, sql: str) -> str:
        return query.with_suffix(sql, self._suffix)


def _costly(parts: Iterable[Part]) -> Iterator[str]:
    """The statements of a script that read more than its books."""
    for part in parts:
        if isinstance(part, Fill):
            yield from part.statements
        elif isinstance(part, Ask):
            yield part.sql
