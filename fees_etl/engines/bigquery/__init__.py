"""BigQuery: GoogleSQL as it is, each transaction one job, files carried there as Parquet.

The only door to google.cloud.bigquery.
"""

from __future__ import annotations

import json
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fees_etl import query
from fees_etl.engines import Engine, alone
from fees_etl.engines.bigquery.drift import prepare, require_protection
from fees_etl.engines.bigquery.errors import PUBLISHED, JobFailed, TransientFailure
from fees_etl.engines.bigquery.incoming import MASKED, Incoming, masked
from fees_etl.engines.bigquery.jobs import Jobs, connected, job_id, label
from fees_etl.engines.bigquery.script import Dialect, job, question, rows, variable
from fees_etl.errors import FeesError, GuardRefused, WarehouseBusy
from fees_etl.script import TEMPORARY, Answer, Ask, Load, Outcome, Step, StepResult, Write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from google.cloud import bigquery

    from fees_etl.engines import Watch
    from fees_etl.engines.duckdb import DuckDB
    from fees_etl.script import Part, Rows, Script
    from fees_etl.settings import Settings
    from fees_etl.types import Contract, Table

__all__ = ["BigQuery"]

_MIB = 2**20
_LONGEST = 1_000_000
"""Bytes of a job's text (page "Quotas and limits")."""
_LEAST = 10 * _MIB
"""Billed for each table that a query refers to, at least (page "BigQuery pricing", on-demand compute)."""
_PAUSES = (2.0, 8.0, None)
"""Seconds before another attempt; None: the last one."""


