"""The scripts that BigQuery would be sent in the life of a warehouse, which is one on DuckDB meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from pipeline import LENIENT, Pipeline, project
from worlds import charge

from fees_etl import forget, query
from fees_etl.engines.bigquery.incoming import Incoming
from fees_etl.engines.bigquery.script import Dialect, job, question
from fees_etl.evidence import collect
from fees_etl.explain import bridge, history
from fees_etl.explain import diff as differences
from fees_etl.ingestion.compare import compare
from fees_etl.pages import facts
from fees_etl.runs import ledger
from fees_etl.runs.backfill import backfill
from fees_etl.script import Load
from fees_etl.types import Waiver

JANUARY, MARCH = date(2025, 1, 31), date(2025, 3, 31)


class Writer:
    """An engine on DuckDB that also writes each script down as BigQuery would be sent it."""

    def __init__(self, engine, schema):
        self.engine, self.schema, self.jobs, self.questions, self.queries = engine, schema, [], [], []
        self.tables = {f"{table.dataset}_ci.{table.name}": types for table, types in schema.items()}

        def columns(sql):
            return tuple(column.name for column in query.columns(query.parse(sql, "query"), schema))

        self.dialect = Dialect(columns, lambda sql: query.with_suffix(sql, "_ci"))

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def query(self, sql):
        self.queries.append(query.with_suffix(sql, "_ci"))
        return self.engine.query(sql)

    def answers(self, asks, watch=None):
        asks = list(asks)
        self.questions.append(question(asks, self.dialect))
        return self.engine.answers(asks, watch)

    def transact(self, script, watch=None):
        parts = []

        def seen():
            for part in script.parts:
                parts.append(part)
                yield part

        outcome = self.engine.transact(replace(script, parts=seen()), watch)
        files = any(isinstance(part, Load) for part in parts)
        incoming = Incoming("load-1", project().contracts, lambda: self.engine, Path())
        placed = incoming.moved(parts) if files else [incoming.unmasked(), *parts]
        self.jobs.append(job(script, placed, self.dialect, f"job-{len(self.jobs) + 1}"))
        return outcome


def life(folder):
    """Arrivals, corrections, withdrawals, runs, a rejected one, a rehearsal, chunks and looks."""
    with Pipeline(folder, **LENIENT) as pipeline:
        waiver = Waiver("assert_client_data", ("zoe",), "it's known", date(2099, 12, 31), Path("sql/waivers.yml"), 1)
        pipeline.project = replace(pipeline.project, waivers=(waiver,))
        schema = {table: contract.types for table, contract in pipeline.project.contracts.items()}
        pipeline.engine = writer = Writer(pipeline.engine, schema)
        pipeline.run()
        pipeline.all(a=[charge("ann", "x", JANUARY, 1)] * 2, b=[charge("bob", "x", MARCH, 2)])
        odd = [charge("dog", "x", "x", 1)]
        pipeline.all(a=[charge("ann", "x", JANUARY, 3)], b=None, bad=odd, **{"it's": [charge("cat", "x", MARCH, 2)]})
        pipeline.put(c="no header\n")
        pipeline.ingest()
        pipeline.put(c=None)
        pipeline.ingest(allow_withdraw=True)
        pipeline.run(start=JANUARY, end=MARCH)
        pipeline.run(full_refresh=True)
        pipeline.run(rehearse=True)
        assert pipeline.all(d=[charge("ann", "x", MARCH, 9, "QQ000009A")]).status == "rejected"
        pipeline.put(d=None)
        pipeline.ingest(allow_withdraw=True)
        pipeline.put(a=[charge("ann", "x", JANUARY, 2), charge("ann", "x", MARCH, 2)])
        pipeline.ingest()
        forget(pipeline.project, writer, str(folder / "it's.csv"))
        backfill(pipeline.project, writer, JANUARY, MARCH, chunk="month")
        *_, was, now = history.moments(pipeline.project, writer)
        assert collect.books(pipeline.project, writer, now, was).is_current
        pipeline.check()
        pipeline.tamper("UPDATE raw.fees SET adviser_id = 'by hand' WHERE _source_row = 1")
        assert not compare(pipeline.project, writer, str(folder)).passed
        pipeline.ingest(reload=True)
        ledger.history(pipeline.project, writer)
        ledger.history(pipeline.project, writer, run_id="it's")
        *_, was, now = history.moments(pipeline.project, writer)
        assert [one for one in bridge.between(pipeline.project, writer, was, now) if one.residual] == []
        differences.between(pipeline.project, writer, was, now)
        ledger.chunks(pipeline.project, writer, "backfill --start 2025-01-01 --end 2025-01-31")
        assert facts.read(pipeline.project, writer, "latest").days
        return writer


def first(jobs, *words):
    """The first job in which all of this is written."""
    return next(text for text in jobs if all(word in text for word in words))


def run_and_ingestion(jobs):
    return first(jobs, "MERGE INTO staging_ci"), first(jobs, "raw_ci.fees_incoming", "UPDATE raw_ci.files")
