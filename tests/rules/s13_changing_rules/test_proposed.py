"""``diff --project``: what a changed project would publish, on the live data, and nothing of it stays."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import places
import pytest
from shells import CONFLICT, GOOD, MORE, put

LTV, DIM = "reporting/rpt_client_ltv.sql", "reporting/dim_clients.sql"


@pytest.fixture
def live(shell):
    """A warehouse published by the bundled SQL, and a copy of that to change."""
    put("good.csv", GOOD, MORE)
    assert shell("run", "--source", "lake/*.csv")[0] == 0
    shutil.copytree(places.ROOT / "sql", "own/sql")
    return shell


def edit(name, old, new):
    path = Path("own/sql", name)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def everything():
    with duckdb.connect("fees.duckdb", read_only=True) as found:
        names = found.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
        return {name: sorted(map(str, found.execute(f"FROM {name}").fetchall())) for (name,) in names}


def commit():
    subprocess.run(
        "git init -q && git add own && git -c user.name=a -c user.email=a@b commit -qm 1", shell=True, check=True
    )


def told(shell, *args):
    code, out, err = shell("diff", "--project", *(args or ("own",)), "--output", "json")
    found = json.loads(out)
    return (
        code,
        {one["table"]: one for one in found["tables"] if one["added"] or one["removed"] or one["changed"]},
        found,
        err,
    )


def test_a_changed_rule_is_told_cell_by_cell_and_nothing_stays(live):
    before = everything()
    edit(LTV, "MONTH)", "WEEK)")

    code, tables, found, err = told(live)

    assert (code, found["sql"], found["failed"]) == (1, ["reporting.rpt_client_ltv"], ["assert_ltv_matches_raw"]), err
    assert "reporting.rpt_client_ltv" in tables
    assert everything() == before


def test_a_project_that_publishes_the_same_differs_in_nothing(live):
    edit(DIM, "touch = 1", "touch + 0 = 1")
    code, tables, found, _ = told(live, "own", "--fail")
    assert (code, tables, found["sql"]) == (0, {}, ["reporting.dim_clients"])
    _, out, _ = live("diff", "--project", "own")
    assert "Nothing differs in any published table." in out
    assert "SQL that differs from what is published: reporting.dim_clients." in out


def slashes():
    """Another way to write a cohort, in the model and in the assertion that recalculates it."""
    edit(DIM, "'%Y-%m'", "'%Y/%m'")
    month = "SUBSTR(CAST(first_fee_date AS STRING), 1, 7)"
    edit("assertions/assert_cohorts.sql", month, f"REPLACE({month}, '-', '/')")


def test_with_fail_a_difference_is_exit_1_and_without_it_none(live):
    slashes()
    code, tables, _, err = told(live, "own", "--fail")
    assert (code, set(tables)) == (1, {"reporting.dim_clients", "reporting.rpt_cohort_ltv"})
    assert "would differ" in err
    assert told(live)[0] == 0


def test_staging_is_changed_as_a_run_would_and_failing_assertions_are_named(live):
    before = everything()
    edit("staging/stg_fees.sql", "place = 1", "place = 2")
    code, tables, found, err = told(live)
    assert (code, "assert_financial_reconciliation" in found["failed"], "would fail" in err) == (1, True, True)
    assert tables["reporting.dim_clients"]["removed"] == 3
    assert everything() == before


def test_new_models_and_columns_are_all_new_and_are_not_made(live):
    before = everything()
    Path("own/sql/reporting/rpt_days.sql").write_text(
        "SELECT fee_date, COUNT(*) AS fee_count FROM staging.stg_fees GROUP BY fee_date\n"
    )
    assert live("--project-dir", "own", "init", "--model", "rpt_days")[0] == 0
    code, tables, _, _ = told(live)
    assert (code, {name: one["added"] for name, one in tables.items()}) == (0, {"reporting.rpt_days": 4})
    assert everything() == before


def test_a_commit_is_compared_and_pending_fees_are_said(live):
    commit()
    edit(DIM, "'%Y-%m'", "'%Y/%m'")
    put("more.csv", "C4,QQ123456D,A2,2025-03-02,3\n")
    assert live("ingest", "lake/*.csv")[0] == 0
    code, out, err = live("--project-dir", "own", "diff", "--project", "HEAD")
    assert (code, "SQL that differs from what is published: none." in out) == (0, True), err
    assert "Fees that still have to be staged are in it, too, of 1 file and fee date." in " ".join(out.split())


def test_a_commit_may_be_called_like_a_file(live):
    commit()
    subprocess.run(["git", "tag", "notes"], check=True)
    Path("notes").write_text("no project")
    assert live("--project-dir", "own", "diff", "--project", "notes")[0] == 0


def test_a_comment_for_a_pull_request(live):
    slashes()
    code, out, _ = live("diff", "--project", "own", "--output", "md")
    assert code == 0
    assert out.startswith("## What own would change on local\n\n| | published | proposed | change |\n")
    assert "| `reporting.dim_clients` | 0 | 0 | 3 | 3 |" in out
    assert re.search(r"<details>.*```text.*cohort_month +2025-01 +2025/01.*```.*</details>", out, re.DOTALL)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("diff",), 2, "Name what to compare"),
        (("diff", "previous", "--fail"), 2, "Name what to compare"),
        (("diff", "--project", "nowhere"), 2, "is no run, and no commit"),
        (("diff", "--project", "own", "--output", "csv"), 2, "is shown as text, json or md"),
        (("diff", "--project", "lake"), 2, "no project folder"),
    ],
)
def test_what_cannot_be_compared(live, args, code, said):
    found, _, err = live(*args)
    assert (found, said in " ".join(err.split())) == (code, True), err


def test_a_broken_project_is_refused_with_its_line(live):
    edit(DIM, "WHERE touch = 1", "WHERE tuch = 1")
    code, _, err = live("diff", "--project", "own")
    assert (code, "sql/reporting/dim_clients.sql:19: unknown column 'tuch'" in " ".join(err.split())) == (2, True), err


def test_where_nothing_is_published_there_is_nothing_to_compare(shell):
    shutil.copytree(places.ROOT / "sql", "own/sql")
    code, _, err = shell("diff", "--project", "own")
    assert (code, "no warehouse" in err, Path("fees.duckdb").exists()) == (2, True, False)
    put("good.csv", GOOD)
    shell("ingest", "lake/*.csv")
    code, _, err = shell("diff", "--project", "own")
    assert (code, "othing is published there yet" in err) == (2, True)


def test_a_conflict_that_waits_is_masked(live):
    put("conflict.csv", CONFLICT)
    live("ingest", "lake/*.csv")
    code, out, _ = live("diff", "--project", "own")
    assert (code, "assert_client_data" in out) == (1, True)
