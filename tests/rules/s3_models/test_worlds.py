"""Generated worlds are what they promise, and hold the hard cases; the oracle loses nothing of them."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import oracle
import pytest
import worlds
from hypothesis import Phase, given, settings


@pytest.fixture(scope="module")
def world_csv(tmp_path_factory):
    return tmp_path_factory.mktemp("world") / "fees.csv"


@given(worlds.worlds())
def test_nothing_is_lost_between_the_tables(rows):
    rows = oracle.numbered(rows)
    fees, left_out = oracle.stage(rows), oracle.left_out(rows)
    assert len(rows) == len(fees) + left_out.duplicate_rows + left_out.blank_rows
    staged = oracle.total(fee.fee_amount for fee in fees)
    sent = oracle.total(row.fee_amount for row in rows if row.fee_amount is not None)
    assert sent == oracle.total([staged, left_out.duplicate_amount, left_out.blank_amount])
    clients, cohorts, advisers = (
        oracle.tables(rows)[f"reporting.rpt_{name}_ltv"] for name in ("client", "cohort", "adviser")
    )
    assert staged == oracle.total(row.ltv_total for row in clients)
    assert staged == oracle.total(row.total_client_ltv_all_time for row in advisers)
    for months in (1, 3, 6):
        ltv = oracle.total(getattr(row, f"ltv_{months}_month") for row in clients)
        assert ltv == oracle.total(getattr(row, f"total_ltv_{months}_month") for row in cohorts)
        assert ltv == oracle.total(getattr(row, f"total_client_ltv_{months}_month") for row in advisers)
    assert len(clients) == sum(row.client_count for row in cohorts) == sum(row.client_count for row in advisers)


@given(worlds.worlds())
def test_the_order_of_rows_does_not_matter(rows):
    rows = oracle.numbered(rows)
    assert oracle.tables(rows) == oracle.tables(rows[::-1])


@given(worlds.worlds())
def test_a_world_survives_its_csv_file(world_csv, rows):
    world_csv.write_text(worlds.as_csv(rows), encoding="utf-8", newline="")
    loaded, rejected = oracle.read_csv(world_csv, date(2026, 1, 1))
    assert rejected == []
    assert oracle.tables(loaded) == oracle.tables(oracle.numbered(rows))


@given(worlds.worlds(lossless=True))
def test_a_lossless_world_has_no_duplicates_and_no_blanks(rows):
    assert oracle.left_out(oracle.numbered(rows)) == (0, 0, 0, 0)


@given(worlds.files())
def test_files_deal_out_one_world(dealt):
    rows = [row for name, rows in dealt.items() for row in oracle.numbered(rows, name)]
    ninos = {(oracle.clean_id(row.client_id), oracle.clean_nino(row.client_nino)) for row in rows}
    pairs = [(client, nino) for client, nino in ninos if client and nino]
    assert len(pairs) == len({client for client, _ in pairs})


def _ltvs(rows):
    return oracle.rpt_client_ltv(oracle.stage(rows))


def _fee_on(rows, days_after):
    """Whether a client has a fee on the first day after a window, or that many days later."""
    fees = {(fee.client_id, fee.fee_date - timedelta(days=days_after)) for fee in oracle.stage(rows)}
    ends = {
        (row.client_id, oracle.add_months(row.first_fee_date, months)) for row in _ltvs(rows) for months in (1, 3, 6)
    }
    return bool(fees & ends)


def _tied_ranks(rows):
    ranks = [row.rank_by_ltv_6_month for row in oracle.rpt_adviser_ltv(oracle.stage(rows))]
    return len(ranks) > len(set(ranks))


def _tied_first_touch(rows):
    firsts = [(fee.client_id, fee.fee_date, fee.fee_amount) for fee in oracle.stage(rows) if fee.fee_amount > 0]
    return len(firsts) > len(set(firsts))


HARD_CASES = {
    "duplicates": lambda rows: oracle.left_out(rows).duplicate_rows,
    "blanks": lambda rows: oracle.left_out(rows).blank_rows,
    "spaces of all kinds": lambda rows: any("\N{NO-BREAK SPACE}" in (row.client_id or "") for row in rows),
    "refunded at first": lambda rows: any(row.ltv_1_month < 0 < row.ltv_total for row in _ltvs(rows)),
    "9 decimals": lambda rows: any(fee.fee_amount.as_tuple().exponent == -9 for fee in oracle.stage(rows)),
    "above 1e15": lambda rows: any(row.ltv_total > 10**15 for row in _ltvs(rows)),
    "the last day of a window": lambda rows: _fee_on(rows, days_after=-1),
    "the day after a window": lambda rows: _fee_on(rows, days_after=0),
    "complete at 3 months, not at 6": lambda rows: any(row[6:] == (True, True, False) for row in _ltvs(rows)),
    "two advisers' equal fees on a day": _tied_first_touch,
    "a tie in the ranking": _tied_ranks,
}


def test_worlds_hold_the_hard_cases():
    found = Counter()

    @settings(max_examples=400, derandomize=True, database=None, phases=[Phase.generate])
    @given(worlds.worlds())
    def count(rows):
        found.update(case for case, holds in HARD_CASES.items() if holds(oracle.numbered(rows)))

    count()
    assert [case for case in HARD_CASES if found[case] < 3] == []
