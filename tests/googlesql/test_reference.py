"""The harness itself: what it says must be what Google's implementation says, or every test built on it is void."""

from __future__ import annotations

import pytest
from googlesql.reference import AnalysisError, MachineBrokenError

FEES = {
    "raw.fees": {"client_id": "STRING", "fee_date": "DATE", "fee_amount": "NUMERIC", "_ingested_at": "TIMESTAMP"},
    "staging.stg_fees": {"fee_id": "STRING", "client_id": "STRING", "fee_date": "DATE", "fee_amount": "NUMERIC"},
}


def test_a_query_has_names_and_types(reference):
    sql = """
        SELECT client_id, SUM(fee_amount) AS total, COUNT(*) AS n, ARRAY_AGG(fee_date) AS dates,
            MIN_BY(client_id, fee_date) AS first, ANY_VALUE(STRUCT(fee_date AS d, TRUE AS ok)) AS pair
        FROM raw.fees GROUP BY client_id
    """
    assert reference.analyze(sql, FEES) == (
        ("client_id", "STRING"),
        ("total", "NUMERIC"),
        ("n", "INT64"),
        ("dates", "ARRAY<DATE>"),
        ("first", "STRING"),
        ("pair", "STRUCT<d DATE, ok BOOL>"),
    )


@pytest.mark.parametrize(
    "kind", ["STRING", "INT64", "NUMERIC", "DATE", "TIMESTAMP", "BOOL", "FLOAT64", "BYTES", "JSON"]
)
def test_every_column_type_comes_back(reference, kind):
    tables = {"a.b": {"x": kind, "xs": f"ARRAY<{kind}>"}}
    assert reference.analyze("SELECT * FROM a.b", tables) == (("x", kind), ("xs", f"ARRAY<{kind}>"))


@pytest.mark.parametrize("name", ["raw.fees", "`raw`.`fees`", "`raw.fees`", "raw.`fees`"])
def test_a_table_is_found_however_it_is_quoted(reference, name):
    assert reference.analyze(f"SELECT f.fee_date FROM {name} AS f", FEES) == (("fee_date", "DATE"),)
    assert reference.analyze(f"TRUNCATE TABLE {name}", FEES) == ()


