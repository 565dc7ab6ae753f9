from __future__ import annotations

from contextlib import suppress

import duckdb
import places
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fees_etl.errors import ProjectError
from fees_etl.query import columns, parse, to_duckdb, with_suffix
from fees_etl.types import Table

FEES = {"client_id": "STRING", "fee_date": "DATE", "fee_amount": "NUMERIC", "_source_row": "INT64"}
CLIENTS = {"client_id": "STRING", "first_fee_date": "DATE"}
SCHEMA = {Table("raw", "fees"): FEES, Table("reporting", "dim_clients"): CLIENTS}
TEST = (
    dict.fromkeys("nm", "NUMERIC")
    | dict.fromkeys("ij", "INT64")
    | dict.fromkeys("sr", "STRING")
    | dict.fromkeys("de", "DATE")
)
GOLDEN = places.TESTS / "golden" / "transpile.sql"


def pairs():
    """The blocks of the golden file: input, expected."""
    for block in GOLDEN.read_text(encoding="utf-8").split("-- input\n")[1:]:
        given_, _, wanted = block.partition("-- expected\n")
        yield given_.strip(), wanted.partition("\n")[0]


def names(tables):
    return sorted(map(str, tables))


@pytest.mark.parametrize(("sql", "expected"), list(pairs()))
def test_golden_translations(sql, expected):
    assert to_duckdb(sql, {Table("test", "t"): TEST}, "_ci") == expected


@pytest.mark.parametrize(
    ("sql", "reads", "writes"),
    [
        ("SELECT 1 AS x", [], []),
        ("SELECT * FROM raw.fees AS f, `ops`.`runs`", ["ops.runs", "raw.fees"], []),
        ("WITH fees AS (SELECT * FROM raw.fees) SELECT * FROM fees", ["raw.fees"], []),
        ("WITH a AS (WITH b AS (SELECT * FROM raw.x) SELECT * FROM b) SELECT * FROM A", ["raw.x"], []),
        ("WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a) SELECT * FROM a", [], []),
        ("SELECT (SELECT MAX(b.x) FROM raw.b AS b WHERE b.y = a.y) AS m FROM raw.a AS a", ["raw.a", "raw.b"], []),
        ("SELECT x FROM raw.a UNION ALL (SELECT x FROM raw.b)", ["raw.a", "raw.b"], []),
        ("SELECT 1 AS x FROM raw.a WHERE x IN (SELECT y FROM raw.b)", ["raw.a", "raw.b"], []),
        ("SELECT item FROM raw.a AS a, a.items AS item", ["raw.a"], []),
        ("INSERT INTO a.b (x) SELECT x FROM a.b JOIN a.c ON TRUE", ["a.b", "a.c"], ["a.b"]),
        ("INSERT INTO a.b (x) WITH c AS (SELECT x FROM a.c) SELECT x FROM c", ["a.c"], ["a.b"]),
        (
            "MERGE a.b AS t USING (SELECT x FROM a.c) AS s ON t.x = s.x WHEN NOT MATCHED THEN INSERT ROW",
            ["a.c"],
            ["a.b"],
        ),
        ("DELETE FROM a.b AS t WHERE NOT EXISTS (SELECT 1 FROM a.c AS s WHERE s.x = t.x)", ["a.c"], ["a.b"]),
        ("DELETE a.b WHERE TRUE", [], ["a.b"]),
        ("UPDATE a.b AS t SET x = s.x FROM a.c AS s WHERE s.y = t.y", ["a.c"], ["a.b"]),
        ("TRUNCATE TABLE a.b", [], ["a.b"]),
        ("CREATE TABLE a.b (x INT64)", [], ["a.b"]),
        ("CREATE OR REPLACE TABLE a.b AS SELECT * FROM a.c", ["a.c"], ["a.b"]),
        ("CREATE SCHEMA a", [], []),
        ("ALTER TABLE a.b ADD COLUMN x INT64", [], ["a.b"]),
        ("DROP TABLE a.b", [], ["a.b"]),
    ],
)
def test_what_a_statement_reads_and_writes(sql, reads, writes):
    found = parse(sql, "x.sql")
    assert (names(found.reads), names(found.writes)) == (reads, writes)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT a,\n b c d FROM raw.fees", "x.sql:2: syntax error: Invalid expression / Unexpected token near 'd'"),
        ("SELECT a,, b FROM raw.fees", "x.sql:1: syntax error: a comma with nothing after it"),
        ("SELECT a\nFROM raw.fees WHERE a IN (1,\n)", "x.sql:3: syntax error: a comma with nothing after it"),
        ("SELECT 1;\nSELECT 2", "x.sql: expected one statement, found 2"),
        ("-- nothing", "x.sql: expected one statement, found 0"),
        ("SELECT 1,\n'unclosed", "x.sql:2: unclosed quote or comment"),
        ("SELECT 1\n/* unclosed\n\n", "x.sql:2: unclosed quote or comment"),
        ("SELECT '''a\nb''',\n'a\nb'", "x.sql:3: unclosed quote: a text of several lines takes three quotes"),
        ("SELECT 1 FROM", "x.sql:1: syntax error: Expected table name near 'FROM'"),
        ("SELECT 1 FROM raw.fees WHERE", "x.sql:1: syntax error: Required keyword: 'this' missing near 'WHERE'"),
        ("VACUUM raw.fees", "x.sql: not a statement that fees-etl runs: 'VACUUM raw.fees'"),
        ("select_me", "x.sql: not a statement that fees-etl runs: 'select_me'"),
        ("SELECT 1 AS x\nFROM fees", "x.sql:2: table fees must be written dataset.name"),
        (
            "SELECT 1 AS x FROM my_project.raw.fees AS f",
            "x.sql:1: table my_project.raw.fees must be written dataset.name",
        ),
        ("SELECT 1 AS x FROM `p-1.raw.fees`", "x.sql:1: table `p-1.raw.fees` must be written dataset.name"),
        ("WITH b AS (SELECT 1 AS x FROM a), a AS (SELECT 2 AS x) SELECT * FROM b", "x.sql:1: table a must be written"),
        ("WITH a AS (SELECT x FROM a) SELECT x FROM a", "x.sql:1: table a must be written dataset.name"),
        ("SELECT 1 AS x FROM (WITH a AS (SELECT 1 AS x) SELECT x FROM a), a", "x.sql:1: table a must be written"),
    ],
)
def test_what_cannot_be_parsed_is_named_with_its_line(sql, message):
    with pytest.raises(ProjectError) as caught:
        parse(sql, "x.sql")
    assert caught.value.message.startswith(message)


