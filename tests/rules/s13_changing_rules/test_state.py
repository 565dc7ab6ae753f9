"""``state:modified``: thirty edits of the bundled project with their verdicts, against a commit and against a run."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import places
import pytest
from shells import GOOD, change, put

STG, DIM, CLIENT = "staging.stg_fees", "reporting.dim_clients", "reporting.rpt_client_ltv"
COHORT, ADVISER = "reporting.rpt_cohort_ltv", "reporting.rpt_adviser_ltv"
FEES_SQL, FEES_YML = "staging/stg_fees.sql", "staging/stg_fees.yml"
DIM_SQL, DIM_YML, LTV = "reporting/dim_clients.sql", "reporting/dim_clients.yml", "reporting/rpt_client_ltv.sql"

EDITS = {
    "comment": (DIM_SQL, "FROM ranked", "FROM ranked -- all of them", ()),
    "comment of a block": (DIM_SQL, "SELECT\n    client_id,\n    first", "/* one each */ SELECT\n    client_id,\n    first", ()),
    "comment of Jinja": (FEES_SQL, "FROM cleaned", "{# once #}FROM cleaned", ()),
    "layout": (FEES_SQL, "    client_id,\n    client_nino,\n    adviser_id,", "  client_id ,client_nino,adviser_id,", ()),
    "case of a keyword": (DIM_SQL, "WHERE touch = 1", "where touch = 1", ()),
    "rename of a CTE": (DIM_SQL, "ranked", "touched", ()),
    "unused variable": ("variables.yml", "tolerance:", "colour: blue\ntolerance:", ()),
    "variable of assertions": ("variables.yml", 'tolerance: "0" ', 'tolerance: "0.01" ', ()),
    "variable of ingestion": ("variables.yml", 'max_rejected: "0.05"', 'max_rejected: "0.5"', ()),
    "lookback": ("variables.yml", "lookback_days: 3", "lookback_days: 5", ()),
    "unused macro": ("macros/money.sql", "", "{%- macro idle(x) -%} {{ x }} {%- endmacro -%}\n", ()),
    "description of a table": (DIM_YML, "One row per client.", "One row per paying client.", ()),
    "description of a column": (FEES_YML, "Pounds, negative for a refund.", "Pounds.", ()),
    "owner": (DIM_YML, "owner: fee-data", "owner: finance", ()),
    "test of a column": (DIM_YML, 'minimum: "1990-01-01"', 'minimum: "1991-01-01"', ()),
    "severity of an assertion": ("assertions/assert_ltv_matches_raw.yml", "severity: error", "severity: warn", ()),
    "SQL of an assertion": ("assertions/assert_client_data.sql", "", "\n-- more\n", ()),
    "alias of a file's column": ("raw/fees.yml", "{name: adviser_id, type", "{name: adviser_id, aliases: [ifa], type", ()),
    "another column of files": ("raw/fees.yml", "  - {name: _source_file", "  - {name: note, type: STRING, description: Text.}\n  - {name: _source_file", ()),
    "rule of check": ("checks.yml", "severity: warn", "severity: off", ()),
    "filter": (DIM_SQL, "WHERE touch = 1", "WHERE touch = 1 AND client_id != 'x'", (DIM,)),
    "filter of staging": (FEES_SQL, "WHERE is_whole AND place = 1", "WHERE is_whole AND place = 1 AND fee_amount > 0", (STG,)),
    "window": (DIM_SQL, "fee_amount DESC, adviser_id", "fee_amount ASC, adviser_id", (DIM,)),
    "partition of a window": (DIM_SQL, "PARTITION BY client_id\n", "PARTITION BY client_id, adviser_id\n", (DIM,)),
    "join": (LTV, "INNER JOIN", "LEFT OUTER JOIN", (CLIENT,)),
    "interval": (LTV, "MONTH)", "WEEK)", (CLIENT,)),
    "case of a literal": (DIM_SQL, "'%Y-%m'", "'%y-%m'", (DIM,)),
    "macro of two reports": ("macros/money.sql", "NUMERIC '0.01'", "NUMERIC '0.001'", (ADVISER, COHORT)),
    "macro of staging": ("macros/clean.sql", "UPPER(", "LOWER(", (STG,)),
    "key": (FEES_YML, "key: [fee_date, fee_id]", "key: [fee_id, fee_date]", (STG,)),
    "cluster": (DIM_YML, "cluster_by: [client_id]", "cluster_by: [cohort_month]", (DIM,)),
    "materialization of merges": ("materializations/merge.sql", "IS DISTINCT FROM source", "!= source", (STG,)),
    "expression that comes to the same": (DIM_SQL, "touch = 1", "touch + 0 = 1", (DIM,)),
    "two models": (LTV, "INNER JOIN", "LEFT OUTER JOIN", (DIM, CLIENT)),
}  # fmt: skip
"""File, old text, new text (an old one of "" is the end), and the models whose own rows may differ."""


def git(*words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True, capture_output=True)


@pytest.fixture
def committed(shell):
    """A project of one's own, committed."""
    shutil.copytree(places.ROOT / "sql", "sql")
    Path(".gitignore").write_text("lake\nfees.duckdb*\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    return shell


def edit(name):
    file, old, new, verdict = EDITS[name]
    path = Path("sql", file)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new) if old else text + new)
    if name == "two models":
        edit("filter")
    return verdict


