"""``ls --output odcs``: valid by the standard's own schema, and true to the contracts."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import yaml
from jsonschema import Draft201909Validator

from fees_etl.project.load import load

SCHEMA = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))
OWN = """\
description: One row per month with fees. It has every kind of rule.
owner: fees@example.com
materialized: rebuild
key: [fee_month, fee_count]
columns:
  - {name: fee_month, type: STRING, minimum: 2000-01, description: Month.}
  - {name: fee_count, type: INT64, minimum: 1, maximum: 900, unique: true, description: Fees.}
  - {name: fee_amount, type: NUMERIC, minimum: -99999999999999999999.000000001, maximum: 0.10, description: Pounds.}
  - {name: is_any, type: BOOL, accepted: [true], description: Always.}
  - {name: first_day, type: DATE, minimum: 1990-01-01, description: Earliest.}
  - {name: client_id, type: STRING, references: reporting.dim_clients.client_id, description: Some client.}
"""
QUERY = """\
SELECT FORMAT_DATE('%Y-%m', fee_date) AS fee_month, COUNT(*) AS fee_count, SUM(fee_amount) AS fee_amount,
    COUNT(*) > 0 AS is_any, MIN(fee_date) AS first_day, MIN(client_id) AS client_id
FROM staging.stg_fees
GROUP BY fee_month
"""


def contracts(shell, *args):
    code, out, err = shell("ls", *args, "--output", "odcs")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [f"{one.json_path}: {one.message}" for one in Draft201909Validator(SCHEMA).iter_errors(found)] == []
    assert yaml.safe_load(out) == found
    return found, {one["name"]: one for one in found["schema"]}


def test_every_contract_of_the_bundled_project_is_valid(shell):
    found, tables = contracts(shell)
    project = load(proven=False)
    kept = {str(at): made for at, made in project.contracts.items() if at.dataset != "history"}
    assert {name: [one["name"] for one in made["properties"]] for name, made in tables.items()} == {
        name: list(made.types) for name, made in kept.items()
    }
    (due,) = found["slaProperties"]
    assert (due["element"], due["value"]) == ("raw.fees", "1st of month")
    assert found["team"]["members"] == [{"username": "fee-data", "role": "owner"}]
    tagged = {
        f"{name}.{one['name']}": one["tags"]
        for name, made in tables.items()
        for one in made["properties"]
        if "tags" in one
    }
    assert tagged == {
        f"{name}.{one.name}": [f"policy_tag:{one.policy_tag}"]
        for name, made in kept.items()
        for one in made.columns
        if one.policy_tag
    }
    client = tables["reporting.rpt_client_ltv"]["properties"][0]
    assert (client["primaryKey"], client["required"], client["unique"]) == (True, True, True)
    assert client["relationships"] == [{"to": "reporting.dim_clients.client_id"}]


def test_a_contract_of_ones_own_says_every_rule(shell):
    shell("init")
    Path("sql/reporting/own.yml").write_text(OWN)
    Path("sql/reporting/own.sql").write_text(QUERY)
    Path("fees_etl.toml").write_text(
        '[targets.dev]\nwarehouse = "bigquery://p"\ndataset_suffix = "_dev"\npii = "synthetic"\n'
    )
    found, tables = contracts(shell, "own", "--target", "dev")
    assert list(tables) == ["reporting.own"]
    assert found["id"] == "fees-etl.dev"
    own = tables["reporting.own"]
    assert (own["physicalName"], own["dataGranularityDescription"]) == (
        "reporting_dev.own",
        "One row per month with fees.",
    )
    assert own["quality"][0]["arguments"] == {"properties": ["fee_month", "fee_count"]}
    month, count, amount, is_any, first, client = own["properties"]
    assert [one["primaryKeyPosition"] for one in (month, count)] == [1, 2]
    assert [rule["description"] for rule in month["quality"]] == ["The minimum is 2000-01, inclusive."]
    assert count["logicalTypeOptions"] == {"format": "i64", "minimum": 1, "maximum": 900}
    assert amount["logicalTypeOptions"] == {"maximum": 0.1}
    assert [rule["description"] for rule in amount["quality"]] == [
        "The minimum is -99999999999999999999.000000001, inclusive."
    ]
    assert is_any["enum"] == [{"value": True}]
    assert first["logicalTypeOptions"] == {"minimum": "1990-01-01"}
    assert "relationships" not in client  # to a table that is not in the document


def test_lineage_is_no_contract(shell):
    code, _, err = shell("ls", "--lineage", "rpt_client_ltv", "--output", "odcs")
    assert (code, "which have no lineage" in err) == (2, True)