def test_lines_are_those_of_the_file():
    for line in (40, lambda rendered: rendered + 40):
        with pytest.raises(ProjectError, match=r"x\.sql:42: syntax error"):
            parse("SELECT 1\nFROM", "x.sql", line)
        query = parse("SELECT\n amount FROM raw.fees", "x.sql", line)
        with pytest.raises(ProjectError, match=r"x\.sql:42: unknown column 'amount'; did you mean 'fee_amount'"):
            columns(query, SCHEMA)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "SELECT amout FROM (SELECT fee_amount AS amount FROM raw.fees)",
            "unknown column 'amout'; did you mean 'amount'?",
        ),
        ("SELECT f.amount FROM raw.fees AS f", "unknown column 'amount'; did you mean 'fee_amount'?"),
        ("SELECT 1 AS x FROM raw.fee", "unknown table 'raw.fee'; did you mean 'raw.fees'?"),
        ("SELECT 1 AS x FROM lake.zzz", "unknown table 'lake.zzz'"),
        ("SELECT fe.client_id FROM raw.fees AS fees", "unknown table or alias 'fe'; did you mean 'fees'?"),
        ("SELECT raw.fees.client_id FROM raw.fees", "unknown table or alias 'raw'"),
        ("SELECT fees.client_id FROM raw.fees AS f", "unknown table or alias 'fees'"),
        ("SELECT client_id FROM raw.fees AS a JOIN raw.fees AS b ON TRUE", "column 'client_id' is ambiguous"),
        ("SELECT 1 AS x FROM raw.fees JOIN raw.fees ON TRUE", "two tables in FROM are called 'fees'"),
        ("SELECT 1 AS x FROM raw.fees AS a JOIN raw.fees AS b", "JOIN without ON"),
        ("SELECT 1 AS x FROM raw.fees AS a JOIN raw.fees AS b USING (nope)", "unknown column 'nope'"),
        (
            "SELECT 1 AS x FROM raw.fees AS a JOIN raw.fees AS b ON a.client_id = c.client_id",
            "unknown table or alias 'c'",
        ),
        ("WITH a AS (SELECT nope FROM raw.fees) SELECT 1 AS x", "unknown column 'nope'"),
        ("WITH a AS (SELECT client_id FROM raw.fees) SELECT fee_date FROM a", "unknown column 'fee_date'"),
        ("SELECT 1 AS x FROM raw.fees WHERE nope = 1", "unknown column 'nope'"),
        ("SELECT fee_amount AS x FROM raw.fees WHERE x = 1", "unknown column 'x'"),
        ("SELECT fee_amount AS x, x + 1 AS y FROM raw.fees", "unknown column 'x'"),
        ("SELECT fee_amount AS x FROM raw.fees GROUP BY x + 1", "unknown column 'x'"),
        ("SELECT 1 AS x FROM raw.fees GROUP BY nope", "unknown column 'nope'"),
        ("SELECT 1 AS x FROM raw.fees HAVING COUNT(nope) > 1", "unknown column 'nope'"),
        ("SELECT 1 AS x FROM raw.fees ORDER BY nope", "unknown column 'nope'"),
        ("SELECT 1 AS x FROM raw.fees QUALIFY ROW_NUMBER() OVER (ORDER BY nope) = 1", "unknown column 'nope'"),
        ("SELECT SUM(fee_amount) OVER (PARTITION BY nope) AS x FROM raw.fees", "unknown column 'nope'"),
        ("SELECT 1 AS x FROM raw.fees WINDOW w AS (ORDER BY nope)", "unknown column 'nope'"),
        (
            "SELECT 1 AS x FROM raw.fees WHERE EXISTS (SELECT 1 FROM reporting.dim_clients AS c WHERE c.nope = 1)",
            "unknown column 'nope'",
        ),
        (
            "SELECT 1 AS x FROM raw.fees AS f WHERE f.client_id IN (SELECT nope FROM reporting.dim_clients)",
            "unknown column 'nope'",
        ),
        ("SELECT fee_date AS x, client_id AS x FROM raw.fees ORDER BY x", "column 'x' is ambiguous"),
        ("SELECT x FROM (SELECT fee_date AS x, client_id AS x FROM raw.fees)", "column 'x' is ambiguous"),
        ("SELECT * EXCEPT (nope) FROM raw.fees", "unknown column 'nope'"),
        (
            "SELECT client_id FROM raw.fees UNION ALL SELECT client_id, fee_date FROM raw.fees",
            "UNION of 1 and 2 columns",
        ),
        ("SELECT FROM raw.fees", "SELECT without columns"),
        ("INSERT INTO raw.fees (nope) SELECT 1", "unknown column 'nope'"),
        ("INSERT INTO raw.fees (client_id) SELECT 'a', 1", "INSERT has 2 values for 1 columns"),
        ("INSERT INTO raw.fees (client_id) VALUES ('a', 1)", "INSERT has 2 values for 1 columns"),
        ("UPDATE raw.fees SET nope = 1 WHERE TRUE", "unknown column 'nope'"),
        ("UPDATE raw.fees SET client_id = 'a'", "UPDATE needs WHERE"),
        ("DELETE FROM raw.fees WHERE nope = 1", "unknown column 'nope'"),
        ("DELETE FROM raw.fees", "DELETE needs WHERE"),
        ("CREATE TABLE raw.x AS SELECT nope FROM raw.fees", "unknown column 'nope'"),
        (
            "MERGE raw.fees AS t USING raw.fees AS s ON t.client_id = s.nope WHEN MATCHED THEN DELETE",
            "unknown column 'nope'",
        ),
        (
            "MERGE raw.fees AS t USING raw.fees AS s ON TRUE WHEN NOT MATCHED THEN INSERT (client_id) VALUES (t.client_id)",
            "unknown table or alias 't'",
        ),
        (
            "MERGE raw.fees AS t USING raw.fees AS s ON TRUE WHEN MATCHED AND s.nope > 1 THEN UPDATE SET client_id = 'a'",
            "unknown column 'nope'",
        ),
    ],
)
def test_a_name_that_means_nothing_is_refused(sql, message):
    with pytest.raises(ProjectError) as caught:
        columns(parse(sql, "x.sql"), SCHEMA)
    assert caught.value.message.startswith(f"x.sql:1: {message}")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM reporting.dim_clients", "client_id STRING, first_fee_date DATE"),
        (
            "SELECT c.* FROM raw.fees AS f JOIN reporting.dim_clients AS c USING (client_id)",
            "client_id STRING, first_fee_date DATE",
        ),
        (
            "SELECT * EXCEPT (fee_date) REPLACE ('a' AS client_id) FROM raw.fees",
            "client_id STRING, fee_amount NUMERIC, _source_row INT64",
        ),
        ("SELECT Client_ID, f.FEE_DATE AS Day FROM raw.fees AS F", "Client_ID STRING, Day DATE"),
        ("SELECT client_id FROM raw.fees AS a JOIN reporting.dim_clients AS b USING (client_id)", "client_id STRING"),
        ("SELECT s.x AS x FROM (SELECT STRUCT(1 AS x, 'a' AS y) AS s)", "x INT64"),
        ("SELECT x FROM UNNEST([DATE '2025-01-01']) AS x", "x DATE"),
        ("SELECT item.x AS y FROM UNNEST([STRUCT(NUMERIC '1' AS x)]) AS item", "y NUMERIC"),
        ("SELECT NULL AS a, 1.5 AS b, 'x' AS c, nofunc(1) AS d", "a INT64, b FLOAT64, c STRING, d UNKNOWN"),
        ("SELECT fee_amount AS a FROM raw.fees UNION ALL SELECT NULL UNION ALL SELECT 1", "a NUMERIC"),
        (
            "WITH a AS (SELECT AVG(_source_row) AS m FROM raw.fees) SELECT m, m * NUMERIC '2' AS n FROM a",
            "m FLOAT64, n FLOAT64",
        ),
        ("DELETE FROM raw.fees WHERE TRUE", ""),
    ],
)
def test_output_columns(sql, expected):
    found = columns(parse(sql, "x.sql"), SCHEMA)
    assert ", ".join(f"{column.name} {column.type}" for column in found) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "FARM_FINGERPRINT(s)", "APPROX_QUANTILES(n, 2)", "APPROX_COUNT_DISTINCT(s)", "FORMAT('%d', i)", "RAND()",
        "GENERATE_UUID()", "SESSION_USER()", "CURRENT_DATE()", "SAFE.SUBSTR(s, 1)", "REVERSE(s)", "INITCAP(s)", "SQRT(n)",
        "POW(n, 2)", "STDDEV(n)", "TO_JSON_STRING(s)", "JSON_VALUE(s, '$.a')", "JSON_VALUE(s, r)", "JSON_VALUE(PARSE_JSON(s), '$[0]')",
        "ARRAY_LENGTH(JSON_QUERY_ARRAY(s, '$[0]'))", "PARSE_DATE('%Y', s)", "FORMAT_DATE('%e', d)",
        "FORMAT_DATE('%E4Y', d)", "FORMAT_DATE('%Q', d)", "FORMAT_DATE(s, d)", "PERCENTILE_CONT(n, 0.5) OVER ()",
        "PERCENTILE_CONT(n, NUMERIC '0.9') OVER ()", "PERCENTILE_CONT(n, NUMERIC '0.5')", "PERCENTILE_DISC(n, 0.5) OVER ()",
        "SHA512(s)", "TO_HEX(SHA1(s))", "CAST(n AS BIGNUMERIC)", "CAST(n AS NUMERIC(10, 2))", "CAST(CAST(n AS FLOAT64) AS STRING)",
        "CAST(CAST(n AS FLOAT64) AS NUMERIC)", "CAST(d AS STRING FORMAT 'YYYY')", "ROUND(n, 2, 'ROUND_HALF_EVEN')",
        "ROUND(CAST(n AS FLOAT64), 2)", "AVG(i)", "SUM(CAST(n AS FLOAT64))", "DATE_TRUNC(d, WEEK)", "DATE_DIFF(d, e, WEEK)",
        "DATE_TRUNC(d, WEEK(MONDAY))", "LAST_DAY(d, YEAR)", "EXTRACT(WEEK FROM d)", "d - e", "d + INTERVAL 1 DAY",
        "TRANSLATE(s, 'aa', 'b')", "TRANSLATE(s, r, 'b')", "SUBSTR(s, -1)", "INSTR(s, 'a', 2)", "TRIM(CAST(s AS BYTES))",
        "CODE_POINTS_TO_STRING([i])", "CHR(i)", "b'\\xff'", "ARRAY_AGG(s LIMIT 1)", "STRING_AGG(s LIMIT 1)", "nofunc(s)",
        "ANY_VALUE(s HAVING MAX n)", "MAX_BY(s, n)", "REGEXP_EXTRACT(s, r)", "'a\\x00b'", "nofunc(s) / 2",
        "CHR(1114112)", "CHR(1.5)", "CODE_POINTS_TO_STRING([1114112])", "CODE_POINTS_TO_STRING([65.5])", "SUBSTR(s, 'x')",
        "DATE_ADD(d, INTERVAL 1.5 DAY)", "DATE_ADD(d, INTERVAL 'x' DAY)", "DATE_ADD(d, INTERVAL 1e2 DAY)",
    ],
)  # fmt: skip
def test_what_duckdb_cannot_do_exactly_is_refused(expression):
    with pytest.raises(ProjectError, match=r"m.sql:2: .* on DuckDB would not be exactly BigQuery's: "):
        to_duckdb(parse(f"SELECT\n{expression} AS x\nFROM test.t", "m.sql"), {Table("test", "t"): TEST})