@pytest.mark.parametrize("name", ["`my-project`.raw.fees", "my-project.raw.fees", "`my-project.raw.fees`"])
def test_a_table_may_name_its_project(reference, name):
    tables = {"my-project.raw.fees": FEES["raw.fees"]}
    assert reference.analyze(f"SELECT f.fee_date FROM {name} AS f", tables) == (("fee_date", "DATE"),)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO raw.fees (client_id, fee_amount) VALUES ('a', NUMERIC '1.6')",
        (
            "MERGE staging.stg_fees AS t USING raw.fees AS s ON t.client_id = s.client_id AND t.fee_date = DATE '2025-01-31' "
            "WHEN MATCHED AND t.fee_amount != s.fee_amount THEN UPDATE SET fee_amount = s.fee_amount "
            "WHEN NOT MATCHED BY TARGET THEN INSERT (client_id, fee_date) VALUES (s.client_id, s.fee_date) "
            "WHEN NOT MATCHED BY SOURCE AND t.fee_date = DATE '2025-01-31' THEN DELETE"
        ),
        "UPDATE raw.fees SET fee_amount = -fee_amount WHERE client_id = 'a'",
        "DELETE FROM raw.fees WHERE fee_date IN (DATE '2025-01-31')",
        "TRUNCATE TABLE raw.fees",
        "BEGIN TRANSACTION",
        "COMMIT TRANSACTION",
        "ROLLBACK TRANSACTION",
        "ASSERT (SELECT COUNT(*) FROM raw.fees) > 0 AS 'no fees'",
        (
            "CREATE TABLE a.b (d DATE NOT NULL OPTIONS (description = 'when'), c STRING, PRIMARY KEY (c) NOT ENFORCED) "
            "PARTITION BY d CLUSTER BY c OPTIONS (labels = [('k', 'v')], require_partition_filter = TRUE, partition_expiration_days = 7)"
        ),
        "CREATE TABLE IF NOT EXISTS a.b PARTITION BY fee_date AS SELECT * FROM raw.fees",
        "CREATE TABLE a.b CLONE raw.fees",
        "ALTER TABLE raw.fees ADD COLUMN IF NOT EXISTS note STRING",
    ],
)
def test_any_other_statement_returns_no_columns(reference, sql):
    assert reference.analyze(sql, FEES) == ()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT clinet_id FROM raw.fees", "Unrecognized name: clinet_id; Did you mean client_id? [at 1:8]"),
        ("SELECT\n  fee_amount + fee_date\nFROM raw.fees", "[at 2:3]"),
        ("SELECT 1 FROM raw.fee", "Table not found: raw.fee; Did you mean raw.fees? [at 1:15]"),
        ("SELECT 1 FROM raw.Fees", "it is raw.fees, and BigQuery minds the case"),
        ("DELETE FROM Raw.fees WHERE TRUE", "it is raw.fees, and BigQuery minds the case"),
        (
            "SELECT fee_date AS d, client_id AS D FROM raw.fees",
            "Duplicate column names in the result are not supported: d",
        ),
        ("SELECT client_id, SUM(fee_amount) FROM raw.fees", "neither grouped nor aggregated [at 1:8]"),
        (
            "INSERT INTO raw.fees (client_id) VALUES (1)",
            "has type INT64 which cannot be inserted into column client_id",
        ),
        ("CREATE TABLE a.b (x STRING) OPTIONS (descripton = 'x')", "Unknown option: descripton [at 1:38]"),
        ("CREATE TABLE a.b (x STRING) OPTIONS (description = 1)", "description"),
        ("SELECT @{shuffle = TRUE} 1", "Unknown hint: shuffle"),
        ("SELECT @day", "Query parameter 'day' not found"),
        ("SELECT SUM(fee_amount WHERE TRUE) FROM raw.fees", "WHERE modifier is not supported"),
        ("SELECT a,, b FROM raw.fees", "Syntax error"),
        ("SELECT 1; SELECT 2", "Syntax error"),
    ],
)
def test_an_error_is_googles_own(reference, sql, message):
    with pytest.raises(AnalysisError) as error:
        reference.analyze(sql, FEES)
    assert message in str(error.value)
    assert "Code:" not in str(error.value)


def test_an_error_keeps_its_later_lines(reference):
    with pytest.raises(AnalysisError, match=r"(?s)No matching signature for operator \+.*\n.*Signature: .*\[at 1:8\]"):
        reference.analyze("SELECT TRUE + 1", {})


def test_types_tells_what_the_result_hides(reference):
    sql = "SELECT CAST(AVG(n) AS NUMERIC) AS x FROM a.b"
    tables = {"a.b": {"n": "INT64"}}
    assert reference.analyze(sql, tables) == (("x", "NUMERIC"),)
    assert reference.types(sql, tables) == {"FLOAT64", "INT64", "NUMERIC"}


# -- scripts

SCRIPT = """\
DECLARE verdict, reason STRING;
DECLARE total DEFAULT (SELECT SUM(fee_amount) FROM raw.fees);
DECLARE n INT64 DEFAULT 0;
BEGIN
  BEGIN TRANSACTION;
  CREATE TEMP TABLE sums AS SELECT client_id, SUM(fee_amount) AS amount FROM raw.fees GROUP BY client_id;
  INSERT INTO staging.stg_fees (client_id, fee_amount) SELECT client_id, amount FROM sums;
  SET n = @@row_count;
  SET verdict = (SELECT TO_JSON_STRING(ARRAY_AGG(f)) FROM raw.fees AS f WHERE fee_amount > total);
  IF verdict IS NOT NULL THEN ROLLBACK TRANSACTION; ELSEIF n = 0 THEN RAISE USING MESSAGE = reason; ELSE COMMIT TRANSACTION; END IF;
  WHILE n > 0 DO SET n = n - 1; END WHILE;
  FOR fee IN (SELECT client_id, fee_amount FROM raw.fees) DO SELECT fee.client_id; END FOR;
EXCEPTION WHEN ERROR THEN
  ROLLBACK TRANSACTION;
  SELECT @@error.message AS reason;
END;
SELECT verdict, total, n;
"""


