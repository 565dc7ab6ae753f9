"""The emulator's answers are Google's, and those of the emulator as shipped are not: a mend it no longer needs fails here.

Google's values are what its reference implementation answers to the same text.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from google.api_core import exceptions
from google.cloud.bigquery import PolicyTagList, SchemaField, Table, TimePartitioning

ONCE = {"retry": None, "job_retry": None}
VALUES = [
    ("SELECT CAST(NUMERIC '1.60' AS STRING)", "1.6", "1.600000000"),
    ("SELECT CAST('-0.000000001' AS NUMERIC)", Decimal("-0.000000001"), Decimal(0)),
    ("SELECT CAST('0.1234567895' AS NUMERIC)", Decimal("0.123456790"), Decimal("0.123")),
    ("SELECT CAST(TIMESTAMP '2025-01-31 12:00:00.5+00' AS STRING)", "2025-01-31 12:00:00.500+00", "2025-01-31 12:00:00.5+00"),
    ("SELECT DIV(ABS(NUMERIC '-1.005') * 200 + 3, 2 * 3)", Decimal(34), Decimal(204)),
    ("SELECT DIV(NUMERIC '-7.5', NUMERIC '2')", Decimal(-3), -3.75),
    (r"SELECT '\u00a0'", "\u00a0", r"\u00a0"),
    (r"SELECT TRANSLATE('\u00a0a b\tc', ' \t\r\n\u00a0', '')", "abc", "bc"),
]  # fmt: skip
REFUSED = [
    ("SELECT COUNTIF(x > 1) OVER () FROM UNNEST([1, 2, 3]) AS x LIMIT 1", 2),
    ("DECLARE x INT64; SET @@query_label = 'step:a'; SET x = @@row_count; SELECT @@query_label", "step:a"),
    ("BEGIN SELECT ERROR('boom'); EXCEPTION WHEN ERROR THEN SELECT @@error.message LIKE '%boom'; END", True),
]
FAILING = """
BEGIN
  BEGIN TRANSACTION;
  DELETE FROM ops.fees WHERE TRUE;
  SELECT ERROR('boom');
EXCEPTION WHEN ERROR THEN
  ROLLBACK TRANSACTION;
  RAISE;
END
"""
OPEN = "DECLARE x INT64; BEGIN TRANSACTION; DELETE FROM ops.fees WHERE TRUE;"


def with_fees(warehouse):
    warehouse.client.create_dataset("ops")
    warehouse.rows("CREATE TABLE ops.fees (client STRING, amount NUMERIC)")
    warehouse.rows("INSERT INTO ops.fees VALUES ('C1', NUMERIC '0.000000001')")
    return warehouse


@pytest.fixture
def fees(bigquery):
    return with_fees(bigquery)


@pytest.fixture
def bare_fees(bare):
    return with_fees(bare)


class TestMended:
    @pytest.mark.parametrize(("sql", "google"), [*((sql, google) for sql, google, _ in VALUES), *REFUSED])
    def test_values(self, bigquery, sql, google):
        assert bigquery.rows(sql) == [(google,)]

    def test_an_escaped_backslash_stays(self, bigquery):
        assert bigquery.rows(r"SELECT '\\u00a0'") == [(r"\u00a0",)]

    def test_an_error_is_rolled_back_and_told(self, fees):
        with pytest.raises(exceptions.BadRequest, match="boom"):
            fees.client.query(FAILING, **ONCE).result()
        assert fees.rows("SELECT * FROM ops.fees") == [("C1", Decimal("0.000000001"))]

    def test_what_is_not_committed_is_rolled_back(self, fees):
        fees.rows(OPEN)
        assert fees.rows("SELECT COUNT(*) FROM ops.fees") == [(1,)]

    def test_a_lone_begin_is_refused(self, fees):
        with pytest.raises(exceptions.BadRequest, match="only in scripts"):
            fees.rows("BEGIN TRANSACTION")
        assert fees.rows("SELECT 1") == [(1,)]

    def test_columns_added_by_sql_show(self, fees):
        fees.rows("ALTER TABLE ops.fees ADD COLUMN IF NOT EXISTS fee NUMERIC")
        fees.rows("ALTER TABLE ops.fees ADD COLUMN IF NOT EXISTS fee NUMERIC")
        assert [field.name for field in fees.client.get_table("ops.fees").schema] == ["client", "amount", "fee"]

    def test_columns_added_by_the_api_are_there(self, fees):
        table = fees.client.get_table("ops.fees")
        table.schema = [*table.schema, SchemaField("fee", "NUMERIC")]
        fees.client.update_table(table, ["schema"])
        fees.rows("UPDATE ops.fees SET fee = NUMERIC '0.000000001' WHERE TRUE")
        assert fees.rows("SELECT client, fee FROM ops.fees") == [("C1", Decimal("0.000000001"))]

    def test_the_columns_view_has_tags_and_layout(self, fees):
        tags = ["projects/p/locations/eu/taxonomies/1/policyTags/2"]
        schema = [SchemaField("nino", "STRING", policy_tags=PolicyTagList(tags)), SchemaField("paid_on", "DATE")]
        table = Table(f"{fees.project}.ops.people", schema=schema)
        table.time_partitioning, table.clustering_fields = TimePartitioning(field="paid_on"), ["nino"]
        fees.client.create_table(table)
        found = fees.rows(
            "SELECT column_name, policy_tags, is_partitioning_column, clustering_ordinal_position "
            "FROM ops.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'people' ORDER BY ordinal_position"
        )
        assert found == [("nino", tags, "NO", 1), ("paid_on", [], "YES", None)]

    def test_there_is_no_view_of_a_dataset_that_is_not_there(self, fees):
        with pytest.raises(exceptions.NotFound, match="Dataset"):
            fees.rows("SELECT column_name FROM nowhere.INFORMATION_SCHEMA.COLUMNS")

    def test_a_table_keeps_tags_and_refuses_nulls(self, fees):
        tags = PolicyTagList(["projects/p/locations/eu/taxonomies/1/policyTags/2"])
        nino = SchemaField("nino", "STRING", mode="REQUIRED", policy_tags=tags)
        fees.client.create_table(Table(f"{fees.project}.ops.people", schema=[nino]))
        assert fees.client.get_table("ops.people").schema[0].policy_tags == tags
        with pytest.raises(exceptions.BadRequest, match="NOT NULL"):
            fees.rows("INSERT INTO ops.people (nino) VALUES (NULL)")


class TestAsShipped:
    """What the mends are for."""

    @pytest.mark.parametrize(("sql", "shipped"), [(sql, shipped) for sql, _, shipped in VALUES])
    def test_values(self, bare, sql, shipped):
        assert bare.rows(sql) == [(shipped,)]

    @pytest.mark.parametrize("sql", [sql for sql, _ in REFUSED])
    def test_refused(self, bare, sql):
        with pytest.raises(exceptions.BadRequest):
            bare.client.query(sql, **ONCE).result()

    def test_columns_made_by_sql_have_three_decimals(self, bare_fees):
        assert bare_fees.rows("SELECT amount FROM ops.fees") == [(0,)]

    def test_an_error_is_kept_and_answered_500(self, bare_fees):
        with pytest.raises(exceptions.InternalServerError):
            bare_fees.client.query(FAILING, **ONCE)
        assert bare_fees.rows("SELECT COUNT(*) FROM ops.fees") == [(0,)]

    def test_what_is_not_committed_is_kept(self, bare_fees):
        bare_fees.rows(OPEN)
        assert bare_fees.rows("SELECT COUNT(*) FROM ops.fees") == [(0,)]