@pytest.mark.parametrize(
    "expression",
    [
        "DATE_ADD(d)", "SUBSTR()", "CHR()", "CAST(DATE_ADD(d) AS STRING)", "CEIL()", "FLOOR()", "TRANSLATE()", "CONTAINS_SUBSTR(s)",
        "MAX_BY()", "PERCENTILE_CONT(n)", "PERCENTILE_CONT(*) OVER ()",
    ],
)  # fmt: skip
def test_a_function_without_its_arguments_is_refused(expression):
    known = {Table("test", "t"): TEST}
    with pytest.raises(ProjectError, match=r"m.sql"):
        to_duckdb(parse(f"SELECT\n{expression} AS x\nFROM test.t", "m.sql"), known)
    with suppress(ProjectError):
        columns(parse(f"SELECT\n{expression} AS x\nFROM test.t", "m.sql"), known)


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")  # of the parser, which asks Python
@pytest.mark.parametrize(
    ("pattern", "group"),
    [
        (r"\p{L}+", 0), (r"(\p{L})x", 1), ("a(?i)b", 0), (r"a\z", 0), (r"\Q(x)\E", 0), (r"\Q(x", 0), (r"\x{41}", 0), ("(?U)a+", 0),
        ("(?P<x>A)", 1), ("(?:A)", 0), ("[(]", 0), ("[]()]", 0), ("[^]()](b)", 1), (r"[\](]", 0), (r"\(a\)", 0),
        ("[[:alpha:](]", 0), ("[[:alpha:]](a)", 1),
    ],
)  # fmt: skip
def test_groups_of_patterns_are_counted_as_re2_has_them(pattern, group):
    sql = to_duckdb(
        parse(f"SELECT REGEXP_EXTRACT(s, r'{pattern}') AS x FROM test.t", "m.sql"), {Table("test", "t"): TEST}
    )
    assert f", {group}) END" in sql
    assert duckdb.execute("SELECT regexp_matches('A', $1)", [pattern]).fetchone() is not None  # DuckDB's RE2 takes it


