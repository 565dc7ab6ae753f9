"""From a number to its lines, and back, on BigQuery: the hard cases are what DuckDB says of the same files."""

from __future__ import annotations

import json

from cells import wrong
from emulator import product as products
from emulator.product import Twins
from pipeline import LENIENT
from worlds import HARD

from fees_etl.explain.trace import trace
from fees_etl.types import Table

product = products.product
FILES = {"a.csv": [*HARD, HARD[0]], "b.csv": [HARD[1], ("z", None, "x", None, None)]}


def test_numbers_and_lines_are_traced_alike_on_both_engines(product):
    with Twins(product, **LENIENT) as twins:
        assert twins.all(FILES) == ("published", "published")
        both = (twins.duckdb, twins.bigquery)
        project = both[0].project
        asked = [
            ("rpt_client_ltv", "client_id", "leap", ("ltv_1_month", "is_complete_6_month")),
            ("rpt_adviser_ltv", "adviser_id", "x", ("total_client_ltv_6_month", "rank_by_ltv_6_month")),
            ("rpt_cohort_ltv", "cohort_month", "2025-01", ("median_ltv_6_month", "total_ltv_3_month")),
        ]
        for name, key, value, columns in asked:
            made = project.contracts[Table("reporting", name)]
            for column in columns:
                ours, theirs = (_plain(trace(one.project, one.engine, made, {key: value}, column)) for one in both)
                assert ours == theirs


def _plain(found):
    fees = [(line.fee, line.contribution, line.file.rpartition("/")[2], line.row) for line in found.fees]
    return found.value, found.total, fees, found.operands.rows


def test_every_cell_of_every_table(product):
    with Twins(product, **LENIENT) as twins:
        assert twins.all(FILES) == ("published", "published")
        ours, theirs = twins.both(wrong)
    assert ours == theirs
    assert theirs[0] == set()
    assert theirs[1]["sums"] > 100


def test_files_and_the_fates_of_lines(product):
    product.deal(FILES)
    assert product("run", vars=json.dumps(LENIENT)).code == 0
    found = json.loads(product("files", "--output", "json").out)["files"]
    assert [(one["uri"].rpartition("/")[2], one["row_count"], one["status"]) for one in found] == [
        ("a.csv", len(HARD) + 1, "loaded"),
        ("b.csv", 2, "loaded"),
    ]
    said = {
        row: product("trace", f"{row}", "--output", "json", "--verify").json
        for row in ("a.csv:1", "b.csv:1", "b.csv:2")
    }
    assert {row: one["fate"] for row, one in said.items()} == {
        "a.csv:1": "staged",
        "b.csv:1": "duplicate",
        "b.csv:2": "blank",
    }
    assert said["b.csv:1"]["kept"].endswith("a.csv:2")
    assert all((one["differing"], one["gone"]) == ([], []) for one in said.values())


def test_every_other_fate(product):
    """Each way in which a line comes to no number, in one world."""
    product.deal({"a.csv": HARD[:6], "bad.csv": "nothing\nx\n", "mixed.csv": MIXED, "short.csv": HARD[6:9]})
    assert product("run", vars=json.dumps(LENIENT)).code == 3
    product.deal({"bad.csv": None})
    assert product("run", "--allow-withdraw", vars=json.dumps(LENIENT)).code == 0
    product.deal({"short.csv": HARD[6:8], "late.csv": [HARD[9]], "bad.csv": "nothing\nx\n"})
    assert product("ingest", vars=json.dumps(LENIENT)).code == 3
    fates = {"mixed.csv:1": "rejected", "short.csv:3": "superseded", "late.csv:1": "pending", "bad.csv:1": "refused"}
    said = {line: product("trace", line, "--output", "json").json for line in fates}
    assert {line: one["fate"] for line, one in said.items()} == fates
    assert "fee_date" in said["mixed.csv:1"]["why"]
    product.deal({"late.csv": None, "bad.csv": None})
    assert product("run", "--allow-withdraw", vars=json.dumps(LENIENT)).code == 0
    assert product("trace", "late.csv:1", "--output", "json").json["fate"] == "withdrawn"


MIXED = "client_id,client_nino,adviser_id,fee_date,fee_amount\nC1,QQ000001A,x,soon,1\nC1,QQ000001A,x,2024-05-01,1\n"
