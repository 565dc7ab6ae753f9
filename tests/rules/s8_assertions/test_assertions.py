"""Every assertion: a world that corrupts the very term it guards, and one just inside its boundary."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from pipeline import Pipeline, project

DAY = date(2025, 1, 31)
LATER = date(2025, 2, 28)
FEES = [
    ("ann", "QQ000001A", "adviser-1", DAY, Decimal("10.005")),
    ("ann", "QQ000001A", "adviser-2", LATER, Decimal("5.5")),
    ("bob", "QQ000002B", "adviser-1", DAY, Decimal("-2.25")),
    ("cat", "QQ000003C", "adviser-2", date(2025, 9, 30), Decimal(7)),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Four fees, published and sound."""
    with Pipeline(tmp_path_factory.mktemp("fees")) as pipeline:
        assert pipeline.all(fees=FEES).status == "published"
        assert not [name for name, found in pipeline.check().items() if not found.passed]
        yield pipeline


@pytest.fixture
def published(sound):
    """The same, and sound again afterwards."""
    with sound.engine.rehearsal():
        yield sound


CLIENTS = "reporting.dim_clients"
CLIENT_LTV = "reporting.rpt_client_ltv"
COHORT_LTV = "reporting.rpt_cohort_ltv"
ADVISER_LTV = "reporting.rpt_adviser_ltv"
CORRUPTIONS = [
    # assert_ltv_matches_raw: each value, each flag, a missing and an extra client
    *(
        ("assert_ltv_matches_raw", f"UPDATE {CLIENT_LTV} SET {column} = {column} + 0.000000001 WHERE client_id = 'ann'")
        for column in ("ltv_1_month", "ltv_3_month", "ltv_6_month", "ltv_total")
    ),
    *(
        ("assert_ltv_matches_raw", f"UPDATE {CLIENT_LTV} SET {column} = NULL WHERE client_id = 'ann'")
        for column in ("ltv_1_month", "ltv_total", "first_fee_date", "is_complete_6_month")
    ),
    *(
        ("assert_ltv_matches_raw", f"UPDATE {CLIENT_LTV} SET {column} = NOT {column} WHERE client_id = 'ann'")
        for column in ("is_complete_1_month", "is_complete_3_month", "is_complete_6_month")
    ),
    ("assert_ltv_matches_raw", f"UPDATE {CLIENT_LTV} SET first_fee_date = '2025-02-01' WHERE client_id = 'ann'"),
    ("assert_ltv_matches_raw", f"DELETE FROM {CLIENT_LTV} WHERE client_id = 'bob'"),
    ("assert_ltv_matches_raw", f"INSERT INTO {CLIENT_LTV} SELECT 'eve', * EXCLUDE client_id FROM {CLIENT_LTV} LIMIT 1"),
    # assert_attribution: who the first touch was, since when, and in which cohort; a missing and an extra client
    *(
        ("assert_attribution", f"UPDATE {CLIENTS} SET {column} = {value} WHERE client_id = 'ann'")
        for column, value in (
            ("first_adviser_id", "'adviser-2'"),
            ("first_adviser_id", "NULL"),
            ("first_fee_date", f"DATE '{LATER}'"),
            ("cohort_month", "'2025-02'"),
        )
    ),
    ("assert_attribution", f"DELETE FROM {CLIENTS} WHERE client_id = 'bob'"),
    ("assert_attribution", f"INSERT INTO {CLIENTS} SELECT 'eve', * EXCLUDE client_id FROM {CLIENTS} LIMIT 1"),
    # assert_advisers: each number of a rank's row, two ranks exchanged, a missing and an extra adviser
    *(
        ("assert_advisers", f"UPDATE {ADVISER_LTV} SET {column} = {value} WHERE adviser_id = 'adviser-1'")
        for column, value in (
            ("rank_by_ltv_6_month", "2"),
            ("rank_by_ltv_6_month", "NULL"),
            ("avg_client_ltv_6_month", "avg_client_ltv_6_month + 0.01"),
            ("avg_client_ltv_6_month", "avg_client_ltv_6_month + 0.001"),
            ("avg_client_ltv_6_month", "NULL"),
            ("total_client_ltv_6_month", "total_client_ltv_6_month + 0.000000001"),
            ("client_count", "client_count + 1"),
            ("complete_client_count_6_month", "complete_client_count_6_month - 1"),
        )
    ),
    ("assert_advisers", f"UPDATE {ADVISER_LTV} SET rank_by_ltv_6_month = 3 - rank_by_ltv_6_month"),
    ("assert_advisers", f"DELETE FROM {ADVISER_LTV} WHERE adviser_id = 'adviser-2'"),
    ("assert_advisers", f"INSERT INTO {ADVISER_LTV} SELECT 'eve', * EXCLUDE adviser_id FROM {ADVISER_LTV} LIMIT 1"),
    # assert_cohorts: each mean and the median a penny or less away, each total, flag and count
    *(
        ("assert_cohorts", f"UPDATE {COHORT_LTV} SET {column} = {value} WHERE cohort_month = '2025-01'")
        for months in (1, 3, 6)
        for column, value in (
            (f"avg_ltv_{months}_month", f"avg_ltv_{months}_month + 0.01"),
            (f"avg_ltv_{months}_month", f"avg_ltv_{months}_month - 0.01"),
            (f"avg_ltv_{months}_month", "NULL"),
            (f"total_ltv_{months}_month", f"total_ltv_{months}_month + 0.000000001"),
            (f"is_complete_{months}_month", f"NOT is_complete_{months}_month"),
        )
    ),
    ("assert_cohorts", f"UPDATE {COHORT_LTV} SET median_ltv_6_month = median_ltv_6_month + 0.01"),
    ("assert_cohorts", f"UPDATE {COHORT_LTV} SET median_ltv_6_month = median_ltv_6_month + 0.000000001"),
    ("assert_cohorts", f"UPDATE {COHORT_LTV} SET client_count = client_count + 1"),
    ("assert_cohorts", f"DELETE FROM {COHORT_LTV} WHERE cohort_month = '2025-09'"),
    ("assert_cohorts", f"UPDATE {CLIENT_LTV} SET ltv_6_month = ltv_6_month + 1 WHERE client_id = 'bob'"),
    # assert_client_data: in raw, and in staging
    (
        "assert_client_data",
        "UPDATE raw.fees SET client_nino = 'qq 000009 a' WHERE client_id = 'ann' AND _source_row = 2",
    ),
    ("assert_client_data", f"UPDATE staging.stg_fees SET client_nino = 'QQ000009A' WHERE fee_date = '{LATER}'"),
    ("assert_client_data", "UPDATE staging.stg_fees SET client_nino = NULL WHERE client_id = 'bob'"),
    # assert_row_count_reconciliation
    ("assert_row_count_reconciliation", "INSERT INTO staging.stg_fees SELECT * FROM staging.stg_fees LIMIT 1"),
    ("assert_row_count_reconciliation", "DELETE FROM raw.fees WHERE _source_row = 1"),
    (
        "assert_row_count_reconciliation",
        f"INSERT INTO ops.left_out VALUES ('file:///x', 'v', '{DAY}', 'duplicate', 1, 0)",
    ),
    # assert_file_row_count
    (
        "assert_file_row_count",
        f"INSERT INTO ops.left_out SELECT uri, version, '{DAY}', 'blank', 1, 0 FROM raw.files",
    ),
    # assert_financial_reconciliation: raw, control totals, staged, left out, and every total of every report
    (
        "assert_financial_reconciliation",
        "UPDATE raw.fees SET fee_amount = fee_amount + 0.000000001 WHERE _source_row = 1",
    ),
    ("assert_financial_reconciliation", "UPDATE raw.fees SET fee_date = '2025-01-30' WHERE _source_row = 1"),
    ("assert_financial_reconciliation", "UPDATE raw.file_totals SET amount = amount + 0.000000001"),
    ("assert_financial_reconciliation", "UPDATE raw.file_totals SET row_count = row_count + 1"),
    ("assert_financial_reconciliation", "DELETE FROM raw.file_totals WHERE fee_date = '2025-09-30'"),
    (
        "assert_financial_reconciliation",
        "UPDATE staging.stg_fees SET fee_amount = fee_amount + 1 WHERE client_id = 'bob'",
    ),
    ("assert_financial_reconciliation", "DELETE FROM staging.stg_fees WHERE client_id = 'bob'"),
    ("assert_financial_reconciliation", f"INSERT INTO ops.left_out VALUES ('x', 'v', '{DAY}', 'duplicate', 0, 0.01)"),
    ("assert_financial_reconciliation", f"INSERT INTO ops.left_out VALUES ('x', 'v', '{DAY}', 'blank', 1, 0)"),
    *(
        ("assert_financial_reconciliation", f"UPDATE {table} SET {column} = {column} + 0.000000001")
        for table, columns in {
            CLIENT_LTV: ("ltv_1_month", "ltv_3_month", "ltv_6_month", "ltv_total"),
            COHORT_LTV: ("total_ltv_1_month", "total_ltv_3_month", "total_ltv_6_month"),
            ADVISER_LTV: (
                "total_client_ltv_1_month",
                "total_client_ltv_3_month",
                "total_client_ltv_6_month",
                "total_client_ltv_all_time",
            ),
        }.items()
        for column in columns
    ),
    ("assert_financial_reconciliation", f"UPDATE {COHORT_LTV} SET client_count = client_count + 1"),
    ("assert_financial_reconciliation", f"UPDATE {ADVISER_LTV} SET client_count = client_count + 1"),
    ("assert_financial_reconciliation", f"DELETE FROM {COHORT_LTV} WHERE cohort_month = '2025-09'"),
    # column tests of the contracts
    ("contract_stg_fees", "UPDATE staging.stg_fees SET adviser_id = NULL WHERE client_id = 'bob'"),
    ("contract_stg_fees", "UPDATE staging.stg_fees SET fee_id = (SELECT MIN(fee_id) FROM staging.stg_fees)"),
    ("contract_stg_fees", "UPDATE staging.stg_fees SET fee_date = '1989-12-31' WHERE client_id = 'bob'"),
    ("contract_dim_clients", "INSERT INTO reporting.dim_clients SELECT * FROM reporting.dim_clients LIMIT 1"),
    ("contract_dim_clients", "UPDATE reporting.dim_clients SET cohort_month = NULL"),
    ("contract_rpt_client_ltv", "DELETE FROM reporting.dim_clients WHERE client_id = 'bob'"),
    ("contract_rpt_cohort_ltv", f"UPDATE {COHORT_LTV} SET client_count = 0"),
    ("contract_rpt_adviser_ltv", f"UPDATE {ADVISER_LTV} SET complete_client_count_6_month = -1"),
    ("contract_rpt_adviser_ltv", f"UPDATE {ADVISER_LTV} SET rank_by_ltv_6_month = NULL"),
    ("contract_files", "UPDATE raw.files SET status = 'lost'"),
    ("contract_files", "INSERT INTO raw.files SELECT * FROM raw.files"),
    ("contract_file_totals", "UPDATE raw.file_totals SET version = NULL WHERE fee_date = '2025-09-30'"),
    ("contract_runs", "INSERT INTO ops.runs SELECT * FROM ops.runs"),
]