@pytest.mark.parametrize("kind", ["JSON", "BIGNUMERIC", "INTERVAL", "STRUCT<x INT64>", "ARRAY<JSON>"])
def test_a_null_of_a_type_that_duckdb_is_not_given_is_refused(kind):
    with pytest.raises(ProjectError, match="CAST on DuckDB would not be exactly BigQuery's: CAST of INT64 to"):
        to_duckdb(f"SELECT CAST(NULL AS {kind}) AS x", {})


@pytest.mark.parametrize(
    "source",
    [
        "test.t TABLESAMPLE SYSTEM (1 PERCENT)",
        "test.t FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()",
        "UNNEST([1]) AS n WITH OFFSET AS o",
    ],
)
def test_a_source_that_duckdb_reads_otherwise_is_refused(source):
    with pytest.raises(ProjectError, match="would not be exactly BigQuery's"):
        to_duckdb(f"SELECT n FROM {source}", {Table("test", "t"): TEST})


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT raw.x FROM raw.fees AS raw", "SELECT raw.x FROM raw_ci.fees AS raw"),
        (
            "SELECT 'raw.fees' AS a /* raw.fees */ FROM `raw`.fees -- raw.fees",
            "SELECT 'raw.fees' AS a /* raw.fees */ FROM `raw_ci`.fees -- raw.fees",
        ),
        ("SELECT * FROM `raw.fees`", "SELECT * FROM `raw_ci.fees`"),
        (
            "WITH raw AS (SELECT 1 AS x) SELECT x FROM raw.fees, raw",
            "WITH raw AS (SELECT 1 AS x) SELECT x FROM raw_ci.fees, raw",
        ),
        ("CREATE SCHEMA IF NOT EXISTS raw", "CREATE SCHEMA IF NOT EXISTS raw_ci"),
        (
            "DELETE FROM a.b AS b WHERE b.x IN (SELECT x FROM a.c)",
            "DELETE FROM a_ci.b AS b WHERE b.x IN (SELECT x FROM a_ci.c)",
        ),
        ("TRUNCATE TABLE a.b", "TRUNCATE TABLE a_ci.b"),
    ],
)
def test_the_suffix_goes_on_datasets_and_nothing_else(sql, expected):
    assert with_suffix(sql, "_ci") == expected
    assert with_suffix(sql, "") == sql
    assert with_suffix(sql, "_ci", datasets=["other"]) == sql


