from __future__ import annotations

import pytest
from googlesql.rules import house_rules

TABLE = "(d DATE, t TIMESTAMP, n INT64, s STRING)"

OFFENCES = {
    "SELECT PERCENTILE_CONT(x, NUMERIC '0.5') FROM a.b": "PERCENTILE_CONT without OVER",
    "SELECT PERCENTILE_DISC(x, NUMERIC '0.5' IGNORE NULLS) FROM a.b": "PERCENTILE_DISC without OVER",
    f"CREATE TABLE a.b {TABLE} PARTITION BY s": "PARTITION BY s: s is a STRING",
    f"CREATE TABLE a.b {TABLE} PARTITION BY t": "PARTITION BY t: t is a TIMESTAMP",
    f"CREATE TABLE a.b {TABLE} PARTITION BY DATE_TRUNC(s, MONTH)": "s is a STRING",
    f"CREATE TABLE a.b {TABLE} CLUSTER BY d, t, n, s, d": "CLUSTER BY 5 columns",
    "MERGE a.b t USING a.c s ON t.k = s.k WHEN NOT MATCHED THEN INSERT ROW WHEN NOT MATCHED BY SOURCE THEN DELETE": "full outer join",
    "MERGE a.b t USING a.c s ON t.k = s.k WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED BY TARGET THEN INSERT ROW": "full outer join",
    "SELECT CAST(x AS FLOAT64) FROM a.b": "money is NUMERIC",
    "SELECT SAFE_CAST(x AS ARRAY<STRUCT<y FLOAT64>>) FROM a.b": "money is NUMERIC",
    "ALTER TABLE a.b ADD COLUMN x FLOAT64": "money is NUMERIC",
    "SELECT x * 1.1 FROM a.b": "write NUMERIC '1.1'",
    "SELECT 1e3": "write NUMERIC '1e3'",
    "CREATE OR REPLACE TABLE a.b AS SELECT 1 AS x": "policy tags",
    "SELECT CURRENT_DATE": "CURRENT_DATE:",
    "INSERT a.b (t) VALUES (CURRENT_TIMESTAMP())": "CURRENT_TIMESTAMP:",
    "SELECT RAND() < NUMERIC '0.5'": "RAND:",
    "WITH x AS (SELECT GENERATE_UUID() AS id) SELECT id FROM x": "GENERATE_UUID:",
    "EXECUTE IMMEDIATE 'SELECT 1'": "no rule can judge",
    "BEGIN SELECT 1; END": "no rule can judge",
}

INNOCENT = [
    "SELECT PERCENTILE_CONT(x, NUMERIC '0.5') OVER (PARTITION BY y) FROM a.b",
    "SELECT PERCENTILE_CONT(x, NUMERIC '0.5' RESPECT NULLS) OVER () FROM a.b",
    f"CREATE TABLE a.b {TABLE} PARTITION BY d CLUSTER BY d, t, n, s",
    f"CREATE TABLE a.b {TABLE} PARTITION BY DATE(t)",
    f"CREATE TABLE a.b {TABLE} PARTITION BY TIMESTAMP_TRUNC(t, MONTH)",
    f"CREATE TABLE a.b {TABLE} PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 10))",
    "CREATE TABLE a.b PARTITION BY d AS SELECT DATE '2025-01-31' AS d",
    "MERGE a.b t USING a.c s ON t.k = s.k WHEN MATCHED THEN UPDATE SET x = s.x WHEN NOT MATCHED THEN INSERT ROW",
    "DELETE a.b WHERE d IN (DATE '2025-01-31') AND NOT EXISTS (SELECT 1 FROM a.c WHERE c.k = b.k)",
    "SELECT CAST('1.6' AS NUMERIC) * NUMERIC '1.1' * 2, '1.5' AS text FROM a.b",
    "BEGIN TRANSACTION; TRUNCATE TABLE a.b; COMMIT TRANSACTION;",
    "",
]


@pytest.mark.parametrize(("sql", "offence"), OFFENCES.items())
def test_an_offence_is_named_once(sql, offence):
    (found,) = house_rules(sql)
    assert offence in found


@pytest.mark.parametrize("sql", INNOCENT)
def test_the_innocent_go_free(sql):
    assert house_rules(sql) == []


def test_each_offence_of_a_statement_and_each_statement_is_judged():
    assert len(house_rules("SELECT RAND(), 1.5; SELECT CURRENT_DATE()")) == 3
