"""Both readers against a reader written from RFC 4180 byte by byte, and typing against Python's own decimals and dates."""

from __future__ import annotations

import re
import tempfile
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import duckdb
import pipeline
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fees_etl.ingestion.bytes import FileRefused
from fees_etl.ingestion.header import Form, scan
from fees_etl.ingestion.records import Grammar, native_relation, plain, records, spill, spilled_relation
from fees_etl.ingestion.typing import read, typed_sql
from fees_etl.types import Table

LATEST = date(2025, 10, 1)
FORM = Form(pipeline.project().sources[Table("raw", "fees")], latest=LATEST)
COLUMNS = tuple(column.name for column in FORM.contract.file_columns)
FIVE = Grammar(len(COLUMNS))
HEADER = ",".join(COLUMNS).encode()
NATIVE = "compression = 'none', parallel = false"


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect(config={"threads": 2}) as connection:
        yield connection


def by_the_letter(content: bytes):
    """[(fields, fault)] of every record, None where a quote is never closed."""
    found, fields, field, raw, state, bad, multi = [], [], b"", b"", "start", False, False
    for char in re.findall(rb"\r\n|[\x00-\xff]", content + b"\n"):
        ends = char in (b"\r", b"\n", b"\r\n")
        if state != "quoted" and ends:
            if raw:
                if bad and multi:
                    return None
                found.append(([*fields, field], _fault(raw, len(fields) + 1, bad=bad)))
            fields, field, raw, state, bad, multi = [], b"", b"", "start", False, False
            continue
        raw += char
        if state == "quoted":
            multi |= ends
            state, field = ("closed", field) if char == b'"' else (state, field + char)
        elif char == b",":
            fields, field, state = [*fields, field], b"", "start"
        elif char == b'"' and state in ("start", "closed"):
            field += char if state == "closed" else b""
            state = "quoted"
        else:
            bad |= state == "closed" or char == b'"'
            state, field = "plain", field + char
    return None if state == "quoted" else found


def _fault(raw, fields, *, bad):
    if b"\0" in raw:
        return "a NUL character"
    if raw.decode(errors="ignore").encode() != raw:
        return "not UTF-8"
    if bad:
        return "malformed quotes"
    return f"{fields} field{'s' * (fields > 1)} instead of 5" if fields != 5 else ""


def plainly(fields):
    """A record of these fields, quoted where needed."""
    return b",".join(
        b'"%b"' % field.replace(b'"', b'""') if re.search(rb'[,"\r\n]', field) else field for field in fields
    )


TEXT = st.lists(
    st.sampled_from(
        [b"a", b"b1", b",", b'"', b" ", b"\t", "é".encode(), b"\\", b"#", b"'", b"\xef\xbb\xbf", b"x" * 20]
    ),
    max_size=5,
).map(b"".join)
SPANNING = st.lists(st.sampled_from([b"a", b",", b'"', b"\r", b"\n", b"\r\n", "é".encode()]), max_size=6).map(b"".join)
SOUND = st.lists(TEXT, min_size=5, max_size=5).map(plainly)
SOUND_BUT_SPANNING = st.lists(TEXT | SPANNING, min_size=5, max_size=5).map(plainly)
NOISE = st.lists(
    st.sampled_from(
        [b",", b",", b",", b",", b'"', b"\r", b"\n", b" ", b"a", b"1", "é".encode(), b"\xff", b"\0", b"\t", b"\xc2\xa0"]
    ),
    max_size=25,
).map(b"".join)
ENDS = st.sampled_from([b"\n", b"\r\n"])
PLAIN_BODIES = st.tuples(st.lists(SOUND, max_size=60), ENDS).map(lambda body: body[1] + body[1].join(body[0]))
ANY_BODIES = st.lists(st.tuples(SOUND | SOUND_BUT_SPANNING | NOISE, ENDS), max_size=20).map(
    lambda body: b"\n" + b"".join(map(b"".join, body))
)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(NOISE.map(lambda noise: b"\n" + noise), PLAIN_BODIES, ANY_BODIES),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_careful_reads_by_the_letter(body, cuts):
    content = HEADER + body
    edges = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    blocks = [content[start:end] for start, end in pairwise(edges)]
    expected = by_the_letter(content)
    try:
        found = [record.fault for record in records(blocks, FIVE)]
    except FileRefused:
        found = None
    assert found == (expected if expected is None else [fault for _, fault in expected])