def test_a_query_is_never_changed():
    query = parse(
        "SELECT AVG(fee_amount) AS m, -_source_row AS _source_row FROM raw.fees GROUP BY _source_row", "x.sql"
    )
    before = repr(query.tree)
    first = to_duckdb(query, SCHEMA, "_ci")
    columns(query, SCHEMA)
    assert (repr(query.tree), to_duckdb(query, SCHEMA, "_ci")) == (before, first)


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        ("SELECT fee_date FROM raw.fees", True),
        ("SELECT fee_date FROM raw.fees ORDER BY _source_row", True),
        ("WITH f AS (SELECT fee_date FROM raw.fees) SELECT fee_date FROM f UNION ALL SELECT fee_date FROM f", True),
        ("SELECT fee_date FROM raw.fees ORDER BY _source_row LIMIT 1", False),
        ("VALUES (DATE '2025-01-01')", False),
    ],
)
def test_rows_are_inserted_in_the_order_of_partitions(query, ordered):
    sql = f"INSERT INTO raw.fees (fee_date) {query}"
    plain = to_duckdb(sql, SCHEMA)
    expected = plain.split(" ORDER BY")[0] + ' ORDER BY "fee_date"' if ordered else plain
    assert to_duckdb(sql, SCHEMA, "", {Table("raw", "fees"): "fee_date"}) == expected
    assert to_duckdb(sql, SCHEMA, "", {Table("staging", "fees"): "fee_date"}) == plain


