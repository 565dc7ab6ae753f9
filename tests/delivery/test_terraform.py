"""What terraform/ takes from the project is what the project says: tables, datasets, settings, names of files.

Terraform's own rules are tested by terraform (terraform/tests), with made-up contracts. Here it reads the real ones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import fields
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import places
import pytest
import yaml

from fees_etl import load
from fees_etl.engines.bigquery.drift import is_terraforms
from fees_etl.engines.bigquery.tables import resource
from fees_etl.ingestion.globs import control_names, regex
from fees_etl.ingestion.source import in_bucket
from fees_etl.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fees_etl.types import Project

ROOT = places.ROOT
TERRAFORM = ROOT / "terraform"
ALIASES = {"nino": "nino"}
"""Terraform puts the resource name of its tag where a contract has the alias."""
SCHEMA = json.loads((ROOT / "sql" / "contract.schema.json").read_text(encoding="utf-8"))
TYPES = SCHEMA["$defs"]["_Column"]["properties"]["type"]["enum"]
"""Those that a column may have."""
NEEDS_TERRAFORM = pytest.mark.skipif(shutil.which("terraform") is None, reason="reads HCL by `terraform console`")


def tables(project: Project) -> dict[str, Any]:
    """The tables that only Terraform makes, as the engine would make them; labels are the environment's."""
    settings = SimpleNamespace(target="local", policy_tags=ALIASES, pii=None)
    made = {
        str(table): resource(contract, settings, "project").to_api_repr()
        for table, contract in project.contracts.items()
        if is_terraforms(contract, settings)
    }
    kept = ("description", "schema", "timePartitioning", "clustering")
    return {name: {part: table[part] for part in kept if part in table} for name, table in sorted(made.items())}


def named_blocks(file: str, kind: str) -> Iterator[str]:
    """The names of the blocks of a kind that a file has."""
    yield from re.findall(rf'^{kind} "([a-z_]+)"', (TERRAFORM / file).read_text(encoding="utf-8"), re.MULTILINE)


def keys(file: str, local: str) -> set[str]:
    """The keys of a map that a file writes out, each on a line of its own."""
    text = (TERRAFORM / file).read_text(encoding="utf-8")
    body = re.search(rf"^  {local}\s+= \{{\n(.*?)^  \}}", text, re.MULTILINE | re.DOTALL)
    assert body, f"{file} has no local {local}"
    return set(re.findall(r"^    ([A-Za-z_]+)\s+=", body[1], re.MULTILINE))


def read(name: str) -> Any:
    return yaml.safe_load((TERRAFORM / name).read_text(encoding="utf-8"))


def made_by_terraform(folder: Path) -> dict[str, Any]:
    """The tables that contracts.tf reads from folder/sql, which is where its variable looks for them by default."""
    module = folder / "terraform"
    module.mkdir()
    shutil.copy(TERRAFORM / "contracts.tf", module)
    variables = (TERRAFORM / "variables.tf").read_text(encoding="utf-8")
    declared = re.search(r'^variable "sql" \{\n.*?^\}\n', variables, re.MULTILINE | re.DOTALL)
    assert declared
    (module / "variables.tf").write_text(declared[0], encoding="utf-8")
    said = subprocess.run(
        ["terraform", "console", "-no-color"],
        cwd=module,
        env=os.environ | {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull},
        input="jsonencode(local.tables)\n",
        capture_output=True,
        text=True,
        check=True,
    )
    made: dict[str, Any] = json.loads(json.loads(said.stdout))
    return made


