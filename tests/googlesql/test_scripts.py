"""Every job that BigQuery is sent, as a whole: each statement of each script passes Google's analyzer and our rules."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import goldens
import pytest
from googlesql.constructs import DOCUMENTED, constructs, control
from googlesql.rules import house_rules
from pipeline import LENIENT, Pipeline

from fees_etl import query
from fees_etl.engines.bigquery.incoming import Incoming, unmasked
from fees_etl.engines.bigquery.script import Dialect, job, question
from fees_etl.runs import ledger
from fees_etl.runs.backfill import backfill
from fees_etl.script import Load
from fees_etl.types import Waiver

JANUARY, MARCH = date(2025, 1, 31), date(2025, 3, 31)
ALLOWED = {"CURRENT_TIMESTAMP: the same run would not give the same rows twice"}
"""The books say when they were written; no model is."""


def fee(client, day, amount, nino="QQ000001A"):
    return (client, nino, "x", day, Decimal(amount))


class Writer:
    """An engine on DuckDB that also writes each script down as BigQuery would be sent it."""

    def __init__(self, engine, schema):
        self.engine, self.schema, self.jobs, self.questions = engine, schema, [], []

        def columns(sql):
            return tuple(column.name for column in query.columns(query.parse(sql, "query"), schema))

        self.dialect = Dialect(columns, lambda sql: query.with_suffix(sql, "_ci"))

    def __getattr__(self, name):
        return getattr(self.engine, name)

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
        placed = Incoming("load-1").moved(parts, self.schema) if files else [unmasked(), *parts]
        self.jobs.append(job(script, placed, self.dialect, f"job-{len(self.jobs) + 1}"))
        return outcome


def life(folder):
    """Arrivals, corrections, withdrawals, runs, a rejected one, a rehearsal, chunks and looks."""
    with Pipeline(folder, **LENIENT) as pipeline:
        waiver = Waiver("assert_client_data", ("zoe",), "it's known", date(2099, 12, 31), Path("sql/waivers.yml"), 1)
        pipeline.project = replace(pipeline.project, waivers=(waiver,))
        schema = {table: contract.types for table, contract in pipeline.project.contracts.items()}
        pipeline.engine = writer = Writer(pipeline.engine, schema)
        pipeline.all(a=[fee("ann", JANUARY, 1), fee("ann", JANUARY, 1)], b=[fee("bob", MARCH, 2)])
        pipeline.all(
            a=[fee("ann", JANUARY, 3)], b=None, **{"it's": [fee("cat", MARCH, 2)], "bad": [fee("dog", "x", 1)]}
        )
        pipeline.run(start=JANUARY, end=MARCH)
        pipeline.run(rehearse=True)
        assert pipeline.all(d=[fee("ann", MARCH, 9, "QQ000009A")]).status == "rejected"
        pipeline.put(d=None)
        pipeline.ingest(allow_withdraw=True)
        backfill(pipeline.project, writer, JANUARY, MARCH, chunk="month")
        pipeline.check()
        ledger.history(pipeline.project, writer)
        return pipeline.project, writer


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The same on a checkout and on an unpacked archive, which has no commit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "git_sha", lambda _: "0" * 40)
        return life(tmp_path_factory.mktemp("files"))


def steady(text):
    """Without what differs from run to run."""
    text = re.sub(r"/[^ ']*/(?=[^ '/]*\.csv)", "/lake/", goldens.steady(text, "/nowhere"))
    text = re.sub(r"'[0-9a-f]{64}'", "'SHA256'", text)
    text = re.sub(r"'[0-9a-f]{40}' AS git_sha", "'COMMIT' AS git_sha", text)
    text = re.sub(r"'[0-9a-f]{32}'", "'MD5'", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", "2025-09-30 12:00:00.000000", text)
    return re.sub(r"'[^']*' AS package_version", "'VERSION' AS package_version", text)


def tables_of(project):
    return {f"{table.dataset}_ci.{table.name}": contract.types for table, contract in project.contracts.items()}


def test_every_script_passes_googles_analyzer(reference, written):
    project, writer = written
    assert len(writer.jobs) > 8

    for text in writer.jobs:
        reference.analyze_script(text, tables_of(project))


def test_every_question_is_one_query_of_one_row_of_texts(reference, written):
    project, writer = written
    for text in writer.questions:
        assert {kind for _, kind in reference.analyze(text, tables_of(project))} == {"STRING"}


def test_every_statement_of_a_script_keeps_our_own_rules(reference, written):
    _, writer = written
    offences = {offence for text in writer.jobs for sql in reference.statements(text) for offence in house_rules(sql)}
    assert offences <= ALLOWED


def test_every_construct_has_a_page_in_bigquerys_documentation_and_no_page_is_without_use(reference, written):
    _, writer = written
    statements = {sql for text in (*writer.jobs, *writer.questions) for sql in reference.statements(text)}
    used = {name for text in writer.jobs for name in control(text)}
    used |= {name for sql in statements for name in constructs(sql)}

    assert used - set(DOCUMENTED) == set()
    assert set(DOCUMENTED) - used == set()


def test_a_script_is_one_transaction_that_ends_one_way_only(written):
    for text in written[1].jobs:
        assert text.count("BEGIN TRANSACTION;") == 1
        assert text.count("COMMIT TRANSACTION;") <= 1
        assert "CREATE" not in text
        assert "TRUNCATE" not in text


def test_the_script_of_a_run_reads_as_reviewed(written):
    run = next(text for text in written[1].jobs if "MERGE INTO staging_ci" in text)
    goldens.check("bigquery/run.sql", steady(run))


def test_the_script_of_an_ingestion_reads_as_reviewed(written):
    ingestion = next(
        text for text in written[1].jobs if "raw_ci.fees_incoming" in text and "UPDATE raw_ci.files" in text
    )
    goldens.check("bigquery/ingest.sql", steady(ingestion))
