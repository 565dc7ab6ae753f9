"""A warehouse and a lake in which the commands have something to do, again and again: the words of the fault tier.

    world.back("published")             files wait in the lake; from "ingested" they wait in raw
    world.bigquery.proxy.fail(..)
    code, said = world.command("ingest")
    world.contents() == world.holds["ingested"]
    world.truth()

Commands run in this process; children.py has those that are to be killed.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from emulator.fixtures import Lake, Warehouse, bucket, warehouse
from faults import HEADER, NEXT, START, VOLATILE
from google.resumable_media.requests import _request_helpers
from pipeline import LENIENT, project
from tiers import NIGHT

import fees_etl
from fees_etl import cli, connect
from fees_etl.engines import bigquery as engine
from fees_etl.engines.bigquery import jobs, tables
from fees_etl.ingestion import bucket as gcs
from fees_etl.script import Ask
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.proxy import Proxy

    from fees_etl import Engine, Project

__all__ = ["World", "enter", "few", "patience", "told"]

KEPT = ("stg_fees", "dim_clients", "assert_client_data", "assert_row_count_reconciliation", "contract_runs")
TABLES = (
    *("staging.stg_fees", "reporting.dim_clients", "ops.pending", "ops.changes", "ops.left_out"),
    *("raw.fees", "raw.fees_rejected", "raw.files", "raw.file_totals"),
)
RESTORED = (*TABLES, "ops.runs")
REJECTED = {"e": [("C6", "2025-03-05", "4"), ("C6", "2025-03-05", "1e3")]}


@cache
def small() -> Project:
    """The project's staging, one report, some assertions: the same requests in a third of the time."""
    whole = project(**LENIENT)
    models = {table: model for table, model in whole.models.items() if model.name in KEPT}
    others = {table: model.contract for table, model in whole.models.items() if table not in models}
    assertions = tuple(one for one in whole.assertions if one.name in KEPT)
    return replace(whole, models=models, sources=whole.sources | others, assertions=assertions)


@dataclass
class World:
    """``holds`` are the tables after each stage of a clean story: published, ingested, run."""

    bigquery: Warehouse
    lake: Lake
    reader: Engine
    holds: dict[str, dict[str, list[tuple]]] = field(default_factory=dict)

    @property
    def services(self) -> dict[str, Proxy]:
        return {"BigQuery": self.bigquery.proxy, "GCS": self.lake.proxy}

    @property
    def source(self) -> str:
        return f"{self.lake.url}/*.csv"

    def command(self, name: str, *more: str) -> tuple[int, str]:
        """Exit code and what it said on stderr, in one line."""
        said = StringIO()
        with redirect_stdout(StringIO()), redirect_stderr(said):
            code = cli.main(self.line(name, *more))
        assert "Traceback" not in said.getvalue()
        return code, " ".join(said.getvalue().split())

    def line(self, name: str, *more: str) -> list[str]:
        """The words of a command."""
        return [*{"ingest": ("ingest", self.source), "run": ("run", "--skip-ingest")}.get(name, (name,)), *more]

    @property
    def environment(self) -> dict[str, str]:
        """Where commands find this world."""
        return {
            "BIGQUERY_EMULATOR_HOST": self.bigquery.proxy.url,
            "STORAGE_EMULATOR_HOST": self.lake.proxy.url,
            "FEES_ETL_WAREHOUSE": f"bigquery://{self.bigquery.project}?location=EU",
            "FEES_ETL_PII": "synthetic",
            "FEES_ETL_SPILL": "spill",
            "FEES_ETL_VARS": json.dumps(LENIENT),
        }

    def deal(self, files: dict[str, list[tuple[str, str, str]] | None]) -> None:
        for name, rows in files.items():
            if rows is None:
                self.lake.bucket.delete_blob(f"{name}.csv")
                continue
            lines = (f'"{client}",QQ00000{client[1]}A,A{client[1]},{day},{amount}\n' for client, day, amount in rows)
            self.lake.put(f"{name}.csv", HEADER + "".join(lines))

    def keep(self, stage: str) -> None:
        """Remember the tables as they are now, here and in the warehouse."""
        self.holds[stage] = self.contents()
        kept = (f"CREATE TABLE kept.{_aside(stage, table)} AS SELECT * FROM {table}" for table in RESTORED)
        self.bigquery.rows(";\n".join(kept))

    def back(self, stage: str) -> None:
        """Fill the tables as they were then, without faults; their logs begin anew."""
        self.finish()
        self.bigquery.rows(
            ";\n".join(
                f"DELETE FROM {table} WHERE TRUE;\nINSERT INTO {table} SELECT * FROM kept.{_aside(stage, table)}"
                for table in RESTORED
            )
        )
        self.bigquery.google.jobs.clear()
        for proxy in self.services.values():
            proxy.log.clear()

    def finish(self) -> None:
        """No more faults, and jobs that still run come to their end; new ones do so at once."""
        for proxy in self.services.values():
            proxy.fail()
        self.bigquery.google.finish(self.bigquery.proxy.forward)
        self.bigquery.google.polls = 0

    def contents(self) -> dict[str, list[tuple]]:
        """Every table but the ledger, without what differs from one attempt to the next."""
        asks = []
        for table in TABLES:
            columns = [name for name in self.reader._schema[Table.parse(table)] if name not in VOLATILE]
            asks.append(Ask(table.replace(".", "_"), f"SELECT {', '.join(columns)} FROM {table}"))
        return {name: sorted(map(str, found.rows.rows)) for name, found in self.reader.answers(asks).items()}

    def ledger(self) -> list[tuple]:
        """Run id, status, rows and pounds before and after of every attempt, oldest first."""
        return self.bigquery.rows(
            "SELECT run_id, status, rows_before, amount_before, rows_after, amount_after FROM ops.runs "
            "ORDER BY started_at, run_id"
        )

    def truth(self) -> list[str]:
        """The ledger says what happened: each commit links to the one before; its statuses, oldest first."""
        rows = self.ledger()
        committed = [row for row in rows if row[1] in ("published", "staged")]
        (now,) = self.bigquery.rows("SELECT COUNT(*), COALESCE(SUM(fee_amount), 0) FROM staging.stg_fees")
        changed = self.bigquery.rows("SELECT DISTINCT run_id FROM ops.changes")
        assert len({row[0] for row in rows}) == len(rows)
        assert [row[2:4] for row in committed] == [(0, 0), *(row[4:] for row in committed[:-1])]
        assert committed[-1][4:] == now
        assert {row[0] for row in changed} <= {row[0] for row in committed}
        assert all(row[2:4] == row[4:] for row in rows if row not in committed)
        return [row[1] for row in rows]

    def executed(self) -> Counter[str]:
        """How many jobs of each kind were executed to their end since the tables went back."""
        done = [job.resource for job in self.bigquery.google.jobs.values() if job.request is None and not job.error]
        return Counter(one["configuration"].get("labels", {}).get("kind", "") for one in done)