@NEEDS_TERRAFORM
def test_terraform_makes_the_tables_that_the_engine_would_make(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    assert made_by_terraform(tmp_path) == tables(load())


def test_exactly_the_ninos_and_the_records_that_may_hold_one_are_tagged() -> None:
    tagged = {
        (name, field["name"])
        for name, table in tables(load()).items()
        for field in table["schema"]["fields"]
        if "policyTags" in field
    }
    assert tagged == {
        ("raw.fees", "client_nino"),
        ("raw.fees_incoming", "client_nino"),
        ("raw.fees_incoming", "record"),
        ("raw.fees_rejected", "record"),
        ("staging.stg_fees", "client_nino"),
    }


@NEEDS_TERRAFORM
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("raw/fees_rejected.yml", "{name: reasons, type: STRING", "{name: faults, type: STRING"),
        ("raw/fees.yml", "{name: _source_row, type: INT64", "{name: _source_row, type: STRING"),
        ("raw/fees.yml", "{name: adviser_id, type: STRING", "{name: adviser_id, required: true, type: STRING"),
        ("raw/fees.yml", "policy_tag: nino, ", ""),
        ("raw/fees.yml", "{name: _run_id, type: STRING", "{name: _run_id, policy_tag: nino, type: STRING"),
        ("raw/fees.yml", "partition_by: fee_date\n", ""),
        ("raw/fees.yml", "cluster_by: [_source_file]", "cluster_by: [client_id]"),
        ("raw/fees.yml", "Day the fee was charged", "Day the fee was taken"),
        ("raw/fees.yml", "columns:\n", "columns:\n  - {name: note, type: STRING, description: A note.}\n"),
        ("raw/fees_rejected.yml", "policy_tag: nino, ", ""),
        ("raw/files.yml", "{name: reason, type: STRING", "{name: reason, policy_tag: nino, type: STRING"),
        (
            "raw/fees.yml",
            "columns:\n",
            "columns:\n" + "".join(f"  - {{name: a_{one.lower()}, type: {one}, description: One.}}\n" for one in TYPES),
        ),
    ],
    ids=[
        "a column renamed",
        "a type changed",
        "a column required",
        "a tag removed",
        "a tag added",
        "no partitions",
        "other clusters",
        "another description",
        "a column added",
        "a table without tags",
        "a table with a tag",
        "every type",
    ],
)
def test_terraform_follows_a_changed_contract(tmp_path: Path, file: str, old: str, new: str) -> None:
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    path = tmp_path / "sql" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    wanted = tables(load(tmp_path))
    assert wanted != tables(load())
    assert made_by_terraform(tmp_path) == wanted


def test_datasets_are_those_of_the_contracts() -> None:
    assert keys("datasets.tf", "datasets") == {table.dataset for table in load().contracts}


def test_tags_are_those_that_contracts_name() -> None:
    used = {column.policy_tag for made in load().contracts.values() for column in made.columns if column.policy_tag}
    assert keys("governance.tf", "policy_tags") == used == ALIASES.keys()


def test_jobs_are_told_settings_that_exist() -> None:
    told = keys("jobs.tf", "environment_variables")
    assert {"FEES_ETL_TARGET", "FEES_ETL_WAREHOUSE", "FEES_ETL_SOURCE", "FEES_ETL_POLICY_TAGS"} <= told
    assert {name.removeprefix("FEES_ETL_").lower() for name in told} <= {one.name for one in fields(Settings)}


def test_the_workflow_starts_for_the_files_that_an_ingestion_reads_and_their_control_files() -> None:
    landing = re.search(r'landing = "([^"]+)"', (TERRAFORM / "lake.tf").read_text(encoding="utf-8"))
    assert landing
    assign = read("workflow.yaml")["main"]["steps"][0]["read_event"]["assign"]
    ours = next(step["ours"] for step in assign if "ours" in step)
    pieces = ours.removeprefix('${"^" + sys.get_env("LANDING") + "').removesuffix('"}')
    assert pieces != ours
    pattern = re.compile("^" + landing[1] + pieces)
    source = [regex(one) for one in in_bucket(landing[1], [])]
    for name in (
        "a.csv",
        "a.csv.gz",
        "a b.csv",
        "a.csv.bak",
        "a.txt",
        "",
        "a.csv/b",
        "old/a.csv",
        "a.csv.gz.tmp",
        "acsv",
    ):
        object_name = landing[1] + name
        read_by_ingestion = any(re.fullmatch(one, object_name) for one in source)
        assert bool(pattern.match(object_name)) == read_by_ingestion, name
    for name in control_names(f"{landing[1]}a.csv.gz"):
        assert pattern.match(name)
    for name in ("a.csv", "landing/feesa.csv", "x/landing/fees/a.csv", "landing/fees_old/a.csv"):
        assert not pattern.match(name)


