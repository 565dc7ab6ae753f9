"""What to_duckdb makes of GoogleSQL gives on DuckDB what Google's own reference implementation gives."""

from __future__ import annotations

from datetime import date
from decimal import Context, Decimal

import duckdb
import pytest
from googlesql.reference import AnalysisError
from hypothesis import given, settings
from hypothesis import strategies as st

from fees_etl import query
from fees_etl.types import Table

COLUMNS = {
    "n": "NUMERIC", "m": "NUMERIC", "i": "INT64", "j": "INT64", "s": "STRING", "r": "STRING", "d": "DATE", "e": "DATE",
    "b": "BOOL",
}  # fmt: skip
SCHEMA = {Table("test", "t"): COLUMNS}
TYPES = {"NUMERIC": "DECIMAL(38, 9)", "INT64": "BIGINT", "STRING": "VARCHAR", "DATE": "DATE", "BOOL": "BOOLEAN"}
ROWS = [
    (Decimal("0.5"), Decimal(3), 7, 2, " a|b\t", "é", date(2024, 1, 31), date(2024, 2, 29), True),
    (Decimal("-2.345678915"), Decimal("0.000000007"), -7, 3, "A", None, date(2023, 12, 31), date(2025, 3, 1), False),
    (Decimal("1234567890123456789.123456789"), Decimal(-7), 0, -4, "\u00a0x ", "", date(2024, 2, 29), None, None),
    (Decimal(0), Decimal("1.1"), 2**62, 1, "zz", "z", date(1999, 5, 15), date(1999, 5, 15), True),
    (None, Decimal("-0.000000001"), None, 5, None, "b", None, date(2024, 12, 30), None),
    (Decimal("0.5"), None, 2, 1, "a", "a", date(2024, 1, 31), date(2024, 1, 1), False),
]

