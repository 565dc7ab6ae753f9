"""What DuckDB answers to translated GoogleSQL, against Python's own decimals and calendar."""

from __future__ import annotations

import hashlib
import re
from calendar import monthrange
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, localcontext

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fees_etl.query import MACROS, to_duckdb
from fees_etl.query.duckdb.texts import TWO_WHEN_UPPER
from fees_etl.types import Table

KINDS = {"n": "NUMERIC", "m": "NUMERIC", "i": "INT64", "s": "STRING", "d": "DATE"}
DUCK = {"NUMERIC": "DECIMAL(38, 9)", "INT64": "BIGINT", "STRING": "VARCHAR", "DATE": "DATE"}
EXACT = Context(prec=200)
PENNY, BILLIONTH, LIMIT = Decimal("0.01"), Decimal("1e-9"), Decimal("1e29")
LARGEST = Decimal("9" * 29 + "." + "9" * 9)

NUMBERS = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1).map(lambda units: Decimal(units).scaleb(-9, EXACT)),
    st.integers(-(10**12), 10**12).map(lambda units: Decimal(units).scaleb(-9)),
    st.integers(-(10**7), 10**7).map(lambda half_pennies: Decimal(half_pennies) / 200),
    st.integers(-(10**4), 10**4).map(Decimal),
)
AMOUNTS = st.integers(-(10**19), 10**19).map(lambda units: Decimal(units).scaleb(-9))


@pytest.fixture(scope="module", autouse=True)
def _exact():
    with localcontext(EXACT):
        yield


@pytest.fixture(scope="module")
def duck():
    with duckdb.connect() as connection:
        for macro in MACROS:
            connection.execute(macro)
        connection.execute("CREATE SCHEMA test")
        columns = ", ".join(f"{name} {DUCK[kind]}" for name, kind in KINDS.items())
        connection.execute(f"CREATE TABLE test.t ({columns})")
        yield connection


def answer(duck, expression, *rows, rest=""):
    """The values of an expression over rows given as dicts."""
    duck.execute("DELETE FROM test.t")
    marks = ", ".join(f"CAST(? AS {kind})" for kind in map(DUCK.get, KINDS.values()))
    for row in rows:
        cells = [row.get(name) for name in KINDS]
        duck.execute(f"INSERT INTO test.t VALUES ({marks})", [f"{c:f}" if isinstance(c, Decimal) else c for c in cells])
    sql = to_duckdb(f"SELECT {expression} AS x FROM test.t {rest}", {Table("test", "t"): KINDS})
    return [row[0] for row in duck.execute(sql).fetchall()]


def value(duck, expression, **cells):
    try:
        (found,) = answer(duck, expression, cells)
    except duckdb.Error:
        return "error"
    return found


def rounded(exact, unit=BILLIONTH):
    """Half away from zero; beyond NUMERIC an error."""
    found = exact.quantize(unit, ROUND_HALF_UP)
    return found if abs(found) < LIMIT else "error"


@given(n=NUMBERS, m=NUMBERS)
@example(n=LARGEST, m=BILLIONTH)
@example(n=LARGEST, m=Decimal(3))
@example(n=-LARGEST, m=Decimal(1))
@example(n=Decimal("0.000000001"), m=Decimal(2))
@example(n=Decimal("-0.000000001"), m=Decimal(2))
@example(n=Decimal(1), m=Decimal(0))
def test_division(duck, n, m):
    beyond = m == 0 or abs(m) >= Decimal("1e20")
    assert value(duck, "n / m", n=n, m=m) == ("error" if beyond else rounded(n / m))
    if not beyond or m == 0:
        assert value(duck, "SAFE_DIVIDE(n, m)", n=n, m=m) == (None if m == 0 else rounded(n / m))


@given(n=NUMBERS, i=st.integers(1, 2**63 - 1))
def test_division_by_an_integer(duck, n, i):
    assert value(duck, "n / i", n=n, i=i) == rounded(n / i)


