"""The same objects of a bucket on DuckDB and on BigQuery: the same tables, cell for cell, fee_id and books included.

Nothing is relaxed for the emulator: where its answer would not be Google's, mends.py says which value is, and why.
"""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import worlds
from emulator.product import Twins
from hypothesis import HealthCheck, given, settings
from pipeline import LENIENT, MODELS
from worlds import FEE_ID, HARD, LINES, SHAPES, charge

REAL = next(iter(Path(__file__).parents[3].glob("*/data/synthetic_fees_1024_0925.csv")), None)
BOTH = ("published", "published")
HEADER = LINES[0]
BAD = [
    "bad-date,QQ000001A,x,2025-02-30,1",
    'bad-number,QQ000001A,x,2025-01-31,"1,000.00"',
    "nan,QQ000001A,x,2025-01-31,NaN",
    "ten-decimals,QQ000001A,x,2025-01-31,0.0000000001",
    "too-large,QQ000001A,x,2025-01-31,100000000000000000000000000000",
    "odd-nino,ÄÄ000001A,x,2025-01-31,1",
    "2052,QQ000001A,x,2052-01-31,1",
    "short,QQ000001A,x,2025-01-31",
]  # fmt: skip


@pytest.fixture
def twins(product):
    with Twins(product, **LENIENT) as found:
        yield found


def plain(twins, table):
    """All rows of a table in each warehouse; BigQuery's as Google's own client gives them."""
    sql = f"SELECT * FROM {table}"
    return [
        sorted(rows, key=str) for rows in (twins.duckdb.engine.native.execute(sql).fetchall(), twins.product.rows(sql))
    ]


@pytest.mark.skipif(REAL is None, reason="the real file is not beside this checkout")
def test_the_real_file(product):
    with Twins(product) as twins:
        _, ingested = twins.ingest({"fees.csv": REAL.read_bytes()})
        first, now = twins.both(lambda one: one.run())
        held = twins.held()

        assert [file.rows for file in ingested.files] == [51_697]
        assert (first.status, now.status) == BOTH
        assert (now.left_out.raw_rows, now.after.staged_rows, now.after.clients) == (51_697, 51_578, 5_200)
        assert (now.after.staged_amount, now.after.ltv_total) == (Decimal("650123.37"), Decimal("650123.37"))
        assert {"2025-01": Decimal("55055.93"), "2025-02": Decimal("44298.68")}.items() <= cohorts(product).items()
        assert leader(product) == [("1", Decimal("103588.52"))]
        assert twins.differences() == {}
        for again in ({}, {"full_refresh": True}, {"select": ["stg_fees+"]}):
            assert twins.run(**again) == BOTH
            assert twins.held(MODELS) == {name: held[name] for name in MODELS}
        assert twins.differences() == {}
        assert twins.ledgers()[0] == twins.ledgers()[1]


def cohorts(product):
    return dict(product.rows("SELECT cohort_month, total_ltv_6_month FROM reporting.rpt_cohort_ltv"))


def leader(product):
    return product.rows(
        "SELECT adviser_id, total_client_ltv_6_month FROM reporting.rpt_adviser_ltv WHERE rank_by_ltv_6_month = 1"
    )


def test_hard_cases_and_what_becomes_of_them(twins):
    """Month ends, leap days, refunds, ties, decimals, blanks, keys that concatenate alike; then all of it changes."""
    assert twins.all({"hard.csv": HARD, "more.csv": HARD[5:9]}) == BOTH
    assert twins.differences() == {}
    for name in (*MODELS, "ops.left_out"):
        local, remote = plain(twins, name)
        assert local == remote

    corrected = [(*row[:4], row[4] + 1) if row[0] == "leap" else row for row in HARD[1:]]
    assert twins.all({"hard.csv": corrected, "more.csv": None, "copy.csv": corrected}) == BOTH
    assert twins.differences() == {}
    assert twins.run(full_refresh=True) == BOTH
    assert twins.differences() == {}
    assert twins.ledgers()[0] == twins.ledgers()[1]


def test_means_beside_half_a_penny_and_huge_sums(twins):
    near = [Decimal(cents) / 200 + Decimal(sign).scaleb(-9) for cents in range(-9, 10) for sign in (-1, 0, 1)]
    fees = [charge(f"c{number}", f"a{number % 7}", date(2025, 1, 31), amount) for number, amount in enumerate(near)]
    huge = ("1234567890123456.789012345", "-999999999999999.005", "0.000000001")
    fees += [charge(f"h{number}", "a1", date(2024, 2, 29), amount) for number, amount in enumerate(huge)]

    assert twins.all({"fees.csv": fees}) == BOTH
    assert twins.differences() == {}


