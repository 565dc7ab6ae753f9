"""Every other command on BigQuery: backfill, rehearse, assert, plan, runs, render."""

from __future__ import annotations

import re
import shutil
from datetime import date
from decimal import Decimal

import goldens
import pytest
from emulator import product as products
from emulator.proxy import Fault
from faults import TABLES
from pipeline import project
from places import ROOT
from worlds import charge

JANUARY, FEBRUARY, MARCH = date(2025, 1, 31), date(2025, 2, 28), date(2025, 3, 31)
FILES = {
    "a.csv": [charge("ann", "x", JANUARY, "1.6"), charge("bob", "y", JANUARY, "2")],
    "b.csv": [charge("ann", "x", FEBRUARY, "4"), charge("cat", "y", MARCH, "8.25")],
}
LATE = {
    "late.csv": [charge("dan", "x", JANUARY, "16"), charge("dan", "x", FEBRUARY, "32"), charge("dan", "y", MARCH, "64")]
}
QUARTER = ("--start", "2025-01-01", "--end", "2025-03-31")
MEBIBYTE = 2**20


def everything(product):
    """All that a rehearsal must not change."""
    return {
        table: sorted(map(str, product.rows(f"SELECT * FROM {table}"))) for table in (*TABLES, "ops.runs", "ops.writer")
    }


def without_ledger(tables):
    return {table: rows for table, rows in tables.items() if table not in ("ops.runs", "ops.writer")}


@pytest.fixture
def waiting(product):
    """Two files published; three late rows in raw that no run has staged."""
    product.deal(FILES)
    assert product("run").code == 0
    product.deal(LATE)
    said = product("ingest")
    assert (said.code, "late.csv" in said.out) == (0, True)
    return product


def ledger(product, columns="status, fee_dates"):
    return product.rows(f"SELECT {columns} FROM ops.runs ORDER BY started_at")


def test_a_stopped_backfill_goes_on_where_it_stopped(waiting):
    waiting.google.proxy.fail(Fault("POST", r"/jobs(\?|$)", on=2, status=403))
    said = waiting("backfill", *QUARTER, "--chunk", "month")
    waiting.google.proxy.fail()
    assert said.code == 5
    assert "1 of 3 chunks are staged and stay so; reporting is as before." in said.err
    assert "fees-etl --target dev backfill --start 2025-01-01 --end 2025-03-31 --chunk month --resume" in said.err
    assert waiting.rows("SELECT SUM(ltv_total) FROM reporting.rpt_client_ltv") == [(Decimal("15.85"),)]

    said = waiting("backfill", *QUARTER, "--chunk", "month", "--resume")
    assert said.code == 0
    assert waiting.rows("SELECT SUM(ltv_total) FROM reporting.rpt_client_ltv") == [(Decimal("127.85"),)]
    assert ledger(waiting)[1:] == [
        ("staged", "2025-01-31"),
        ("failed", "2025-02-01..2025-02-28"),
        ("staged", "2025-02-01..2025-02-28"),
        ("staged", "2025-03-01..2025-03-31"),
        ("published", "no fee dates"),
    ]
    assert waiting.rows("SELECT COUNT(*) FROM ops.pending") == [(0,)]


def test_a_backfill_in_one_transaction(waiting):
    said = waiting("backfill", "--start", "2025-01-01", "--end", "2025-02-28", "--output", "json")

    assert (said.code, said.json["status"]) == (0, "published")
    assert [(change["fee_date"], change["amount_after"]) for change in said.json["changes"]] == [
        ("2025-01-31", "19.60"),
        ("2025-02-28", "36.00"),
    ]
    assert waiting.rows("SELECT fee_date FROM ops.pending") == [(MARCH,)]


@pytest.fixture(scope="module")
def looked(bigquery_url, storage_url, tmp_path_factory):
    """A warehouse with sizes: a run, a rejected one, and rows that wait. To look at, not to change."""
    with products.product(bigquery_url, storage_url, tmp_path_factory.mktemp("looked")) as product:
        product.google.google.sizes = {r"\braw\.fees\b": 25 * MEBIBYTE + 1, r"\bstg_fees\b": 3 * MEBIBYTE}
        product.deal(FILES)
        assert product("run").code == 0
        product.deal({"c.csv": [charge("ann", "x", MARCH, "1", "QQ999999D")]})
        assert product("run").code == 1
        product.deal({"c.csv": None} | LATE)
        assert product("ingest").code == 0
        yield product


def test_a_rehearsal_reads_no_files_and_leaves_no_trace(looked):
    before = everything(looked)
    looked.deal({"more.csv": [charge("eve", "x", MARCH, "128")]})
    said = looked("run", "--rehearse")

    assert said.code == 0
    assert "A rehearsal on BigQuery reads no files: a load job cannot be rolled back." in said.err
    assert "+112.00 pounds, and all of it rolled back. Readers saw nothing." in said.out
    assert "more.csv" not in said.out
    assert looked("backfill", *QUARTER, "--rehearse").code == 0
    assert everything(looked) == before
    said = looked("ingest", "--rehearse")
    assert (said.code, "which cannot be rolled back" in said.err) == (2, True)
    looked.deal({"more.csv": None})