@given(n=NUMBERS, m=NUMBERS)
@example(n=Decimal("0.000000001"), m=Decimal("0.5"))
@example(n=Decimal("-0.000000001"), m=Decimal("0.5"))
@example(n=LARGEST, m=Decimal("0.999999999"))
@example(n=Decimal("1e20"), m=Decimal("1e8"))
def test_multiplication(duck, n, m):
    assert value(duck, "n * m", n=n, m=m) == rounded(n * m)


@given(n=NUMBERS, whole=st.integers(0, 10**10), decimals=st.integers(0, 9))
@example(n=Decimal("0.000000001"), whole=5, decimals=1)
@example(n=Decimal("-0.000000001"), whole=5, decimals=1)
@example(n=LARGEST, whole=999_999_999, decimals=9)
@example(n=-LARGEST, whole=1, decimals=0)
@example(n=LARGEST, whole=2, decimals=0)
@example(n=Decimal("12345678901234567890.123456789"), whole=10**9, decimals=9)
def test_multiplication_by_a_literal(duck, n, whole, decimals):
    m = Decimal(whole).scaleb(-decimals)
    for product in (f"n * NUMERIC '{m:f}'", f"{m:.9f} * n", f"n * -{m:.9f}"):
        expected = rounded(n * (-m if "-" in product else m))
        assert value(duck, product, n=n) == expected, product


@given(n=NUMBERS, m=NUMBERS.filter(lambda m: 0 < abs(m) < Decimal("1e20")))
def test_div_and_mod_cut_towards_zero(duck, n, m):
    whole = (n / m).to_integral_value(ROUND_DOWN)
    assert value(duck, "DIV(n, m)", n=n, m=m) == (whole if abs(whole) < LIMIT else "error")
    assert value(duck, "MOD(n, m)", n=n, m=m) == n - whole * m


@given(a=st.integers(-(2**63) + 1, 2**63 - 1), b=st.integers(-9, 9))
def test_div_and_mod_of_integers(duck, a, b):
    cut = "error" if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    assert value(duck, f"DIV(i, {b})", i=a) == cut
    assert value(duck, f"MOD(i, {b})", i=a) == (cut if b == 0 else a - cut * b)


@given(n=NUMBERS, places=st.integers(-5, 10))
def test_round_is_half_away_from_zero(duck, n, places):
    assert value(duck, f"ROUND(n, {places})", n=n) == rounded(n, Decimal(1).scaleb(-places))


@given(n=NUMBERS)
@example(n=Decimal("1.60"))
@example(n=Decimal("-0.5"))
@example(n=Decimal(100))
@example(n=Decimal(0))
def test_a_number_as_text_is_canonical(duck, n):
    plain = f"{n:f}"
    canonical = plain.rstrip("0").rstrip(".") if "." in plain else plain
    assert value(duck, "CAST(n AS STRING)", n=n) == ("0" if canonical == "-0" else canonical)
    assert value(duck, "CAST(CAST(n AS STRING) AS NUMERIC)", n=n) == n


