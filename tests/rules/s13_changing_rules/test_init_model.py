"""``init --model``: a model to begin with, or the contract of SQL that is there, and commands that work."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from shells import typed

SQL, YML = Path("sql/reporting/mine.sql"), Path("sql/reporting/mine.yml")


@pytest.fixture
def own(shell):
    assert shell("init")[0] == 0
    return shell


def commands(out):
    return [line.strip() for line in out.partition("Next\n")[2].splitlines()]


@pytest.mark.parametrize("name", ["rpt_adviser_month", "rpt_x", "reporting.rpt_client"])
def test_the_next_commands_work_as_they_are_printed(own, monkeypatch, name):
    code, out, _ = own("init", "--model", name)
    assert (code, len(commands(out))) == (0, 4)
    for command in commands(out):
        assert typed(own, command, monkeypatch)[0] == 0, command


def test_the_contract_is_inferred_from_sql_that_is_there(own):
    SQL.write_text("""\
SELECT CONCAT(adviser_id, '!') AS adviser, client_id, MIN(fee_date), COUNT(*) > 1 AS is_many, SUM(fee_amount) AS fee_amount
FROM staging.stg_fees
GROUP BY 2, adviser
""")
    code, _, err = own("init", "--model", "mine")
    assert (code, "a column has no name" in err, YML.exists()) == (2, True, False)
    SQL.write_text(SQL.read_text().replace("(fee_date)", "(fee_date) AS first_day"))
    assert own("init", "--model", "mine")[0] == 0
    found = yaml.safe_load(YML.read_text())
    assert found["key"] == ["adviser", "client_id"]
    assert [(one["name"], one["type"]) for one in found["columns"]] == [
        ("adviser", "STRING"), ("client_id", "STRING"), ("first_day", "DATE"), ("is_many", "BOOL"), ("fee_amount", "NUMERIC"),
    ]  # fmt: skip
    assert "negative for a refund" in found["columns"][-1]["description"]


def test_what_cannot_be_leaves_nothing(own):
    SQL.write_text("SELECT MAX(client_nino) AS n, client_id FROM staging.stg_fees GROUP BY client_id\n")
    before = sorted(Path().rglob("*"))
    for name, said in [
        ("mine", "sql/reporting/mine.sql:1: 'n' is made of staging.stg_fees.client_nino"),
        ("dim_clients", "sql/reporting/dim_clients.yml is there already"),
        ("1x", "is no name"), ("select", "is no name"), ("macros.x", "is no name"), ("a.b.c", "is no name"),
    ]:  # fmt: skip
        code, _, err = own("init", "--model", name)
        assert (code, said in " ".join(err.split())) == (2, True), err
    assert sorted(Path().rglob("*")) == before
    SQL.unlink()
    assert "Only a reporting model" in " ".join(own("init", "--model", "staging.stg_more")[2].split())


def test_a_column_is_inferred_anew_and_a_case_is_kept(own, monkeypatch):
    own("init", "--model", "mine")
    case = Path("tests/models/mine/first/expect.csv")
    case.write_text("row_count\n1\n")
    SQL.write_text(SQL.read_text().replace("COUNT(*)", "COUNT(*) + 0 AS more,\n    COUNT(*)"))
    _, _, err = own("init", "--model", "mine")
    again = err.partition("anew: ")[2].strip()
    assert typed(own, again, monkeypatch)[0] == 0
    assert "more" in YML.read_text()
    assert case.read_text() == "row_count\n1\n"


def test_the_bundled_project_is_not_changed(shell, monkeypatch):
    code, _, err = shell("init", "--model", "mine")
    assert code == 2
    for command in err.partition("Next:")[2].strip().split(" && "):
        assert typed(shell, command, monkeypatch)[0] == 0


def test_a_name_that_no_disk_has_is_exit_2(own):
    assert own("init", "--model", "x" * 300)[0] == 2
