"""The bundled sample is always the same bytes, and has in it what it promises; the oracle counts, independently."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256

import oracle
import pytest

from fees_etl.ingestion.source import SAMPLE, listing

D = Decimal
TODAY = date(2025, 4, 1)

SHA256 = {
    "fees_2024_h1.csv": "2b1566d1bb888fd3d2f3dc42123bb1ca7c60ef2562ca6eece49bbd5c947bf259",
    "fees_2024_q3.csv": "f7cdd27ea558a84a50d9a9e84bca668da74283993cb8dcccba488c238f7a2573",
    "fees_2024_q4.csv": "b94199ff13a4e8a47a59af6ec3e95f29d3da50c5c118041363a951db1222d579",
    "fees_2025_q1.csv": "f458be6fd41a739b06e579a88e617061da1f25a13288fa0d114df478c613b9ae",
}
ROWS = {
    "fees_2024_h1.csv": (850, 6, "56287.3152"),
    "fees_2024_q3.csv": (977, 6, "48347.7182"),
    "fees_2024_q4.csv": (1_304, 6, "56572.4093"),
    "fees_2025_q1.csv": (1_607, 6, "62023.0770"),
}
"""Per file: rows loaded, rows rejected, pounds loaded."""


@pytest.fixture(scope="module")
def paths():
    return [file.place for file in listing(SAMPLE).files]


@pytest.fixture(scope="module")
def files(paths):
    return {path.name: oracle.read_csv(path, TODAY) for path in paths}


@pytest.fixture(scope="module")
def rows(files):
    return [row for loaded, _ in files.values() for row in loaded]


@pytest.fixture(scope="module")
def tables(rows):
    return oracle.tables(rows)


def test_the_bytes_are_the_same_everywhere(paths):
    assert {path.name: sha256(path.read_bytes()).hexdigest() for path in paths} == SHA256


def test_lines_are_plain(paths):
    for path in paths:
        data = path.read_bytes()
        assert data.startswith(b"client_id,client_nino,adviser_id,fee_date,fee_amount\n")
        assert data.endswith(b"\n")
        assert b"\r" not in data
        assert b'"' not in data


def test_every_file_has_its_figures(files):
    figures = {
        name: (len(loaded), len(rejected), str(oracle.total(row.fee_amount for row in loaded if row.fee_amount)))
        for name, (loaded, rejected) in files.items()
    }
    assert figures == ROWS


def test_the_figures_of_the_whole(rows, tables):
    assert {name: len(table) for name, table in tables.items()} == {
        "staging.stg_fees": 4_644,
        "reporting.dim_clients": 607,
        "reporting.rpt_client_ltv": 607,
        "reporting.rpt_cohort_ltv": 15,
        "reporting.rpt_adviser_ltv": 6,
    }
    assert len(rows) == 4_738
    assert oracle.left_out(rows) == (74, D("4386.9289"), 20, D("1092.6127"))
    assert oracle.total(fee.fee_amount for fee in tables["staging.stg_fees"]) == D("217750.9781")


def test_the_pipeline_accepts_it(files, rows):
    """At most 5% of a file's rows rejected, at most 5% of its rows duplicates or blank, one NINO a client."""
    for loaded, rejected in files.values():
        lost = oracle.left_out(loaded)
        assert len(rejected) < 0.01 * (len(loaded) + len(rejected))
        assert lost.duplicate_rows + lost.blank_rows < 0.02 * len(loaded)
        assert 0 < lost.blank_rows < 0.01 * len(loaded)
    ninos = {(oracle.clean_id(row.client_id), oracle.clean_nino(row.client_nino)) for row in rows}
    known = [(client, nino) for client, nino in ninos if client and nino]
    assert len(known) == len({client for client, _ in known}) == len({nino for _, nino in known}) == 607


def test_ninos_are_well_formed_and_nobodys(tables):
    assert all(re.fullmatch("QQ[0-9]{6}[A-D]", fee.client_nino) for fee in tables["staging.stg_fees"])