@pytest.mark.parametrize(("name", "corruption"), CORRUPTIONS)
def test_an_assertion_fails_when_the_term_it_guards_is_corrupted(published, name, corruption):
    published.tamper(corruption)

    assert not published.check()[name].passed


CONTRACTS = {str(model.table): model.contract for model in project().models.values()}


@pytest.mark.parametrize("table", CONTRACTS)
def test_tampering_with_any_cell_of_any_table_is_caught(sound, table):
    for column in CONTRACTS[table].types:
        with sound.engine.rehearsal():
            kind = sound.value(f"SELECT typeof({column}) FROM {table} LIMIT 1")
            changed = {"VARCHAR": f"{column} || 'x'", "BOOLEAN": f"NOT {column}"}.get(kind, f"{column} + 1")
            sound.tamper(f"UPDATE {table} SET {column} = {changed} WHERE rowid = (SELECT MIN(rowid) FROM {table})")

            assert not sound.check()[f"matches_{table.partition('.')[2]}"].passed, column


@pytest.mark.parametrize("table", CONTRACTS)
def test_a_null_where_the_contract_wants_none_is_caught(published, table):
    first, *_ = [column.name for column in CONTRACTS[table].columns if column.required]
    published.tamper(f"UPDATE {table} SET {first} = NULL")

    assert not published.check()[f"contract_{table.partition('.')[2]}"].passed


