"""The floors of the benchmark are about the same work."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlglot
from bench import cost, honest
from bench.generate import generate
from pipeline import Pipeline

SAME = {
    "stg_fees": "client_id, client_nino, adviser_id, fee_date, fee_amount",
    "dim_clients": "client_id, first_fee_date, first_adviser_id, cohort_month",
    "rpt_client_ltv": "client_id, first_fee_date, ltv_1_month, ltv_3_month, ltv_6_month, ltv_total",
    "rpt_cohort_ltv": "cohort_month, client_count, total_ltv_1_month, total_ltv_3_month, total_ltv_6_month",
    "rpt_adviser_ltv": "adviser_id, client_count, total_client_ltv_6_month, rank_by_ltv_6_month",
}


def test_the_honest_floor_means_the_same(tmp_path):
    source = generate(5_000, tmp_path / "lake")
    floor = honest.build(str(source), ":memory:")
    with Pipeline(tmp_path / "lake") as pipeline:
        pipeline.all()
        for table, columns in SAME.items():
            dataset = "staging" if table == "stg_fees" else "reporting"
            ours = pipeline.engine.native.execute(f"SELECT {columns} FROM {dataset}.{table} ORDER BY ALL").fetchall()
            assert ours == floor.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall(), table
        means = "SELECT avg_ltv_6_month FROM {}rpt_cohort_ltv ORDER BY cohort_month"
        ours, theirs = pipeline.engine.native.execute(means.format("reporting.")), floor.execute(means.format(""))
        pairs = zip(ours.fetchall(), theirs.fetchall(), strict=True)
        assert all(abs(mean - Decimal(mine)) <= Decimal("0.005000001") for (mean,), (mine,) in pairs)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT client_id FROM staging.stg_fees", {"staging.stg_fees": ({"client_id"}, "all")}),
        ("SELECT * FROM staging.stg_fees", {"staging.stg_fees": ({"client_id", "fee_date"}, "all")}),
        (
            "DELETE FROM staging.stg_fees AS target WHERE (target.fee_date = DATE '2025-01-01')",
            {"staging.stg_fees": ({"client_id", "fee_date"}, "dates")},
        ),
        (
            "INSERT INTO staging.stg_fees SELECT r.note FROM raw.fees AS r WHERE r._source_file IN ('a.csv')",
            {"raw.fees": ({"note", "_source_file"}, "files")},
        ),
        (
            "SELECT fee_date FROM staging.stg_fees WHERE fee_date = DATE '2025-01-01' UNION ALL (SELECT client_id FROM staging.stg_fees)",
            {"staging.stg_fees": ({"client_id", "fee_date"}, "all")},
        ),
    ],
)
def test_the_model_of_costs_counts_the_columns_and_parts_that_a_statement_reads(sql, found):
    columns = {"staging.stg_fees": {"client_id", "fee_date"}, "raw.fees": {"note", "_source_file", "fee_date"}}
    assert cost.read(sqlglot.parse_one(sql, dialect="bigquery"), columns) == found
