"""The oracle judges the pipeline, so its own hard cases are worked out by hand here."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import oracle
import pytest
import worlds

D = Decimal
JAN_31 = date(2024, 1, 31)


def fee(day, amount, client="c", adviser="1"):
    return oracle.Fee(client, "QQ000000A", adviser, date.fromisoformat(str(day)), D(amount))


def raw(client="c", nino="QQ000000A", adviser="1", day=JAN_31, amount="1"):
    return client, nino, adviser, day, None if amount is None else D(amount)


def stage(*rows):
    return oracle.stage(oracle.numbered(rows))


def only(rows):
    (row,) = rows
    return row


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-01-31", 3, "2024-04-30"),
        ("2024-01-31", 6, "2024-07-31"),
        ("2023-08-31", 6, "2024-02-29"),
        ("2024-08-31", 6, "2025-02-28"),
        ("2024-02-29", 1, "2024-03-29"),
        ("2024-02-29", 6, "2024-08-29"),
        ("2024-11-30", 3, "2025-02-28"),
        ("2024-12-01", 1, "2025-01-01"),
        ("2024-06-15", 6, "2024-12-15"),
    ],
)
def test_months_are_calendar_months_clamped_to_the_months_end(day, months, expected):
    assert oracle.add_months(date.fromisoformat(day), months) == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        (" a b ", "a b"),
        ("\t\N{NO-BREAK SPACE}a\r\n", "a"),
        ("a\N{EM SPACE}", "a\N{EM SPACE}"),  # not one of the characters that are trimmed
        ("\va", "\va"),
        (" \t\r\n\N{NO-BREAK SPACE}", None),
        ("", None),
        (None, None),
    ],
)
def test_ids_are_trimmed_of_one_set_of_characters(text, expected):
    assert oracle.clean_id(text) == expected


def test_a_nino_is_upper_case_without_spaces():
    assert oracle.clean_nino(" qq 12 34 56 c\t") == "QQ123456C"
    assert oracle.clean_nino("  ") is None


@pytest.mark.parametrize("place", range(5))
def test_a_row_with_a_blank_is_not_staged_but_counted(place):
    row = list(raw(amount="2.50"))
    row[place] = None if place >= 3 else " \t"
    rows = oracle.numbered([row, raw()])
    assert [fee.fee_amount for fee in oracle.stage(rows)] == [1]
    assert oracle.left_out(rows) == (0, 0, 1, 0 if place == 4 else D("2.50"))


def test_a_duplicate_is_the_same_key_whatever_its_spaces_zeros_and_nino():
    rows = [raw(amount="1.6"), raw(client=" c", adviser="1\t", amount="1.60"), raw(nino="QQ999999A", amount="1.600")]
    assert len(stage(*rows)) == 1
    assert oracle.left_out(oracle.numbered(rows)) == (2, D("3.2"), 0, 0)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(raw(amount="1.000000001"), id="amount"),
        pytest.param(raw(adviser="2"), id="adviser"),
        pytest.param(raw(day=date(2024, 2, 1)), id="day"),
        pytest.param(raw(client="C"), id="client"),
    ],
)
def test_another_key_is_another_fee(other):
    assert len(stage(raw(), other)) == 2


def test_keys_that_concatenate_alike_are_different():
    assert (
        len(stage(raw("a", adviser="bc"), raw("ab", adviser="c"), raw("a|b", adviser="c"), raw("a", adviser="b|c")))
        == 4
    )


def test_of_duplicates_the_lowest_file_and_row_is_kept():
    sent = [("b.csv", 1, "B1"), ("a.csv", 10, "A10"), ("a.csv", 9, "A9"), ("a.csv", 1, " ")]
    rows = [oracle.Raw("c", nino, "1", JAN_31, D(1), file, row) for file, row, nino in sent]
    assert only(oracle.stage(rows)).client_nino == "A9"  # a blank row is no candidate; rows compare as numbers


def test_a_window_ends_the_day_before_its_month_is_over():
    days = ("2024-01-31", "2024-02-28", "2024-02-29", "2024-04-29", "2024-04-30", "2024-07-30", "2024-07-31")
    ltv = only(oracle.rpt_client_ltv([fee(day, 10**place) for place, day in enumerate(days)]))
    assert ltv[2:6] == (11, 1_111, 111_111, 1_111_111)


def test_a_leap_day_is_in_and_out_of_windows():
    ltv = only(oracle.rpt_client_ltv([fee("2023-08-31", 1), fee("2024-02-28", 10), fee("2024-02-29", 100)]))
    assert ltv[2:6] == (1, 1, 11, 111)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("2024-02-27", (False, False, False)),
        ("2024-02-28", (True, False, False)),
        ("2024-04-28", (True, False, False)),
        ("2024-04-29", (True, True, False)),
        ("2024-07-29", (True, True, False)),
        ("2024-07-30", (True, True, True)),
    ],
)
def test_a_window_is_complete_when_anybodys_data_reaches_its_last_day(last, expected):
    fees = [fee(JAN_31, 1), fee(last, 1, client="other")]
    assert oracle.rpt_client_ltv(fees)[0][6:] == expected


def test_a_cohort_is_complete_when_all_its_clients_are():
    fees = [fee("2024-01-01", 1, client="early"), fee("2024-01-31", 1), fee("2024-02-01", 5, client="new")]
    assert [row[9:] for row in oracle.rpt_cohort_ltv(fees)] == [(False,) * 3] * 2
    assert [row[9:] for row in oracle.rpt_cohort_ltv([*fees, fee("2024-02-28", 1)])] == [
        (True, False, False),
        (False,) * 3,
    ]
    assert oracle.rpt_client_ltv(fees)[1][6:] == (True, False, False)  # "early"


def test_a_refund_first_starts_the_windows_but_touches_nobody():
    fees = [
        fee("2024-01-10", "-5", adviser="1"),
        fee("2024-01-31", "0", adviser="2"),
        fee("2024-02-10", "7", adviser="3"),
    ]
    assert only(oracle.dim_clients(fees)) == ("c", date(2024, 1, 10), "3", "2024-01")
    assert only(oracle.rpt_client_ltv(fees))[2:6] == (-5, 2, 2, 2)


def test_a_client_with_refunds_only_belongs_to_the_earliest():
    fees = [fee("2024-01-10", "-5", adviser="2"), fee("2024-01-11", "-1", adviser="1")]
    assert only(oracle.dim_clients(fees)).first_adviser_id == "2"
    assert only(oracle.rpt_adviser_ltv(fees)) == ("2", 1, -6, -6, -6, -6, -6, 1, 0)


@pytest.mark.parametrize(
    ("advisers", "expected"),
    [
        ({"1": "5", "2": "5.000000001"}, "2"),
        ({"2": "5", "10": "5.0"}, "10"),
        ({"a": "5", "B": "5"}, "B"),
        ({"\U0001f600": "5", "\uff5e": "5"}, "\uff5e"),  # UTF-16 would order them the other way round
        ({"1": "-5", "2": "-1"}, "2"),
        ({"1": "-5", "2": "0.01"}, "2"),
        ({"1": "10000000000000000000.000000001", "0": "10000000000000000000"}, "1"),
    ],
)
def test_first_touch_of_two_advisers_on_a_day(advisers, expected):
    fees = [fee(JAN_31, amount, adviser=adviser) for adviser, amount in advisers.items()]
    assert only(oracle.dim_clients(fees)).first_adviser_id == expected


def test_the_first_adviser_gets_the_whole_ltv():
    fees = [fee("2024-01-10", 1, adviser="1"), fee("2024-01-20", 10, adviser="2"), fee("2025-01-01", 100, adviser="2")]
    assert only(oracle.rpt_adviser_ltv(fees)) == ("1", 1, 11, 11, 11, 111, 11, 1, 1)


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        (("0.01", "0.00"), "0.01"),
        (("-0.01", "0.00"), "-0.01"),
        (("0.005",), "0.01"),
        (("-0.005",), "-0.01"),
        (("0.015", "0.015"), "0.02"),
        (("0.025",), "0.03"),
        (("0.004999999", "0.005"), "0.00"),  # 0.0049999995: rounding to 9 decimals first would make it 0.01
        (("-0.004999999", "-0.005"), "0.00"),
        (("0.014999999", "0.015", "0.015"), "0.01"),
        (("1", "1", "0"), "0.67"),
        (("10000000000000000000.01", "10000000000000000000"), "10000000000000000000.01"),
    ],
)
def test_means_are_rounded_once_half_away_from_zero(amounts, expected):
    assert oracle.mean(list(map(D, amounts))) == D(expected)


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        (("3", "1", "2"), "2"),
        (("4", "1", "2", "3"), "2.5"),
        (("0.005", "0.004999999"), "0.00"),
        (("-0.01", "0"), "-0.01"),
        (("10", "9", "-100"), "9"),
    ],
)
def test_the_median_is_exact_and_rounded_once(amounts, expected):
    assert oracle.median(list(map(D, amounts))) == D(expected)


def test_totals_keep_all_their_digits():
    amounts = [D("12345678901234567890123456789.123456789")] * 3
    assert oracle.total(amounts) == D("37037036703703703670370370367.370370367")


def test_a_cohort_in_full():
    fees = [
        fee("2024-01-01", "1.00", client="a"),
        fee("2024-01-15", "2.005", client="b"),
        fee("2024-03-01", "-1.00", client="b"),
        fee("2024-06-30", "7.00", client="a"),
        fee("2024-07-01", "9.00", client="a"),
    ]
    assert oracle.rpt_cohort_ltv(fees) == (
        (
            "2024-01",
            2,
            D("1.50"),
            D("1.00"),
            D("4.50"),
            D("3.005"),
            D("2.005"),
            D("9.005"),
            D("4.50"),
            True,
            True,
            False,
        ),
    )


def test_ranks_tie_and_leave_a_gap():
    sums = {"1": 5, "2": 7, "3": 7, "4": 1}
    fees = [fee(JAN_31, amount, client=adviser, adviser=adviser) for adviser, amount in sums.items()]
    assert [row.rank_by_ltv_6_month for row in oracle.rpt_adviser_ltv(fees)] == [3, 1, 1, 4]


def test_no_rows_are_empty_tables():
    assert set(oracle.tables([]).values()) == {()}
    assert oracle.left_out([]) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("record", "loaded"),
    [
        ("c,QQ000000A,1,2024-01-31, +1.6 ", True),
        ("c,QQ000000A,1,2024-01-31,1.6000000000000", True),
        ("c,QQ000000A,1,2024-01-31,-99999999999999999999999999999.999999999", True),
        ("c,QQ000000A,1,2025-06-02,1", True),
        (",,,,", True),
        ("c,QQ000000A,1,2025-06-03,1", False),
        ("c,QQ000000A,1,1989-12-31,1", False),
        ("c,QQ000000A,1,2023-02-29,1", False),
        ("c,QQ000000A,1,20240131,1", False),
        ("c,QQ000000A,1,2024-01-31,100000000000000000000000000000", False),
        *(
            (f"c,QQ000000A,1,2024-01-31,{bad}", False)
            for bad in (".5", "1.", "1e3", "£5", "NaN", "--1", "1.0000000001")
        ),
        ("c,QQ000000Ä,1,2024-01-31,1", False),
        ("c,QQ000000A,1,2024-01-31", False),
        ("c,QQ000000A,1,2024-01-31,1,2", False),
    ],
)
def test_rows_that_cannot_be_typed_are_rejected(tmp_path, record, loaded):
    path = tmp_path / "fees.csv"
    path.write_text(f"\ufeff{','.join(worlds.COLUMNS)}\r\n\r\n{record}\r\n", encoding="utf-8")
    rows, rejected = oracle.read_csv(path, date(2025, 6, 1))
    assert (len(rows), rejected) == ((1, []) if loaded else (0, [1]))