def test_every_role_is_granted_once_on_something_that_exists_and_has_a_reason() -> None:
    known = {"project", "bucket:lake", "folder:catalogue", "policy_tag:nino", "topic:dead_letter", "registry:images"}
    known |= {f"dataset:{name}" for name in keys("datasets.tf", "datasets")}
    known |= {f"job:{name}" for name in keys("jobs.tf", "commands")}
    roles = read("roles.yaml")
    known |= {f"account:{account}" for account in roles}
    for account, grants in roles.items():
        places = [(grant["role"], grant["on"]) for grant in grants]
        assert len(places) == len(set(places)), account
        for grant in grants:
            assert grant.keys() == {"role", "on", "reason"}
            custom = {f"custom:{name}" for name in read("custom_roles.yaml")}
            assert grant["role"].startswith("roles/") or grant["role"] in custom
            assert grant["on"] in known, grant
            assert re.fullmatch(r"[A-Z].{15,}\.", grant["reason"]), grant


def test_every_alert_watches_a_count_or_what_is_usual_and_says_what_to_do() -> None:
    signals = read("signals.yaml")
    for name, alert in signals["alerts"].items():
        assert len(alert.keys() & {"more_than", "absent_for", "unusual_above"}) == 1, name
        is_measured = "value" in signals["metrics"][alert["metric"]]
        assert is_measured == ("unusual_above" in alert), (
            f"{name} is of a distribution and a fixed number, or of a count and its past"
        )
        assert alert["severity"] in {"CRITICAL", "ERROR", "WARNING"}
        assert re.fullmatch(r".+\.", alert["what_to_do"]), name
    for name, metric in signals["metrics"].items():
        assert metric.keys() - {"value"} == {"description", "filter", "unit"}, name
        for term in metric["filter"].split(" AND "):
            assert re.fullmatch(r"(jsonPayload|labels)\.\w+(=|!=|>=|>|<)(\"\w+\"|\d+)|severity=\"\w+\"", term), term


@pytest.mark.parametrize("environment", ["dev", "ci", "prod"])
def test_an_environment_keeps_its_state_in_its_own_project(environment: str) -> None:
    values = (TERRAFORM / "envs" / f"{environment}.tfvars").read_text(encoding="utf-8")
    backend = (TERRAFORM / "envs" / f"{environment}.gcs.tfbackend").read_text(encoding="utf-8")
    bucket = re.search(r'^bucket\s*= "(.+)"$', backend, re.MULTILINE)
    project = re.search(r'^project\s*= "(.+)"$', values, re.MULTILINE)
    assert bucket
    assert project
    assert bucket[1] == f"{project[1]}-tfstate"
    assert re.search(rf'^environment\s*= "{environment}"$', values, re.MULTILINE)


def test_variables_and_outputs_are_in_alphabetical_order_and_no_file_is_a_catch_all() -> None:
    for file, kind in (("variables.tf", "variable"), ("outputs.tf", "output")):
        names = list(named_blocks(file, kind))
        assert names == sorted(names)
    assert not (TERRAFORM / "main.tf").exists()


def test_a_lock_file_is_of_the_real_provider() -> None:
    """Only the registry signs its checksums with zh; a copy on this machine has none."""
    lock = TERRAFORM / ".terraform.lock.hcl"
    assert not lock.exists() or '"zh:' in lock.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(TERRAFORM.glob("*.tf")), ids=lambda path: path.name)
def test_no_account_has_a_key(path: Path) -> None:
    assert "google_service_account_key" not in path.read_text(encoding="utf-8")
