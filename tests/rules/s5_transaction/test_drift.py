"""Tables come from their contracts: what a live table lacks is added, what differs is refused before anything is written."""

from __future__ import annotations

import pytest
from shells import change

from fees_etl import GuardRefused, connect, load


def test_a_live_column_of_another_type_is_named_with_the_way_forward(fed):
    change("ALTER TABLE reporting.dim_clients ALTER cohort_month TYPE DATE USING NULL")
    code, _, err = fed("run", "--source", "lake")

    assert code == 4
    assert "reporting.dim_clients.cohort_month is DATE in the warehouse, but VARCHAR by" in " ".join(err.split())
    assert "Next:" in err


def test_a_missing_column_is_added_by_a_run_and_named_by_a_look(fed):
    change("ALTER TABLE ops.runs DROP COLUMN bytes_processed")
    code, _, err = fed("assert")
    assert (code, "has no ops.runs with the columns of" in " ".join(err.split())) == (2, True)

    assert fed("run", "--source", "lake")[0] == 0
    assert fed("assert")[0] == 0


def test_the_ledger_is_read_whatever_tables_a_project_has_gained(fed):
    change("DROP TABLE history.dim_clients; DROP TABLE reporting.rpt_cohort_ltv")

    assert fed("runs")[0] == fed("runs", "show", "latest")[0] == 0
    assert fed("run", "--source", "lake")[0] == fed("assert")[0] == 0


def test_drift_is_found_before_the_first_statement(tmp_path):
    with connect(f"duckdb://{tmp_path}/x.duckdb") as engine:
        engine.native.execute("CREATE SCHEMA raw; CREATE TABLE raw.fees (client_id BIGINT)")
        with pytest.raises(GuardRefused, match=r"raw\.fees\.client_id"):
            engine.prepare(load().contracts)
        assert engine.native.execute("SELECT COUNT(*) FROM duckdb_tables()").fetchone() == (1,)