@contextmanager
def told(bigquery_url: str, storage_url: str) -> Iterator[World]:
    """A world whose files were published once and have changed since, and what each stage of its story holds."""
    name = f"world-{uuid4().hex[:12]}"
    with (
        warehouse(bigquery_url, name) as google,
        bucket(storage_url, name) as lake,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("BIGQUERY_EMULATOR_HOST", google.proxy.url)
        with connect(f"bigquery://{name}?location=EU") as reader, TemporaryDirectory() as folder:
            reader._schema.update({table: contract.types for table, contract in small().contracts.items()})
            world = World(google, lake, reader)
            enter(world.environment, Path(folder), patch)
            _tell(world)
            patch.undo()
            yield world


def enter(environment: dict[str, str], folder: Path, patch: pytest.MonkeyPatch) -> None:
    """The environment, the working folder and the spill folder of commands in this process."""
    patch.chdir(folder)
    Path("spill").mkdir(exist_ok=True)
    patch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    for name, text in environment.items():
        patch.setenv(name, text)
    known = small()
    patch.setattr(fees_etl, "load", lambda *_, **__: known)
    patch.setattr(logging.getLogger("fees_etl"), "handlers", [])
    patience(patch, 10.0)


def few(*cases: object, more: tuple[object, ...] = ()) -> tuple[object, ...]:
    """Cases of a test: the night takes ``more`` of them."""
    return (*cases, *more) if NIGHT else cases


def patience(patch: pytest.MonkeyPatch, seconds: float, timeout: float = 30.0) -> None:
    """How long a request is repeated, and waited for; all pauses are short."""
    for room in (tables, jobs, gcs):
        patch.setattr(room, "RETRY", room.RETRY.with_timeout(seconds).with_delay(0.001, 0.02))
        patch.setattr(room, "TIMEOUT", timeout)
    patch.setattr(jobs, "_UPLOAD_TIMEOUT", timeout)
    patch.setattr(jobs, "_POLLS", (0.02,))
    patch.setattr(engine, "_PAUSES", (0.001, 0.001, None))
    patch.setattr(_request_helpers, "time", SimpleNamespace(sleep=lambda _: None))  # between pieces of an upload


def _tell(world: World) -> None:
    """The clean story, stage by stage."""
    world.bigquery.client.create_dataset("kept")
    world.deal(START)
    _succeed(world, "ingest")
    _succeed(world, "run")
    world.deal(NEXT | REJECTED)
    world.keep("published")
    _succeed(world, "ingest")
    world.keep("ingested")
    _succeed(world, "run")
    world.holds["run"] = world.contents()


def _succeed(world: World, command: str) -> None:
    code, said = world.command(command)
    assert code == 0, said


def _aside(stage: str, table: str) -> str:
    return f"{stage}_{table.replace('.', '_')}"
