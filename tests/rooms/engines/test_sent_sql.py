"""The reader of sent SQL: whatever touches a table is found, whatever it does not know is an error."""

from __future__ import annotations

import re

import pytest
from sent_sql import statements, touched
from written import life, run_and_ingestion

SCRIPT = """
DECLARE a STRING DEFAULT 'x; INSERT INTO no.one VALUES (1)';
BEGIN
    BEGIN TRANSACTION;
    MERGE INTO ops.writer AS w USING (SELECT 1 AS one) AS now ON TRUE WHEN MATCHED THEN UPDATE SET job = now.one;
    IF (SELECT CASE WHEN TRUE THEN 1 END = 1 FROM raw.files) THEN
        ROLLBACK TRANSACTION;
    ELSE
        SET @@query_label = 'step:x';
        SET a = (SELECT MAX(b) FROM staging.c);
        TRUNCATE TABLE reporting.d;
        INSERT INTO reporting.d (client_nino) WITH e AS (SELECT * FROM raw.fees) SELECT f FROM e;
        COMMIT TRANSACTION;
    END IF;
EXCEPTION WHEN ERROR THEN
    ROLLBACK TRANSACTION;
    RAISE;
END;
IF a = 'rejected' AND (SELECT COUNT(*) = 0 FROM ops.runs) THEN
    INSERT INTO ops.runs (g) VALUES (1);
END IF;
SELECT a;
"""


def test_every_statement_of_a_script_is_found():
    assert [(one.kind, one.target, set(one.reads)) for one in touched(SCRIPT)] == [
        ("merge", "ops.writer", set()),
        ("select", None, {"raw.files"}),
        ("select", None, {"staging.c"}),
        ("truncate", "reporting.d", set()),
        ("insert", "reporting.d", {"raw.fees"}),
        ("select", None, {"ops.runs"}),
        ("insert", "ops.runs", set()),
    ]


def test_columns_are_those_that_are_read_and_a_star_is_all_of_them():
    (one,) = touched("INSERT INTO a.b (client_nino) SELECT c FROM d.e WHERE f > 1")
    assert one.columns == {"c", "f"}
    assert "*" in touched("SELECT * FROM a.b")[0].columns
    assert "*" not in touched("SELECT COUNT(*) FROM a.b")[0].columns


def test_a_view_of_a_datasets_columns_is_not_a_table():
    (one,) = touched(
        "SELECT a FROM `raw`.INFORMATION_SCHEMA.COLUMNS UNION ALL SELECT a FROM `ops`.INFORMATION_SCHEMA.COLUMNS"
    )
    assert (set(one.described), set(one.reads)) == ({"raw", "ops"}, set())


@pytest.mark.parametrize(
    "text", ["DROP TABLE a.b", "CREATE TABLE a.b AS SELECT 1", "CALL a.b()", "EXPORT DATA OPTIONS (x = 1) AS SELECT 1"]
)
def test_a_statement_of_another_kind_is_an_error(text):
    with pytest.raises(AssertionError, match="what does this do"):
        touched(text)


def test_no_table_of_a_real_script_is_overlooked(tmp_path):
    """Every dotted name after FROM, JOIN or INTO, by a plainer way."""
    for text in run_and_ingestion(life(tmp_path).jobs):
        named = set(re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+((?:raw|staging|reporting|history|ops)_ci\.\w+)", text))
        found = touched(text)
        assert named == {table for one in found for table in {one.target, *one.reads} - {None}}
        assert len(list(statements(text))) > len(found)
