from __future__ import annotations

import os
import tomllib
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from fees_etl import connect, load, settings
from fees_etl.cli.ingest import require_source
from fees_etl.cli.session import Session
from fees_etl.errors import UsageError
from fees_etl.settings import Settings, aimed, read

HERE = "duckdb:///here.duckdb"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for field in fields(Settings):
        monkeypatch.delenv(f"FEES_ETL_{field.name.upper()}", raising=False)
    return tmp_path


def test_defaults_are_a_file_in_the_working_folder(folder):
    found = read(folder)

    assert found.target == "local"
    assert found.warehouse == f"duckdb://{folder}/fees.duckdb"
    assert (found.dataset_suffix, found.source, found.vars, found.max_bytes) == ("", None, {}, None)


PRECEDENCE = ["flag", "environment", ".env", "section", "default"]


@pytest.mark.parametrize("top", range(len(PRECEDENCE)), ids=PRECEDENCE)
@pytest.mark.parametrize("file", ["fees_etl.toml", "pyproject.toml"])
def test_the_first_of_flag_environment_dotenv_section_and_default_wins(folder, monkeypatch, top, file):
    """Each case sets its own layer and every lower one."""
    layers = PRECEDENCE[top:]
    if "section" in layers:
        table = "targets.local" if file == "fees_etl.toml" else "tool.fees-etl.targets.local"
        (folder / file).write_text(f'[{table}]\nsource = "section"\n')
    if ".env" in layers:
        (folder / ".env").write_text("FEES_ETL_SOURCE=.env\nOTHER=1\n")
    if "environment" in layers:
        monkeypatch.setenv("FEES_ETL_SOURCE", "environment")

    found = read(folder, source="flag" if "flag" in layers else None)

    assert found.source == {"default": None}.get(PRECEDENCE[top], PRECEDENCE[top])


def test_the_target_is_chosen_by_the_same_order_and_brings_its_section(folder, monkeypatch):
    (folder / "fees_etl.toml").write_text(
        '[targets.a]\nsource = "a"\n[targets.b]\nsource = "b"\n[targets.c]\nsource = "c"\n'
    )
    (folder / ".env").write_text("FEES_ETL_TARGET=a\n")
    assert read(folder).source == "a"
    monkeypatch.setenv("FEES_ETL_TARGET", "b")
    assert read(folder).source == "b"
    assert read(folder, target="c").source == "c"


def test_an_empty_variable_is_not_set(folder, monkeypatch):
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", "")
    monkeypatch.setenv("FEES_ETL_TARGET", "")
    assert read(folder).warehouse.endswith("fees.duckdb")


def test_variables_keep_their_pennies_and_join_those_of_the_target(folder, monkeypatch):
    (folder / "fees_etl.toml").write_text("[targets.local.vars]\nlookback_days = 5\ntolerance = 0.5\n")
    monkeypatch.setenv("FEES_ETL_VARS", '{"tolerance": 0.01}')
    assert read(folder).vars == {"lookback_days": 5, "tolerance": Decimal("0.01")}
    (folder / ".env").write_text('FEES_ETL_VARS={"tolerance": 1, "max_lost": 0.5}\n')
    assert read(folder).vars == {"lookback_days": 5, "tolerance": Decimal("0.01"), "max_lost": Decimal("0.5")}


def test_the_default_path_survives_a_url(folder, monkeypatch):
    odd = folder / "100% #1"
    odd.mkdir()
    monkeypatch.chdir(odd)
    assert read(odd).warehouse == f"duckdb://{folder}/100%25 %231/fees.duckdb"


