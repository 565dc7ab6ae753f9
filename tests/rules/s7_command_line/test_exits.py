"""Every exit code on a warehouse of its own: its whole message is in tests/golden/cli/exit_*.txt, and what is published."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import goldens
import places
import pytest
from shells import CONFLICT, GOOD, MORE, change, fee, process, put

import fees_etl


def test_exit_1_lists_the_rows_and_keeps_what_was_published(fed):
    before = fed.published()
    put("conflict.csv", CONFLICT)
    fed.golden("exit_1_run", "run", "--source", "lake/*.csv")
    assert fed.published() == before


def test_exit_1_of_assert_finds_what_was_written_by_hand(fed):
    change("UPDATE reporting.rpt_client_ltv SET ltv_total = ltv_total + 1 WHERE client_id = 'C1'")
    fed.golden("exit_1_assert", "assert")


def test_exit_2_names_what_was_meant(fed):
    fed.golden("exit_2_name", "run", "--from", "stg_fee")


def test_exit_2_of_a_target_that_leaves_ninos_open(shell):
    (shell.folder / "fees_etl.toml").write_text('[targets.prod]\nwarehouse = "bigquery://p?location=EU"\n')
    shell.golden("exit_2_bigquery", "--target", "prod", "run", "--source", "lake/*.csv")


def test_exit_2_of_a_contradicted_target(shell, monkeypatch):
    (shell.folder / "fees_etl.toml").write_text('[targets.prod]\nwarehouse = "duckdb:///prod.duckdb"\n')
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", "duckdb:///dev.duckdb")
    shell.golden("exit_2_target", "--target", "prod", "run")


def test_exit_2_of_a_wrong_project_file(shell):
    subprocess.run(["cp", "-r", str(places.ROOT / "sql"), str(shell.folder)], check=True)
    path = shell.folder / "sql/reporting/dim_clients.sql"
    path.write_text(path.read_text().replace("staging.stg_fees", "staging.stg_fee"))
    shell.golden("exit_2_project", "run")


def test_an_interrupt_within_an_eval_is_exit_130_and_no_death_by_signal(tmp_path):
    """With ``python -m`` Python would remember it, and end by SIGINT itself."""
    raising = "cli.main = lambda: eval('(_ for _ in ()).throw(KeyboardInterrupt)')"
    (tmp_path / "again.py").write_text(f"from fees_etl import __main__, cli\n{raising}\n__main__.main()\n")
    environ = os.environ | {"PYTHONPATH": f"{places.ROOT}:{tmp_path}"}
    done = subprocess.run([sys.executable, "-m", "again"], env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (130, b"")


def test_operations_of_another_version_are_told_from_a_bug(shell):
    assert shell("init", ".")[0] == 0
    Path("sql/operations/state.sql").write_text("SELECT 1")
    code, _, err = shell("run")
    said = " ".join(err.split())
    assert (code, "another than this fees-etl works with (state.sql)" in said) == (2, True)
    assert "diff" in said


def test_exit_70_of_a_bug_says_where_it_is_and_what_is_published(fed, monkeypatch):
    def broken(*_, **__):
        raise ValueError("a row: ann,QQ000001A")

    monkeypatch.setattr(fees_etl, "plan", broken)
    code, _, err = fed("run", "--source", "lake/*.csv")
    assert (code, "QQ000001A" in err) == (70, False)
    goldens.check("cli/exit_70_bug.txt", re.sub(r"\.py:\d+", ".py:99", goldens.steady(err, fed.folder)))


def test_exit_3_lists_refused_files_and_runs_no_model(fed):
    before = fed.published()
    put("odd.csv", "C1,QQ123456A,A1,2025-01-01\n", header="client_id,client_nino,adviser_id,fee_date\n")
    put("more.csv", MORE)
    fed.golden("exit_3_run", "run", "--source", "lake/*.csv")
    assert fed.published() == before

    fed.golden("exit_3_sticky", "run", "--from", "stg_fees")
    assert fed.published() == before

    (fed.folder / "lake/odd.csv").unlink()
    assert fed("run", "--source", "lake/*.csv")[0] == 0
    assert fed.published() != before


def test_exit_3_of_a_source_that_matches_nothing(shell):
    shell.golden("exit_3_nothing", "run", "--source", "nowhere/*.csv")


def test_exit_4_keeps_the_sample_and_real_files_apart(shell):
    assert shell("run")[0] == 0
    put("good.csv", GOOD)
    shell.golden("exit_4_sample", "run", "--source", "lake/*.csv")


def test_exit_4_of_a_mass_withdrawal(fed):
    (fed.folder / "lake/good.csv").rename(fed.folder / "good.away")
    fed.golden("exit_4_withdrawal", "run", "--source", "lake/*.csv")


def test_exit_5_of_a_damaged_warehouse(shell):
    (shell.folder / "fees.duckdb").write_bytes(b"no warehouse at all" * 1000)
    shell.golden("exit_5_damaged", "run")


def test_exit_75_names_the_holder(fed):
    code = "import duckdb, sys; held = duckdb.connect('fees.duckdb'); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=fed.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        code, _, err = fed("run", "--source", "lake/*.csv")
        assert code == 75
        goldens.check("cli/exit_75_busy.txt", goldens.steady(" ".join(err.split()), fed.folder) + "\n")  # paths wrap
        holder.stdin.close()
    assert fed("run", "--source", "lake/*.csv")[0] == 0


def test_exit_70_says_that_nothing_was_published(fed, monkeypatch):
    before = fed.published()

    def broken(*_, **__):
        raise ZeroDivisionError("QQ123456A")

    monkeypatch.setattr(fees_etl, "run", broken)
    code, _, err = fed("run", "--source", "lake/*.csv")
    assert (code, "ZeroDivisionError" in err, "Published:" in err) == (70, True, True)
    assert fed.published() == before


def test_exit_130_rolls_back(fed, monkeypatch):
    before = fed.published()
    put("more.csv", MORE)

    def interrupted(self, found):
        raise KeyboardInterrupt

    monkeypatch.setattr("fees_etl.cli.logs.Progress.step", interrupted)
    fed.golden("exit_130", "run", "--source", "lake/*.csv")
    assert fed.published() == before


@pytest.mark.parametrize("closed", [False, True])
def test_a_report_that_cannot_be_printed_does_not_deny_what_was_published(shell, closed):
    put("a.csv", fee(1))
    if closed:
        done = process("run", "--source", "lake", preexec_fn=lambda: os.close(1))
    else:
        with Path("/dev/full").open("w") as full:
            done = process("run", "--source", "lake", stdout=full)
    assert shell.ask("SELECT status FROM ops.runs") == [("published",)]
    assert done.returncode != 70, done.stderr
    assert "Nothing of this command" not in done.stderr


@pytest.mark.parametrize(
    "variables",
    [{"max_rejected": "abc"}, {"max_rejected": None}, {"max_rejected": -1}, {"max_lost": "abc"}, {"tolerance": "abc"},
     {"tolerance": -1}, {"lookback_days": 99_999_999}],
)  # fmt: skip
def test_a_variable_that_makes_no_sense_is_exit_2_before_anything_is_read(shell, monkeypatch, variables):
    put("a.csv", fee(1), *(fee(number) for number in range(2, 30)), fee(1, "x"))
    monkeypatch.setenv("FEES_ETL_VARS", "{}")
    shell("run", "--source", "lake")
    put("b.csv", *(fee(number) for number in range(30, 60)), fee(1, "x"))
    monkeypatch.setenv("FEES_ETL_VARS", json.dumps(variables))
    code, _, err = shell("run", "--source", "lake")
    assert code == 2, err
    assert next(iter(variables)) in err
