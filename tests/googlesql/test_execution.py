"""The harness's other half: rows in, rows out, and GoogleSQL's own arithmetic in between."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from googlesql.reference import AnalysisError
from hypothesis import example, given, settings
from hypothesis import strategies as st

LARGEST = Decimal("9" * 29 + "." + "9" * 9)
SMALLEST = LARGEST.copy_negate()


def value(reference, expression):
    _, [(only,)] = reference.execute(f"SELECT {expression}", {})
    return only


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ROUND(NUMERIC '2.345', 2)", Decimal("2.35")),
        ("ROUND(NUMERIC '-2.345', 2)", Decimal("-2.35")),
        ("CAST(NUMERIC '1.60' AS STRING)", "1.6"),
        ("CAST(NUMERIC '-0.000000001' AS STRING)", "-0.000000001"),
        ("NUMERIC '1' / 3", Decimal("0.333333333")),
        ("DATE_ADD(DATE '2024-01-31', INTERVAL 1 MONTH)", date(2024, 2, 29)),
        ("DATE_ADD(DATE '2025-01-31', INTERVAL 3 MONTH)", date(2025, 4, 30)),
        ("FORMAT_DATE('%Y-%m', DATE '2025-01-31')", "2025-01"),
        ("DATE(TIMESTAMP '2025-07-01 23:30:00+00')", date(2025, 7, 1)),
        ("TIMESTAMP '2025-07-01 00:30:00 Europe/London'", datetime(2025, 6, 30, 23, 30, tzinfo=UTC)),
        ("TIMESTAMP '2025-07-01'", datetime(2025, 7, 1, tzinfo=UTC)),
        ("CAST(NULL AS DATE)", None),
        ("SUM(x) FROM UNNEST([NUMERIC '1']) AS x WHERE FALSE", None),
        ("SAFE_CAST('1.5' AS INT64)", None),
        ("[1, NULL, 3]", [1, None, 3]),
        ("STRUCT('a' AS id, [NUMERIC '1.5'] AS xs)", ("a", [Decimal("1.5")])),
    ],
)
def test_an_expression_has_googles_value(reference, expression, expected):
    assert value(reference, expression) == expected


def test_a_median_of_numerics_is_a_numeric(reference):
    sql = "SELECT DISTINCT PERCENTILE_CONT(x, NUMERIC '0.5') OVER () AS median FROM a.b"
    tables = {"a.b": ({"x": "NUMERIC"}, [(Decimal("0.000000001"),), (Decimal("0.000000004"),), (None,)])}
    assert reference.execute(sql, tables) == (("median",), [(Decimal("0.000000003"),)])
    assert "FLOAT64" not in reference.types(sql, {"a.b": {"x": "NUMERIC"}})


@pytest.mark.parametrize("name", ["raw.fees", "`raw`.`fees`", "`raw.fees`", "raw.fees AS fees", "raw.fees fees"])
def test_rows_are_found_however_the_table_is_quoted(reference, name):
    tables = {"raw.fees": ({"x": "INT64"}, [(1,), (2,)])}
    sql = f"WITH other AS (SELECT x FROM {name} WHERE fees.x > 1) SELECT fees.x FROM {name} JOIN other USING (x)"
    assert reference.execute(sql, tables) == (("x",), [(2,)])


def test_a_name_that_only_looks_like_a_table_is_left_alone(reference):
    tables = {"raw.fees": ({"fees": "INT64"}, [(1,)]), "é.x": ({"y": "STRING"}, [("é",)])}
    sql = "SELECT raw.fees, 'raw.fees é' AS text, /* raw.fees */ y FROM raw.fees AS raw, `é`.x"
    assert reference.execute(sql, tables) == (("fees", "text", "y"), [(1, "raw.fees é", "é")])


def test_an_empty_table_has_columns(reference):
    tables = {"a.b": ({"x": "NUMERIC", "d": "DATE"}, [])}
    assert reference.execute("SELECT * FROM a.b", tables) == (("x", "d"), [])
    assert reference.execute("SELECT COUNT(*) AS n FROM a.b", tables) == (("n",), [(0,)])


def test_each_call_sees_its_own_rows(reference):
    for n in (1, 2):
        tables = {"a.b": ({"x": "INT64"}, [(n,)])}
        assert reference.execute("SELECT x FROM a.b", tables) == (("x",), [(n,)])


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1 / 0", "division by zero"),
        ("SELECT CAST('2025-02-30' AS DATE)", "Invalid date"),
        ("SELECT x + x FROM a.b", "numeric overflow"),
        ("INSERT INTO a.b (x) VALUES (1)", "does not correspond to a query"),
        ("SELECT APPROX_QUANTILES(x, 2) FROM a.b", "approx_quantiles"),
    ],
)
def test_a_failure_at_run_time_is_googles_own(reference, sql, message):
    with pytest.raises(AnalysisError, match=message):
        reference.execute(sql, {"a.b": ({"x": "NUMERIC"}, [(LARGEST,)])})


def test_a_deep_query_is_read_whole(reference):
    assert value(reference, " + ".join("1" * 200)) == 200
    assert value(reference, f"x FROM {'(SELECT * FROM ' * 50}(SELECT 1 AS x){')' * 50}") == 1


# -- values

VALUES = {
    "STRING": st.text(st.characters(exclude_categories=["Cs"])),
    "INT64": st.integers(-(2**63), 2**63 - 1),
    "NUMERIC": st.decimals(SMALLEST, LARGEST, places=9),
    "DATE": st.dates(),
    "TIMESTAMP": st.datetimes(timezones=st.just(UTC)),
    "BOOL": st.booleans(),
    "FLOAT64": st.floats(allow_nan=False),
    "BYTES": st.binary(),
    "JSON": st.sampled_from(["null", "true", '{"a":[1,"é"]}', "[]"]),
}
COLUMNS = {
    **{kind.lower(): kind for kind in VALUES},
    **{f"{kind.lower()}s": f"ARRAY<{kind}>" for kind in VALUES},
    "pair": "STRUCT<n NUMERIC, xs ARRAY<STRING>>",
}
ROWS = st.tuples(
    st.integers(0, 3),
    *(st.none() | values for values in VALUES.values()),
    *(st.lists(st.none() | values, max_size=3) for values in VALUES.values()),
    st.none() | st.tuples(VALUES["NUMERIC"], st.lists(VALUES["STRING"], max_size=2)),
)


@given(st.lists(ROWS, max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_value_comes_back_as_it_went(reference, rows):
    numbered = [(number, *row[1:]) for number, row in enumerate(rows)]
    columns = {"number": "INT64", **COLUMNS}
    names, found = reference.execute("SELECT * FROM a.b ORDER BY number", {"a.b": (columns, numbered)})
    assert names == tuple(columns)
    assert found == numbered


@given(st.decimals(SMALLEST, LARGEST, places=9))
@example(LARGEST)
@example(SMALLEST)
@example(Decimal("-0.000000001"))
@example(Decimal(0))
@example(Decimal("0.000000127"))
@example(Decimal("0.000000128"))
@example(Decimal("-0.000000128"))
@example(Decimal("-0.000000129"))
@settings(max_examples=60, deadline=None)
def test_a_numeric_goes_in_as_google_reads_it_and_out_as_google_writes_it(reference, number):
    sql = f"SELECT x = NUMERIC '{number:f}', x, CAST(x AS STRING), NUMERIC '{number:f}' FROM a.b"
    _, [(same, back, text, literal)] = reference.execute(sql, {"a.b": ({"x": "NUMERIC"}, [(number,)])})
    assert same
    assert back == Decimal(text) == literal == number


@given(st.dates(), st.datetimes(timezones=st.just(UTC)))
@example(date.min, datetime.min.replace(tzinfo=UTC))
@example(date.max, datetime.max.replace(tzinfo=UTC))
@settings(max_examples=40, deadline=None)
def test_a_moment_goes_in_as_google_reads_it(reference, day, moment):
    sql = f"SELECT d = DATE '{day}' AND t = TIMESTAMP '{moment}' AND DATE(t) = DATE '{moment.date()}' FROM a.b"
    tables = {"a.b": ({"d": "DATE", "t": "TIMESTAMP"}, [(day, moment)])}
    assert reference.execute(sql, tables)[1] == [(True,)]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("NUMERIC", Decimal("0.0000000001")),
        ("NUMERIC", LARGEST + 1),
        ("NUMERIC", Decimal("NaN")),
        ("NUMERIC", 1.6),
        ("NUMERIC", "1.6"),
        ("TIMESTAMP", datetime(2025, 1, 1)),  # noqa: DTZ001
        ("STRING", 1),
        ("INT64", 2**63),
        ("INT64", "1"),
        ("DATE", "2025-01-01"),
        ("INTERVAL", 1),
    ],
)
def test_a_value_that_does_not_fit_is_refused(reference, kind, wrong):
    with pytest.raises((TypeError, ValueError)):
        reference.execute("SELECT 1", {"a.b": ({"x": kind}, [(wrong,)])})


def test_a_row_of_another_length_is_refused(reference):
    with pytest.raises(ValueError, match="zip"):
        reference.execute("SELECT 1", {"a.b": ({"x": "INT64"}, [(1, 2)])})
