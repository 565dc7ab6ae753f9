"""A column with a policy tag is known by whatever is made of it; what is only counted, compared or ordered by is not."""

from __future__ import annotations

import pytest

from fees_etl.query import Tagged, columns, parse
from fees_etl.types import Table

TAG = Tagged("STRING", "nino", "staging.fees.nino")
SCHEMA = {
    Table("staging", "fees"): {"id": "STRING", "nino": TAG, "day": "DATE", "amount": "NUMERIC"},
    Table("staging", "other"): {"id": "STRING", "name": "STRING"},
}
READ = [
    "nino", "fees.nino", "UPPER(nino)", "SUBSTR(nino, 1, 2)", "CONCAT('a', nino, 'b')", "nino || ''",
    "CASE WHEN id = '1' THEN nino END", "CASE id WHEN '1' THEN 'x' ELSE LOWER(nino) END", "IF(id = '1', 'x', nino)", "COALESCE(nino, 'x')",
    "NULLIF(nino, 'x')", "CAST(nino AS BYTES)", "CAST(SUBSTR(nino, 3, 6) AS INT64)", "SAFE_CAST(nino AS INT64)", "TO_HEX(SHA256(nino))",
    "FARM_FINGERPRINT(nino)", "REVERSE(nino)", "REPLACE(nino, 'A', 'B')", "REGEXP_EXTRACT(nino, '..')", "STRPOS('0123456789', SUBSTR(nino, 3, 1))",
    "STRUCT(nino AS a)", "[nino]", "SPLIT(nino, '')[OFFSET(0)]", "STRUCT(id AS x, nino AS a).a", "MAX(nino) OVER (PARTITION BY id)",
    "FIRST_VALUE(nino) OVER (ORDER BY day)", "LAG(nino) OVER (ORDER BY day)", "(SELECT MAX(f.nino) FROM staging.fees AS f)",
    "ARRAY(SELECT f.nino FROM staging.fees AS f)", "TO_JSON_STRING(fees)", "FORMAT('%s', nino)", "GREATEST(id, nino)", "(((nino)))",
    "ARRAY_TO_STRING([id, nino], '')", "TRANSLATE(nino, 'A', 'B')", "TO_CODE_POINTS(nino)", "LPAD(id, 9, nino)", "TO_JSON_STRING(STRUCT(nino))",
]  # fmt: skip
NOT_READ = [
    "id", "amount", "nino IS NULL", "nino = 'x'", "LENGTH(nino)", "COUNT(nino) OVER ()", "COUNT(DISTINCT nino) OVER ()",
    "CASE WHEN nino = 'x' THEN 1 ELSE 0 END", "CASE nino WHEN 'x' THEN 1 END", "IF(nino LIKE 'Q%', id, 'x')",
    "ROW_NUMBER() OVER (PARTITION BY nino ORDER BY day)", "SUM(amount) OVER (PARTITION BY nino)", "FIRST_VALUE(id) OVER (ORDER BY nino)",
    "EXISTS(SELECT 1 FROM staging.fees AS f WHERE f.nino = fees.nino)", "id IN (SELECT f.nino FROM staging.fees AS f)",
    "(SELECT COUNT(f.nino) FROM staging.fees AS f)", "ARRAY(SELECT f.id FROM staging.fees AS f ORDER BY f.nino)", "NULLIF(id, nino)",
]  # fmt: skip


@pytest.mark.parametrize("expression", [*READ, *NOT_READ])
def test_an_expression(expression):
    ((found),) = columns(parse(f"SELECT {expression} AS x FROM staging.fees", "x.sql"), SCHEMA)
    assert isinstance(found.type, Tagged) == (expression in READ)
    if expression in READ:
        assert (found.type.tag, found.type.origin, found.type.line) == ("nino", "staging.fees.nino", 1)


QUERIES = {
    "WITH a AS (SELECT nino AS x FROM staging.fees), b AS (SELECT x AS y FROM a) SELECT id, y FROM b CROSS JOIN staging.other": "y",
    "SELECT id, p FROM (SELECT id, UPPER(n) AS p FROM (SELECT id, nino AS n FROM staging.fees))": "p",
    "SELECT * FROM staging.fees": "nino",
    "SELECT * EXCEPT (nino) FROM staging.fees": "",
    "SELECT * REPLACE (nino AS id) FROM staging.fees": "id nino",
    "SELECT f.* FROM staging.fees AS f": "nino",
    "SELECT id, name FROM staging.other UNION ALL SELECT id, nino FROM staging.fees": "name",
    "SELECT id, name FROM staging.other UNION ALL (SELECT id, UPPER(nino) FROM staging.fees LIMIT 1)": "name",
    "SELECT o.id, f.nino AS who FROM staging.other AS o JOIN staging.fees AS f ON o.id = f.id": "who",
    "SELECT f.id FROM staging.fees AS f WHERE f.nino = 'x' ORDER BY f.nino": "",
    "SELECT id, COUNT(DISTINCT nino) AS n FROM staging.fees GROUP BY id": "n-",
    "SELECT id, MAX(nino) AS n, ANY_VALUE(nino) AS m, STRING_AGG(nino) AS s, ARRAY_AGG(nino) AS a FROM staging.fees GROUP BY id": "n m s a",
    "SELECT id, ARRAY_AGG(id ORDER BY nino)[OFFSET(0)] AS n, STRING_AGG(id ORDER BY nino) AS s FROM staging.fees GROUP BY id": "n- s-",
    "SELECT id, ANY_VALUE(id HAVING MAX nino) AS n FROM staging.fees GROUP BY id": "n-",
    "SELECT x FROM staging.fees CROSS JOIN UNNEST([nino]) AS x": "x",
    "SELECT s.v FROM (SELECT STRUCT(nino AS v) AS s FROM staging.fees)": "v",
    "SELECT o FROM staging.fees AS f CROSS JOIN UNNEST([STRUCT(f.nino AS o)])": "o",
    "SELECT CAST(q AS STRING) AS q FROM staging.fees PIVOT (MAX(nino) FOR id IN ('a' AS q))": "q",
    "WITH RECURSIVE r AS (SELECT id, '' AS x FROM staging.other UNION ALL SELECT r.id, f.nino FROM r JOIN staging.fees AS f ON r.id = f.id) SELECT x FROM r": "x",
    "WITH RECURSIVE r AS (SELECT nino AS a, '' AS b FROM staging.fees UNION ALL SELECT 'x', r.a FROM r) SELECT b FROM r": "b",
    "SELECT nino AS id FROM staging.fees QUALIFY ROW_NUMBER() OVER (ORDER BY id) = 1": "id",
}  # fmt: skip


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query(sql):
    found = [column.name for column in columns(parse(sql, "x.sql"), SCHEMA) if isinstance(column.type, Tagged)]
    assert found == [name for name in QUERIES[sql].split() if not name.endswith("-")]


def test_the_line_is_that_of_the_item():
    sql = "WITH a AS (\n  SELECT nino AS x FROM staging.fees\n)\nSELECT\n  'b' AS b,\n  UPPER(\n    x\n  ) AS y\nFROM a"
    assert columns(parse(sql, "x.sql"), SCHEMA)[1].type.line in {6, 7}
