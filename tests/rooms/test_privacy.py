"""What is taken for a National Insurance number, and what is not; and that no door lets one out, however it is written."""

from __future__ import annotations

import json
import logging
from urllib.parse import quote

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fees_etl.cli import document, logs, text
from fees_etl.cli.session import emit
from fees_etl.errors import InputRefused
from fees_etl.privacy import IN_AN_ID, redact, redact_lines

MASKED = {
    "QQ123456C": "[NINO]", "qq 12 34 56 c": "[NINO]", "(QQ123456C)": "([NINO])", "x=QQ123456C;": "x=[NINO];",
    "nino_QQ123456C": "nino_[NINO]", "QQ\N{NO-BREAK SPACE}123456C": "[NINO]", "AQQ123456C": "A[NINO]",
    "QQ123456E": "[NINO]", "QQ123456": "[NINO]", "QQ-12-34-56-C": "[NINO]", "QQ.12.34.56.C": "[NINO]",
    "QQ/12/34/56/C": "[NINO]", "QQ_12_34_56_C": "[NINO]", "QQ   12   34 56    C": "[NINO]",
    "Q Q 1 2 3 4 5 6 C": "[NINO]", "Q-Q-1-2-3-4-5-6": "[NINO]", "clientQQ123456Cpaid": "client[NINO]paid",
    "clientqq123456c": "client[NINO]", "xqq 12 34 56 c": "x[NINO]", "feesQQ123456": "fees[NINO]",
    "QQ123456paid": "[NINO]paid", "QQ%20123456C": "[NINO]", "QQ%2D12%2D34%2D56%2DC": "[NINO]",
    "%51%51%31%32%33%34%35%36%43": "[NINO]", "QQ%2520123456C": "[NINO]", "a%2FQQ123456.csv": "a%2F[NINO].csv",
    "fees_QQ123456C_2025.csv": "fees_[NINO]_2025.csv", "QQ\u201312\u201334\u201356\u2013C": "[NINO]",
    "QQ\u200b123456C": "[NINO]", "QQ\n123456C": "[NINO]", "2025QQ123456C": "2025[NINO]", "QQ123456C7": "[NINO]7",
    "\uff31\uff31\uff11\uff12\uff13\uff14\uff15\uff16\uff23": "[NINO]", "ab 123 456 c": "[NINO]",
}  # fmt: skip
LEFT = (
    "C001234", "client001234", "client-123456", "client_id 123456", "CL0012345", "A1", "x1y2", "QQ******C",
    "fees_2025_09.csv", "fees_202509.csv", "fees202509.csv", "gb_202409.csv", "synthetic_fees_1024_0925.csv",
    "on 2025-01", "to 2025-01-31", "at 12:34:56", "in 123.46 s", "ip 10.20.30.40", "2,904 of 5,200 clients",
    "ab123456c0d1", "ab123456c0d1e2f3", "d31c7af20c5231a9", "20250131T120000-ab1234", "fees-etl-20250131T120000-ab1234-run-1",
    "ab123456-e29b-41d4-a716-446655440000", "MAdEhk/2zyNJMQvYRvVlzbsnkadeyuu0hRe8FPi9oLg=", "0" * 24 + "ab123456",
)  # fmt: skip


@pytest.mark.parametrize("written", MASKED)
def test_what_looks_like_a_nino_is_masked(written):
    assert redact(written) == MASKED[written]


@pytest.mark.parametrize("written", LEFT)
def test_ids_months_and_hashes_are_left_alone(written):
    assert redact(written) == redact_lines(written) == written


@pytest.mark.parametrize(
    "line", ["a.gz  10  20  30", "fees.gz  10  0  1.50", "  rows ab\n123456 rows", "le\t\t12\t\t34\t\t56"]
)
def test_columns_and_lines_are_no_number_together(line):
    assert redact_lines(line) == line