def test_a_changed_project_is_rehearsed_on_live_data_and_makes_no_table(looked, tmp_path):
    before = everything(looked)
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    path = tmp_path / "sql/reporting/dim_clients.sql"
    path.write_text(path.read_text().replace("'%Y-%m'", "'%Y/%m'"))
    for suffix in (".sql", ".yml"):
        shutil.copy(path.with_suffix(suffix), path.with_name(f"dim_new{suffix}"))
    said = looked("diff", "--project", str(tmp_path), "--output", "json")

    found = {one["table"]: one for one in said.json["tables"]}
    assert (said.code, "1 assertion would fail: assert_cohorts." in said.err) == (1, True)
    assert found["reporting.dim_clients"]["columns"] == {"cohort_month": 3}
    assert said.json["missing"] == ["reporting.dim_new"]
    assert said.json["sql"] == ["reporting.dim_clients", "reporting.dim_new"]
    assert everything(looked) == before
    assert "dim_new" not in str(looked.rows("SELECT table_name FROM reporting.INFORMATION_SCHEMA.TABLES"))


def test_the_comment_of_a_pull_request(looked, tmp_path):
    """What the workflow of a project puts beside a change: first touch turned into last touch."""
    before = everything(looked)
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    path = tmp_path / "sql/reporting/dim_clients.sql"
    path.write_text(path.read_text().replace("fee_date ASC", "fee_date DESC"))
    said = looked("diff", "--project", str(tmp_path), "--output", "md")

    assert said.code == 0, said.err
    comment = said.out.replace(str(tmp_path), "PROJECT").replace(looked.lake.url, "gs://BUCKET")
    goldens.check("bigquery/pull_request.md", comment)
    assert everything(looked) == before


def test_a_plan_shows_bytes_and_dollars(looked):
    found = looked("plan", "--output", "json").json
    by_name = {step["name"]: step for step in found["steps"]}

    assert by_name["stg_fees"]["table"] == "staging.stg_fees"
    assert by_name["stg_fees"]["estimated_bytes"] >= 26 * MEBIBYTE
    assert all(step["estimated_bytes"] >= 10 * MEBIBYTE for step in found["steps"])
    assert found["estimated_bytes"] == sum(step["estimated_bytes"] for step in found["steps"])
    assert Decimal(found["estimated_dollars"]) == round(Decimal(found["estimated_bytes"]) / 2**40 * Decimal("6.25"), 6)
    said = looked("plan")
    assert re.search(r"In all \d{3} MiB, 0\.00\d{4} US dollars at 6\.25 a TiB", said.out)


def test_a_cap_refuses_before_anything_is_written(looked):
    before, known = everything(looked), ledger(looked)
    for name, cap in (("max_cost", "0.000001"), ("max_bytes", "50000000")):
        said = looked("run", "--skip-ingest", **{name: cap})
        assert (said.code, f"more than {name} = {Decimal(cap):,f} of target 'dev'" in said.err) == (4, True)
    assert ledger(looked) == [*known, ("refused", "no fee dates"), ("refused", "no fee dates")]
    assert without_ledger(everything(looked)) == without_ledger(before)


def test_what_waits_in_raw_does_not_make_what_is_published_wrong(looked):
    said = looked("assert", "--output", "json")
    assert (said.code, {one["verdict"] for one in said.json["assertions"]}) == (0, {"pass"})


def test_what_was_written_by_hand_is_found(product):
    product.deal(FILES)
    assert product("run").code == 0
    product.rows("UPDATE reporting.rpt_client_ltv SET ltv_total = ltv_total + NUMERIC '0.01' WHERE client_id = 'ann'")
    said = product("assert")

    assert said.code == 1
    assert "matches_rpt_client_ltv" in said.err
    assert "assert_ltv_matches_raw" in said.err


def test_the_ledger_has_every_attempt(looked):
    said = looked("runs")
    ended = [line.split()[2] for line in said.out.splitlines()[1:]]
    assert [word for word in ended if word != "refused"] == ["rejected", "published"]
    runs = [run for run in looked("runs", "--output", "json").json["runs"] if run["status"] != "refused"]
    shown = looked("runs", "show", runs[0]["run_id"])
    assert "assert_client_data" in shown.out
    assert [step["name"] for step in runs[1]["steps"]] == [model.name for model in project().models.values()]
    assert looked("runs", "show", "1999").code == 2


def test_what_is_rendered_is_what_bigquery_takes(looked):
    sql = looked("render", "rpt_client_ltv").out
    assert sorted(looked.rows(sql)) == sorted(looked.rows("SELECT * FROM reporting.rpt_client_ltv"))


def test_there_is_no_sample_on_bigquery(product):
    (product.folder / "fees_etl.toml").write_text(f'[targets.dev]\nwarehouse = "{product.url}"\npii = "synthetic"\n')
    said = product("run")
    assert (said.code, "no source is named; the bundled sample is for DuckDB" in said.err) == (2, True)


def test_pages_are_written_from_what_it_keeps(waiting):
    assert waiting("run").code == 0
    said = waiting("report", "--out", "-")
    assert (said.code, said.out.startswith("<!doctype html>")) == (0, True)
    for words in ("late (new information)", "Lifetime value by cohort", "4 of 4 clients (100%) are not complete"):
        assert words in said.out, words
    assert "Left out" not in said.out
    assert waiting("runs", "--html", "--out", "-").out.count("<svg") == 1