EXPRESSIONS = """
n + m
n - m
n * m
n * i
n * 1.5
n / m
n / j
j / n IS NULL
1 / m
m / 3
SAFE_DIVIDE(m, n)
SAFE_DIVIDE(m, i)
SAFE_DIVIDE(i, j)
i / j
j / 3
-n
+n
-i
DIV(i, j)
MOD(i, j)
DIV(n, m)
MOD(n, m)
DIV(n, 2)
MOD(i, 3)
DIV(ABS(n) * 200 + j, 2 * j)
SIGN(n)
SIGN(i)
SIGN(n) * DIV(ABS(m) * 200 + 3, 2 * 3) * NUMERIC '0.01'
ABS(n)
ABS(i)
ROUND(n)
ROUND(n, 2)
ROUND(n, 8)
ROUND(n, -2)
ROUND(n * 2, 1)
ROUND(i)
TRUNC(n)
TRUNC(n, 3)
CEIL(n)
FLOOR(n)
GREATEST(n, m)
LEAST(n, 1.5)
GREATEST(i, j, 3)
COALESCE(n, 0)
COALESCE(n, 1.5)
IF(b, n, 0)
IF(b, i, n)
IFNULL(i, 0) + 1
NULLIF(i, 7)
CASE WHEN n > 0.5 THEN 1 WHEN n = 0.5 THEN 2 ELSE 3 END
CASE j WHEN 1 THEN 'one' WHEN 2 THEN 'two' END
n > 0.5
n = 0.5
n BETWEEN 0 AND 0.5
i IN (7, 2, NULL)
j IN UNNEST([1, 2, 5])
s IN ('a', 'A')
n IS DISTINCT FROM m
s IS NOT DISTINCT FROM r
i IS NULL
b IS TRUE
NOT b
b OR i > 0
JSON_VALUE('[["a", null, 12, true, {"b": 1}], "c\u00e9"]', '$[0][0]')
JSON_VALUE('[["a", null, 12, true, {"b": 1}], "c\u00e9"]', '$[0][1]')
JSON_VALUE('[["a", null, 12, true, {"b": 1}], "c\u00e9"]', '$[0][2]')
JSON_VALUE('[["a", null, 12, true, {"b": 1}], "c\u00e9"]', '$[0][3]')
JSON_VALUE('[["a", null, 12, true, {"b": 1}], "c\u00e9"]', '$[0][4]')
JSON_VALUE('[["a", null, 12, true, {"b": 1}], "c\u00e9"]', '$[0][9]')
JSON_VALUE('[["a", null, 12, true, {"b": 1}], "c\u00e9"]', '$[0]')
JSON_VALUE('[["a", null, 12, true, {"b": 1}], "c\u00e9"]', '$[1]')
JSON_VALUE(CONCAT('["', r, '"]'), '$[0]')
JSON_VALUE('"x"', '$')
(SELECT STRING_AGG(x, '|' ORDER BY x) FROM UNNEST(JSON_QUERY_ARRAY('[["b", null], 2, "a", []]')) AS x)
(SELECT COUNT(*) FROM UNNEST(JSON_QUERY_ARRAY('[]')) AS x)
CAST(n AS STRING)
CAST(m AS STRING)
CAST(i AS STRING)
CAST(d AS STRING)
CAST(b AS STRING)
CAST(n AS FLOAT64)
CAST(i AS NUMERIC) / 7
CAST(ROUND(m) AS INT64)
CAST(m * 2 AS INT64)
CAST('1.23456789449' AS NUMERIC)
CAST(CONCAT('0', '.5') AS NUMERIC)
SAFE_CAST(s AS NUMERIC)
SAFE_CAST(CAST(n AS STRING) AS NUMERIC)
SAFE_CAST(CAST(n AS STRING) AS INT64)
SAFE_CAST(CONCAT(' ', CAST(j AS STRING)) AS INT64)
SAFE_CAST(CAST(d AS STRING) AS DATE)
SAFE_CAST(CONCAT(CAST(d AS STRING), ' 00:00:00') AS DATE)
SAFE_CAST(IF(b, 'TRUE', 't') AS BOOL)
NUMERIC '1.5'
NUMERIC '-99999999999999999999999999999.999999999'
DATE_ADD(d, INTERVAL 1 MONTH)
DATE_ADD(d, INTERVAL j MONTH)
DATE_SUB(d, INTERVAL 1 MONTH)
DATE_SUB(d, INTERVAL 3 DAY)
DATE_ADD(d, INTERVAL -1 DAY)
DATE_ADD(d, INTERVAL j + 1 DAY)
DATE_ADD(d, INTERVAL 1 YEAR)
DATE_ADD(d, INTERVAL 2 WEEK)
DATE_ADD(d, INTERVAL 1 QUARTER)
DATE_SUB(DATE_ADD(d, INTERVAL 6 MONTH), INTERVAL 1 DAY)
DATE_ADD('2024-01-31', INTERVAL 1 MONTH)
d + 1
d - j
DATE_TRUNC(d, MONTH)
DATE_TRUNC(d, QUARTER)
DATE_TRUNC(d, YEAR)
DATE_TRUNC(d, ISOWEEK)
DATE_TRUNC(d, ISOYEAR)
LAST_DAY(d)
LAST_DAY(d, MONTH)
DATE_DIFF(d, e, DAY)
DATE_DIFF(d, e, MONTH)
DATE_DIFF(d, e, QUARTER)
DATE_DIFF(d, e, YEAR)
DATE_DIFF(e, d, ISOWEEK)
EXTRACT(YEAR FROM d)
EXTRACT(QUARTER FROM d)
EXTRACT(MONTH FROM d)
EXTRACT(DAY FROM d)
EXTRACT(DAYOFWEEK FROM d)
EXTRACT(DAYOFYEAR FROM d)
EXTRACT(DAYOFWEEK FROM d) * 2 - 1
EXTRACT(ISOYEAR FROM d)
FORMAT_DATE('%Y-%m', d)
FORMAT_DATE('%d/%m/%y %b %B %a %A %j %G-%V %u %F', d)
UNIX_DATE(d)
DATE(2024, 2, j + 5)
d >= '2024-01-31'
d BETWEEN DATE '2024-01-01' AND DATE '2024-01-31'
GENERATE_DATE_ARRAY(d, DATE_ADD(d, INTERVAL 4 MONTH), INTERVAL 1 MONTH)
GENERATE_DATE_ARRAY(d, DATE_ADD(d, INTERVAL 3 DAY))
LENGTH(s)
CHAR_LENGTH(r)
BYTE_LENGTH(r)
CONCAT(s, r)
CONCAT(s, '|', CAST(n AS STRING))
s || r
CONCAT(CAST(CHAR_LENGTH(s) AS STRING), ':', s, CAST(d AS STRING), ':', CAST(n AS STRING))
TRIM(s)
TRIM(s, ' \\t\\r\\n\\u00a0')
TRIM(s, 'ab')
TRIM(s, '')
TRIM(s, r)
LTRIM(s, ' a')
RTRIM(s, CODE_POINTS_TO_STRING([160, 32, 9]))
RTRIM(s)
UPPER(s)
LOWER(s)
UPPER(TRANSLATE(s, ' \\t\\r\\n\\u00a0', ''))
REPLACE(s, 'a', 'é')
TRANSLATE(s, 'ab', 'é')
TRANSLATE(s, '', '')
TRANSLATE(s, 'ab', r)
TRANSLATE(s, '[^-]\\\\', 'abc')
SUBSTR(s, 2)
SUBSTR(s, 1, 2)
LEFT(s, 1)
RIGHT(s, 1)
LPAD(s, 6, '0')
RPAD(s, 6)
REPEAT(s, 2)
STRPOS(s, 'a')
STARTS_WITH(s, 'a')
ENDS_WITH(s, ' ')
REGEXP_CONTAINS(s, r'^\\s*a')
REGEXP_REPLACE(s, r'[a-z]', '<\\\\0>')
REGEXP_EXTRACT(s, r'([a-z])\\|')
REGEXP_EXTRACT(s, 'q')
s LIKE '%a%'
s LIKE ' a\\\\|%'
s LIKE CONCAT('_', r, '%')
CONCAT(s, n, i, d, b)
s || n || i
-(i + 1) * 2
(i - j) - (j - i)
n - (m - n)
i / (j * 2)
NOT (b AND i > 0)
DATE_DIFF(e, d, ISOWEEK) * 7
PERCENT_RANK() OVER (ORDER BY j, s)
CUME_DIST() OVER (ORDER BY j)
NTH_VALUE(s, 2) OVER (ORDER BY j, s)
SUM(j) OVER (ORDER BY j RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)
MAX(n) OVER (ORDER BY j, s ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)
DATE(TIMESTAMP '2025-01-31 23:30:00+01')
CAST(TIMESTAMP '2025-01-31 23:30:00.120+00' AS STRING)
CAST(TIMESTAMP '2025-01-31 23:30:00.123456+00' AS STRING)
EXTRACT(DATE FROM TIMESTAMP '2025-01-31 23:30:00+00')
TIMESTAMP '2025-01-31 23:30:00+00' < TIMESTAMP '2025-02-01'
COALESCE(NULL, n, 1)
IF(FALSE, n, NULL)
1 + 2 * j
2147483647 + 1
j * 3000000000
s < r
TO_HEX(MD5(s))
TO_HEX(SHA256(s))
TO_HEX(SHA256(CAST(s AS BYTES)))
TO_HEX(MD5(CONCAT(s, '|', CAST(n AS STRING))))
MD5(s)
SHA256(r)
LENGTH(MD5(s))
TO_HEX(CAST(r AS BYTES))
CAST(CAST(r AS BYTES) AS STRING)
'a\\\\b\\'c\\n\\t\\u00a0\\x41"'
r'\\d\\n'
'''it's "quoted"'''
CHR(160)
[1, 2][OFFSET(0)]
ARRAY_LENGTH([1, 2, 3])
(SELECT MAX(u.n) FROM test.t AS u WHERE u.i = t.i)
EXISTS(SELECT 1 FROM test.t AS u WHERE u.j = t.i)
i IN (SELECT j FROM test.t)
i NOT IN (SELECT i FROM test.t WHERE i IS NOT NULL)
ROW_NUMBER() OVER (ORDER BY s DESC, j)
RANK() OVER (ORDER BY n DESC)
RANK() OVER (PARTITION BY b ORDER BY n)
DENSE_RANK() OVER (ORDER BY d)
SUM(n) OVER (PARTITION BY b)
SUM(n) OVER (ORDER BY j, s ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
SUM(j) OVER (ORDER BY d)
AVG(n) OVER (PARTITION BY b)
AVG(m) OVER (ORDER BY j, s ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
COUNT(*) OVER ()
COUNTIF(i > 0) OVER (PARTITION BY b)
LAG(n) OVER (ORDER BY j, s)
LEAD(s, 1, 'none') OVER (ORDER BY j, s)
FIRST_VALUE(s) OVER (ORDER BY n DESC, j)
LAST_VALUE(s) OVER (ORDER BY n, j ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
NTILE(2) OVER (ORDER BY j, s)
PERCENTILE_CONT(n, NUMERIC '0.5') OVER (PARTITION BY b)
PERCENTILE_CONT(m, NUMERIC '0.5') OVER ()
""".strip().splitlines()

