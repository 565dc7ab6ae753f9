"""The whole pipeline in a few words, for tests: files in, runs, tables out."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import oracle
import worlds

from fees_etl import connect, load, plan, run, state
from fees_etl.ingestion import ingest
from fees_etl.runs.questions import check, matches
from fees_etl.window import Window

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2025, 10, 1, 6, 0, tzinfo=UTC)
MODELS = (
    "staging.stg_fees",
    "reporting.dim_clients",
    "reporting.rpt_client_ltv",
    "reporting.rpt_cohort_ltv",
    "reporting.rpt_adviser_ltv",
)
"""The models that the oracle knows; a project may have more."""
LENIENT = {"max_lost": "1", "max_rejected": "1"}


def without_settings():
    """The environment of this process but for the settings of fees-etl."""
    return {name: text for name, text in os.environ.items() if not name.startswith("FEES_ETL_")}


def forget_settings(patch):
    """Those settings are gone for a test."""
    for name in os.environ.keys() - without_settings().keys():
        patch.delenv(name)


@cache
def project(**variables):
    """The bundled project; tests of small worlds let any share of rows be lost."""
    return load(None, variables)


class Pipeline:
    """A warehouse in memory (or at ``url``) and a folder of files."""

    def __init__(self, folder: Path, url: str = "duckdb://", suffix: str = "", **variables):
        self.folder = folder
        self.project = project(**variables)
        self.engine = connect(url, suffix=suffix)
        self.engine.prepare(self.project.contracts)
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.engine.close()

    def put(self, **files):
        """Write files: name=rows (tuples), text or bytes; None removes the file."""
        for name, content in files.items():
            path = self.folder / f"{name}.csv"
            if content is None:
                path.unlink()
            elif isinstance(content, bytes):
                path.write_bytes(content)
            else:
                text = content if isinstance(content, str) else worlds.as_csv(content)
                path.write_bytes(text.encode())

    def ingest(self, source=None, **options):
        self.count += 1
        return ingest(
            self.project, self.engine, str(source or self.folder), run_id=f"test-{self.count}", now=NOW, **options
        )

    def plan(self, start=None, end=None, **options):
        window = Window.between(start, end) if start else None
        options = {"today": NOW.date()} | options
        return plan(self.project, window=window, state=state(self.project, self.engine), **options)

    def run(self, *, rehearse=False, start=None, end=None, **options):
        return run(self.plan(start, end, **options), self.engine, rehearse=rehearse)

    def all(self, **files):
        """Files in, ingested and run."""
        self.put(**files)
        self.ingest(allow_withdraw=True)
        return self.run()

    def check(self):
        return {result.name: result for result in check(self.project, self.engine, today=NOW.date())}

    def rows(self, table, order=1):
        """All rows, sorted by one column (from 1) and then by the rest as text."""
        found = self.engine.query(f"SELECT * FROM {table}").rows  # every type as the engine gives it
        return sorted(found, key=lambda row: (str(row[order - 1]), str(row)))

    def value(self, sql):
        return self.engine.native.execute(sql).fetchone()[0]

    def tamper(self, sql):
        self.engine.native.execute(sql)

    def tables(self):
        """The five tables as the oracle writes them: fee_id left out."""
        found = {}
        for name in MODELS:
            columns = list(self.project.contracts[_table(name)].types)
            kept = [column for column in columns if column != "fee_id"]
            rows = self.engine.native.execute(f"SELECT {', '.join(kept)} FROM {name}").fetchall()
            found[name] = sorted(tuple(row) for row in rows)
        return found

    def raw(self):
        """raw.fees as the oracle reads it."""
        sql = "SELECT client_id, client_nino, adviser_id, fee_date, fee_amount, _source_file, _source_row FROM raw.fees"
        return [oracle.Raw(*row) for row in self.engine.native.execute(sql).fetchall()]

    def expected(self):
        """What the oracle makes of raw.fees."""
        return {name: sorted(tuple(row) for row in rows) for name, rows in oracle.tables(self.raw()).items()}


def _table(name):
    from fees_etl import Table

    return Table.parse(name)


__all__ = ["LENIENT", "MODELS", "NOW", "Pipeline", "matches", "project"]