REJECTED = ("QQ123456C", "qq 12 34 56 c", "QQ-12-34-56-C", "QQ/123456/C", " QQ123456C ", "see QQ123456C.", "QQ 12 34 56", "Q Q 1 2 3 4 5 6 C", "QQ123456F")  # fmt: skip
KEPT = ("C001234", "CL001234", "QQ123456", "ACC001234A", "CL001234X", "client001234", "550e8400-e29b-41d4-a716-446655440000", "x", "CL12345678")  # fmt: skip


@pytest.mark.parametrize("value", [*REJECTED, *KEPT])
def test_what_no_id_may_be_is_narrower_than_what_is_masked(value):
    found = duckdb.execute("SELECT regexp_matches(?, ?)", [value, IN_AN_ID]).fetchone()[0]
    assert found == (value in REJECTED)
    assert not found or "[NINO]" in redact(value)


GAPS = st.sampled_from(
    [
        "",
        " ",
        "  ",
        "    ",
        "-",
        " - ",
        ".",
        "/",
        "_",
        "\N{NO-BREAK SPACE}",
        "\t",
        "\u2013",
        "%20",
        "%2D",
        "%2520",
        "\\",
    ]
)
GLUE = st.sampled_from(["", "x", "client", "Paid by ", "nino=", "/", "(", "7", "lake/fees_", "%2F"])


@st.composite
def spelled(draw):
    """A NINO as people, browsers and file names write it, and the digits that nobody may read."""
    letters = draw(st.sampled_from(["QQ", "AB", "LE", "SN", "GB"]))
    digits = draw(st.text("0123456789", min_size=6, max_size=6).filter(lambda six: len(set(six)) > 2))
    gap, last = draw(GAPS), draw(st.sampled_from("ABCD"))
    groups = draw(st.sampled_from([[6], [2, 2, 2], [3, 3], [1] * 6]))
    parts, rest = [], digits
    for size in groups:
        parts, rest = [*parts, rest[:size]], rest[size:]
    before, after = draw(GLUE), draw(st.sampled_from(["", ".", "paid", ", 1.50", " 2025-01-31", ".csv"]))
    pair = letters if digits[:2] in {"19", "20"} else draw(st.sampled_from([letters, letters.lower()]))  # else a month
    whole = gap.join([pair, *parts, last if pair.isupper() else last.lower()])
    if draw(st.booleans()) and not before[-1:].isalnum() and not pair.islower():
        whole = gap.join([pair, *parts])  # no letter follows
        after = after if after != "paid" else ""
    elif after == "paid" and gap:
        after = ""
    if draw(st.integers(0, 9)) == 0:
        whole = quote(whole) if gap else "".join(f"%{ord(one):02X}" for one in whole)
    return before + whole + after, digits


def hidden(said, digits):
    """Whether no run of these digits is left, whatever stands between them."""
    return digits not in "".join(one for one in said if one.isdigit() or one.isalpha())


@given(spelled())
def test_no_door_lets_a_nino_out(found):
    value, digits = found
    error = InputRefused(f"no: {value}", hint=f"read {value}", published=value)
    row = [("a", "b"), (value, "x" * 80)]
    said = [
        redact(value), error.message, error.hint, error.published, str(error), repr(error),
        document.written({"value": value, value: [value]}), *text.grid(row, "<<"), *text.table(*row[:1], [row[1]]),
        *text.paragraph("word " * 18 + value),
    ]  # fmt: skip
    record = logging.LogRecord("fees_etl", 30, "", 0, "for %s", (value,), None)
    record.hint, record.exit_code = value, 1
    said += [layout.format(record) for layout in (logs._Text(), logs._Json(), logs._Google({}))]
    for one in said:
        assert "[NINO]" in one or value not in one, one
        assert hidden(one, digits), one


def test_stdout_is_masked_a_last_time(capsys):
    emit("text", {}, ["client QQ 12 34 56 C"])
    emit("json", {"a": "QQ    123456 C"}, [])
    assert "123456" not in capsys.readouterr().out.replace(" ", "")


def test_json_stays_json():
    assert json.loads(document.written({"of": 'QQ"123456', "at": "QQ\n123456C"})) == {"of": 'QQ"123456', "at": "[NINO]"}