QUERIES = """
SELECT SUM(n), SUM(j), AVG(n), AVG(m), MIN(n), MAX(s), COUNT(*), COUNT(n), COUNT(DISTINCT n), COUNTIF(n > 0) FROM test.t
SELECT AVG(DISTINCT n), SUM(DISTINCT j), LOGICAL_AND(b), LOGICAL_OR(b), SUM(1), MAX(IF(b, n, NULL)) FROM test.t
SELECT AVG(n), SUM(n), COUNTIF(b), MAX(d) FROM test.t WHERE FALSE
SELECT ROUND(AVG(n), 2), SUM(n) / COUNT(*), SAFE_DIVIDE(SUM(m), COUNTIF(i > 100)) FROM test.t
SELECT STRING_AGG(s, ',' ORDER BY s DESC), STRING_AGG(r ORDER BY r), STRING_AGG(DISTINCT r, '|' ORDER BY r) FROM test.t
SELECT ARRAY_AGG(j ORDER BY j DESC), ARRAY_AGG(s IGNORE NULLS ORDER BY j) FROM test.t
SELECT b, SUM(n) AS total FROM test.t GROUP BY b HAVING SUM(n) > 0 ORDER BY b
SELECT n FROM test.t ORDER BY n
SELECT n FROM test.t ORDER BY n DESC
SELECT s FROM test.t ORDER BY s DESC, j LIMIT 3
SELECT d FROM test.t ORDER BY d NULLS LAST, j
SELECT n + 1 AS n FROM test.t ORDER BY n
SELECT -n AS n FROM test.t ORDER BY n
SELECT -n AS n, j FROM test.t ORDER BY n + 0, j
SELECT MOD(j, 2) AS j, COUNT(*) AS c FROM test.t GROUP BY j ORDER BY j
SELECT UPPER(s) AS s, COUNT(*) AS c FROM test.t GROUP BY s ORDER BY s, c
SELECT MOD(j, 2) AS k, COUNT(*) AS c FROM test.t GROUP BY k HAVING c > 1 ORDER BY k
SELECT MOD(j, 2) AS k, COUNT(*) AS c FROM test.t GROUP BY 1 ORDER BY 2, 1
SELECT ABS(n) AS n FROM test.t QUALIFY ROW_NUMBER() OVER (ORDER BY n, j) = 1
SELECT s, n FROM test.t QUALIFY ROW_NUMBER() OVER (PARTITION BY b ORDER BY n DESC, s) = 1 ORDER BY s
SELECT x.s FROM test.t AS x JOIN test.t AS y ON x.i = y.j ORDER BY 1
SELECT x.s, y.s AS z FROM test.t AS x LEFT JOIN test.t AS y ON x.j = y.i AND y.n > 0 ORDER BY x.s, z
SELECT day FROM UNNEST(GENERATE_DATE_ARRAY(DATE '2024-01-31', DATE '2024-04-30', INTERVAL 1 MONTH)) AS day ORDER BY day
SELECT n FROM test.t UNION ALL SELECT i FROM test.t ORDER BY n
SELECT j FROM test.t UNION DISTINCT SELECT 1.5 ORDER BY j
SELECT j FROM test.t EXCEPT DISTINCT SELECT i FROM test.t ORDER BY j
SELECT j FROM test.t INTERSECT DISTINCT SELECT i FROM test.t ORDER BY j
WITH t AS (SELECT s, n FROM test.t), u AS (SELECT s, AVG(n) AS mean FROM t GROUP BY s) SELECT * FROM u ORDER BY s
WITH a AS (SELECT n / 3 AS x, 'text' AS k, 1 AS one, 1.5 AS f FROM test.t) SELECT x, k, one + 1, f FROM a ORDER BY x
WITH RECURSIVE a AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM a WHERE k < 4) SELECT SUM(k) FROM a
SELECT * EXCEPT (n, m, b) FROM test.t ORDER BY j, s
SELECT t.* EXCEPT (n, m) FROM test.t AS t ORDER BY j, s
SELECT * REPLACE (n * 2 AS n) FROM test.t ORDER BY j, s
SELECT DISTINCT b FROM test.t ORDER BY b
SELECT COUNT(*) FROM test.t AS a, test.t AS b
SELECT i, COUNT(*) AS c FROM test.t AS a JOIN (SELECT j FROM test.t) AS b USING (j) GROUP BY i ORDER BY i
SELECT (SELECT AS STRUCT 1 AS x, 'y' AS y).y
SELECT a.x FROM (SELECT STRUCT(NUMERIC '1.5' AS x) AS a)
SELECT IF(b, 1, 2.5), [1, 2.5][OFFSET(0)], NULL FROM test.t ORDER BY j
SELECT SUM(j) OVER w, AVG(n) OVER w FROM test.t WINDOW w AS (PARTITION BY b ORDER BY j, s) ORDER BY j, s
SELECT b, SUM(n) AS n FROM test.t GROUP BY b HAVING n > 0 ORDER BY b
SELECT b, MAX(j) AS j FROM test.t GROUP BY b HAVING j > 1 ORDER BY b
SELECT MOD(t.j, 2) AS j, COUNT(*) AS c FROM test.t AS t GROUP BY t.j ORDER BY j, 2
SELECT MOD(j, 2) AS J, COUNT(*) AS c FROM test.t GROUP BY j HAVING MAX(j) > 0 ORDER BY J
SELECT MOD(j, 2) AS j, COUNT(*) AS c FROM test.t GROUP BY ROLLUP(j) ORDER BY 1
SELECT s AS j, COUNT(*) AS c FROM test.t GROUP BY j ORDER BY j
SELECT -j AS j, i FROM test.t QUALIFY ROW_NUMBER() OVER (ORDER BY j, s) = 1
SELECT -j AS j, i FROM test.t QUALIFY j < 0 AND ROW_NUMBER() OVER (ORDER BY i) > 0 ORDER BY 1
SELECT -j AS j, s FROM test.t ORDER BY ROW_NUMBER() OVER (ORDER BY j, s)
SELECT -j AS j, SUM(j) OVER w AS x FROM test.t WINDOW w AS (ORDER BY j, s) ORDER BY x
SELECT -j AS j, SUM(n) AS x FROM test.t GROUP BY j ORDER BY SUM(j), j
SELECT -j AS j FROM test.t AS a ORDER BY a.j, s
SELECT COALESCE(s, 'none') AS s, MAX(j) AS m FROM test.t GROUP BY s ORDER BY s
SELECT COUNT(*) FROM test.t AS a WHERE NOT EXISTS (SELECT 1 FROM test.t AS c WHERE c.i = a.j AND c.n IS DISTINCT FROM a.n)
""".strip().splitlines()


