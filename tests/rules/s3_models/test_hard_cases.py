"""The hard cases of section 3 together, through the whole pipeline, against the oracle; each alone is in tests/models."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from pipeline import LENIENT, Pipeline
from worlds import FEE_ID, HARD, charge


@pytest.fixture
def hard(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        assert pipeline.all(fees=HARD).status == "published"
        yield pipeline


def test_the_hard_cases_equal_the_oracle(hard):
    assert hard.tables() == hard.expected()


@pytest.mark.parametrize(
    ("client", "ltvs"),
    [
        ("month-end", (11, 111, 111, 111)),
        ("leap", (11, 111, 111, 111)),
        ("leap-end", (11, 111, 111, 111)),
        ("refund-first", (-2, -2, -2, -2)),
        ("refund-only", (-9, -9, -9, -9)),
    ],
)
def test_windows_end_before_the_same_day_of_the_month_clamped(hard, client, ltvs):
    sql = f"SELECT ltv_1_month, ltv_3_month, ltv_6_month, ltv_total FROM reporting.rpt_client_ltv WHERE client_id = '{client}'"

    assert hard.engine.native.execute(sql).fetchone() == ltvs


@pytest.mark.parametrize(
    ("client", "adviser"),
    [("refund-first", "y"), ("refund-only", "y"), ("same-day", "B"), ("larger", "b")],
)
def test_first_touch(hard, client, adviser):
    sql = f"SELECT first_adviser_id FROM reporting.dim_clients WHERE client_id = '{client}'"

    assert hard.value(sql) == adviser


@pytest.mark.parametrize(
    ("cohort", "mean"),
    [("2023-07", "0.01"), ("2023-08", "-0.01"), ("2023-09", "0.00"), ("2023-10", "0.50")],
)
def test_means_and_medians_are_rounded_once_half_away_from_zero(hard, cohort, mean):
    sql = f"SELECT avg_ltv_6_month, median_ltv_6_month FROM reporting.rpt_cohort_ltv WHERE cohort_month = '{cohort}'"

    assert hard.engine.native.execute(sql).fetchone() == (Decimal(mean), Decimal(mean))


def test_keys_that_concatenate_alike_are_different_fees(hard):
    sql = "SELECT COUNT(DISTINCT fee_id) FROM staging.stg_fees WHERE client_id IN ('a', 'ab', 'a|b')"

    assert hard.value(sql) == 4


def test_equal_amounts_are_one_fee_and_blanks_are_counted(hard):
    found = hard.run().left_out

    assert (found.duplicate_rows, found.duplicate_amount) == (2, Decimal("3.2"))
    assert (found.blank_rows, found.blank_amount) == (4, Decimal(21))


def test_the_fee_id_is_pinned(tmp_path):
    """The encoding must never change: fee_ids are kept in warehouses."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.all(fees=[charge("ann", "x", date(2025, 1, 31), "1.60")])

        assert pipeline.rows("staging.stg_fees")[0][0] == FEE_ID
