"""Somebody with a SQL prompt: what is written into each table by hand, and which command finds it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from pipeline import Pipeline
from tiers import part

from fees_etl import FeesError, Table, WarehouseError, state
from fees_etl.explain.fate import fate
from fees_etl.explain.trace import trace
from fees_etl.ingestion.compare import compare

DAY, LATER = date(2025, 1, 31), date(2025, 2, 28)
FEES = [
    ("ann", "QQ000001A", "adviser-1", DAY, Decimal("10.005")),
    ("ann", "QQ000001A", "adviser-2", LATER, Decimal("5.5")),
    ("bob", "QQ000002B", "adviser-1", DAY, Decimal("-2.25")),
    ("cat", "QQ000003C", "adviser-2", date(2025, 9, 30), Decimal(7)),
]
MORE = [("dan", "QQ000004D", "adviser-1", LATER, Decimal(3)), ("dan", "QQ000004D", "adviser-1", LATER, Decimal(3))]
WAITS = [("eve", "QQ000005A", "adviser-1", date(2025, 3, 31), Decimal(2))]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Three runs, the second of them rejected; a duplicate, a rejected row, a replaced file; and dates that wait."""
    with Pipeline(tmp_path_factory.mktemp("fees"), max_lost="1", max_rejected="1") as pipeline:
        odd = [("zed", "QQ000006A", "x", "no date", Decimal(1))]
        assert pipeline.all(fees=FEES, more=[*MORE, *odd], old=WAITS).status == "published"
        assert pipeline.all(clash=[("ann", "QQ000009A", "x", DAY, 1)]).status == "rejected"
        assert pipeline.all(clash=None, old=[*WAITS, *WAITS]).status == "published"
        pipeline.put(waits=WAITS)
        pipeline.ingest()
        assert not _found(pipeline)
        assert compare(pipeline.project, pipeline.engine, str(pipeline.folder)).passed
        yield pipeline


def _found(pipeline):
    return {name for name, found in pipeline.check().items() if not found.passed}


def _taken_out(name):
    """A file, or all of them, without a trace in any book."""
    books = {"fees": "_source_file", "fees_rejected": "_source_file", "files": "uri", "file_totals": "uri"}
    return "; ".join(f"DELETE FROM raw.{table} WHERE {column} LIKE '%{name}.csv'" for table, column in books.items())


