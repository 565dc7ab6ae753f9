"""What a target says: whose datasets, which policy tags; and each kind of command."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from google.cloud.bigquery import PolicyTagList
from pipeline import MODELS, project
from worlds import charge

from fees_etl.settings import Settings
from fees_etl.types import Table

JANUARY, FEBRUARY = date(2025, 1, 31), date(2025, 2, 28)
FILES = {"a.csv": [charge("ann", "x", JANUARY, "1.6"), charge("bob", "y", FEBRUARY, "2")]}
TAG = "projects/p/locations/eu/taxonomies/1/policyTags/2"
MEBIBYTE = 2**20


def test_a_suffix_keeps_targets_apart(product):
    product.configure(ci='dataset_suffix = "_ci"')
    product.deal(FILES)
    assert product("run", target="ci").code == 0
    assert {dataset.dataset_id for dataset in product.google.client.list_datasets()} == {
        *("raw_ci", "staging_ci", "reporting_ci", "history_ci", "ops_ci"),
    }
    product.deal({"b.csv": [charge("cat", "x", FEBRUARY, "3")]})
    assert product("ingest").code == 0

    assert product.rows("SELECT SUM(ltv_total) FROM reporting_ci.rpt_client_ltv") == [(Decimal("3.6"),)]
    for dataset, rows in (("raw_ci", 2), ("raw", 3)):
        assert product.rows(f"SELECT COUNT(*) FROM {dataset}.fees") == [(rows,)]


def test_ninos_go_into_tagged_tables_only(product):
    product.configure(prod=f'policy_tags.nino = "{TAG}"')
    product.deal(FILES)
    said = product("run", target="prod")
    assert said.code == 4
    assert "raw.fees is missing, or hidden from this account." in said.err
    assert "Run `terraform apply` in terraform/" in said.err
    assert list(product.google.client.list_datasets()) == []

    product.terraform(TAG)
    assert product("run", target="prod").code == 0
    said = product("run")  # the target that says that every number is made up
    assert said.code == 4
    assert f"raw.fees.client_nino has the policy tag {TAG}, so its numbers are real" in said.err
    for table in ("raw.fees", "staging.stg_fees"):
        (nino,) = [field for field in product.google.client.get_table(table).schema if field.name == "client_nino"]
        assert nino.policy_tags == PolicyTagList([TAG])


def test_another_tag_is_drift(product):
    product.configure(prod=f'policy_tags.nino = "{TAG}"')
    product.terraform(TAG.replace("policyTags/2", "policyTags/3"))
    said = product("run", target="prod")

    assert said.code == 4
    assert "policyTags/3 in the warehouse, but target 'prod' maps 'nino' to" in said.err


def test_a_missing_column_is_added_and_another_type_is_drift(product):
    runs = project().contracts[Table("ops", "runs")]
    lacking = replace(runs, columns=tuple(column for column in runs.columns if column.name != "git_sha"))
    product.create(lacking, Settings("dev", pii="synthetic"))
    product.deal(FILES)
    assert product("run").code == 0
    assert product.rows("SELECT COUNT(*), COUNT(git_sha) IN (0, 1) FROM ops.runs") == [(1, True)]

    before = product.rows("SELECT * FROM reporting.dim_clients")
    product.google.client.delete_table("reporting.rpt_adviser_ltv")
    product.rows("CREATE TABLE reporting.rpt_adviser_ltv (adviser_id INT64)")
    said = product("run")
    assert said.code == 4
    assert "reporting.rpt_adviser_ltv.adviser_id is INT64 in the warehouse, but STRING by" in said.err
    assert product.rows("SELECT * FROM reporting.dim_clients") == before


def test_each_kind_of_command(product):
    product.google.google.sizes = {r"\braw\.fees\b": 3 * MEBIBYTE}
    product.deal(FILES)
    found = [product("run", "--output", "json").json]
    product.deal({"b.csv": [charge("ann", "x", FEBRUARY, "3"), charge("cat", "x", JANUARY, "4")]})
    assert product("ingest").code == 0
    found += [product(*args, "--output", "json").json for args in AGAIN]
    assert [one["status"] for one in found] == ["published", "rehearsed", "published", "published"]
    assert product("assert").code == product("plan").code == product("runs").code == 0
    assert [len(product.rows(f"SELECT * FROM {name}")) for name in MODELS] == [4, 3, 3, 2, 2]
    jobs = [job.resource["configuration"].get("labels", {}) for job in product.google.google.jobs.values()]
    assert {labels["kind"] for labels in jobs if labels.get("target") == "dev"} == {"load", "ingest", "run"}
    steps = [{step["name"]: step["rows"] for step in one["steps"]} for one in found]
    assert [[rows[name.partition(".")[2]] for name in MODELS] for rows in steps] == ROWS
    read = [found[0]["steps"][0]["bytes_read"], found[1]["steps"][0]["bytes_read"]]
    assert read == [3 * MEBIBYTE, 3 * MEBIBYTE]  # raw is read once: the window that all statements of the step share


AGAIN = (
    ("run", "--rehearse"),
    ("backfill", "--start", "2025-01-01", "--end", "2025-01-31"),
    ("run",),
)
ROWS = [[2, 2, 2, 2, 2], [2, 3, 3, 2, 2], [1, 3, 3, 2, 2], [1, 3, 3, 2, 2]]
"""Of stg_fees and the four reports: the first run, and each again."""