def test_every_assertion_is_shown_to_fail(sound):
    shown = {f"{kind}_{table.partition('.')[2]}" for table in CONTRACTS for kind in ("matches", "contract")}

    shown |= {"assert_ledger", "assert_raw_as_ingested", "contract_columns", "matches_left_out"}  # in test_tampering
    shown |= {"anomalies", "freshness_fees"}  # in s15_watching
    assert shown | {name for name, _ in CORRUPTIONS} == set(sound.check())


def test_a_tolerance_is_kept_to_the_last_decimal(tmp_path):
    with Pipeline(tmp_path, tolerance="0.01") as pipeline:
        assert pipeline.all(fees=FEES).status == "published"
        pipeline.tamper(f"UPDATE {CLIENT_LTV} SET ltv_total = ltv_total + 0.01 WHERE client_id = 'ann'")
        pipeline.tamper(f"UPDATE {ADVISER_LTV} SET total_client_ltv_all_time = total_client_ltv_all_time + 0.005")
        within = pipeline.check()
        pipeline.tamper(f"UPDATE {CLIENT_LTV} SET ltv_total = ltv_total + 0.000000001 WHERE client_id = 'ann'")
        beyond = pipeline.check()

    for name in ("assert_ltv_matches_raw", "assert_financial_reconciliation"):
        assert within[name].passed
        assert not beyond[name].passed