class BigQuery(Engine):
    """One project's datasets in one location."""

    most_files, most_bytes = 400, 4 * 2**30
    """The text of a job, 1 MB at most, names each new file some 15 times; their rows wait in the spill folder."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.url, self.location = settings, settings.warehouse, settings.location
        self.spill = Path(settings.spill or gettempdir(), f"fees-etl-{token_hex(6)}")
        self._suffix = settings.dataset_suffix
        self._schema: dict[Table, dict[str, str]] = {}
        self._contracts: dict[Table, Contract] = {}
        self.strange = {}
        self._rehearsing = False
        self._local: DuckDB | None = None
        self._known_types: dict[str, dict[str, str]] = {}
        self._weighed: dict[str, int] = {}
        self._temporary: dict[Table, tuple[str, int]] = {}
        self._dialect = Dialect(self._types, partial(query.with_suffix, suffix=self._suffix))

    @cached_property
    def client(self) -> bigquery.Client:
        """Made when first needed: what is wrong with a target is said before anybody asks for credentials."""
        return connected(urlsplit(self.url).netloc, self.location)

    @cached_property
    def jobs(self) -> Jobs:
        """The jobs of this engine."""
        return Jobs(self.client, self.settings)

    def prepare(self, contracts: Mapping[Table, Contract], *, create: bool = True) -> None:
        if all(self._contracts.get(table) == contract for table, contract in contracts.items()):
            return
        self._schema.update({table: contract.types for table, contract in contracts.items()})
        require_protection(contracts.values(), self.settings)
        with self.jobs.translated("looking at the tables"):
            self.strange |= prepare(self.jobs, contracts, suffix=self._suffix, create=create)
        self._contracts.update(contracts)

    def query(self, sql: str) -> Rows:
        return self.answers([Ask("rows", sql)])["rows"].rows

    def answers(self, asks: Iterable[Ask], watch: Watch | None = None) -> dict[str, Answer]:
        """See :class:`fees_etl.engines.Engine`: they are the columns of one query's one row."""
        asks, began = list(asks), time.monotonic()
        if not asks:  # an empty SELECT is none
            return {}
        (row,) = self.jobs.read(question(asks, self._dialect))
        share = (time.monotonic() - began) / len(asks)
        found = [Answer(ask.name, rows(row[variable(ask.name)], self._types(ask.sql)), share) for ask in asks]
        if watch is not None:
            for answer in found:
                watch(answer)
        return {answer.name: answer for answer in found}

    def estimate(self, statements: Iterable[str]) -> tuple[int | None, ...]:
        return tuple(self._billed(sql) for sql in statements)

    def allow(self, statements: Iterable[str]) -> None:
        """See :class:`fees_etl.engines.Engine`; without a cap nothing is asked, for it takes a request a statement."""
        most, dearest = self.settings.max_bytes, self.settings.max_cost
        if most is None and dearest is None:
            return
        total, over = sum(map(self._billed, statements)), ""
        cost = self.settings.price(total)
        if most is not None and total > most:
            over = f"read about {total:,} bytes, more than max_bytes = {most:,}"
        if dearest is not None and cost > dearest:
            over = f"cost about {cost:,f} US dollars, more than max_cost = {dearest:,f}"
        if over:
            target = self.settings.target
            raise GuardRefused(
                f"This would {over} of target {target!r}.",
                published="Nothing was written by it; the published numbers are as before.",
                hint=f"See what costs it: fees-etl plan; raise the cap in [targets.{target}] if it is meant.",
            )

    def transact(self, script: Script, watch: Watch | None = None) -> Outcome:
        """See :class:`fees_etl.engines.Engine`: the script is one job, after a load job where there are files."""
        name = f"{self.url} with the suffix '{self._suffix}'" if self._suffix else self.url
        with alone((self.client.project, self._suffix), name):
            return self._transact(script, watch)

    def _transact(self, script: Script, watch: Watch | None) -> Outcome:
        script = replace(script, keep=script.keep and not self._rehearsing)
        load = job_id(script.run_id, "load", token_hex(3))
        incoming = Incoming(load, self._contracts, self._embedded, self.spill)
        parts = self._placed(script, incoming)
        if script.accepted is None and not any(isinstance(part, (Write, Step)) for part in parts):
            return Outcome()
        self.allow(sql for part in parts if isinstance(part, (Step, Ask)) for sql in part.statements)
        size = len(job(script, parts, self._dialect, load).encode())  # it names each new file
        if size > _LONGEST:
            raise GuardRefused(
                f"the job would be {size:,} bytes of SQL; BigQuery takes {_LONGEST:,}.",
                published=PUBLISHED,
                hint="Stage all fee dates, which is one range: fees-etl run --skip-ingest --full-refresh"
                if any(isinstance(part, Step) for part in parts)
                else "Change fewer files at a time: fees-etl ingest 'gs://BUCKET/PREFIX/2024-*.csv'",
            )
        if incoming:
            path, table = incoming.file(), incoming.contract.table
            name = f"{self.client.project}.{table.dataset}{self._suffix}.{table.name}"
            self.jobs.load(path, name, load, {"run": script.run_id, "kind": "load", **script.labels})
            path.unlink()
        outcome = self._outcome(self._committed(script, parts), parts)
        if outcome.verdict == MASKED:
            raise masked()
        done: tuple[StepResult | Answer, ...] = (*outcome.steps, *outcome.answers.values())
        if watch is not None:
            for one in done:
                watch(one)
        return outcome

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        self._rehearsing = True
        try:
            yield
        finally:
            self._rehearsing = False

    def scratch(self) -> Any:
        return self._embedded().scratch()

    def close(self) -> None:
        if self._local is not None:
            self._local.close()
        shutil.rmtree(self.spill, ignore_errors=True)
        if "client" in self.__dict__:
            self.client.close()  # type: ignore[no-untyped-call]  # the library has no types here

    def _embedded(self) -> DuckDB:
        """The embedded engine that types files; what it cannot hold in memory goes into the spill folder."""
        from fees_etl.engines.duckdb import DuckDB  # noqa: PLC0415 - a third of a second, for those who read files

        if self._local is None:
            self.spill.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.spill / "typing.duckdb"
            self._local = DuckDB(f"duckdb://{path}", path, read_only=False, suffix="", memory=self.settings.memory)
        return self._local

    def _placed(self, script: Script, incoming: Incoming) -> list[Part]:
        """The script's parts; its files are read and typed, and what moves their rows on stands in their place."""
        parts: list[Part] = []
        for part in script.parts:
            parts.append(part)
            if isinstance(part, Load):
                incoming.take(part)
        if not incoming:  # a record alone stages nothing that could be masked
            return [incoming.unmasked(), *parts] if parts else parts
        return incoming.moved(parts)

    def _committed(self, script: Script, parts: Sequence[Part]) -> Any:
        """The ended job of the script. One that failed for a passing reason, and left nothing, is tried again."""
        for attempt, pause in enumerate(_PAUSES, 1):
            identity = job_id(script.run_id, script.name, str(attempt))
            sql = job(script, parts, self._dialect, identity)
            try:
                return self.jobs.run(sql, identity, {"run": script.run_id, "kind": script.name, **script.labels})
            except JobFailed as failure:
                is_over = self._is_committed(script, identity, failure) or not isinstance(failure, TransientFailure)
                if is_over or pause is None:
                    raise
                time.sleep(pause)
            except WarehouseBusy as busy:
                with suppress(FeesError):
                    busy.message += f" The last one to finish was the job {self._last(script)}."
                raise
        raise AssertionError("the last attempt returns or raises")

    def _is_committed(self, script: Script, identity: str, failure: JobFailed) -> bool:
        """Whether the job failed after its commit; ``failure`` then says so."""
        failure.published = "Perhaps all of this command: nobody knows whether the job failed after its commit."
        try:
            is_committed = self._last(script) == identity
        except FeesError:
            raise failure from None
        failure.published = "All of this command: the job failed after its commit." if is_committed else failure.usually
        return is_committed

    def _last(self, script: Script) -> str:
        """The job of the last transaction that was committed."""
        found = self.query(script.lock[1]).rows
        return str(found[0][0]) if found else "nobody"

    def _outcome(self, ended: Any, parts: Sequence[Part]) -> Outcome:
        row = self.jobs.row(ended)
        read, billed = ended.total_bytes_processed, ended.total_bytes_billed
        outcome = Outcome(row["script_verdict"], bytes_processed=read, bytes_billed=billed)
        spent = self.jobs.spent(ended)
        done = {step["name"]: step for step in json.loads(f"[{row['script_steps']}]")}
        for part in parts:
            if isinstance(part, Step) and (step := done.get(part.name)):
                read, _ = spent.get(label(part.name), (None, 0.0))
                seconds = float(step["seconds"])
                outcome.steps.append(StepResult(part.name, part.kind, part.table, step["rows"], seconds, read))
            elif isinstance(part, Ask) and (text := row[variable(part.name)]) is not None:
                _, seconds = spent.get(label(part.name), (None, 0.0))
                outcome.answers[part.name] = Answer(part.name, rows(text, self._types(part.sql)), seconds)
        return outcome

    def _billed(self, sql: str) -> int:
        """What a statement would be billed for, whole MiB and so many a table at least; each is asked about once.

        A temporary table that a statement before it makes is not there yet, and counts as much as all it is made of.
        """
        if sql not in self._weighed:
            asked = query.parse(sql, "statement")
            text, more = sql, 0
            for table in asked.reads & self._temporary.keys():
                empty, size = self._temporary[table]
                text, more = text.replace(str(table), empty), more + size
            made = text.partition(" AS\n")[2] if text.startswith(TEMPORARY) else ""  # a dry run makes no table
            read = 0 if sql.startswith("DROP") else self.jobs.bytes_of(self._dialect.suffixed(made or text)) + more
            self._weighed[sql] = max(-(-read // _MIB) * _MIB, len(asked.reads | asked.writes) * _LEAST)
            for table in asked.writes if sql.startswith(TEMPORARY) else ():
                cells = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in self._types(sql).items())
                self._temporary[table] = f"(SELECT {cells})", self._weighed[sql]
        return self._weighed[sql]

    def _types(self, sql: str) -> dict[str, str]:
        """The columns of a query by name and type."""
        if sql not in self._known_types:
            found = query.columns(query.parse(sql, "query"), self._schema)
            self._known_types[sql] = {column.name: column.type for column in found}
        return self._known_types[sql]