def test_a_window_of_many_dates_is_a_long_or():
    sql = "SELECT 1 AS x FROM raw.fees WHERE " + " OR ".join(["fee_date = DATE '2025-01-01'"] * 4000)
    assert to_duckdb(sql, SCHEMA).count("OR") == 3999
    assert columns(parse(sql, "x.sql"), SCHEMA)[0].type == "INT64"


def test_what_is_nested_too_deeply_is_refused():
    sums = " + ".join(["1"] * 4000)
    for refused in (
        lambda: parse("(" * 9999 + "SELECT 1" + ")" * 9999, "x.sql"),
        lambda: columns(parse(f"SELECT {sums} AS x", "x.sql"), {}),
        lambda: to_duckdb(f"SELECT {sums} AS x", {}),
    ):
        with pytest.raises(ProjectError, match="nested too deeply"):
            refused()


WORDS = [
    *(
        "SELECT",
        "FROM",
        "WHERE",
        "raw",
        ".",
        "fees",
        "AS",
        "(",
        ")",
        ",",
        "*",
        "+",
        "'a'",
        "1",
        "client_id",
        "WITH",
        "a",
    ),
    *("JOIN", "ON", "GROUP", "BY", "UNION", "ALL", "ORDER", "NULL", "CASE", "WHEN", "END"),
]


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_any_text_is_a_query_or_a_project_error(sql):
    with suppress(ProjectError):
        query = parse(sql, "x.sql")
        columns(query, SCHEMA)
        to_duckdb(query, SCHEMA)