def selected(shell, *args):
    code, out, err = shell("ls", "--output", "json", *args)
    assert code == 0, err
    return tuple(one["name"] for one in json.loads(out)["nodes"] if one["kind"] != "assertion") if out else ()


@pytest.mark.parametrize("name", EDITS)
def test_what_an_edit_modifies(committed, name):
    verdict = edit(name)
    assert set(selected(committed, "--select", "state:modified")) == set(verdict)


def test_thirty_edits_are_judged():
    assert len(EDITS) >= 30


@pytest.mark.parametrize("place", ["", "etl/fees"])
def test_the_same_by_a_commit_and_by_what_a_run_published(shell, place):
    Path(place or ".").mkdir(parents=True, exist_ok=True)
    shutil.copytree(places.ROOT / "sql", Path(place, "sql"))
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    git("tag", "v1")
    put("good.csv", GOOD)
    at = ("--project-dir", place) if place else ()
    assert shell(*at, "run", "--source", "lake/*.csv")[0] == 0
    path = Path(place, "sql", LTV)
    path.write_text(path.read_text().replace("INNER JOIN", "LEFT OUTER JOIN"))
    git("commit", "-qam", "second")

    for state in ("v1", "HEAD~1", "latest"):
        assert selected(shell, *at, "--select", "state:modified", "--state", state) == (CLIENT,)
        assert set(selected(shell, *at, "--select", "state:modified+", "--state", state)) == {CLIENT, COHORT, ADVISER}
        assert selected(shell, *at, "--select", "state:modified+1", "--exclude", "rpt_c*", "--state", state) == (
            ADVISER,
        )
    assert selected(shell, *at, "--select", "state:modified") == ()
    status = subprocess.run(["git", "status", "--porcelain"], check=True, capture_output=True, text=True).stdout
    assert "sql" not in status, "the checkout is left alone"


def test_what_was_built_since_a_run_is_modified_to_it(committed):
    put("good.csv", GOOD)
    committed("run", "--source", "lake/*.csv")
    edit("join")
    committed("run", "--source", "lake/*.csv")
    assert selected(committed, "--select", "state:modified", "--state", "latest") == ()
    found = set(selected(committed, "--select", "state:modified", "--state", "previous"))
    assert found == {CLIENT, COHORT, ADVISER}, "what was rebuilt by the changed one is not known to be unchanged"


