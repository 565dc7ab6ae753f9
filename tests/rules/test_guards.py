"""Refused before anything is written: drift of a live table, late fees where the target wants to be asked."""

from __future__ import annotations

import duckdb
import pytest
from shells import fee, put

from fees_etl import GuardRefused, UsageError, WarehouseError, connect, load
from fees_etl.engines.duckdb import engine as engine_room
from fees_etl.settings import Settings


@pytest.fixture
def published(shell):
    put("a.csv", fee(1), *(fee(number, day="2025-06-30") for number in range(2, 9)))
    assert shell("run", "--source", "lake")[0] == 0
    return shell


def change(sql):
    with duckdb.connect("fees.duckdb") as warehouse:
        warehouse.execute(sql)


def test_a_live_column_of_another_type_is_named_with_the_way_forward(published):
    change("ALTER TABLE reporting.dim_clients ALTER cohort_month TYPE DATE USING NULL")
    code, _, err = published("run", "--source", "lake")

    assert code == 4
    assert "reporting.dim_clients.cohort_month is DATE in the warehouse, but VARCHAR by" in " ".join(err.split())
    assert "Next:" in err


def test_a_missing_column_is_added_by_a_run_and_named_by_a_look(published):
    change("ALTER TABLE ops.runs DROP COLUMN git_sha")
    code, _, err = published("assert")
    assert (code, "has no ops.runs with the columns of" in " ".join(err.split())) == (2, True)

    assert published("run", "--source", "lake")[0] == 0
    assert published("assert")[0] == 0


def test_late_fees_stop_a_target_that_wants_to_be_asked(published, monkeypatch):
    monkeypatch.setenv("FEES_ETL_LATE_POLICY", "fail")
    put("late.csv", fee(1, "500", "2025-01-07"))
    code, _, err = published("run", "--source", "lake")

    assert code == 4
    assert "1 late row, 500.00, 2025-01-07" in " ".join(err.split())
    assert published.ask("SELECT COUNT(*) FROM staging.stg_fees") == [(8,)]
    monkeypatch.setenv("FEES_ETL_LATE_POLICY", "restate")
    assert published("run", "--source", "lake")[0] == 0
    assert published.ask("SELECT COUNT(*) FROM staging.stg_fees") == [(9,)]


def test_rows_on_time_do_not_stop_it(published, monkeypatch):
    monkeypatch.setenv("FEES_ETL_LATE_POLICY", "fail")
    put("new.csv", fee(1, "500", "2025-07-01"))

    assert published("run", "--source", "lake")[0] == 0


@pytest.mark.parametrize("url", ["postgres://x", "duckdb:fees.duckdb", "duckdb://fees.duckdb"])
def test_a_url_of_no_warehouse_is_refused(url):
    with pytest.raises(UsageError, match="no warehouse"):
        connect(url)


def test_drift_is_found_before_the_first_statement(tmp_path):
    with connect(f"duckdb://{tmp_path}/x.duckdb") as engine:
        engine.native.execute("CREATE SCHEMA raw; CREATE TABLE raw.fees (client_id BIGINT)")
        with pytest.raises(GuardRefused, match=r"raw\.fees\.client_id"):
            engine.prepare(load().contracts)
        assert engine.native.execute("SELECT COUNT(*) FROM duckdb_tables()").fetchone() == (1,)


def test_a_warehouse_takes_a_modest_part_of_the_memory(tmp_path, monkeypatch):
    monkeypatch.setitem(engine_room._CONFIG, "threads", 16)
    with connect(f"duckdb://{tmp_path}/fees.duckdb") as engine:
        assert engine.native.execute("SELECT current_setting('memory_limit')").fetchone() == ("2.0 GiB",)
    with connect(f"duckdb://{tmp_path}/fees.duckdb", read_only=True) as reader, connect("duckdb://") as own:
        limits = [one.native.execute("SELECT current_setting('memory_limit')").fetchone() for one in (reader, own)]
        assert limits[0] == limits[1]


def test_the_embedded_engine_keeps_to_its_memory(tmp_path):
    with connect(f"duckdb://{tmp_path}/small.duckdb", settings=Settings(memory="20MB")) as engine:
        assert engine.native.execute("SELECT current_setting('memory_limit')").fetchone() == ("19.0 MiB",)
        with pytest.raises(WarehouseError, match="too little memory for this; FEES_ETL_MEMORY gives DuckDB more"):
            engine._native("SELECT STRING_AGG(repeat('x', 10_000) || range, '' ORDER BY range) FROM range(20_000)")