MISTAKES = {
    "a target nobody wrote": (
        {"target": "prd"},
        "",
        '[targets.prod]\nwarehouse = "bigquery://p"\n',
        "There is no target 'prd'. Did you mean 'prod'?",
    ),
    "a key nobody knows": (
        {},
        "",
        '[targets.local]\nwarehose = "x"\n',
        "fees_etl.toml [targets.local]: 'warehose' is no setting. Did you mean 'warehouse'?",
    ),
    "a file that is no TOML": ({}, "", "[targets\n", "this is not TOML"),
    "a target that is no table": ({}, "", "[targets]\nlocal = 1\n", "targets must be tables"),
    "a variable nobody knows": ({}, "FEES_ETL_WAREHOSE=x", "", ".env is no setting. Did you mean FEES_ETL_WAREHOUSE?"),
    "a variable like no other": ({}, "FEES_ETL_NOPE=x", "", "FEES_ETL_NOPE in .env is no setting."),
    "a variable twice": (
        {},
        "FEES_ETL_SOURCE=a\nFEES_ETL_SOURCE=b",
        "",
        ".env:2: FEES_ETL_SOURCE stands in line 1, too.",
    ),
    "a folder that no disk has": ({}, f"FEES_ETL_SPILL={'x' * 300}", "", "cannot be a folder: File name too long"),
    "a scheme nobody knows": ({"warehouse": "sqlite:///x"}, "", "", "--warehouse: 'sqlite:///x' is no warehouse"),
    "a warehouse in a section": (
        {},
        "",
        '[targets.local]\nwarehouse = "x.db"\n',
        "fees_etl.toml [targets.local] warehouse: 'x.db' is no warehouse",
    ),
    "BigQuery without a project": (
        {},
        "FEES_ETL_WAREHOUSE=bigquery://",
        "",
        "FEES_ETL_WAREHOUSE in .env: 'bigquery://' names no project",
    ),
    "JSON that is none": ({}, "FEES_ETL_VARS={tolerance", "", "FEES_ETL_VARS in .env is not JSON."),
    "JSON that is no object": (
        {},
        "FEES_ETL_VARS=[1]",
        "",
        "FEES_ETL_VARS in .env: Input should be a valid dictionary",
    ),
    "a number that is none": (
        {},
        "FEES_ETL_MAX_BYTES=many",
        "",
        "FEES_ETL_MAX_BYTES in .env: Input should be a valid integer",
    ),
    "a parameter nobody knows": (
        {"warehouse": "bigquery://p?loction=EU"},
        "",
        "",
        "--warehouse: 'bigquery://p?loction=EU' has the parameter 'loction'; the only one is location",
    ),
    "a dataset in the URL": (
        {"warehouse": "bigquery://p/raw"},
        "",
        "",
        "'bigquery://p/raw' names more than a project; write bigquery://p?location=EU",
    ),
    "two locations": ({"warehouse": "bigquery://p?location=EU&location=US"}, "", "", "must name one location"),
    "a location that is none": ({"warehouse": "bigquery://p?location="}, "", "", "must name one location"),
    "a policy tag that is none": (
        {},
        "",
        '[targets.local.policy_tags]\nnino = "taxonomies/1/policyTags/2"\n',
        "fees_etl.toml [targets.local] policy_tags: nino = 'taxonomies/1/policyTags/2' is no policy tag; write projects/P",
    ),
    "policy tags that are no JSON": (
        {},
        "FEES_ETL_POLICY_TAGS={nino",
        "",
        "FEES_ETL_POLICY_TAGS in .env is not JSON.",
    ),
    "PII of another kind": ({}, "FEES_ETL_PII=real", "", "FEES_ETL_PII in .env: Input should be 'synthetic'"),
    "a job that may not run": (
        {},
        "FEES_ETL_DEADLINE=0",
        "",
        "FEES_ETL_DEADLINE in .env: Input should be greater than 0",
    ),
    "a memory without a unit": (
        {},
        "FEES_ETL_MEMORY=1000",
        "",
        "FEES_ETL_MEMORY in .env: '1000' is no size of memory from 16MB to 1024TB; write 512MB or 8GB.",
    ),
    "a negative price": (
        {},
        "",
        "[targets.local]\nprice_per_tib = -1\n",
        "fees_etl.toml [targets.local] price_per_tib: Input should be greater than or equal to 0",
    ),
    "memory beyond measure": ({}, "FEES_ETL_MEMORY=1EB", "", "'1EB' is no size of memory from 16MB to 1024TB"),
    "more memory than there is": (
        {},
        "",
        "[targets.local]\nmemory = '9999999TB'\n",
        "'9999999TB' is no size of memory",
    ),
    "no memory": ({}, "FEES_ETL_MEMORY=0GB", "", "'0GB' is no size of memory"),
    "memory below nothing": ({}, "FEES_ETL_MEMORY=-1", "", "'-1' is no size of memory"),
    "a name in JSON twice": ({}, 'FEES_ETL_VARS={"a": 1, "a": 2}', "", "FEES_ETL_VARS in .env is not JSON."),
    "a number in JSON that is none": ({}, 'FEES_ETL_VARS={"a": NaN}', "", "FEES_ETL_VARS in .env is not JSON."),
    "digits without end": ({}, f'FEES_ETL_VARS={{"a": {"9" * 5000}}}', "", "FEES_ETL_VARS in .env is not JSON."),
    "JSON too deep": ({}, "FEES_ETL_VARS=" + "[" * 100_000, "", "FEES_ETL_VARS in .env is not JSON."),
    "a quote that is not closed": (
        {},
        "\nFEES_ETL_SOURCE='a",
        "",
        ".env:2: FEES_ETL_SOURCE has no value that can be read.",
    ),
    "a line without =": ({}, "FEES_ETL_SOURCE: a", "", ".env:1: FEES_ETL_SOURCE has no value that can be read."),
    "a key above the targets": (
        {},
        "",
        "sources = 1\n[targets.local]\n",
        "fees_etl.toml: 'sources' is not known there",
    ),
    "targets misspelt": ({}, "", "[target.local]\nsource = 'x'\n", "fees_etl.toml: 'target' is not known there"),
    "TOML too deep": ({}, "", "a = " + "[" * 5000, "fees_etl.toml: this is not TOML"),
    "TOML digits without end": ({}, "", f"a = {'9' * 5000}\n", "fees_etl.toml: this is not TOML"),
    "a source with a NUL": (
        {},
        "",
        '[targets.local]\nsource = "a\\u0000"\n',
        "source: 'a\\x00' is not UTF-8, or has a NUL.",
    ),
    "a warehouse with a NUL": ({}, "FEES_ETL_WAREHOUSE=duckdb:///a%00", "", "or a NUL"),
    "a name too long": ({}, f"FEES_ETL_WAREHOUSE=duckdb:///{'x' * 300}", "", "has a name longer than 250 bytes"),
    "a spill folder that is none": (
        {},
        "FEES_ETL_SPILL=/dev/null",
        "",
        "FEES_ETL_SPILL in .env: /dev/null is no folder.",
    ),
    "dollars without end": ({}, "FEES_ETL_MAX_COST=1e999", "", "FEES_ETL_MAX_COST in .env: Input should be less than"),
    "a suffix that is SQL": (
        {},
        "FEES_ETL_DATASET_SUFFIX=_ci;",
        "",
        "FEES_ETL_DATASET_SUFFIX in .env: String should match",
    ),
}