@pytest.fixture(scope="module")
def duck():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for macro in query.MACROS:
        connection.execute(macro)
    connection.execute("CREATE SCHEMA test")
    columns = ", ".join(f"{name} {TYPES[kind]}" for name, kind in COLUMNS.items())
    connection.execute(f"CREATE TABLE test.t ({columns})")
    fill(connection, ROWS)
    return connection


def fill(connection, rows):
    connection.execute("DELETE FROM test.t")
    marks = ", ".join(f"CAST(? AS {TYPES[kind]})" for kind in COLUMNS.values())
    for row in rows:
        cells = [str(cell) if isinstance(cell, Decimal) else cell for cell in row]
        connection.execute(f"INSERT INTO test.t VALUES ({marks})", cells)


def ours(duck, sql):
    return duck.execute(query.to_duckdb(sql, SCHEMA)).fetchall()


def theirs(reference, sql, rows=ROWS):
    return reference.execute(sql, {"test.t": (COLUMNS, rows)})[1]


def kinds(sql):
    return [column.type for column in query.columns(query.parse(sql, "x.sql"), SCHEMA)]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_has_googles_type(reference, expression):
    sql = f"SELECT {expression} AS x FROM test.t"
    assert kinds(sql) == [kind for _, kind in reference.analyze(sql, {"test.t": COLUMNS})]


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_has_googles_names_and_types(reference, sql):
    found = [(column.name, column.type) for column in query.columns(query.parse(sql, "x.sql"), SCHEMA)]
    named = [("" if name.startswith("$") else name, kind) for name, kind in reference.analyze(sql, {"test.t": COLUMNS})]
    assert found == named


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_has_googles_values(reference, duck, expression):
    fill(duck, ROWS)
    for at, row in enumerate(ROWS):
        if "OVER" in expression or "SELECT" in expression:
            sql, rows = f"SELECT {expression} AS x FROM test.t ORDER BY j, s", ROWS
        else:
            sql, rows = f"SELECT {expression} AS x FROM test.t", [row]
            fill(duck, rows)
        assert outcome(lambda sql=sql: ours(duck, sql)) == outcome(
            lambda sql=sql, rows=rows: theirs(reference, sql, rows)
        ), at


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_has_googles_rows(reference, duck, sql):
    fill(duck, ROWS)
    assert ours(duck, sql) == theirs(reference, sql)


