"""What becomes of each record: typed rows, rejected rows with their reasons, and row numbers, whichever reader it takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import duckdb
import pipeline
import pytest

from fees_etl.ingestion.bytes import FileRefused
from fees_etl.ingestion.header import Form, scan
from fees_etl.ingestion.typing import Total, read
from fees_etl.types import Table

LATEST = date(2025, 10, 1)
FORM = Form(pipeline.project().sources[Table("raw", "fees")], latest=LATEST)
HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount"
DAY = date(2025, 1, 31)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect(config={"threads": 2}) as connection:
        yield connection


@pytest.fixture(params=["native", "careful"])
def reader(request):
    return request.param


@pytest.fixture
def rows_of(connection, tmp_path, reader):
    """Rows of a file with this content as (row, client, nino, adviser, date, amount, reasons, record)."""

    def rows(content, *, header=HEADER, latest=LATEST):
        path = tmp_path / "fees.csv"
        path.write_bytes(f"{header}\n{content}".encode() if isinstance(content, str) else content)
        scanned = scan(path, replace(FORM, latest=latest))
        if reader == "careful":
            scanned = replace(scanned, plain=None)
        with read(connection, scanned, tmp_path) as reading:
            found = connection.execute(f"SELECT * FROM {reading.table} ORDER BY _source_row").fetchall()
            assert [row[0] for row in found] == list(range(1, reading.rows + 1))
            assert sum(row[6] is not None for row in found) == reading.rejected
            assert len(found) > 1 or (found[0][5] or 0) == reading.amount
            assert all((row[6] is None) == (row[7] is None) for row in found)
        return found

    return rows


@pytest.fixture
def judged(rows_of):
    """A file of one record, each field set by name -> (fields in column order, reasons)."""

    def judge(**fields):
        record = {
            "client_id": "C1",
            "client_nino": "QQ123456C",
            "adviser_id": "7",
            "fee_date": "2025-01-31",
            "fee_amount": "1.5",
        }
        ((_, *typed, reasons, _),) = rows_of(",".join((record | fields).values()))
        return tuple(typed), reasons

    return judge


def test_a_sound_row(rows_of):
    assert rows_of("C1,QQ123456C,7,2025-01-31,1.6\n") == [(1, "C1", "QQ123456C", "7", DAY, Decimal("1.6"), None, None)]


AMOUNTS = {
    "0": "0", "-0": "0", "1.60": "1.6", "+1.5": "1.5", "-12.345678901": "-12.345678901", "007": "7", "-007.50": "-7.5",
    " 5 ": "5", "\t5\t": "5", "\u00a05\u00a0": "5", "0" * 59 + "1": "1", "1." + "0" * 60: "1",
    "-" + "0" * 2000 + "12.5" + "0" * 2000: "-12.5", "1.123456789000": "1.123456789",
    "0.0000000000": "0", "9" * 19 + "." + "9" * 9: "9" * 19 + "." + "9" * 9, "-" + "9" * 19 + "." + "9" * 9 + "0": "-" + "9" * 19 + "." + "9" * 9,
    "0" * 40 + "1" * 19: "1" * 19,
}  # fmt: skip


@pytest.mark.parametrize(("text", "amount"), AMOUNTS.items(), ids=range(len(AMOUNTS)))
def test_amounts_that_are_numbers(judged, text, amount):
    assert judged(fee_amount=text) == (("C1", "QQ123456C", "7", DAY, Decimal(amount)), None)


NOT_A_NUMBER = "fee_amount is not a number"
TOO_FINE = "fee_amount has more than 9 decimals"
TOO_LARGE = "fee_amount is out of the range of NUMERIC"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *((text, NOT_A_NUMBER) for text in ('"1,000.00"', "£5", "1e3", "1E3", ".5", "5.", "-.5", "NaN", "nan", "inf", "-Infinity", "\u0661", "1\u066b5", "\uff11", "--1", "+-1", "+", "-", ".", "1_000", "0x1F", "1 000", "1.2.3", "5-", "(5)", "1;5", "$1", "1f", "\u200b1", "\x0c1", '"1\n.5"', "1\u00a0000")),
        *((text, TOO_FINE) for text in ("0.0000000001", "1.1234567891", "-1.00000000010", "0." + "0" * 100 + "1")),
        *((text, TOO_LARGE) for text in ("1" + "0" * 29, "-1" + "0" * 29, "9" * 100, "000" + "9" * 30 + ".5", "1" + "0" * 29 + ".000000000000")),
    ],
)  # fmt: skip
def test_amounts_that_are_not(judged, text, reason):
    fields, reasons = judged(fee_amount=text)
    assert reasons == reason
    assert fields[3:] == (None, None)


@pytest.mark.parametrize("text", ["1990-01-01", "2025-10-01", "2024-02-29", " 2025-01-31", "\u00a02025-01-31\t"])
def test_dates_that_are_dates(judged, text):
    fields, reasons = judged(fee_date=text)
    assert (fields[3], reasons) == (date.fromisoformat(text.strip("\u00a0 \t")), None)


NOT_A_DATE = "fee_date is not a date (YYYY-MM-DD)"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *((text, NOT_A_DATE) for text in ("2025-1-31", "25-01-31", "2025/01/31", "31/01/2025", "2025-02-30", "2025-13-01", "2025-00-10", "2023-02-29", "20250131", "2025 01 31", "2025-01-31T00:00:00", "2025-01-31 00:00", "12025-01-3", "-025-01-31", "\u0662\u0660\u0662\u0665-\u0660\u0661-\u0663\u0661", "epoch", "infinity", "today", "2025-01-31 (BC)", "2025-01-3", "20251-01-31", "0", "2025-01-\n31".join('""'))),
        *((text, "fee_date is before 1990-01-01") for text in ("1989-12-31", "0001-01-01", "0000-01-01")),
        *((text, "fee_date is more than a day after ingestion") for text in ("2025-10-02", "2052-01-01", "9999-12-31")),
    ],
)  # fmt: skip
def test_dates_that_are_not(judged, text, reason):
    fields, reasons = judged(fee_date=text)
    assert reasons == reason
    assert fields[3:] == (None, None)


@pytest.mark.parametrize("blank", ["", " ", "\t", "\u00a0", " \t\u00a0 ", '""', '" "', '"\r\n"', '"\n \t"'])
@pytest.mark.parametrize("column", range(5))
def test_blank_is_null_and_no_reject(rows_of, blank, column):
    fields = ["C1", "QQ123456C", "7", "2025-01-31", "1.5"]
    fields[column] = blank
    expected = ["C1", "QQ123456C", "7", DAY, Decimal("1.5")]
    expected[column] = None
    assert rows_of(",".join(fields)) == [(1, *expected, None, None)]


def test_a_row_of_blanks_is_loaded(rows_of):
    assert rows_of(",,,,\n") == [(1, None, None, None, None, None, None, None)]


def test_ids_are_kept_as_sent(judged):
    fields, reasons = judged(client_id=" c\u00a01 ", client_nino="qq 12 34 56 c ", adviser_id="Zoë/+=")
    assert (fields[:3], reasons) == ((" c\u00a01 ", "qq 12 34 56 c ", "Zoë/+="), None)


@pytest.mark.parametrize(
    "text", ["N/A", "-", "nil", "NULLS", "x null", "Zo\u00eb", "c\u00a01", "\u00e9", "\U0001f600", "\uff5e", "a\tb"]
)
def test_what_is_not_in_the_set_is_not_blank(judged, text):
    assert judged(client_id=text) == ((text, "QQ123456C", "7", DAY, Decimal("1.5")), None)


UNSEEN, NOTHING = "has an invisible character", "says NULL: leave it blank"
LOOKS, NINO = "has a letter or digit that looks like another", "looks like a National Insurance number"


@pytest.mark.parametrize("column", ["client_id", "adviser_id"])
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        *((text, UNSEEN) for text in ("\u200b", "\ufeff", "C1\u200b", "C\u00ad1", "\u3000", "C1\u2003", "\x0b", "C\x1b1", "C\x7f", "C1\u202e", "C\u20601", "\u2028x", "C\x851")),
        *((text, NOTHING) for text in ("NULL", "null", "None", "nan", "NaN", "\\N", " NULL ")),
        *((text, LOOKS) for text in ("C\uff11", "\uff23\uff11", "C\u0661", "C\U0001d7ce")),
        *((text, NINO) for text in ("QQ123456C", "qq 12 34 56 c", " QQ-123456-C", "QQ 12 34 56", "see QQ123456C.")),
    ],
)  # fmt: skip
def test_ids_that_mean_nobody_or_another_are_rejected(judged, column, text, problem):
    fields, reasons = judged(**{column: text})
    assert reasons == f"{column} {problem}"
    assert fields[3:] == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "C001234",
        "CL001234",
        "CL001234X",
        "MAdEhk/2zyNJMQvYRvVlzbsnkadeyuu0hRe8FPi9oLg=",
        "d31c7af20c5231a9",
        "ab123456c0d1",
        "2025-01-31",
        "AB-1234-56",
    ],
)
def test_ids_that_number_a_client_are_none(judged, text):
    assert judged(client_id=text)[1] is None


@pytest.mark.parametrize(("text", "problem"), [("NULL", NOTHING), ("QQ\x0b123456C", UNSEEN), ("client 7", None)])
def test_a_nino_is_held_to_the_same(judged, text, problem):
    assert judged(client_nino=text)[1] == (f"client_nino {problem}" if problem else None)


@pytest.mark.parametrize("nino", ["QQ12345\uff16C", "ÀQ123456C", "QQ123456C\u200b", "\u2003QQ123456C"])
def test_nino_beyond_ascii(judged, nino):
    assert judged(client_nino=nino)[1] == "client_nino has a character outside ASCII"


def test_nino_with_no_break_spaces(judged):
    assert judged(client_nino="\u00a0QQ\u00a0123456C") == (
        ("C1", "\u00a0QQ\u00a0123456C", "7", DAY, Decimal("1.5")),
        None,
    )


def test_all_reasons_of_a_row_and_its_record(rows_of):
    assert rows_of('"a,""b",QQé,,31/01/2025,"1,5"\n1,2\n') == [
        (1, 'a,"b', "QQé", None, None, None, f"client_nino has a character outside ASCII; {NOT_A_DATE}; {NOT_A_NUMBER}", '"a,""b",QQé,,31/01/2025,"1,5"'),
        (2, None, None, None, None, None, "2 fields instead of 5", "1,2"),
    ]  # fmt: skip


def test_record_is_in_the_order_of_the_file(rows_of):
    header = "fee_amount,fee_date,adviser_id,client_nino,client_id"
    assert rows_of("x,2025-01-31,7,QQ123456C,C1\n1.5,2025-01-31,8,QQ123456C,C2", header=header) == [
        (1, "C1", "QQ123456C", "7", None, None, NOT_A_NUMBER, "x,2025-01-31,7,QQ123456C,C1"),
        (2, "C2", "QQ123456C", "8", DAY, Decimal("1.5"), None, None),
    ]


def test_a_field_over_128_kib(rows_of):
    fits, over = "x" * (128 * 1024), "é" * (64 * 1024) + "x"
    found = rows_of(f"{fits},,,,\n{over},,,,\n")
    assert [row[6] for row in found] == [None, "a field is over 128 KiB"]
    assert found[1][7] == f"{over},,,,"


def test_totals(connection, tmp_path, reader):
    path = tmp_path / "fees.csv"
    path.write_text(
        f"{HEADER}\na,b,c,2025-01-31,1.5\na,b,c,2025-01-31,-0.000000001\na,b,c,,2\na,b,c,2025-01-01,x\na,b,c,2025-01-02,y\na,b,c,2025-01-30,\n"
    )
    scanned = scan(path, FORM) if reader == "native" else replace(scan(path, FORM), plain=None)
    with read(connection, scanned, tmp_path) as reading:
        assert set(reading.totals) == {
            Total(DAY, None, 2, Decimal("1.499999999")),
            Total(date(2025, 1, 30), None, 1, Decimal(0)),
            Total(None, None, 1, Decimal(2)),
            Total(None, NOT_A_NUMBER, 2, Decimal(0)),
        }
        assert (reading.rows, reading.rejected, reading.amount, reading.careful) == (
            6,
            2,
            Decimal("3.499999999"),
            reader == "careful",
        )


def test_totals_keep_all_digits(connection, tmp_path):
    path = tmp_path / "fees.csv"
    path.write_text(f"{HEADER}\n,,,2025-01-31,{'9' * 19}.999999998\n,,,2025-01-30,0.000000001\n")
    with read(connection, scan(path, FORM), tmp_path) as reading:
        assert reading.amount == Decimal("9" * 19 + "." + "9" * 9)


@pytest.mark.parametrize(
    ("amounts", "row"),
    [
        (["9" * 29] * 2, 1),
        (["1", "9" * 29, "9" * 29], 2),
        (["5" + "0" * 19, "-5" + "0" * 19], 2),  # signs apart: the fees of a client would not fit, the refunds either
        (["1", "x", *(["3" + "0" * 19] * 7)], 6),
        (["0.000000001", "1" + "0" * 20], 2),
    ],
)
def test_amounts_whose_sums_would_not_fit_numeric_name_the_row(connection, tmp_path, amounts, row, reader):
    path = tmp_path / "fees.csv"
    path.write_text("\n".join([HEADER, *(f"a,b,c,2025-01-{day:02},{one}" for day, one in enumerate(amounts, 1))]))
    scanned = scan(path, FORM) if reader == "native" else replace(scan(path, FORM), plain=None)
    with (
        pytest.raises(FileRefused, match="amounts add up to 100,000,000,000,000,000,000 pounds and more") as refused,
        read(connection, scanned, tmp_path),
    ):
        pass
    assert refused.value.row == row
