"""SPEC 11: an account that may read some of the tables gets the levels it may see, and is told who sees more."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from bigquery import Service, engine_on
from bigquery.wire import Answer
from pipeline import project
from shells import change, put

from fees_etl import query
from fees_etl.engines.duckdb import DuckDB
from fees_etl.errors import DataClosed, DatasetClosed
from fees_etl.explain.levels import Closed
from fees_etl.explain.trace import trace
from fees_etl.script import Rows
from fees_etl.types import Table

ADVISER = ("trace", "rpt_adviser_ltv", "adviser_id=A1", "--column", "total_client_ltv_6_month")
LINES = ["C1,QQ123456A,A1,2025-01-01,100.00\n", "C1,QQ123456A,A2,2025-02-01,7.50\n", "C2,QQ123456B,A1,2025-01-15,-5\n"]
ABOVE = [
    "reporting.rpt_adviser_ltv, adviser_id A1: total_client_ltv_6_month is 102.50",
    "the sum of 2 rows",
    "  reporting.rpt_client_ltv C1: 107.50",
    "  reporting.rpt_client_ltv C2: -5.00",
]
NO_STAGING = "This account may not read staging.stg_fees; those who read the dataset staging see more."
NO_LINES = (
    "This account may not read raw.fees; those who read the dataset raw and are Fine-Grained Readers of its policy tag"
    " nino see more."
)


@pytest.fixture
def world(shell):
    put("fees.csv", *LINES)
    assert shell("run", "--source", "lake/*.csv")[0] == 0
    return shell


def close(monkeypatch, datasets, by):
    """The account may not see these datasets, or the rows of their tables."""
    asked, prepared = DuckDB.query, DuckDB.prepare

    def ask(self, sql):
        if any(table.dataset in datasets for table in query.parse(sql, "n.sql").reads):
            raise DataClosed("Access Denied")
        return asked(self, sql)

    def prepare(self, contracts, *, create=True):
        if by == "dataset" and any(table.dataset in datasets for table in contracts):
            raise DatasetClosed("This account may not see the dataset.")
        return prepared(self, contracts, create=create)

    monkeypatch.setattr(DuckDB, "query", ask)
    monkeypatch.setattr(DuckDB, "prepare", prepare)


@pytest.mark.parametrize("by", ["dataset", "data"])
def test_who_reads_reporting_only_sees_its_levels(world, monkeypatch, by):
    close(monkeypatch, {"ops", "raw", "staging"}, by)
    code, out, _ = world(*ADVISER)
    assert (code, out.splitlines()) == (0, [*ABOVE, NO_STAGING])
    document = json.loads(world(*ADVISER, "--output", "json")[1])
    assert (document["value"], document["total"], document["fees"]) == ("102.50", "102.50", [])
    assert document["rows"] == [
        {"table": "reporting.rpt_client_ltv", "key": {"client_id": "C1"}, "contribution": "107.50"},
        {"table": "reporting.rpt_client_ltv", "key": {"client_id": "C2"}, "contribution": "-5.00"},
    ]
    assert document["closed"] == {"table": "staging.stg_fees", "policy_tag": ""}
    code, out, err = world(*ADVISER, "--output", "csv")
    assert (code, out.splitlines()[0]) == (0, "table,client_id,contribution")
    assert [one["contribution"] for one in csv.DictReader(io.StringIO(out))] == ["107.50", "-5.00"]
    assert NO_STAGING in " ".join(err.split())


@pytest.mark.parametrize("by", ["dataset", "data"])
def test_a_number_right_above_what_is_closed(world, monkeypatch, by):
    close(monkeypatch, {"ops", "raw", "staging"}, by)
    sums = world("trace", "rpt_client_ltv", "client_id=C1", "--column", "ltv_total")
    assert sums[:2] == (0, f"reporting.rpt_client_ltv, client_id C1: ltv_total is 107.50\n{NO_STAGING}\n")
    flag = ("trace", "rpt_client_ltv", "client_id=C1", "--column", "is_complete_6_month")
    code, out, _ = world(*flag)
    assert (code, out.splitlines()[1:]) == (0, [NO_STAGING])
    assert json.loads(world(*flag, "--output", "json")[1])["closed"]["table"] == "staging.stg_fees"
    mean = world("trace", "rpt_adviser_ltv", "adviser_id=A1", "--column", "avg_client_ltv_6_month")
    assert (mean[0], "102.50" in mean[1], "may not read" in mean[1]) == (0, True, False)


@pytest.mark.parametrize("by", ["dataset", "data"])
def test_who_reads_staging_too_sees_fees_without_their_lines(world, monkeypatch, by):
    close(monkeypatch, {"raw"}, by)
    code, out, _ = world(*ADVISER)
    said = out.splitlines()
    assert (code, said[1], said[-1]) == (0, "the sum of 3 fees", NO_LINES)
    assert re.fullmatch(r"    staging.stg_fees 2025-01-01, \w{32}: 100.00", said[3])
    found = list(csv.DictReader(io.StringIO(world(*ADVISER, "--output", "csv")[1])))
    assert [(one["fee_amount"], one["contribution"], one["source_row"]) for one in found] == [
        ("100.00", "100.00", ""),
        ("7.50", "7.50", ""),
        ("-5.00", "-5.00", ""),
    ]
    fees = json.loads(world(*ADVISER, "--output", "json")[1])["fees"]
    assert [(one["client_id"], one["source_file"]) for one in fees] == [("C1", None), ("C1", None), ("C2", None)]
    fee = world("trace", "stg_fees", f"fee_id={fees[0]['fee_id']}")
    assert (fee[0], NO_LINES in fee[1]) == (0, True)


def test_whose_numbers_are_masked_is_not_told_that_fees_are_missing(world, monkeypatch):
    """Terraform masks by NULL: staging's SQL finds no whole row then."""
    asked = DuckDB.query

    def masked(self, sql):
        found = asked(self, sql)
        if "raw.fees" in sql and "of_worth" in sql:
            return Rows(found.columns, ())
        if "COUNT(client_nino)" in sql:
            return Rows(found.columns, ((found.rows[0][0], 0),))
        return found

    monkeypatch.setattr(DuckDB, "query", masked)
    code, out, _ = world(*ADVISER)
    assert (code, out.splitlines()[-1]) == (0, NO_LINES)
    assert world(*ADVISER, "--verify")[0] == 5