def fees(count, *, client="ann"):
    return [(client, "QQ000001A", "adviser-1", DAY, Decimal(number)) for number in range(1, count + 1)]


@pytest.mark.parametrize(("duplicates", "status"), [(1, "published"), (2, "rejected")])
def test_exactly_five_percent_may_be_lost(tmp_path, duplicates, status):
    with Pipeline(tmp_path) as pipeline:
        result = pipeline.all(fees=fees(20 - duplicates) + fees(1) * duplicates)

    assert result.status == status
    assert [one.name for one in result.failures] == ["assert_row_count_reconciliation"] * (status == "rejected")


@pytest.mark.parametrize("column", range(5))
def test_a_blank_in_any_column_counts_as_lost(tmp_path, column):
    blank = list(fees(1)[0])
    blank[column] = None
    with Pipeline(tmp_path) as pipeline:
        passed = pipeline.all(fees=[*fees(19), blank])
        failed = pipeline.all(fees=[*fees(18), blank, blank])

    assert passed.status == "published"
    assert passed.left_out.blank_rows == 1
    assert failed.status == "rejected"


def test_a_bad_file_among_good_ones_is_a_warning(tmp_path):
    with Pipeline(tmp_path) as pipeline:
        result = pipeline.all(good=fees(100), bad=fees(10, client="bob") + fees(1, client="bob"))

    warned = {one.name: one for one in result.assertions if not one.passed}
    assert result.status == "published"
    assert list(warned) == ["assert_file_row_count"]
    assert warned["assert_file_row_count"].sample.rows[0][1:] == (11, 1)


def test_a_conflict_of_ninos_names_both_rows_and_shows_neither_number(tmp_path):
    again = [("ann", "QQ999999D", "adviser-1", DAY, Decimal("10.005"))]
    with Pipeline(tmp_path, max_lost="1") as pipeline:
        assert pipeline.all(first=FEES).status == "published"
        before = pipeline.tables()
        result = pipeline.all(second=again)

        assert result.status == "rejected"
        assert pipeline.tables() == before
    (failed,) = result.failures
    assert failed.name == "assert_client_data"
    places = [(row[0], row[3].rpartition("/")[2], row[4]) for row in failed.sample.rows]
    assert places == [("ann", "first.csv", 1), ("ann", "second.csv", 1)]
    assert "QQ000001A" not in str(result.failures)
    assert "QQ999999D" not in str(result.failures)


def test_rows_of_pending_dates_are_not_judged(tmp_path):
    """A backfill of one month does not fail for what arrived in another."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.all(fees=FEES)
        pipeline.put(late=[("ann", "QQ777777A", "adviser-1", date(2025, 3, 31), Decimal(1))])
        pipeline.ingest()
        january = pipeline.run(start=DAY, end=DAY)
        march = pipeline.run(start=date(2025, 3, 1), end=date(2025, 3, 31))

    assert january.status == "published"
    assert march.status == "rejected"


def test_at_most_twenty_offending_rows_come_back_and_all_are_counted(published):
    published.tamper(
        f"INSERT INTO {CLIENT_LTV} SELECT 'x' || i, '2025-01-01', 0, 0, 0, 0, true, true, true FROM range(50) t(i)"
    )
    found = published.check()["assert_ltv_matches_raw"]

    assert (found.failing, len(found.sample.rows)) == (50, 20)