def test_however_a_file_is_written(twins):
    files = {f"{name}.csv{'.gz' * (name == 'gz')}": content for name, content in SHAPES.items()}
    assert twins.all(files) == BOTH

    assert twins.differences() == {}
    assert twins.product.rows("SELECT COUNT(*) FROM raw.fees") == [(2 * len(SHAPES),)]
    ann, bob = sorted(twins.product.rows("SELECT * FROM staging.stg_fees"), key=lambda row: row[1])
    assert ann == (FEE_ID, "ann", "QQ000001A", "x", date(2025, 1, 31), Decimal("1.6"))
    assert bob[1:] == ("bob", "QQ000002A", "y", date(2025, 1, 31), Decimal(2))
    twins.product.rows(
        "UPDATE staging.stg_fees SET fee_amount = fee_amount + NUMERIC '0.000000001' WHERE client_id = 'bob'"
    )
    assert {table: len(rows) for table, rows in twins.differences().items()} == {"staging.stg_fees": 2}


def test_rejected_rows_refused_files_and_quoted_text(twins):
    strange = f'{HEADER}\n"a,\n""b"" \U0001f600\\n",QQ000001A,"x\ny\'",2025-01-31,1\n'
    bad = "\n".join([HEADER, *LINES[1:], *BAD]).encode() + b"\nbad-utf8\xff,QQ000001A,x,2025-01-31,1\n"
    refused = {"drift.csv": "client_id,fee\nx,1\n", "unclosed.csv": f'{HEADER}\n"a,QQ000001A,x,2025-01-31,1\n'}
    files = {"strange.csv": strange, "bad.csv.gz": gzip.compress(bad), "empty.csv": f"{HEADER}\n", **refused}
    for ingested in twins.ingest(files):
        assert [file.uri.rpartition("/")[2] for file in ingested.refused] == ["drift.csv", "unclosed.csv"]
    assert twins.run() == BOTH

    assert twins.differences() == {}
    assert twins.product.rows("SELECT COUNT(*) FROM raw.fees_rejected") == [(len(BAD) + 1,)]
    quoted = "SELECT client_id FROM staging.stg_fees WHERE adviser_id = 'x\\ny\\''"
    assert twins.product.rows(quoted) == [('a,\n"b" \U0001f600\\n',)]


def test_a_rejected_run_is_recorded_alike(twins):
    conflict = [charge("ann", "x", date(2025, 1, 31), "1"), charge("ann", "x", date(2025, 2, 28), "1", "QQ999999D")]
    assert twins.all({"a.csv": [charge("ann", "x", date(2025, 1, 31), "1")]}) == BOTH
    assert twins.all({"b.csv": conflict}) == ("rejected", "rejected")

    assert twins.differences() == {}
    local, remote = twins.ledgers()
    assert local == remote
    assert [row[2] for row in remote] == ["published", "rejected"]


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds.files())
def test_generated_worlds(twins, world):
    """In one warehouse: each world replaces the one before it."""
    assert twins.all(dict(world)) == BOTH
    assert twins.differences() == {}


def test_causes_and_bridges(twins):
    """Late, corrected, withdrawn, a duplicate that is kept instead, and a first fee that moved: alike, and closed."""
    start, later, last = date(2025, 1, 31), date(2025, 4, 30), date(2025, 8, 1)
    twice = charge("dog", "x", later, 8)
    twins.all({
        "a.csv": [charge("ann", "x", later, 10), charge("ann", "x", last, 5), charge("bob", "y", later, 4)],
        "b.csv": [twice, charge("cat", "y", start, 1)],
        "c.csv": [twice],
    })  # fmt: skip
    twins.ingest({
        "a.csv": [charge("ann", "x", later, 10), charge("ann", "x", last, 5), charge("bob", "y", later, "4.5")],
        "b.csv": None,
        "d.csv": [charge("ann", "y", start, 2)],
    })  # fmt: skip
    found, same = twins.both(lambda one: one.run())
    names = {line.file: line.file.rpartition("/")[2] for one in found.bridges for line in one.lines if line.file}

    assert found.bridges == same.bridges
    assert {one.residual for one in same.bridges} == {0}
    assert [(line.cause, names[line.file], line.pounds) for line in same.bridges[0].lines] == [
        ("corrected", "a.csv", Decimal("0.5")),
        ("duplicate", "c.csv", 0),
        ("late", "d.csv", 2),
        ("withdrawn", "b.csv", -1),
    ]
    assert {line.cause for one in same.bridges for line in one.lines} >= {"moved", "window"}
    assert twins.differences() == {}
