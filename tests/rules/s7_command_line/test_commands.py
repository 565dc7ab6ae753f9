"""The commands end to end on a warehouse of their own: what each says, in tests/golden/cli, and what it changes."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from shells import CONFLICT, MORE, put

from fees_etl.cli import document


def test_the_first_run_needs_nothing_and_says_that_it_used_the_sample(shell):
    out = shell.golden("run_sample", "run")
    assert "not yours" in out
    assert "PUBLISHED" in out
    assert [oct(path.stat().st_mode & 0o077) for path in shell.folder.iterdir()] == ["0o0"]


def test_a_second_run_has_nothing_to_do(fed):
    fed.golden("run_again", "run", "--source", "lake/*.csv")


def test_a_run_without_a_source_works_on_what_raw_holds(fed):
    code, out, err = fed("run")
    assert code == 0
    assert "sample" not in out
    assert "No files are read: this works on the 1 file that raw holds." in err


def test_assert_is_content_with_what_a_run_published(fed):
    fed.golden("assert", "assert")


def test_a_rehearsal_leaves_no_trace(fed):
    before = fed.published()
    put("more.csv", MORE)
    fed.golden("run_rehearse", "run", "--source", "lake/*.csv", "--rehearse")
    assert fed.published() == before
    assert json.loads(fed("plan", "--output", "json")[1])["pending"] == []


def test_a_backfill_mirrors_its_dates_again(fed):
    before = fed.published()
    out = fed.golden("backfill", "backfill", "--start", "2025-01-01", "--end", "2025-01-31")
    assert "nothing changed" in out
    assert fed.published() == before


def test_stdout_is_one_json_document_of_the_schema(shell):
    schema = json.loads((Path(document.__file__).parent / "run.schema.json").read_text())
    for args in (["run"], ["run", "--rehearse"], ["backfill", "--start", "2024-02-01", "--end", "2024-02-29"]):
        code, out, _ = shell(*args, "--output", "json")
        assert code == 0
        jsonschema.validate(json.loads(out), schema)


def test_the_other_documents_say_what_they_are(fed):
    for args in (["plan"], ["ls"], ["runs"], ["assert"], ["ingest", "lake/*.csv"]):
        code, out, _ = fed(*args, "--output", "json")
        assert (code, json.loads(out)["schema"]) == (0, f"fees-etl/{args[0]}/1")


def test_the_document_of_a_refusal_names_the_file(fed):
    put("odd.csv", "C1,QQ123456A,A1,2025-01-01\n", header="client_id,client_nino,adviser_id,fee_date\n")
    code, out, _ = fed("run", "--source", "lake/*.csv", "--output", "json")
    found = json.loads(out)
    assert (code, found["schema"], found["status"]) == (3, "fees-etl/ingest/1", "refused")


def test_ingest_changes_raw_only(fed):
    before = fed.published()
    put("more.csv", MORE)
    fed.golden("ingest", "ingest", "lake/*.csv")
    assert fed.published() == before
    fed.golden("plan_pending", "plan")


def test_plan_makes_no_warehouse(shell):
    shell.golden("plan_empty", "plan")
    assert list(shell.folder.iterdir()) == []


def test_runs_lists_every_attempt_and_shows_one(fed):
    put("conflict.csv", CONFLICT)
    assert fed("run", "--source", "lake/*.csv")[0] == 1
    out = fed.golden("runs", "runs")
    newest = out.splitlines()[1].split()[0]
    code, out, _ = fed("runs", "show", newest)
    assert (code, "rejected" in out, "assert_client_data" in out) == (0, True, True)
    code, out, _ = fed("runs", "show", newest, "--output", "json")
    assert (code, [run["status"] for run in json.loads(out)["runs"]]) == (0, ["rejected"])
    first = json.loads(fed("runs", "--output", "json")[1])["runs"][-1]
    assert "Changed fee dates" in fed("runs", "show", first["run_id"])[1]
    code, _, err = fed("runs", "show", "1999")
    assert (code, "No runs begin with '1999'" in err) == (2, True)


def test_runs_before_the_first(shell):
    shell.golden("exit_2_no_warehouse", "runs")


def test_ls_takes_selectors(shell):
    out = shell.golden("ls", "ls")
    assert "raw " in out
    narrowed = shell("ls", "rpt_client_ltv+", "--output", "json")[1]
    assert [node["name"] for node in json.loads(narrowed)["nodes"]][:1] == ["reporting.rpt_client_ltv"]


@pytest.mark.parametrize("dialect", ["bigquery", "duckdb"])
def test_render_prints_sql_and_nothing_else(shell, dialect):
    code, out, err = shell("render", "stg_fees", "--dialect", dialect, "--start", "2025-01-01", "--end", "2025-01-31")
    assert (code, err) == (0, "")
    assert "2025-01-31" in out


def test_selections_narrow_each_other(fed):
    code, out, _ = fed(
        "plan", "--from", "stg_fees", "--to", "rpt_client_ltv", "--exclude", "dim_clients", "--output", "json"
    )
    assert (code, json.loads(out)["selection"]) == (0, ["stg_fees", "rpt_client_ltv"])
    code, _, err = fed("plan", "--from", "rpt_client_ltv", "--to", "dim_clients")
    assert (code, "no model in common" in err) == (2, True)


def test_quiet_says_nothing_on_stderr(fed):
    assert fed("run", "-q")[2] == ""


def test_verbose_names_the_warehouse_and_each_assertion(fed):
    err = fed("-v", "run")[2]
    assert "warehouse duckdb://" in err
    assert "assert_client_data: 0 failing" in err
