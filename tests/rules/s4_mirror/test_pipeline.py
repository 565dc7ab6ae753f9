"""The whole pipeline on generated worlds and hard cases, against an oracle that knows neither SQL nor DuckDB."""

from __future__ import annotations

import gzip
import os
import tempfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import md5
from pathlib import Path
from zlib import crc32

import pytest
import worlds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline import LENIENT, MODELS, Pipeline

from fees_etl import WarehouseError, run

SLOW = settings(max_examples=settings().max_examples // 8, suppress_health_check=[HealthCheck.function_scoped_fixture])
JANUARY = date(2025, 1, 31)


@SLOW
@given(worlds.files())
def test_every_table_equals_the_oracle(world):
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder), **LENIENT) as pipeline:
        result = pipeline.all(**{name.removesuffix(".csv"): rows for name, rows in world.items()})

        assert result.status == "published"
        assert pipeline.tables() == pipeline.expected()


@SLOW
@given(st.lists(worlds.files(names=("a.csv", "b.csv"), max_size=6), min_size=2, max_size=4), st.data())
def test_any_order_of_arrivals_corrections_and_withdrawals_ends_as_one_full_refresh(versions, data):
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder), **LENIENT) as pipeline:
        for world in versions:
            present = {name.removesuffix(".csv"): rows for name, rows in world.items()}
            if data.draw(st.booleans(), label="withdraw b") and (Path(folder) / "b.csv").exists():
                present["b"] = None
            pipeline.put(**{name: rows for name, rows in present.items() if rows is not None or name == "b"})
            pipeline.ingest(allow_withdraw=True)
            if data.draw(st.booleans(), label="run"):
                assert pipeline.run().status == "published"
            if data.draw(st.booleans(), label="backfill a part"):
                start, end = sorted(data.draw(st.tuples(worlds.fee_dates(), worlds.fee_dates()), label="range"))
                pipeline.run(start=start, end=end)
            if data.draw(st.booleans(), label="rehearse"):
                pipeline.run(rehearse=True)
        assert pipeline.run().status == "published"
        incremental = {name: pipeline.rows(name) for name in MODELS}
        assert all(found.passed for found in pipeline.check().values())
        assert pipeline.run(full_refresh=True).status == "published"

        assert incremental == {name: pipeline.rows(name) for name in MODELS}
        assert pipeline.tables() == pipeline.expected()


@pytest.mark.parametrize(
    "again",
    [{}, {"full_refresh": True}, {"select": ["stg_fees+"]}, {"select": ["rpt_*"]}, {"start": JANUARY, "end": JANUARY}],
)
def test_a_second_run_of_any_kind_leaves_every_table_identical(tmp_path, again):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(fees=HARD)
        before = {name: pipeline.rows(name) for name in MODELS}
        pipeline.ingest()
        result = pipeline.run(**again)

        assert result.status == "published"
        assert result.changes == ()
        assert before == {name: pipeline.rows(name) for name in MODELS}


@pytest.mark.parametrize("table", ["raw.fees", "staging.stg_fees"])
def test_rows_lie_in_the_order_of_their_dates_so_that_a_window_reads_only_its_blocks(tmp_path, table):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(fees=HARD)
        days = pipeline.engine.native.execute(f"SELECT fee_date FROM {table} WHERE fee_date IS NOT NULL").fetchall()

        assert days == sorted(days)
        assert len(set(days)) > 1


def fee(client, adviser, day, amount, nino=None):
    return (client, nino or f"QQ{crc32(client.strip().encode()) % 1000000:06}A", adviser, day, Decimal(amount))


HARD = [
    fee("month-end", "x", date(2025, 1, 31), "1"),
    fee("month-end", "x", date(2025, 2, 27), "10"),
    fee("month-end", "x", date(2025, 2, 28), "100"),
    fee("leap", "x", date(2024, 2, 29), "1"),
    fee("leap", "x", date(2024, 3, 28), "10"),
    fee("leap", "x", date(2024, 3, 29), "100"),
    fee("leap-end", "x", date(2024, 1, 31), "1"),
    fee("leap-end", "x", date(2024, 2, 28), "10"),
    fee("leap-end", "x", date(2024, 2, 29), "100"),
    fee("refund-first", "x", date(2024, 5, 1), "-5"),
    fee("refund-first", "y", date(2024, 5, 2), "3"),
    fee("refund-only", "z", date(2024, 5, 1), "-5"),
    fee("refund-only", "y", date(2024, 5, 1), "-4"),
    fee("same-day", "b", date(2024, 5, 1), "4"),
    fee("same-day", "B", date(2024, 5, 1), "4"),
    fee("larger", "a", date(2024, 5, 1), "4"),
    fee("larger", "b", date(2024, 5, 1), "4.000000001"),
    fee("a", "bc", date(2024, 6, 1), "1"),
    fee("ab", "c", date(2024, 6, 1), "1"),
    fee("a|b", "c", date(2024, 6, 1), "1"),
    fee("a", "b|c", date(2024, 6, 1), "1"),
    fee("half-1", "h", date(2023, 7, 1), "0.005"),
    fee("half-2", "k", date(2023, 8, 1), "-0.005"),
    fee("half-3", "m", date(2023, 9, 1), "0.004999999"),
    fee("huge-1", "n", date(2023, 10, 1), "1000000000000000.000000001"),
    fee("huge-2", "n", date(2023, 10, 1), "-999999999999999.005"),
    fee("duplicate", "x", date(2024, 5, 1), "1.6"),
    fee("duplicate", "x", date(2024, 5, 1), "1.60"),
    fee(" duplicate\t", "\N{NO-BREAK SPACE}x", date(2024, 5, 1), "1.600000000"),
    fee("émile \U0001f600", "ünï", date(2024, 5, 1), "2"),
    fee("", "x", date(2024, 5, 1), "7", "QQ000000A"),
    ("blank-nino", " ", "x", date(2024, 5, 1), Decimal(7)),
    ("blank-date", "QQ000000B", "x", None, Decimal(7)),
    ("blank-amount", "QQ000000C", "x", date(2024, 5, 1), None),
]


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
        pipeline.all(fees=[fee("ann", "x", JANUARY, "1.60")])

        assert pipeline.rows("staging.stg_fees")[0][0] == FEE_ID


