"""The library as a notebook uses it: no call needs another one before it, and what it gives back can be looked at."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal

import pytest
from bigquery import Service, engine_on
from pipeline import LENIENT, NOW, Pipeline, project

from fees_etl import UsageError, backfill, check, connect, ingest, plan, read, run, state
from fees_etl.engines.duckdb import DuckDB
from fees_etl.script import Ask
from fees_etl.types import State, Table

pyarrow = pytest.importorskip("pyarrow")
DAY = date(2025, 1, 31)
ANN = ("ann", "QQ000001A", "x", "2025-01-31", Decimal("1.600000001"))


@pytest.fixture
def lake(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as made:
        made.put(a=[ANN])
    return str(tmp_path / "*.csv")


CALLS = {
    "state": lambda engine: state(project(), engine),
    "plan": lambda engine: plan(project(), engine),
    "check": lambda engine: check(project(), engine),
    "backfill": lambda engine: backfill(project(), engine, DAY, DAY),
    "chunks": lambda engine: backfill(project(), engine, DAY, DAY, chunk="month"),
    "read": lambda engine: read(engine, "rpt_adviser_ltv", project=project()),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_call_prepares_what_it_needs(name):
    with connect("duckdb://") as engine:
        assert CALLS[name](engine) is not None


def test_ingest_names_itself_and_makes_no_model(lake):
    with connect("duckdb://") as engine:
        found = ingest(project(), engine, lake)
        assert [file.outcome for file in found.files] == ["loaded"]
        assert found.run_id[:8].isdigit()
        assert not engine.native.execute("SELECT 1 FROM duckdb_tables() WHERE schema_name = 'staging'").fetchall()
        assert run(plan(project(**LENIENT), engine), engine).after.staged_amount == ANN[-1]


def test_a_plan_reads_the_warehouse_it_is_for(lake):
    with connect("duckdb://") as engine:
        ingest(project(), engine, lake)
        assert plan(project(), engine).window.ranges == ((DAY, DAY),)
        assert not plan(project(), state=State()).window
    with pytest.raises(UsageError, match="what its warehouse holds"):
        plan(project())


def test_tables_are_looked_at_once(monkeypatch):
    looked = []
    native = DuckDB._native

    def seen(engine, sql):
        looked.extend([1] if "duckdb_columns()" in sql else [])
        return native(engine, sql)

    monkeypatch.setattr(DuckDB, "_native", seen)
    with connect("duckdb://") as engine:
        for _ in range(3):
            plan(project(), engine)
        engine.prepare(project().sources)
    assert len(looked) == 1


def test_what_is_made_within_a_rehearsal_is_made_again_after_it(lake):
    with connect("duckdb://") as engine:
        with engine.rehearsal():
            ingest(project(), engine, lake)
            assert run(plan(project(**LENIENT), engine), engine).status == "published"
        assert state(project(), engine).files == 0


# Arrow


def test_a_table_has_exact_decimals_and_dates_and_no_nino(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        result = pipeline.all(a=[ANN])
        for found in (result.frame("stg_fees"), result.frame("staging.stg_fees"), read(pipeline.engine, "stg_fees")):
            assert "client_nino" not in found.column_names
            assert found.column("fee_amount").to_pylist() == [ANN[-1]]
            assert found.schema.field("fee_amount").type == pyarrow.decimal128(38, 9)
            assert found.column("fee_date").to_pylist() == [DAY]
        told = read(pipeline.engine, "stg_fees", project=pipeline.project, tagged=True)
        assert told.column_names == list(pipeline.project.contracts[Table("staging", "stg_fees")].types)
        ledger = result.frame("runs")
        assert ledger.column("started_at").to_pylist() == [result.started_at]
        assert str(ledger.schema.field("started_at").type) == "timestamp[us, tz=UTC]"


def test_a_table_without_rows_has_its_types(tmp_path):
    with Pipeline(tmp_path) as pipeline:
        found = pipeline.run().frame("rpt_client_ltv")
        assert found.num_rows == 0
        assert {field.type for field in found.schema} >= {pyarrow.string(), pyarrow.bool_(), pyarrow.decimal128(38, 9)}


def test_an_unknown_table_is_named(tmp_path):
    with Pipeline(tmp_path) as pipeline, pytest.raises(UsageError, match="rpt_cohort_ltw") as said:
        read(pipeline.engine, "rpt_cohort_ltw", project=pipeline.project)
    assert "rpt_cohort_ltv" in said.value.hint


def test_without_pyarrow_it_says_what_to_install(tmp_path, monkeypatch):
    with Pipeline(tmp_path) as pipeline:
        result = pipeline.run()
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(UsageError) as said:
            result.frame("rpt_cohort_ltv")
    assert "pip install 'fees-etl[arrow]'" in said.value.hint


def test_bigquery_gives_the_same_types_and_is_never_asked_for_ninos(monkeypatch):
    service = Service(answers={"rows": [["1.5", "2025-01-31", None]]})
    contract = project().contracts[Table("staging", "stg_fees")]
    asked = {name: kind for name, kind in contract.types.items() if name != "client_nino"}
    cells = {
        "STRING": "x",
        "DATE": "2025-01-31",
        "NUMERIC": "0.000000001",
        "INT64": "7",
        "TIMESTAMP": "2025-01-31 12:00:00+00",
    }
    service.answers["rows"] = [[cells[kind] for kind in asked.values()]]
    with engine_on(service, monkeypatch) as engine:
        found = read(engine, "stg_fees", project=project())
    assert found.column_names == list(asked)
    assert found.column("fee_amount").to_pylist() == [Decimal("0.000000001")]
    assert not any("client_nino" in str(body) for body in service.queries)


# looks


def test_what_is_given_back_fits_on_a_screen(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.put(a=[ANN, ("ann", "QQ000001A", "x", "2025-03-31", Decimal(2000))], b="no header\n")
        ingested = pipeline.ingest()
        planned = pipeline.plan()
        result = run(planned, pipeline.engine, run_id="R1", now=NOW)
    assert repr(ingested) == f"<IngestResult test-1 of {tmp_path}: 1 loaded, 1 refused; 2 rows, 2,001.60 pounds loaded>"
    assert repr(planned).startswith("<Plan of 5 steps, ")
    assert repr(planned).endswith("; 2025-01-31..2025-03-31; 2 pending, 0 late>")
    assert repr(result).splitlines()[0].startswith("<Result R1: published in ")
    assert repr(result).splitlines()[1].endswith("; 2025-01-31..2025-03-31")
    assert repr(result).splitlines()[2] == "  staged 0.00 -> 2,001.60 pounds, 0 -> 2 rows; 1 clients>"
    assert repr(pipeline.project).endswith(f"{pipeline.project.fingerprint[:12]}>")


def test_a_rejected_result_names_what_fails(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        result = pipeline.all(a=[ANN, ("ann", "QQ000009A", "x", "2025-02-01", Decimal(1))])
    assert ", 1 fail: assert_client_data" in repr(result)
    assert "QQ0" not in repr(result)


def test_an_assertion_is_a_step_of_its_plan():
    ask = next(step for step in plan(project(), state=State()).steps if isinstance(step, Ask))
    assert (ask.kind, ask.table, ask.books, ask.statements) == ("assertion", None, (), (ask.sql,))