@pytest.mark.parametrize(("flags", "dotenv", "toml", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_place(folder, flags, dotenv, toml, said):
    (folder / ".env").write_text(dotenv)
    (folder / "fees_etl.toml").write_text(toml)

    with pytest.raises(UsageError) as caught:
        read(folder, **flags)

    assert said in caught.value.message.replace(f"{folder}/", "")
    assert caught.value.hint


def test_pyproject_may_say_targets_only_and_fees_etl_not_the_same(folder):
    for text, said in {
        "[tool.fees-etl]\ntarget = 1\n": "'target' is not known there",
        "[tool.fees_etl.targets.local]\nsource = 'x'\n": "'fees_etl' is not known there",
        "[tool.fees-etl.targets.local]\nsource = 'x'\n": "target 'local' is in pyproject.toml and in fees_etl.toml.",
    }.items():
        (folder / "pyproject.toml").write_text(f"[tool.other]\nx = 1\n{text}")
        (folder / "fees_etl.toml").write_text("[targets.local]\n")
        with pytest.raises(UsageError, match="target") as caught:
            read(folder)
        assert said in caught.value.message


@pytest.mark.parametrize("name", [".env", "fees_etl.toml", "pyproject.toml"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path.name)])
def test_what_is_no_file_is_not_passed_over(folder, name, make):
    make(folder / name)
    with pytest.raises(UsageError, match=f"{name} is no plain file"):
        read(folder)


@pytest.mark.parametrize("name", [".env", "fees_etl.toml", "pyproject.toml"])
def test_a_link_to_a_name_that_no_disk_has_is_no_file(folder, name):
    (folder / name).symlink_to("x" * 3000)
    with pytest.raises(UsageError, match=f"{name} cannot be read: File name too long"):
        read(folder)


@pytest.mark.parametrize("name", [one.name for one in fields(Settings) if one.name != "project_dir"])
def test_bytes_of_the_environment_that_are_no_text(folder, monkeypatch, name):
    monkeypatch.setenv(f"FEES_ETL_{name.upper()}", os.fsdecode(b"a\xff"))
    with pytest.raises(UsageError, match=f"FEES_ETL_{name.upper()} in the environment is not UTF-8"):
        read(folder)


@hypothesis.settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["toml", "env", "dotenv"]),
    st.sampled_from(sorted(one.name for one in fields(Settings) if one.name != "project_dir")),
    st.text(max_size=20)
    | st.sampled_from(["1e999", "nan", "-0", "{}", '{"a": {}}', "[]", "null", "duckdb:///", "bigquery://[", "%ff"]),
)
def test_any_value_is_a_setting_or_a_mistake(folder, kind, name, text):
    for file in (".env", "fees_etl.toml"):
        (folder / file).unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        if kind == "env" and "\0" not in text:
            patch.setenv(f"FEES_ETL_{name.upper()}", text)
        elif kind == "dotenv":
            (folder / ".env").write_bytes(f"FEES_ETL_{name.upper()}={text}\n".encode())
        else:
            (folder / "fees_etl.toml").write_bytes(f"[targets.local]\n{name} = {text}\n".encode())
        try:
            assert read(folder).target
        except UsageError as error:
            assert error.hint  # noqa: PT017