def test_every_command_that_selects_takes_it(committed):
    put("good.csv", GOOD)
    committed("run", "--source", "lake/*.csv")
    shutil.copytree(places.ROOT / "tests/models", "tests/models")
    for command in ("run", "plan", "ls", "test", "check"):
        code, out, err = committed(command, "--select", "state:modified+")
        assert (code, "Modified since HEAD: no model." in err) == (0, True), command
    edit("interval")
    code, out, _ = committed("plan", "--select", "state:modified+", "--output", "json")
    assert (code, [one["name"] for one in json.loads(out)["steps"] if one["kind"] != "assertion"]) == (0, [
        "rpt_client_ltv", "rpt_adviser_ltv", "rpt_cohort_ltv",
    ])  # fmt: skip
    code, out, _ = committed("test", "--select", "state:modified", "--output", "json")
    assert (code, {one["model"] for one in json.loads(out)["cases"]}) == (1, {"rpt_client_ltv"})
    assert committed("check", "--select", "state:modified")[0] == 0


def test_new_models_are_modified_and_those_of_a_commit_without_project(committed):
    Path("sql/reporting/rpt_new.sql").write_text("SELECT client_id FROM staging.stg_fees GROUP BY client_id\n")
    assert committed("init", "--model", "rpt_new")[0] == 0
    assert selected(committed, "--select", "state:modified") == ("reporting.rpt_new",)
    git("checkout", "-q", "--orphan", "empty")
    git("rm", "-rq", "--cached", "sql")
    git("commit", "-qm", "nothing")
    assert len(selected(committed, "--select", "state:modified")) == 6


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--state", "HEAD"), "--state means nothing without state:modified"),
        (("--select", "state:modified", "--state", "nowhere"), "'nowhere' is no run, and no commit"),
        (("--select", "state:modified", "--state", "--output"), ""),
        (("--select", "state:modified", "--state", "-x"), ""),
        (("--select", "state:modified", "--state", "HEAD:sql"), "is no run, and no commit"),
        (("--select", "state:modified", "--state", "$(touch pwned)"), "is no run, and no commit"),
        (("--select", "state:modified", "--state", "latest"), "no warehouse"),
        (("--select", "state:modified", "--state", "20250930T120000-1a2b3c"), "no warehouse"),
        (("--select", "state:new"), "No model is called"),
    ],
)  # fmt: skip
def test_a_state_that_is_none(committed, args, said):
    code, _, err = committed("ls", *args)
    assert (code, said in " ".join(err.split())) == (2, True), err
    assert not Path("pwned").exists()


def test_outside_of_a_repository(shell):
    shutil.copytree(places.ROOT / "sql", "sql")
    code, _, err = shell("ls", "--select", "state:modified")
    assert (code, "no commit of a git repository" in " ".join(err.split())) == (2, True)


def test_a_commit_whose_project_does_not_load_is_named(committed):
    path = Path("sql", DIM_SQL)
    text = path.read_text()
    path.write_text("SELECT FROM")
    git("commit", "-qam", "broken")
    path.write_text(text)
    code, _, err = committed("ls", "--select", "state:modified")
    assert (code, "The project of HEAD does not load: sql/reporting/dim_clients.sql:1" in " ".join(err.split())) == (
        2,
        True,
    )


def test_runs_of_one_second_are_told_by_when_they_published(committed):
    put("good.csv", GOOD)
    committed("run", "--source", "lake/*.csv")
    edit("join")
    committed("run", "--source", "lake/*.csv")
    runs = [run for (run,) in committed.ask("SELECT run_id FROM ops.runs ORDER BY started_at")]
    for run, now in zip(runs, ("20250101T120000-ffffff", "20250101T120000-000000"), strict=True):
        for table in ("ops.runs", "ops.built"):
            change(f"UPDATE {table} SET run_id = '{now}' WHERE run_id = '{run}'")

    found = set(selected(committed, "--select", "state:modified", "--state", "20250101T120000-ffffff"))

    assert found == {CLIENT, COHORT, ADVISER}
