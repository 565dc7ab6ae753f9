"""Every type of a column, judged strictly, by either reader, with every kind of delimiter and date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pipeline
import pytest

from fees_etl.ingestion.header import Form, scan
from fees_etl.ingestion.typing import read
from fees_etl.types import Column, Layout, Table

FEES = pipeline.project().sources[Table("raw", "fees")]
LATEST = date(2025, 10, 1)
HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount"


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")  # of no consequence
        yield connection


@pytest.fixture(params=["native", "careful"])
def typed(request, connection, tmp_path):
    """(value, reasons, record) of a field of this type in an optional column, in a file of this layout."""

    def judge(text, kind, layout=None, **column):
        contract = replace(FEES, columns=(*FEES.columns, Column("extra", kind, **column)))
        form = Form(contract, layout or Layout("**"), LATEST)
        path, delimiter = tmp_path / "fees.csv", form.layout.delimiter
        lines = (f"{HEADER},extra", f"a,QQ123456C,b,,1.5,{text}")
        path.write_text("\n".join(line.replace(",", delimiter) for line in lines), encoding="utf-8")
        scanned = scan(path, form)
        if request.param == "careful":
            scanned = replace(scanned, plain=None)
        with read(connection, scanned, tmp_path) as reading:
            assert reading.careful == (request.param == "careful")
            value = "epoch_us(extra)" if kind == "TIMESTAMP" else "extra"
            (found,) = connection.execute(f"SELECT {value}, _reasons, _record FROM {reading.table}").fetchall()
        return found

    return judge


def micros(*parts):
    return int((datetime(*parts, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        *(("STRING", text, text) for text in ("north", " x ", "007", "Zoë")),
        *(("INT64", text, int(text)) for text in ("0", "-0", "+5", "007", " 12 ", "9223372036854775807", "-9223372036854775808", "0" * 40 + "1")),
        *(("NUMERIC", text, Decimal(text)) for text in ("0", "+5", "-1.60", "1.1234567890")),
        *(("BOOL", text, text.strip().lower() == "true") for text in ("true", "FALSE", "True", " fAlSe ")),
        *(("DATE", text, date.fromisoformat(text)) for text in ("0001-01-01", "1066-10-14", "2052-01-01", "9999-12-31")),
        ("DATETIME", "2025-01-31T10:30", datetime(2025, 1, 31, 10, 30)),  # noqa: DTZ001
        ("DATETIME", " 0001-01-01 23:59:59.123456", datetime(1, 1, 1, 23, 59, 59, 123456)),  # noqa: DTZ001
        ("TIMESTAMP", "2025-01-31T10:30Z", micros(2025, 1, 31, 10, 30)),
        ("TIMESTAMP", "2025-01-31 10:30:00.5+05:30", micros(2025, 1, 31, 5) + 500_000),
        ("TIMESTAMP", "2025-01-01 00:00:00-01:00", micros(2025, 1, 1, 1)),
        *((kind, text, None) for kind in ("STRING", "INT64", "NUMERIC", "BOOL", "DATE", "DATETIME", "TIMESTAMP") for text in ("", " \t", "\u00a0")),
    ],
)  # fmt: skip
def test_sound_values(typed, kind, text, value):
    assert typed(text, kind) == (value, None, None)


NO_TIME = "extra is not a date and time (YYYY-MM-DD HH:MM:SS)"
NO_MOMENT = "extra is not a moment (YYYY-MM-DD HH:MM:SSZ, or +01:00 instead of Z)"


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        *(("INT64", text, "extra is not a whole number") for text in ("1.0", "1e3", "1_0", "0x1", "--1", "+", "\u0661", "1 0", "NULL")),
        *(("INT64", text, "extra is out of the range of INT64") for text in ("9223372036854775808", "-9223372036854775809", "9" * 60)),
        *(("BOOL", text, "extra is not true or false") for text in ("1", "0", "yes", "t", "truee", "tru e")),
        *(("DATE", text, "extra is not a date (YYYY-MM-DD)") for text in ("2025-02-30", "31/01/2025", "0000-01-01", "2025-1-1", "10000-01-01", "2025-01-01x")),
        *(("DATETIME", text, NO_TIME) for text in ("2025-01-31", "2025-01-31 24:00:00", "2025-01-31 10:60", "2025-02-30 10:00", "2025-01-31 10:00:60", "2025-01-31 10:00:00Z", "2025-01-31  10:00", "0000-01-01 00:00", "2025-01-31 10:00:00.1234567", "2025-01-31t10:00")),
        *(("TIMESTAMP", text, NO_MOMENT) for text in ("2025-01-31 10:00:00", "2025-01-31 10:00:00z", "2025-01-31 10:00+1", "2025-01-31 10:00+15:00", "2025-01-31 10:00 +01:00", "2025-01-31 10:00 UTC", "0001-01-01 00:00:00+01:00", "9999-12-31 23:30:00-01:00", "now")),
    ],
)  # fmt: skip
def test_values_that_are_none(typed, kind, text, reason):
    assert typed(text, kind) == (None, reason, f"a,QQ123456C,b,,1.5,{text}")


def test_a_second_nino_is_ascii_too(typed):
    assert typed("QQ12345\uff16C", "STRING", policy_tag="nino")[1] == "extra has a character outside ASCII"


FORMATS = {
    "DD/MM/YYYY": "31/01/2025",
    "MM-DD-YYYY": "01-31-2025",
    "YYYY.MM.DD": "2025.01.31",
    "DD MM YYYY": "31 01 2025",
}


@pytest.mark.parametrize(("written", "text"), FORMATS.items())
@pytest.mark.parametrize("delimiter", [";", "\t", "|", "~", "^", "\\", "]", "*"])
def test_a_layouts_dates_and_delimiters(typed, written, text, delimiter):
    layout = Layout("**", delimiter, written)
    assert typed(text, "DATE", layout) == (date(2025, 1, 31), None, None)
    assert typed(f" {text}", "DATE", layout) == (date(2025, 1, 31), None, None)
    for wrong in ("2025-01-31", "1/1/2025", text.replace("31", "32"), text.replace("01", "13"), text[:-1]):
        value, reasons, record = typed(wrong, "DATE", layout)
        assert (value, reasons) == (None, f"extra is not a date ({written})")
        assert record == delimiter.join(["a", "QQ123456C", "b", "", "1.5", wrong])


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("reader", ["native", "careful"])
def test_quotes_and_commas_with_another_delimiter(connection, tmp_path, delimiter, reader):
    form = Form(FEES, Layout("**", delimiter), LATEST)
    path = tmp_path / "fees.csv"
    row = ["a,b", f'"c{delimiter}d"', '"e ""f"""', "x", "1,5"]
    path.write_text("\n".join([HEADER.replace(",", delimiter), delimiter.join(row), "1,2", ""]), encoding="utf-8")
    scanned = scan(path, form)
    assert scanned.plain is None  # a record of one field
    path.write_text("\n".join([HEADER.replace(",", delimiter), delimiter.join(row)]), encoding="utf-8")
    scanned = scan(path, form)
    assert scanned.plain is not None
    scanned = replace(scanned, plain=None) if reader == "careful" else scanned
    with read(connection, scanned, tmp_path) as reading:
        (found,) = connection.execute(f"SELECT * EXCLUDE (fee_date, fee_amount) FROM {reading.table}").fetchall()
    reasons = "fee_date is not a date (YYYY-MM-DD); fee_amount is not a number"
    assert found == (1, "a,b", f"c{delimiter}d", 'e "f"', reasons, delimiter.join(row))