@pytest.mark.parametrize(("by", "exit_code"), [("dataset", 4), ("data", 5)])
def test_what_cannot_be_seen_is_not_verified(world, monkeypatch, by, exit_code):
    close(monkeypatch, {"raw"}, by)
    code, out, _ = world(*ADVISER, "--verify")
    assert (code, out) == (exit_code, "")


@pytest.mark.parametrize("row", ["client", "adviser"])
def test_each_level_adds_up_even_where_no_lower_one_may_be_seen(world, monkeypatch, row):
    if row == "client":
        change("UPDATE reporting.rpt_client_ltv SET ltv_6_month = ltv_6_month + 1 WHERE client_id = 'C1'")
    else:
        change("UPDATE reporting.rpt_adviser_ltv SET total_client_ltv_6_month = 9 WHERE adviser_id = 'A1'")
    close(monkeypatch, {"ops", "raw", "staging"}, "dataset")
    code, out, err = world(*ADVISER)
    assert (code, out) == (1, "")
    assert f"add up to {'103.500000000' if row == 'client' else '102.500000000'}" in " ".join(err.split())


def test_rows_that_are_wrong_against_each_other_do_not_make_a_right_sum(world):
    change("UPDATE reporting.rpt_client_ltv SET ltv_6_month = ltv_6_month + IF(client_id = 'C1', 1, -1)")
    code, _, err = world(*ADVISER)
    assert (code, "ltv_6_month of client_id C1 is made of" in " ".join(err.split())) == (1, True)


class Half(Service):
    """BigQuery for an account that reads reporting only."""

    def query(self, request):
        text = request.sent["query"]
        if "INFORMATION_SCHEMA" not in text and re.search(r"\b(staging|raw)\.\w", text):
            raise Answer(403, "accessDenied", "Access Denied: Table p:staging.stg_fees: User does not have permission")
        cells = ["107.5" if name.startswith("total") else "1" for name in ADVISERS.types]
        cells = ["1"] if "AS found" in text else cells
        self.answers["rows"] = [["1", "C1", "107.5"]] if "of_worth" in text else [cells]
        return super().query(request)


ADVISERS = project().contracts[Table("reporting", "rpt_adviser_ltv")]


@pytest.mark.parametrize("closed", [set(), {"raw", "staging", "ops"}], ids=["rows", "datasets"])
def test_bigquery_denies_staging(monkeypatch, closed):
    service = Half()
    service.prepare()
    service.forbidden = closed
    asked = ADVISERS, {"adviser_id": "1"}, "total_client_ltv_6_month"
    with engine_on(service, monkeypatch) as engine:
        engine._contracts.clear()
        engine.prepare({ADVISERS.table: ADVISERS}, create=False)
        found = trace(project(), engine, *asked, partly=True)
        assert found.closed == Closed(Table("staging", "stg_fees"))
        assert [line.way for line in found.fees] == [(("reporting.rpt_client_ltv", ("C1",)),)]
        with pytest.raises(DatasetClosed if closed else DataClosed):
            trace(project(), engine, *asked)