ONE = "rowid = (SELECT MIN(rowid) FROM {})"
FIRST = {table: f"WHERE {ONE.format(table)}" for table in (
    "raw.fees", "raw.fees_rejected", "raw.files", "raw.file_totals", "ops.runs", "ops.changes", "ops.pending", "ops.left_out",
    "staging.stg_fees", "reporting.dim_clients", "reporting.rpt_client_ltv", "reporting.rpt_cohort_ltv", "reporting.rpt_adviser_ltv",
)}  # fmt: skip
RAW, LEDGER, COLUMNS = "assert_raw_as_ingested", "assert_ledger", "contract_columns"
SWAPPED = "CASE _source_row WHEN 1 THEN 3 ELSE 1 END"
BY_HAND = [
    # raw.fees: each kind of cell, where a row came from, rows as a whole
    *(
        (RAW, f"UPDATE raw.fees SET {change} {FIRST['raw.fees']}")
        for change in (
            "client_id = 'eve'", "client_id = client_id || ' '", "client_nino = 'QQ000007A'", "client_nino = NULL", "adviser_id = 'adviser-9'",
            "adviser_id = NULL", "fee_date = fee_date + 1", "fee_date = NULL", "fee_amount = -fee_amount", "fee_amount = NULL",
            "fee_amount = fee_amount + 0.000000001", "_source_row = 77", "_source_row = NULL", "_source_file = 'file:///x.csv'",
            "_source_file = NULL", "_source_version = 'x'", "_run_id = 'another'", "_run_id = NULL",
            "_ingested_at = _ingested_at + INTERVAL 1 DAY", "_ingested_at = NULL",
        )
    ),
    (RAW, f"DELETE FROM raw.fees {FIRST['raw.fees']}"),
    (RAW, "DELETE FROM raw.fees WHERE _source_file LIKE '%waits.csv'"),
    (RAW, f"INSERT INTO raw.fees SELECT * FROM raw.fees {FIRST['raw.fees']}"),
    (RAW, f"INSERT INTO raw.fees SELECT * REPLACE ('file:///x.csv' AS _source_file) FROM raw.fees {FIRST['raw.fees']}"),
    (RAW, "UPDATE raw.fees SET fee_amount = CASE client_id WHEN 'ann' THEN -2.25 ELSE 10.005 END WHERE fee_date = '2025-01-31'"),
    (RAW, f"UPDATE raw.fees SET _source_row = {SWAPPED} WHERE _source_row IN (1, 3) AND _source_file LIKE '%fees.csv'"),
    (RAW, "UPDATE raw.fees SET client_nino = CASE client_id WHEN 'ann' THEN 'QQ000002B' ELSE 'QQ000001A' END WHERE client_id IN ('ann', 'bob')"),
    (RAW, "DELETE FROM raw.fees"),
    # raw's books
    *(
        (RAW, f"UPDATE raw.files SET {change} {FIRST['raw.files']}")
        for change in (
            "sha256 = 'x'", "bytes = bytes + 1", "row_count = row_count + 1", "loaded_count = 0", "rejected_count = 1", "total_amount = 1",
            "first_fee_date = '2024-01-01'", "last_fee_date = NULL", "reason = 'fine'", "ingested_at = '2020-01-01'", "ended_at = now()",
            "run_id = 'another'", "seal = NULL", "seal = 'x'", "version = 'x'", "uri = 'file:///x.csv'", "status = 'refused'",
        )
    ),
    (RAW, "UPDATE raw.files SET status = 'withdrawn' WHERE status = 'superseded'"),
    (RAW, "UPDATE raw.files SET total_amount = 5 WHERE status != 'loaded'"),
    (RAW, "UPDATE raw.files SET seal = NULL"),
    (RAW, "DELETE FROM raw.files WHERE status = 'loaded'"),
    (RAW, "DELETE FROM raw.files"),
    (RAW, _taken_out("more")),
    (RAW, _taken_out("waits")),
    (RAW, _taken_out("")),
    (RAW, "UPDATE ops.writer SET files = 'x'"),
    (RAW, "INSERT INTO raw.files SELECT * REPLACE ('file:///x.csv' AS uri) FROM raw.files LIMIT 1"),
    *(
        (RAW, f"UPDATE raw.file_totals SET {change} {FIRST['raw.file_totals']}")
        for change in ("amount = amount + 1", "row_count = 9", "fee_date = NULL", "digest = NULL", "digest = 'x'", "uri = 'x'", "version = 'x'")
    ),
    (RAW, "DELETE FROM raw.file_totals"),
    (RAW, f"DELETE FROM raw.file_totals {FIRST['raw.file_totals']}"),
    (RAW, f"INSERT INTO raw.file_totals SELECT * FROM raw.file_totals {FIRST['raw.file_totals']}"),
    *(
        (RAW, f"UPDATE raw.fees_rejected SET {change}")
        for change in ("record = 'x'", "reasons = 'x'", "_source_row = 1", "_run_id = 'x'", "_ingested_at = now()", "_source_file = 'x'")
    ),
    (RAW, "DELETE FROM raw.fees_rejected"),
    (RAW, "INSERT INTO raw.fees_rejected SELECT * FROM raw.fees_rejected"),
    (RAW, "INSERT INTO raw.fees_rejected SELECT * REPLACE ('file:///zzz.csv' AS _source_file) FROM raw.fees_rejected"),
    (RAW, "DELETE FROM raw.files WHERE status IN ('withdrawn', 'superseded')"),
    # the ledger, its causes, what is pending
    *(
        (LEDGER, f"UPDATE ops.runs SET {change} {FIRST['ops.runs']}")
        for change in (
            "run_id = 'another'", "command = 'assert'", "part_of = 'x'", "status = 'failed'", "selection = ''", "fee_dates = ''",
            "full_refresh = NOT full_refresh", "started_at = started_at + INTERVAL 1 SECOND", "finished_at = now()", "rows_before = 1",
            "rows_after = 1", "amount_before = 1", "amount_after = 1", "steps = '[]'", "changes = '[]'", "assertions = '[]'", "error = 'x'",
            "fingerprint = 'x'", "git_sha = 'x'", "package_version = '9'", "bytes_processed = 1", "follows = 'x'", "follows = 'begins 1 1'",
            "seal = 'x'", "seal = NULL", "follows = NULL, seal = NULL",
        )
    ),
    (LEDGER, f"DELETE FROM ops.runs {FIRST['ops.runs']}"),
    (LEDGER, "DELETE FROM ops.runs WHERE status = 'rejected'"),
    (LEDGER, "DELETE FROM ops.runs WHERE rowid = (SELECT MAX(rowid) FROM ops.runs)"),
    (LEDGER, "DELETE FROM ops.runs"),
    (LEDGER, "UPDATE ops.runs SET seal = NULL, follows = NULL"),
    (LEDGER, "INSERT INTO ops.runs SELECT * REPLACE ('faked' AS run_id) FROM ops.runs LIMIT 1"),
    (LEDGER, "INSERT INTO ops.runs SELECT * REPLACE ('faked' AS run_id, NULL AS seal, NULL AS follows) FROM ops.runs LIMIT 1"),
    (LEDGER, "UPDATE ops.runs SET started_at = started_at - INTERVAL 1 DAY, finished_at = finished_at - INTERVAL 1 DAY"),
    (LEDGER, "UPDATE ops.writer SET seal = NULL"),
    (LEDGER, "UPDATE ops.writer SET seal = (SELECT MIN(follows) FROM ops.runs WHERE follows NOT LIKE 'begins%')"),
    (LEDGER, "DELETE FROM ops.writer"),
    (LEDGER, "INSERT INTO ops.writer SELECT * FROM ops.writer"),
    *(
        (LEDGER, f"UPDATE ops.changes SET {change} {FIRST['ops.changes']}")
        for change in (
            "run_id = 'another'", "fee_date = fee_date + 1", "uri = 'x'", "version = 'x'", "rows_added = 9", "amount_added = 9",
            "rows_removed = 9", "amount_removed = 9", "is_late = NOT is_late", "noted_at = now()",
        )
    ),
    (LEDGER, f"DELETE FROM ops.changes {FIRST['ops.changes']}"),
    (LEDGER, "DELETE FROM ops.changes"),
    (LEDGER, "INSERT INTO ops.changes SELECT * FROM ops.changes LIMIT 1"),
    (LEDGER, "INSERT INTO ops.changes SELECT * REPLACE ('faked' AS run_id) FROM ops.changes LIMIT 1"),
    *(
        (LEDGER, f"UPDATE ops.pending SET {change} {FIRST['ops.pending']}")
        for change in ("uri = 'x'", "version = 'x'", "rows_added = 9", "amount_added = 9", "run_id = 'x'", "noted_at = now()", "seal = NULL")
    ),
    (LEDGER, f"INSERT INTO ops.pending SELECT * REPLACE ('{DAY}'::DATE AS fee_date) FROM ops.pending LIMIT 1"),
    ("assert_financial_reconciliation", "DELETE FROM ops.pending"),
    (LEDGER, "INSERT INTO ops.pending SELECT * FROM ops.pending LIMIT 1"),
    # the book of what staging left out
    *(
        ("matches_left_out", f"UPDATE ops.left_out SET {change}")
        for change in ("uri = 'x'", "version = 'x'", "fee_date = fee_date + 1", "reason = 'blank'", "row_count = 9", "amount = 9")
    ),
    ("matches_left_out", "DELETE FROM ops.left_out"),
    ("assert_financial_reconciliation", "INSERT INTO ops.left_out SELECT * FROM ops.left_out"),
    # published tables
    *(
        (f"matches_{table.partition('.')[2]}", f"{verb} {table} {FIRST[table]}".replace("UPDATE", f"UPDATE {table} SET {change}").replace(f"{change} {table}", change))
        for table, change in (
            ("staging.stg_fees", "client_nino = 'QQ000008A'"), ("reporting.dim_clients", "first_adviser_id = 'x'"),
            ("reporting.rpt_client_ltv", "ltv_3_month = ltv_3_month + 1"), ("reporting.rpt_cohort_ltv", "median_ltv_6_month = 1"),
            ("reporting.rpt_adviser_ltv", "rank_by_ltv_6_month = 9"),
        )
        for verb in ("UPDATE", "DELETE FROM")
    ),
    *(
        (f"contract_{table.partition('.')[2]}", f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1")
        for table in FIRST if table.startswith(("reporting", "staging"))
    ),
    *(
        (COLUMNS, f"ALTER TABLE {table} ADD COLUMN bonus DECIMAL(38, 9)")
        for table in FIRST if table.startswith(("reporting", "staging"))
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "by_hand"), part(BY_HAND, 3))
def test_assert_finds_what_was_written_by_hand(kept, name, by_hand):
    with kept.engine.rehearsal():
        kept.tamper(by_hand)
        kept.engine._contracts.clear()  # as a command that starts now

        assert name in _found(kept)
    kept.engine._contracts.clear()


@pytest.mark.parametrize("by_hand", part([sql for name, sql in BY_HAND if name == RAW], 3, first=1))
def test_no_run_publishes_a_raw_that_was_written_by_hand(kept, by_hand):
    with kept.engine.rehearsal():
        kept.tamper(by_hand)

        result = kept.run(full_refresh=True)
        assert result.status == "rejected"
        assert RAW in {one.name for one in result.assertions if not one.passed}


def test_a_full_refresh_with_arrivals_is_judged_by_the_books_that_it_finds(kept):
    """Its own causes, which it writes before its record, once were "of an attempt that is not in the ledger"."""
    with kept.engine.rehearsal():
        result = kept.run(full_refresh=True)

        assert {one.name for one in result.assertions} >= {RAW, LEDGER}
        assert result.status == "published"
        assert not _found(kept)


@pytest.mark.parametrize("by_hand", part([sql for name, sql in BY_HAND if name == LEDGER], 3, first=2))
def test_no_full_refresh_takes_pending_dates_or_causes_off_a_faked_list(kept, by_hand):
    with kept.engine.rehearsal():
        kept.tamper(by_hand)
        result = kept.run(full_refresh=True)

        assert LEDGER in {one.name for one in result.assertions if not one.passed}


@pytest.mark.parametrize(
    "by_hand",
    part([sql for name, sql in BY_HAND if name == RAW and ("raw.fees " in sql or "raw.fees_rej" in sql)], 3),
)
def test_reading_the_files_again_repairs_raw(kept, by_hand):
    with kept.engine.rehearsal():
        kept.tamper(by_hand)
        kept.ingest(reload=True)

        assert _found(kept) <= set()
        assert compare(kept.project, kept.engine, str(kept.folder)).passed
        assert kept.run().status == "published"
        assert not _found(kept)
        assert kept.tables() == kept.expected()


def test_what_was_taken_out_of_all_books_stays_found_until_all_is_read_again(kept):
    with kept.engine.rehearsal():
        kept.tamper(_taken_out("more"))
        kept.put(later=WAITS)
        kept.ingest()
        assert RAW in _found(kept)

        kept.ingest(reload=True)
        assert RAW not in _found(kept)
        assert kept.run().status == "published"
        assert not _found(kept)
    kept.put(later=None)


def test_raw_that_is_empty_under_real_numbers_never_gets_the_sample(kept):
    with kept.engine.rehearsal():
        kept.tamper(_taken_out(""))
        assert state(kept.project, kept.engine).real


def test_a_refusal_without_its_reason_is_told(kept):
    with kept.engine.rehearsal():
        kept.tamper("UPDATE raw.files SET status = 'refused', reason = NULL WHERE uri LIKE '%fees.csv'")
        assert [reason for _, reason in state(kept.project, kept.engine).refused] == ["nobody wrote down why"]


@pytest.mark.parametrize("figure", ["row_count", "rejected_count", "total_amount"])
def test_figures_that_were_taken_out_of_the_books_come_back_when_the_files_are_read_again(kept, figure):
    with kept.engine.rehearsal():
        kept.tamper(f"UPDATE raw.files SET {figure} = NULL WHERE status = 'loaded'")
        kept.ingest()
        assert RAW in _found(kept)

        kept.ingest(reload=True)
        assert RAW not in _found(kept)


BOOKS_OF_A_LINE = [
    *(("fees.csv", f"UPDATE raw.files SET {cell} = NULL", f"raw.files.{cell}") for cell in ("version", "row_count", "status")),
    ("clash.csv", "UPDATE raw.files SET ended_at = NULL", "raw.files.ended_at"),
    ("fees.csv", "UPDATE raw.files SET status = 'x'", "raw.files.status"),
    ("fees.csv", "DELETE FROM raw.fees", "raw.fees._source_row"),
    ("fees.csv", "UPDATE raw.files SET uri = NULL", "was ever seen"),
    ("fees.csv", "UPDATE raw.files SET uri = 'file://[x'", "was ever seen"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "by_hand", "word"), BOOKS_OF_A_LINE)
def test_what_became_of_a_line_cannot_be_told_from_books_that_no_ingestion_wrote(kept, file, by_hand, word):
    with kept.engine.rehearsal():
        kept.tamper(by_hand)
        with pytest.raises(FeesError, match=word):
            fate(kept.project, kept.engine, file, 1)


@pytest.mark.parametrize("cell", ["_source_version", "_source_row"])
def test_a_number_whose_fees_have_lost_their_lines_is_not_traced(kept, cell):
    made = kept.project.contracts[Table.parse("reporting.rpt_client_ltv")]
    with kept.engine.rehearsal():
        kept.tamper(f"UPDATE raw.fees SET {cell} = NULL")
        with pytest.raises(WarehouseError, match=f"raw.fees.{cell} holds what no run writes"):
            trace(kept.project, kept.engine, made, {"client_id": "ann"}, "ltv_total")


SAID = [
    (f"UPDATE raw.fees SET {change} WHERE _source_file LIKE '%fees.csv' AND _source_row = 1", place)
    for change, place in (
        ("client_nino = 'QQ000007A'", ("fees.csv:1", "client_nino", "QQ******A", "QQ******A")),
        ("fee_amount = 11", ("fees.csv:1", "fee_amount", Decimal(11), Decimal("10.005"))),
        ("client_id = NULL", ("fees.csv:1", "client_id", None, "ann")),
        ("_source_row = 77", ("fees.csv:1", "rows of raw.fees", 0, 1)),
        ("_source_file = 'x'", ("fees.csv:1", "rows of raw.fees", 0, 1)),
    )
]


@pytest.mark.parametrize(("by_hand", "line"), SAID)
def test_the_files_tell_which_row_was_changed(kept, by_hand, line):
    with kept.engine.rehearsal():
        kept.tamper(by_hand)
        found = compare(kept.project, kept.engine, str(kept.folder))

        assert not found.passed
        first = found.sample.rows[0]
        assert (first[0].rpartition("/")[2], *first[1:]) == line


def test_a_file_that_is_gone_or_newer_is_said_not_to_be_compared(tmp_path):
    with Pipeline(tmp_path, max_lost="1") as pipeline:
        pipeline.all(a=FEES[:1], b=FEES[1:2], c=FEES[2:])
        pipeline.put(a=FEES[3:], b=None, d=WAITS, e="nothing\n")
        found = compare(pipeline.project, pipeline.engine, str(tmp_path))

        assert found.passed
        assert f"{tmp_path}/a.csv is not compared: raw holds another version" in found.note
        assert f"{tmp_path}/b.csv is not compared: it is gone from the source" in found.note
        assert f"{tmp_path}/d.csv is not compared: it is new" in found.note
        assert f"{tmp_path}/e.csv is not compared: " in found.note
        assert "1 of 5 files compared" in found.description