CONTRADICTIONS = [
    ('[targets.prod]\nwarehouse = "bigquery://p"\n', "prod", HERE, True),
    ('[targets.prod]\nwarehouse = "bigquery://p"\n', "prod", "bigquery://p", False),
    ('[targets.prod]\ndataset_suffix = "_x"\n', "prod", HERE, False),
    ("", "local", HERE, True),
    ('[targets.prod]\nwarehouse = "bigquery://p"\n', None, HERE, False),
]


@pytest.mark.parametrize("case", CONTRADICTIONS)
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_an_explicit_target_does_not_yield_to_an_ambient_warehouse(folder, monkeypatch, case, place):
    toml, target, ambient, refused = case
    (folder / "fees_etl.toml").write_text(toml)
    if place == ".env":
        (folder / ".env").write_text(f"FEES_ETL_WAREHOUSE={ambient}\n")
    else:
        monkeypatch.setenv("FEES_ETL_WAREHOUSE", ambient)

    if not refused:
        assert read(folder, target=target).warehouse == ambient
        return
    with pytest.raises(UsageError, match=f"--target {target} means .* but FEES_ETL_WAREHOUSE in .*{place} says"):
        read(folder, target=target)


def test_the_targets_of_the_module_docstring_are_settings(folder):
    example = settings.__doc__.partition("::\n\n")[2].partition("\n\nImporting")[0]
    (folder / "fees_etl.toml").write_text(dedent(example))
    prod = read(folder, target="prod")

    assert list(tomllib.loads(dedent(example))["targets"]) == ["dev", "prod"]
    eu, tag = "bigquery://my-project?location=EU", "projects/my-project/locations/eu/taxonomies/123/policyTags/456"
    assert read(folder, target="dev") == Settings("dev", eu, dataset_suffix="_dev", pii="synthetic", project_dir=folder)
    assert prod == Settings(
        "prod", eu, source="gs://my-lake/fees/*.csv", policy_tags={"nino": tag}, max_cost=Decimal(5), project_dir=folder
    )