def test_a_script_is_judged_statement_by_statement(reference):
    nothing = ()
    assert reference.analyze_script(SCRIPT, FEES) == (
        *(nothing,) * 5,
        (("client_id", "STRING"),),
        nothing,
        (("reason", "STRING"),),
        (("verdict", "STRING"), ("total", "NUMERIC"), ("n", "INT64")),
    )


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("FROM sums;", "FROM sum;", "Table not found: sum; Did you mean sums? [at 7:86]"),
        ("SET n = @@row_count", "SET n = 'many'", "has type STRING"),
        ("SET n = @@row_count", "SET m = @@row_count", "Undeclared variable: m"),
        ("SET n = n - 1", "SET n = n - x", "Unrecognized name: x [at 11:30]"),
        ("IF verdict IS NOT NULL", "IF verdict", "should return type BOOL, but returns STRING [at 10:6]"),
        ("WHILE n > 0", "WHILE n > verdict", "No matching signature"),
        ("MESSAGE = reason", "MESSAGE = raeson", "Unrecognized name: raeson; Did you mean reason?"),
        ("n INT64 DEFAULT 0", "n INT64 DEFAULT 'x'", "has type STRING"),
        ("n INT64 DEFAULT 0", "n INT DEFAULT x", "Unrecognized name: x"),
        ("fee.client_id", "fee.adviser_id", "adviser_id"),
        ("@@error.message", "@@error.massage", "massage"),
        ("END IF", "END", "Syntax error"),
        ("BEGIN\n", "BEGIN SELECT 1; DECLARE late STRING;\n", "DECLARE comes first"),
        ("SELECT verdict, total, n;", "SELECT fee.client_id", "Unrecognized name: fee"),
    ],
)
def test_a_mistake_anywhere_in_a_script_is_found(reference, right, wrong, message):
    assert right in SCRIPT
    with pytest.raises(AnalysisError) as error:
        reference.analyze_script(SCRIPT.replace(right, wrong), FEES)
    assert message in str(error.value)


@pytest.mark.parametrize("place", ["EXCEPTION WHEN ERROR THEN SELECT inside; END", "END; SELECT inside"])
def test_a_variable_is_unknown_outside_its_block(reference, place):
    with pytest.raises(AnalysisError, match="Unrecognized name: inside"):
        reference.analyze_script(f"BEGIN DECLARE inside STRING; SELECT inside; {place}", {})


def test_a_plain_list_of_statements_is_a_script_too(reference):
    sql = "BEGIN TRANSACTION; DELETE FROM raw.fees WHERE TRUE; /* é */ SELECT 'é' AS e; COMMIT TRANSACTION"
    assert reference.analyze_script(sql, FEES) == ((), (), (("e", "STRING"),), ())


def test_the_parts_of_a_script_can_be_judged_by_other_rules(reference):
    sql = "DECLARE x FLOAT64; DECLARE y DEFAULT RAND(); IF y > x THEN TRUNCATE TABLE a.b; END IF;"
    parts = ("SELECT CAST(NULL AS FLOAT64)", "SELECT RAND()", "SELECT y > x", "TRUNCATE TABLE a.b")
    assert reference.statements(sql) == parts


def test_a_broken_machine_is_replaced(reference):
    assert reference.analyze("SELECT 1 AS x FROM raw.fees", FEES) == (("x", "INT64"),)
    with pytest.raises(MachineBrokenError):
        reference.analyze(f"SELECT {'NOT ' * 100_000} TRUE", FEES)
    assert reference.analyze("SELECT 1 AS x FROM raw.fees", FEES) == (("x", "INT64"),)