@settings(max_examples=150, deadline=None)
@given(PLAIN_BODIES | ANY_BODIES, st.integers(1500, 4000))
def test_both_readers_give_the_same_records(connection, body, size):
    """With buffers so small that records lie across their ends."""
    content = HEADER + body
    expected = by_the_letter(content)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fees.csv")
        path.write_bytes(content)
        scanned = scan(path, FORM)
        if expected is None:
            assert scanned.plain is None
            return
        relations = [spilled_relation(spill([content], FIVE, Path(folder), len(content), 1), COLUMNS, ",")]
        if scanned.plain:
            assert not any(fault for _, fault in expected)
            assert scanned.plain.records == len(expected)
            relations.append(native_relation(path, COLUMNS, ",", NATIVE))
        for relation in relations:
            small = re.sub(r", max_line_size = \d+", "", relation).replace(
                "auto_detect = false", f"auto_detect = false, max_line_size = 700, buffer_size = {size}"
            )
            connection.execute(f"CREATE OR REPLACE TEMP TABLE small AS {small}")
            number = "_source_row" if "_source_row" in relation else "rowid + 1"
            fields = ", ".join(f"COALESCE({column}, '')" for column in COLUMNS)
            found = connection.execute(
                f"SELECT {number}, {fields}, COALESCE(_fault, '') FROM small ORDER BY 1"
            ).fetchall()
            assert found == [
                (row, *(["", "", "", "", ""] if fault else [field.decode() for field in fields]), fault)
                for row, (fields, fault) in enumerate(expected[1:], start=1)
            ]


@settings(max_examples=200, deadline=None)
@given(PLAIN_BODIES)
def test_sound_records_are_plain(body):
    content = HEADER + body
    if b"\n\n" not in content and b"\n\r\n" not in content:
        assert plain([content], FIVE) is not None


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("quote", [b"", b'"'], ids=["bare", "quoted"])
@pytest.mark.parametrize("threads", [1, 4])
def test_row_numbers_are_the_files_across_the_native_readers_buffers(connection, tmp_path, end, quote, threads):
    """A file of more than one buffer of 32 MB and several threads' shares of it."""
    path = tmp_path / "fees.csv"
    rows, line = 420_000, quote + b"%d" + quote + b"," + quote + b"," * bool(quote) + b"x" * 70 + quote + b",,," + end
    with path.open("wb") as file:
        file.write(HEADER + end)
        file.writelines(line % row for row in range(1, rows + 1))
    assert path.stat().st_size > 33_600_000
    connection.execute(f"SET threads = {threads}")
    with read(connection, scan(path, FORM), tmp_path) as reading:
        assert (reading.rows, reading.rejected, reading.careful) == (rows, 0, False)
        found = connection.execute(
            f"SELECT COUNT(*), SUM(_source_row) FROM {reading.table} WHERE client_id = _source_row::VARCHAR"
        ).fetchone()
        assert found == (rows, rows * (rows + 1) // 2)


BLANKS = st.text(" \t\u00a0", max_size=2)
DIGITS = st.text("0123456789", min_size=1, max_size=3) | st.text("09", min_size=1, max_size=40)
NUMBERISH = st.tuples(
    BLANKS,
    st.sampled_from(["", "-", "+"]),
    DIGITS,
    st.sampled_from(["", ".", ".", "e", "_"]),
    DIGITS | st.just(""),
    BLANKS,
).map("".join)
DATEISH = (
    st.dates(date(1989, 12, 25), date(1990, 1, 10)).map(str)
    | st.dates().map(str)
    | st.text("012-", min_size=8, max_size=11)
    | st.from_regex(r"\A[12][09][0-9]{2}-[01][0-9]-[0-3][0-9]\Z")
)


def _amount(text):
    text = text.strip(" \t\r\n\u00a0")
    if not text:
        return None, None
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text):
        return None, "fee_amount is not a number"
    if len(text.partition(".")[2].rstrip("0")) > 9:
        return None, "fee_amount has more than 9 decimals"
    if Decimal(text).copy_abs() >= 10**29:
        return None, "fee_amount is out of the range of NUMERIC"
    return Decimal(text), None


def _date(text):
    text = text.strip(" \t\r\n\u00a0")
    if not text:
        return None, None
    try:
        day = date.fromisoformat(text) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        day = None
    if day is None and not re.fullmatch(
        "0000-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|0000-(0[469]|11)-(0[1-9]|[12][0-9]|30)|0000-02-(0[1-9]|[12][0-9])",
        text,
    ):
        return None, "fee_date is not a date (YYYY-MM-DD)"
    if day is None or day < date(1990, 1, 1):
        return None, "fee_date is before 1990-01-01"
    return (day, None) if day <= LATEST else (None, "fee_date is more than a day after ingestion")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(DATEISH, NUMBERISH | st.text("0123456789.+-e \u00a0٣", max_size=8)), min_size=1, max_size=30))
def test_typing_agrees_with_python(connection, rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fees.csv")
        path.write_bytes(HEADER + b"\n" + "".join(f"c,n,a,{day},{amount}\n" for day, amount in rows).encode())
        sql = typed_sql(native_relation(path, COLUMNS, ",", NATIVE), COLUMNS, FORM)
        found = connection.execute(f"SELECT fee_date, fee_amount, _reasons FROM ({sql})").fetchall()
    for (day, amount), row in zip(rows, found, strict=True):
        (as_date, wrong_date), (as_amount, wrong_amount) = _date(day), _amount(amount)
        reasons = "; ".join(filter(None, (wrong_date, wrong_amount))) or None
        assert row == ((None, None, reasons) if reasons else (as_date, as_amount, None))
