"""``init``: a project of one's own, as somebody begins who has installed the package and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import places
import pytest
import yaml
from pipeline import without_settings

from fees_etl.settings import read

REPORT = """\
SELECT
    FORMAT_DATE('%Y-%m', fee_date) AS fee_month,
    SUM(fee_amount) AS fee_amount
FROM staging.stg_fees
GROUP BY fee_month
"""
CONTRACT = """\
description: One row per month.
materialized: rebuild
key: [fee_month]
columns:
  - {name: fee_month, type: STRING, required: true, description: Month of the fees.}
  - {name: fee_amount, type: NUMERIC, required: true, description: Pounds.}
"""
FEES = """\
client_id,client_nino,adviser_id,fee_date,fee_amount
0123,QQ000001A,A1,2025-01-01,1.00
0123,QQ000002A,A1,2025-02-01,2.00
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where a wheel puts its files, and ``fees-etl`` on the path."""
    site = tmp_path_factory.mktemp("site")
    build = tomllib.loads((places.ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for source, target in [*((name, name) for name in build["packages"]), *build["force-include"].items()]:
        shutil.copytree(places.ROOT / source, site / target, ignore=shutil.ignore_patterns("__pycache__"))
    (site / "bin").mkdir()
    (site / "bin" / "fees-etl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fees_etl "$@"\n')
    (site / "bin" / "fees-etl").chmod(0o700)
    others = [path for path in sys.path if path and Path(path).resolve() != places.ROOT]
    environment = {**without_settings(), "PYTHONPATH": ":".join([str(site), *others])}
    return {**environment, "PATH": f"{site / 'bin'}:{os.environ['PATH']}"}


@pytest.fixture
def sh(installed, tmp_path):
    """A function: what a line of shell does in a new folder."""
    (tmp_path / "desk").mkdir()

    def ran(line, code=0, **environ):
        done = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path / "desk", env=installed | environ, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return ran


def test_the_next_commands_work_as_they_are_printed(sh, tmp_path):
    said = sh("fees-etl init 'my fees'")
    lines = [line.strip() for line in said.partition("Next\n")[2].splitlines()]

    assert lines[:3] == [f"cd '{tmp_path}/desk/my fees'", "fees-etl test", "fees-etl run"]
    assert "PUBLISHED" in sh(" && ".join(lines))
    assert {path.name for path in (tmp_path / "desk" / "my fees").iterdir()} == {
        ".github", ".gitignore", "fees.duckdb", "fees_etl.toml", "sql", "tests",
    }  # fmt: skip


def test_a_report_is_added_and_a_waiver_written(sh, tmp_path):
    work = tmp_path / "desk"
    sh("fees-etl init")
    (work / "sql/reporting/rpt_months.sql").write_text(REPORT)
    (work / "sql/reporting/rpt_months.yml").write_text(CONTRACT)
    (work / "lake").mkdir()
    (work / "lake/a.csv").write_text(FEES)

    assert "assert_client_data" in sh("fees-etl run --source lake", 1)
    example = (work / "sql/waivers.yml").read_text().replace("client-7", "0123").replace("2027-01-31", "9999-12-31")
    (work / "sql/waivers.yml").write_text("\n".join(line.removeprefix("# ") for line in example.splitlines()[3:]))
    said = sh("fees-etl run --source lake")
    assert "sql/waivers.yml:1: Number issued anew" in said
    assert "reporting.rpt_months" in said
    assert "reporting.rpt_months" in sh("fees-etl ls rpt_months")


def test_the_workflow_checks_what_it_is_given(sh, tmp_path):
    sh("fees-etl init")
    work = tmp_path / "desk"
    workflow = yaml.safe_load((work / ".github/workflows/fees.yml").read_text())
    steps = [step["run"] for step in workflow["jobs"]["check"]["steps"] if "run" in step]
    environ = {**workflow["env"], "FEES_ETL_WAREHOUSE": f"duckdb://{tmp_path}/ci.duckdb"}

    assert steps[0].startswith("python -m pip install")
    for line in steps[1:]:
        sh(line, **environ)
    (work / "sql/reporting/dim_clients.sql").write_text("SELECT client_id FROM staging.stg_fees")
    sh(steps[2], 2, **environ)


def test_its_settings_are_settings_with_their_comments_taken_away(sh, tmp_path):
    sh("fees-etl init")
    path = tmp_path / "desk" / "fees_etl.toml"
    assert read(path.parent).target == "local"
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join(line.removeprefix("# ") if "=" in line or line.startswith("# [") else line for line in lines)
    )
    assert read(path.parent, target="dev").dataset_suffix == "_dev"
    assert read(path.parent, target="prod").policy_tags.keys() == {"nino"}
    assert read(path.parent).source == "lake/*.csv"


@pytest.mark.parametrize("name", ["sql", "tests/models", "fees_etl.toml", ".github/workflows/fees.yml"])
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_nothing_is_overwritten(shell, name, kind):
    there = Path("own", name)
    there.parent.mkdir(parents=True)
    {"file": there.touch, "folder": there.mkdir, "link": lambda: there.symlink_to("/nowhere")}[kind]()
    before = sorted(Path("own").rglob("*"))

    code, _, err = shell("init", "own")

    assert (code, sorted(Path("own").rglob("*"))) == (2, before)
    assert f"own/{name} is there already, and nothing is overwritten." in " ".join(err.split())


@pytest.mark.parametrize("where", ["file", "file/below", "x" * 300, "a\0b", "/proc/nowhere", ".github is a file"])
def test_a_folder_that_cannot_be(shell, where):
    Path("file").touch()
    if " " in where:
        Path(where).mkdir()
        Path(where, ".github").touch()

    code, _, err = shell("init", where)

    assert (code, "cannot be written" in " ".join(err.split()) or "null byte" in err) == (2, True)
    assert [path.name for path in Path().rglob("*") if path.name.startswith(("sql", ".init", "fees_etl"))] == []