def test_what_an_engine_gets_may_come_from_the_environment(folder, monkeypatch):
    tag = "projects/p/locations/eu/taxonomies/1/policyTags/2"
    for name, text in {
        "WAREHOUSE": "bigquery://p?location=europe-west2",
        "POLICY_TAGS": f'{{"nino": "{tag}"}}',
        "MAX_BYTES": "1000",
        "MAX_COST": "0.1",
        "PRICE_PER_TIB": "7.82",
        "SPILL": "/mnt/spill",
        "MEMORY": "1.5 GiB",
        "DEADLINE": "600",
    }.items():
        monkeypatch.setenv(f"FEES_ETL_{name}", text)

    found = read(folder)
    assert found.location == "europe-west2"
    assert found == Settings(
        warehouse="bigquery://p?location=europe-west2",
        policy_tags={"nino": tag},
        max_bytes=1000,
        max_cost=Decimal("0.1"),
        price_per_tib=Decimal("7.82"),
        spill=Path("/mnt/spill"),
        memory="1.5 GiB",
        deadline=600,
        project_dir=folder,
    )


def test_a_price_in_a_section_keeps_its_cents(folder):
    (folder / "fees_etl.toml").write_text("[targets.local]\nprice_per_tib = 7.82\nmax_cost = 0.1\n")
    found = read(folder)

    assert (found.price_per_tib, found.max_cost) == (Decimal("7.82"), Decimal("0.1"))


@pytest.mark.parametrize(
    ("query", "location"),
    [("", "EU"), ("?location=eu", "EU"), ("?location=US", "US"), ("?location=Europe-West2", "europe-west2")],
)
def test_the_location_is_the_urls(folder, query, location):
    assert read(folder, warehouse=f"bigquery://p{query}").location == location


def test_the_warehouse_that_is_opened_is_the_urls(folder):
    said = Settings("dev", "bigquery://p", pii="synthetic")
    found = aimed("bigquery://q?location=us", "_ci", said)
    assert found == replace(said, warehouse="bigquery://q?location=us", dataset_suffix="_ci")
    assert found.location == "US"
    for url, suffix, mistake in [
        ("bigquery://p?loction=EU", "", "has the parameter 'loction'"),
        ("bigquery://p", "_;", "match pattern"),
    ]:
        with pytest.raises(UsageError, match=mistake):
            aimed(url, suffix)


def test_the_suffix_is_that_of_the_settings_unless_another_is_given(folder):
    said = Settings(dataset_suffix="_dev")
    for how, dataset in [({}, "raw_dev"), ({"suffix": "_ci"}, "raw_ci"), ({"suffix": ""}, "raw")]:
        with connect("duckdb://", settings=said, **how) as engine:
            engine.prepare(load().contracts)
            assert engine.native.execute(f"SELECT COUNT(*) FROM {dataset}.fees").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("warehouse", "source", "refused"),
    [("bigquery://p", None, True), ("bigquery://p", "gs://b/*.csv", False), (HERE, None, False)],
)
def test_the_sample_stays_on_duckdb(folder, warehouse, source, refused):
    session = Session("fees-etl run", "fees-etl", "run")
    session.settings = read(folder, warehouse=warehouse, source=source)
    if not refused:
        require_source(session)
        return
    with pytest.raises(UsageError, match="no source is named") as caught:
        require_source(session)
    assert caught.value.hint.startswith("fees-etl run --source 'gs://")


def test_a_container_names_its_target_and_warehouse_in_the_environment_alone(folder, monkeypatch):
    monkeypatch.setenv("FEES_ETL_TARGET", "prod")
    with pytest.raises(UsageError, match="There is no target 'prod'"):
        read(folder)
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", "bigquery://p?location=EU")
    assert (read(folder).target, read(folder).warehouse) == ("prod", "bigquery://p?location=EU")
    assert read(folder, target="prod").target == "prod"
    with pytest.raises(UsageError, match="There is no target 'dev'"):
        read(folder, target="dev")
    (folder / "fees_etl.toml").write_text('[targets.prods]\nsource = "x.csv"\n')
    with pytest.raises(UsageError, match="Did you mean 'prods'"):
        read(folder)
