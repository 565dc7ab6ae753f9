from __future__ import annotations

from decimal import Decimal

import pytest

from fees_etl.errors import UsageError
from fees_etl.settings import read

HERE = "duckdb:///here.duckdb"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("TARGET", "WAREHOUSE", "DATASET_SUFFIX", "SOURCE", "VARS", "MAX_BYTES", "MAX_COST"):
        monkeypatch.delenv(f"FEES_ETL_{name}", raising=False)
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