@given(amounts=st.lists(AMOUNTS | st.none(), max_size=12))
def test_means_and_medians_are_exact(duck, amounts):
    known = sorted(amount for amount in amounts if amount is not None)
    rows = [{"n": amount} for amount in amounts]
    mean = rounded(sum(known) / len(known)) if known else None
    median = rounded((known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2) if known else None
    assert answer(duck, "AVG(n)", *rows) == [mean]
    assert answer(duck, "AVG(n) OVER ()", *rows) == [mean] * len(rows)
    assert answer(duck, "PERCENTILE_CONT(n, NUMERIC '0.5') OVER ()", *rows) == [median] * len(rows)
    assert answer(duck, "SUM(n)", *rows) == [sum(known) if known else None]


@given(
    amounts=st.lists(
        AMOUNTS | st.integers(-(10**9), 10**9).map(lambda half: Decimal(half) / 200), min_size=1, max_size=7
    )
)
def test_a_mean_to_whole_pennies_is_rounded_once(duck, amounts):
    expression = "DIV(SUM(n) * 200 + IF(SUM(n) < 0, -COUNT(*), COUNT(*)), 2 * COUNT(*)) * NUMERIC '0.01'"
    found = answer(duck, expression, *({"n": amount} for amount in amounts))
    assert found == [rounded(sum(amounts) / len(amounts), PENNY)]


def months_later(day, months):
    """The same day of another month, or its last."""
    month = day.year * 12 + day.month - 1 + months
    if not 12 <= month < 120_000:
        return "error"
    return date(month // 12, month % 12 + 1, min(day.day, monthrange(month // 12, month % 12 + 1)[1]))


@given(day=st.dates(), months=st.integers(-40, 40))
@example(day=date(2024, 1, 31), months=1)
@example(day=date(2024, 3, 31), months=-1)
@example(day=date(9999, 12, 31), months=1)
@example(day=date(1, 1, 1), months=-1)
def test_months_end_where_the_month_ends(duck, day, months):
    later = months_later(day, months)
    assert value(duck, f"DATE_ADD(d, INTERVAL {months} MONTH)", d=day) == later
    assert value(duck, "DATE_SUB(d, INTERVAL i MONTH)", d=day, i=-months) == later


@given(s=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12))
def test_texts_are_counted_hashed_and_written_by_code_points(duck, s):
    raw = "".join(f"\\U{ord(char):08x}" for char in s)
    assert value(duck, f"'{raw}'") in ([], s) or answer(duck, f"'{raw}'", {"i": 1}) == [s]
    assert value(duck, "LENGTH(s)", s=s) == len(s)
    assert value(duck, "TO_HEX(MD5(s))", s=s) == hashlib.md5(s.encode()).hexdigest()
    assert value(duck, "TO_HEX(SHA256(CAST(s AS BYTES)))", s=s) == hashlib.sha256(s.encode()).hexdigest()
    assert value(duck, "TRIM(s, ' \\t\\r\\n\\u00a0')", s=s) == s.strip(" \t\r\n\u00a0")
    assert value(duck, "CONCAT(s, '|', CAST(n AS STRING))", s=s) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.5", Decimal("1.5")),
        (" 1 ", Decimal(1)),
        ("1e3", Decimal(1000)),
        ("1_000", None),
        ("", None),
        ("nan", None),
        ("1,5", None),
    ],
)
def test_texts_that_are_numbers(duck, text, number):
    assert value(duck, "SAFE_CAST(s AS NUMERIC)", s=text) == number
    assert value(duck, "CAST(s AS NUMERIC)", s=text) == ("error" if number is None else number)


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), (" -12 ", -12), ("1.5", None), ("1e3", None), ("0x1F", 31), ("", None)]
)
def test_texts_that_are_integers(duck, text, number):
    assert value(duck, "SAFE_CAST(s AS INT64)", s=text) == number


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-02-29", date(2024, 2, 29)),
        ("2024-2-9", date(2024, 2, 9)),
        ("2023-02-29", None),
        ("20240229", None),
        ("epoch", None),
    ],
)
def test_texts_that_are_dates(duck, text, day):
    assert value(duck, "SAFE_CAST(s AS DATE)", s=text) == day


def test_a_letter_that_becomes_two_stops_the_query(duck):
    assert value(duck, "UPPER(s)", s="aé") == "AÉ"
    assert value(duck, "UPPER(s)", s="straße") == "error"
    assert value(duck, "LOWER(s)", s="İ") == "error"
    many = [one for one in map(chr, range(0x80, 0x10000)) if len(one.upper()) > 1]
    assert [one for one in map(chr, range(0x80, 0x10000)) if re.fullmatch(f"[{TWO_WHEN_UPPER}]", one)] == many