def outcome(run):
    """Rows, or the fact of an error."""
    try:
        return run()
    except (AnalysisError, duckdb.Error):
        return "error"


BILLIONTHS = 10**38 - 1
EXACT = Context(prec=40)
"""Python's own context rounds to 28 digits, which may round a NUMERIC out of its range."""
NUMERICS = st.one_of(
    st.integers(-BILLIONTHS, BILLIONTHS).map(lambda units: Decimal(units).scaleb(-9, EXACT)),
    st.integers(-(10**13), 10**13).map(lambda units: Decimal(units).scaleb(-9)),
    st.integers(-(10**6), 10**6).map(lambda halves: Decimal(halves) / 200),
    st.integers(-1000, 1000).map(Decimal),
)
BELOW_1E20 = NUMERICS.filter(lambda number: abs(number) < 10**20)
DATES = st.dates(date(1000, 1, 1), date(9999, 12, 31))
TEXTS = st.text(st.sampled_from(" \t\r\n\u00a0\u2003abAB|'\\\\\"é😀\u0301"), max_size=6)


def agree(reference, duck, expressions, row):
    """Both give the same values, or both an error; many at once, and in halves where one of them is an error."""
    fill(duck, [row])
    waiting = [expressions]
    while waiting:
        part = waiting.pop()
        sql = f"SELECT {', '.join(f'{expression} AS x{at}' for at, expression in enumerate(part))} FROM test.t"
        found = outcome(lambda sql=sql: ours(duck, sql)), outcome(lambda sql=sql: theirs(reference, sql, [row]))
        if "error" in found and len(part) > 1:
            waiting += [part[: len(part) // 2], part[len(part) // 2 :]]
        else:
            assert found[0] == found[1], part


@settings(max_examples=10, deadline=None)  # of 60 expressions each, which take their time where one is an error
@given(n=NUMERICS, m=BELOW_1E20, i=st.integers(-(2**63), 2**63 - 1), j=st.integers(-9, 9))
def test_any_two_numbers(reference, duck, n, m, i, j):
    named = [line for line in EXPRESSIONS if set("nmij") & set(line) and "OVER" not in line and "SELECT" not in line]
    arithmetic = [line for line in named if not set("srdeb") & set(line.replace("ABS", "").replace("SIGN", ""))]
    whole = [
        "n / m",
        "n * m",
        "n + m",
        "SAFE_DIVIDE(m, i)",
        "MOD(n, m)",
        "DIV(n, m)",
        "ROUND(n, 2)",
        "CAST(n AS STRING)",
    ]
    beyond = [line for line in ("SAFE_DIVIDE(m, n)", "j / n IS NULL") if abs(n) >= 10**20]
    agree(reference, duck, [*whole, *(set(arithmetic) - {*beyond})], (n, m, i, j, "", "", None, None, None))
    for line in beyond:  # what DuckDB cannot divide by is an error, never a wrong number
        assert outcome(lambda line=line: ours(duck, f"SELECT {line} AS x FROM test.t")) == "error", line


@settings(max_examples=25, deadline=None)
@given(d=DATES, e=DATES, j=st.integers(-40, 40))
def test_any_two_dates(reference, duck, d, e, j):
    dated = [line for line in EXPRESSIONS if ("(d" in line or line.startswith("d ")) and "ARRAY" not in line]
    agree(reference, duck, dated, (None, None, None, j, "", "", d, e, None))


@settings(max_examples=25, deadline=None)
@given(s=TEXTS, r=st.none() | TEXTS)
def test_any_two_texts(reference, duck, s, r):
    written = [line for line in EXPRESSIONS if "(s" in line or line.startswith("s ")]
    free = [line for line in written if not {"OVER", "SAFE_CAST(s", "SELECT"} & set(line.split())]
    agree(reference, duck, free, (None, None, None, 1, s, r, None, None, None))


@settings(max_examples=25, deadline=None)
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_any_literal(reference, duck, text):
    escaped = "".join(f"\\U{ord(char):08x}" if char < " " or char in "'\\" else char for char in text)
    sql = f"SELECT '{escaped}' AS x FROM test.t LIMIT 1"
    fill(duck, ROWS[:1])
    assert ours(duck, sql) == theirs(reference, sql) == [(text,)]


@settings(max_examples=25, deadline=None)
@given(numbers=st.lists(st.none() | st.integers(-(10**15), 10**15).map(lambda u: Decimal(u).scaleb(-9)), max_size=9))
def test_any_mean_sum_and_median(reference, duck, numbers):
    rows = [(number, None, None, at % 2, "", "", None, None, None) for at, number in enumerate(numbers)]
    fill(duck, rows)
    means = "SELECT AVG(n), SUM(n), COUNT(n), AVG(n) * 3, SAFE_DIVIDE(SUM(n), COUNT(*)) FROM test.t"
    parts = (
        "SELECT j, AVG(n) OVER (PARTITION BY j) AS a, PERCENTILE_CONT(n, NUMERIC '0.5') OVER (PARTITION BY j) AS m,"
        " SUM(n) OVER (PARTITION BY j) AS t FROM test.t ORDER BY j, n"
    )
    pennies = (
        "SELECT j, DIV(SUM(n) * 200 + IF(SUM(n) < 0, -COUNT(*), COUNT(*)), 2 * COUNT(*)) * NUMERIC '0.01' AS pennies"
        " FROM test.t GROUP BY j ORDER BY j"
    )
    for sql in (means, parts, pennies):
        assert ours(duck, sql) == theirs(reference, sql, rows)