FEE_ID = md5(b"3:ann1:x2025-01-31:1.6").hexdigest()


LINES = [
    "client_id,client_nino,adviser_id,fee_date,fee_amount",
    "ann,QQ000001A,x,2025-01-31,1.60",
    "bob,QQ000002A,y,2025-01-31,2",
]
SHAPES = {
    "bom": b"\xef\xbb\xbf" + "\n".join(LINES).encode(),
    "crlf": "\r\n".join(LINES).encode(),
    "lone-cr": "\r".join(LINES).encode(),
    "gz": gzip.compress("\n".join(LINES).encode()),
    "empty-lines": "\n\n".join(LINES).encode(),
    "other-order": b"fee_amount,fee_date,client_id,adviser_id,client_nino\n1.60,2025-01-31,ann,x,QQ000001A\n2,2025-01-31,bob,y,QQ000002A",
    "quoted": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in LINES).encode(),
    "spaces": "\n".join(LINES).replace("ann", " ann\t").replace("1.60", " 1.60 ").encode(),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_however_a_file_is_written_the_fees_are_the_same(tmp_path, shape):
    (tmp_path / f"fees.csv{'.gz' * (shape == 'gz')}").write_bytes(SHAPES[shape])
    with Pipeline(tmp_path) as pipeline:
        pipeline.ingest()
        pipeline.run()

        fees = [row[1:] for row in pipeline.rows("staging.stg_fees", 2)]
    assert fees == [
        ("ann", "QQ000001A", "x", JANUARY, Decimal("1.6")),
        ("bob", "QQ000002A", "y", JANUARY, Decimal(2)),
    ]


def test_quoted_commas_newlines_and_quotes_are_data(tmp_path):
    text = LINES[0] + '\n"a,\n""b""",QQ000001A,"x\ny",2025-01-31,1\n'
    with Pipeline(tmp_path) as pipeline:
        pipeline.put(fees=text)
        pipeline.ingest()
        pipeline.run()

        assert pipeline.rows("staging.stg_fees")[0][1:4] == ('a,\n"b"', "QQ000001A", "x\ny")


def test_a_rehearsal_leaves_no_trace(tmp_path):
    with Pipeline(tmp_path) as pipeline:
        pipeline.put(fees=[fee("ann", "x", JANUARY, "1")])
        pipeline.ingest()
        result = pipeline.run(rehearse=True)

        assert result.status == "rehearsed"
        assert result.after.clients == 1
        assert pipeline.rows("staging.stg_fees") == []
        assert pipeline.rows("ops.runs") == []
        assert len(pipeline.rows("ops.pending")) == 1


def test_failed_attempts_are_in_the_ledger_and_change_nothing(tmp_path):
    with Pipeline(tmp_path) as pipeline:
        pipeline.all(fees=[fee("ann", "x", JANUARY, "1")])
        before = {name: pipeline.rows(name) for name in MODELS}
        plan = pipeline.plan()
        broken = replace(plan.steps[1], statements=("DELETE FROM reporting.dim_clients WHERE DIV(1, 0) = 1",))
        with pytest.raises(WarehouseError):
            run(replace(plan, steps=(plan.steps[0], broken)), pipeline.engine)

        assert before == {name: pipeline.rows(name) for name in MODELS}
        assert [row[3] for row in pipeline.rows("ops.runs", 8)] == ["published", "failed"]


def test_the_warehouse_is_private(tmp_path):
    before = os.umask(0o022)
    try:
        with Pipeline(tmp_path, f"duckdb://{tmp_path}/fees.duckdb") as pipeline:
            pipeline.put(fees=[fee("ann", "x", JANUARY, "1")])
            pipeline.ingest()
            pipeline.run()
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("fees.duckdb*")}
    finally:
        os.umask(before)

    assert modes["fees.duckdb"] == 0o600
    assert modes["fees.duckdb.wal"] == 0o600
    assert modes["fees.duckdb.tmp"] == 0o700


def test_dates_are_split_into_statements_of_4000_partitions(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.put(old=[fee("ann", "x", date(1990, 1, 1), "1"), fee("ann", "x", date(2025, 1, 1), "1")])
        pipeline.ingest()
        first = next(step for step in pipeline.plan().steps if step.name == "stg_fees")
        pipeline.run()

        assert len(first.statements) == 1 + 4  # one DELETE, then 12,785 days in four INSERTs
        assert pipeline.tables() == pipeline.expected()