def test_fee_dates_cover_fourteen_months_and_their_ends(tables):
    days = Counter(fee.fee_date for fee in tables["staging.stg_fees"])
    assert (min(days), max(days)) == (date(2024, 1, 31), date(2025, 3, 31))
    assert len(days) > 400
    month_ends = [day for day in days if (day + timedelta(days=1)).day == 1]
    assert len(month_ends) == 15
    firsts = Counter(client.first_fee_date for client in tables["reporting.dim_clients"])
    assert firsts[date(2024, 1, 31)] >= 24
    assert firsts[date(2024, 2, 29)] >= 12


def test_some_cohorts_are_complete_and_some_are_not(tables):
    flags = {row.cohort_month: row[9:] for row in tables["reporting.rpt_cohort_ltv"]}
    assert [month for month, complete in flags.items() if not complete[2]] == [
        "2024-10", "2024-11", "2024-12", "2025-01", "2025-02", "2025-03",
    ]  # fmt: skip
    assert flags["2025-01"] == (True, False, False)
    assert flags["2025-03"] == (False, False, False)
    assert sum(not row.is_complete_6_month for row in tables["reporting.rpt_client_ltv"]) == 232


def test_advisers_are_ranked(tables):
    ranking = {row.adviser_id: row.rank_by_ltv_6_month for row in tables["reporting.rpt_adviser_ltv"]}
    assert ranking == {f"adviser-{rank}": rank for rank in range(1, 7)}


def test_duplicates_are_in_one_file_and_in_two(files, rows):
    within = sum(oracle.left_out(loaded).duplicate_rows for loaded, _ in files.values())
    assert (within, oracle.left_out(rows).duplicate_rows) == (44, 74)


def test_the_same_amount_is_written_in_two_ways(paths):
    written = defaultdict(set)
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                written[row["client_id"], row["adviser_id"], row["fee_date"]].add(row["fee_amount"])
    assert any({amount, f"{amount}0"} <= amounts for amounts in written.values() for amount in amounts)  # 1.6 and 1.60


def test_amounts_are_refunds_half_pennies_and_four_decimals(tables):
    amounts = [fee.fee_amount for fee in tables["staging.stg_fees"]]
    assert sum(amount < 0 for amount in amounts) == 111
    assert sum(amount * 1000 % 10 == 5 for amount in amounts) > 400
    assert any(amount < 0 and amount * 1000 % 10 == -5 for amount in amounts)
    assert min(amount.as_tuple().exponent for amount in amounts) == -4


def test_ids_and_ninos_are_sent_untidily(rows):
    assert sum(row.client_id != oracle.clean_id(row.client_id) for row in rows if row.client_id) > 40
    assert sum(row.client_nino != oracle.clean_nino(row.client_nino) for row in rows if row.client_nino) > 40


@pytest.mark.parametrize("place", range(5))
def test_each_column_is_blank_somewhere_in_each_file(files, place):
    for loaded, _ in files.values():
        assert sum(row[place] is None for row in loaded) == 1


def test_each_kind_of_broken_row_is_in_each_file(paths, files):
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines()
        broken = "\n".join(lines[number] for number in files[path.name][1])
        for kind in ("-02-30,", ",2052-", ",£5\n", ",1e3\n", ",12.3456789012\n", ",checked\n"):
            assert f"{broken}\n".count(kind) == 1


def test_the_hard_clients(tables):
    clients = {client.client_id: client for client in tables["reporting.dim_clients"]}
    ltvs = {ltv.client_id: ltv for ltv in tables["reporting.rpt_client_ltv"]}
    assert clients["client-0601"].first_adviser_id == "adviser-2"  # two on a day: the larger fee
    assert clients["client-0602"].first_adviser_id == "adviser-3"  # the same fee: the lower id
    assert clients["client-0603"][1:3] == (date(2024, 3, 15), "adviser-1")  # a refund first
    assert ltvs["client-0604"][2:6] == (D("-15.005"), D("-22.505"), D("-22.505"), D("-22.505"))  # refunds only
    assert ltvs["client-0605"][2:6] == (D("110.1234"), D("120.1384"), D("130.1434"), D("140.1435"))  # 31 January
    assert ltvs["client-0606"][2:6] == (200, 220, 240, 240)  # 29 February
    assert ltvs["client-0607"].ltv_total == D("3.205")  # two fees on one day
