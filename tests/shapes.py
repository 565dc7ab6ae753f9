"""Queries of every shape over two small tables, and DuckDB to run them on."""

from __future__ import annotations

from functools import cache

import duckdb

from fees_etl import query
from fees_etl.types import Table

T, U = Table("s", "t"), Table("s", "u")
SCHEMA = {
    T: {"id": "INT64", "grp": "STRING", "day": "DATE", "x": "NUMERIC", "y": "NUMERIC"},
    U: {"id": "INT64", "grp": "STRING", "factor": "NUMERIC"},
}
KEYS = {T: ("id",), U: ("id",)}
SUMS = {
    "copied": "SELECT id, x AS n FROM s.t",
    "selected": "SELECT id, x AS n FROM s.t WHERE y > 0",
    "star": "WITH a AS (SELECT * FROM s.t) SELECT * EXCEPT (x), x AS n FROM a",
    "a total": "SELECT 1 AS id, SUM(x) AS n FROM s.t",
    "grouped": "SELECT grp AS id, SUM(x) AS n FROM s.t GROUP BY grp",
    "by an alias": "SELECT COALESCE(grp, 'none') AS id, SUM(x) AS n FROM s.t GROUP BY id",
    "by its place": "SELECT UPPER(grp) AS id, SUM(x) AS n FROM s.t GROUP BY 1",
    "by all": "SELECT UPPER(grp) AS id, SUM(x) AS n FROM s.t GROUP BY ALL",
    "having": "SELECT grp AS id, SUM(x) AS n FROM s.t GROUP BY grp HAVING COUNT(*) > 1",
    "conditions": "SELECT grp AS id, SUM(IF(y > 0, x, NUMERIC '0')) AS n FROM s.t GROUP BY grp",
    "cases": "SELECT grp AS id, SUM(CASE WHEN y > 0 THEN x WHEN y < -1 THEN -y END) AS n FROM s.t GROUP BY grp",
    "terms": "SELECT grp AS id, SUM(x) - 2 * SUM(y) AS n FROM s.t GROUP BY grp",
    "terms within": "SELECT grp AS id, SUM(x - COALESCE(y, 0)) AS n FROM s.t GROUP BY grp",
    "the same twice": "SELECT grp AS id, SUM(x) + SUM(IF(y > 0, x, 0)) AS n FROM s.t GROUP BY grp",
    "nothing is zero": "SELECT grp AS id, COALESCE(SUM(x), NUMERIC '0') AS n FROM s.t GROUP BY grp",
    "twice grouped": (
        "WITH a AS (SELECT grp, day, SUM(x) AS m FROM s.t GROUP BY grp, day)"
        " SELECT grp AS id, SUM(IF(day > DATE '2025-01-01', m, 0)) AS n FROM a GROUP BY grp"
    ),
    "of a subquery": "SELECT a.grp AS id, SUM(a.m) AS n FROM (SELECT grp, x + y AS m FROM s.t) AS a GROUP BY a.grp",
    "grouped in a subquery": "SELECT a.grp AS id, a.m AS n FROM (SELECT grp, SUM(x) AS m FROM s.t GROUP BY grp) AS a",
    "joined": "SELECT t.grp AS id, SUM(t.x) AS n FROM s.t AS t INNER JOIN s.u AS u ON t.grp = u.grp GROUP BY t.grp",
    "left": (
        "SELECT u.id, COALESCE(SUM(t.x), 0) AS n FROM s.u AS u LEFT JOIN s.t AS t ON t.grp = u.grp AND t.y > 0 GROUP BY u.id"
    ),
    "using": "SELECT grp AS id, SUM(t.x) AS n FROM s.t AS t INNER JOIN s.u AS u USING (grp) GROUP BY grp",
    "all by using to the left": (
        "WITH u AS (SELECT grp, factor FROM s.u), t AS (SELECT grp FROM s.t WHERE x > 0),"
        " a AS (SELECT * FROM u LEFT JOIN t USING (grp)) SELECT grp AS id, SUM(factor) AS n FROM a GROUP BY grp"
    ),
    "all by using to the right": (
        "WITH u AS (SELECT grp, factor FROM s.u), t AS (SELECT grp FROM s.t WHERE x > 0),"
        " a AS (SELECT * FROM t RIGHT JOIN u USING (grp)) SELECT grp AS id, SUM(factor) AS n FROM a GROUP BY grp"
    ),
    "by using of both sides": (
        "SELECT grp AS id, SUM(t.x) AS n FROM s.t AS t FULL JOIN s.u AS u USING (grp) GROUP BY grp"
    ),
    "all by using of both sides": (
        "WITH u AS (SELECT grp, factor FROM s.u), t AS (SELECT grp, x FROM s.t WHERE x > 0),"
        " a AS (SELECT * FROM t FULL JOIN u USING (grp)) SELECT grp AS id, SUM(factor) AS n FROM a GROUP BY grp"
    ),
    "with itself": "SELECT a.id, SUM(b.x) AS n FROM s.t AS a INNER JOIN s.t AS b ON a.grp = b.grp GROUP BY a.id",
    "a CTE with itself": (
        "WITH g AS (SELECT grp, SUM(x) AS m FROM s.t GROUP BY grp)"
        " SELECT a.grp AS id, a.m - b.m AS n FROM g AS a CROSS JOIN g AS b WHERE b.grp = 'a'"
    ),
    "semi-joined": "SELECT grp AS id, SUM(x) AS n FROM s.t WHERE grp IN (SELECT grp FROM s.u) GROUP BY grp",
    "two sides": (
        "WITH a AS (SELECT grp, x AS m FROM s.t UNION ALL SELECT grp, factor FROM s.u UNION ALL SELECT grp, -y FROM s.t)"
        " SELECT grp AS id, SUM(m) AS n FROM a GROUP BY grp"
    ),
    "sides at the top": "SELECT id, x AS n FROM s.t UNION ALL SELECT id + 1000, factor FROM s.u",
    "qualified": "SELECT id, x AS n FROM s.t WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY grp ORDER BY day, id) = 1",
    "groups qualified": (
        "SELECT grp AS id, SUM(x) AS n FROM s.t GROUP BY grp QUALIFY RANK() OVER (ORDER BY COUNT(*) DESC, grp) <= 2"
    ),
    "the first of each": (
        "WITH r AS (SELECT id, grp, x, ROW_NUMBER() OVER (PARTITION BY grp, day ORDER BY y, id) AS place FROM s.t)"
        " SELECT grp AS id, SUM(x) AS n FROM r WHERE place = 1 GROUP BY grp"
    ),
    "ranked groups": (
        "WITH g AS (SELECT grp, SUM(x) AS m FROM s.t GROUP BY grp), r AS (SELECT grp, m, RANK() OVER (ORDER BY m) AS p FROM g)"
        " SELECT grp AS id, m AS n FROM r WHERE p > 1"
    ),
    "unnamed": "SELECT grp AS id, m AS n FROM (SELECT grp, SUM(x) AS m FROM s.t GROUP BY grp)",
    "without doubles": (
        "WITH d AS (SELECT DISTINCT grp FROM s.t) SELECT d.grp AS id, SUM(t.x) AS n FROM d"
        " INNER JOIN s.t AS t ON d.grp = t.grp GROUP BY d.grp"
    ),
}
NO_SUMS = {
    "mean": "SELECT grp AS id, AVG(x) AS n FROM s.t GROUP BY grp",
    "least": "SELECT grp AS id, MIN(x) AS n FROM s.t GROUP BY grp",
    "count": "SELECT grp AS id, COUNT(*) AS n FROM s.t GROUP BY grp",
    "rank": "SELECT id, RANK() OVER (PARTITION BY grp ORDER BY x) AS n FROM s.t",
    "running": "SELECT id, SUM(x) OVER (PARTITION BY grp ORDER BY id) AS n FROM s.t",
    "product": "SELECT id, x * y AS n FROM s.t",
    "distinct": "SELECT grp AS id, SUM(DISTINCT x) AS n FROM s.t GROUP BY grp",
    "rounded": "SELECT id, ROUND(x, 1) AS n FROM s.t",
    "more than nothing": "SELECT id, COALESCE(x, 1) AS n FROM s.t",
    "doubles left out": "SELECT DISTINCT id, x AS n FROM s.t",
    "condition on the sum": "SELECT grp AS id, IF(SUM(x) > 0, SUM(x), 0) AS n FROM s.t GROUP BY grp",
}


@cache
def connection():
    con = duckdb.connect(config={"threads": 1})
    for macro in query.MACROS:
        con.execute(macro)
    con.execute(
        "CREATE SCHEMA s; CREATE TABLE s.t (id BIGINT, grp VARCHAR, day DATE, x DECIMAL(38, 9), y DECIMAL(38, 9))"
    )
    con.execute("CREATE TABLE s.u (id BIGINT, grp VARCHAR, factor DECIMAL(38, 9))")
    return con


def fill(ts=(), us=()):
    """These rows and no others, as their first columns have them."""
    con = connection()
    con.execute("DELETE FROM s.t; DELETE FROM s.u")
    for table, rows in (("s.t", ts), ("s.u", us)):
        if rows:
            places = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
            con.execute(f"INSERT INTO {table} VALUES {places}", [cell for row in rows for cell in row])


@cache
def native(sql):
    return query.to_duckdb(query.parse(sql, "n.sql"), SCHEMA)


def answer(sql):
    return connection().execute(native(sql)).fetchall()


def published(sql):
    columns = [column.name for column in query.columns(query.parse(sql, "n.sql"), SCHEMA)]
    return {row[columns.index("id")]: row[columns.index("n")] for row in answer(sql)}
