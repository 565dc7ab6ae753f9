"""How commands end: the whole message of each exit code, in tests/golden/cli/exit_*.txt."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import goldens
import places
import pytest
import typer
from shells import process

from fees_etl import cli
from fees_etl.cli import exits, logs
from fees_etl.cli.session import Session
from fees_etl.errors import (
    AssertionsFailed,
    GuardRefused,
    InputRefused,
    ProjectError,
    UsageError,
    WarehouseBusy,
    WarehouseError,
)  # fmt: skip

SESSION = Session(line="fees-etl --target dev run --source 'data/*.csv'", start="fees-etl --target dev")


def end(error, capsys, *, verbose=False, layout="text"):
    """What stderr says when a command ends like this, with the exit code."""

    def act():
        raise error

    logs.configure(layout, int(verbose), {})
    code = exits.guarded(act, SESSION)
    shown = capsys.readouterr()
    assert shown.out == ""
    return code, shown.err


ERRORS = {
    "1_assertions": AssertionsFailed(
        "1 assertion failed: assert_x.", published="Nothing yet.", hint="Correct the file."
    ),
    "2_usage": UsageError("--end is before --start."),
    "2_project": ProjectError(
        "unknown column 'amout'", path="sql/reporting/x.sql", line=7, hint="Did you mean amount?"
    ),
    "3_input": InputRefused("'data/*.csv' matches no file.", hint="Check the path."),
    "4_guard": GuardRefused("the warehouse holds the bundled sample.", hint="Name another warehouse."),
    "5_warehouse": WarehouseError("the disk is full (writing of fees.duckdb)."),
    "75_busy": WarehouseBusy("fees.duckdb is held by process 7."),
    "130_interrupted": KeyboardInterrupt(),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_says_what_is_published_and_what_comes_next(name, capsys):
    code, text = end(ERRORS[name], capsys)
    assert code == int(name.partition("_")[0])
    goldens.check(f"cli/error_{name}.txt", text)
    assert "Traceback" not in text


def test_a_bug_says_where_but_not_what_because_that_may_quote_rows(capsys):
    code, text = end(ValueError("Could not convert 'secret row'"), capsys)
    assert code == 70
    assert "ValueError at " in text
    assert "fees-etl -v --target dev run --source 'data/*.csv'" in text
    assert "secret" not in text
    assert " in act" not in text
    goldens.check("cli/error_70_bug.txt", re.sub(r"\.py:\d+", ".py:49", text))


def test_verbose_shows_the_frames_of_a_bug_and_of_its_cause(capsys):
    row = {"secret row": "secret value"}
    try:
        row["another " + "secret"]
    except KeyError as cause:
        error = ValueError(row)
        error.__cause__ = cause
    code, text = end(error, capsys, verbose=True)
    assert code == 70
    assert "builtins.KeyError" in text
    assert " in act: raise error" in text
    assert "secret row" not in text
    assert "secret value" not in text
    assert "another secret" not in text


def test_verbose_gives_no_traceback_of_an_expected_error(capsys):
    assert " in act" not in end(ERRORS["5_warehouse"], capsys, verbose=True)[1]


@pytest.mark.parametrize("name", ERRORS)
def test_no_error_lets_a_nino_out(name, capsys):
    error = ERRORS[name]
    if isinstance(error, KeyboardInterrupt):
        return
    loud = UsageError(f"{error.message} QQ 12 34 56 C", published="QQ123456C", hint="qq123456c")
    text = end(loud, capsys)[1]
    assert "123456" not in text.replace(" ", "")


USAGE = {
    "command": ["rum"],
    "option": ["run", "--sorce", "x"],
    "value": ["run", "--output", "jsn"],
    "date": ["run", "--start", "2025-02-30"],
    "missing": ["backfill", "--start", "2025-01-01"],
    "surplus": ["run", "everything"],
    "folder": ["--project-dir", "nowhere", "ls"],
    "no value": ["run", "--source"],
    "one end": ["run", "--start", "2025-01-01"],
    "backwards": ["backfill", "--start", "2025-01-02", "--end", "2025-01-01"],
    "no files": ["run", "--from", "stg_fees", "--source", "x.csv"],
    "no refresh": ["run", "--full-refresh", "--start", "2025-01-01", "--end", "2025-01-02"],
}


def test_a_wrong_command_line_is_told_the_right_one(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = []
    for name, args in USAGE.items():
        assert cli.main(args) == 2, name
        shown = capsys.readouterr()
        assert shown.out == ""
        said.append(f"$ fees-etl {' '.join(args)}\n{shown.err}")
    goldens.check("cli/error_2_command_line.txt", "\n".join(said))
    assert list(tmp_path.iterdir()) == []


def test_global_options_are_understood_after_the_command_too(capsys, tmp_path):
    for args in (["--target", "nobody", "ls"], ["ls", "--target", "nobody"], ["ls", "--target=nobody", "-q"]):
        assert cli.main([*args, "--project-dir", str(tmp_path)]) == 2
        assert "There is no target 'nobody'" in capsys.readouterr().err


def test_an_interrupt_within_a_command_is_exit_130(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "open", interrupted)
    assert cli.main(["ls"]) == 130
    assert "rolled back" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error():
    """A pipe whose reader is gone before anything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    done = process("render", "stg_fees", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_process_keeps_its_files_private():
    code = "import os, sys; sys.argv = ['fees-etl', '--version']; from fees_etl.__main__ import main\ntry: main()\nfinally: print(oct(os.umask(0)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0o77"


def said(capsys, layout, environ=None, verbosity=0):
    """Each line that these three records make."""
    logs.configure(layout, verbosity, environ or {})
    logs.bind(run_id="r1", command="run", target="dev")
    logging.getLogger("fees_etl.any").info("1/12 %s", "stg_fees")
    logging.getLogger("fees_etl").warning("slow, for QQ123456C")
    exits.guarded(lambda: (_ for _ in ()).throw(WarehouseBusy("busy.", hint="again")), SESSION)
    return capsys.readouterr().err.splitlines()


def test_text_lines(capsys):
    assert said(capsys, "auto")[:3] == ["1/12 stg_fees", "warning: slow, for [NINO]", "Error (exit 75): Busy."]


def test_json_lines(capsys):
    first, second, third = map(json.loads, said(capsys, "json"))
    assert first.pop("time").endswith("+00:00")
    assert first == {"severity": "INFO", "message": "1/12 stg_fees", "run_id": "r1", "command": "run", "target": "dev"}
    assert (second["severity"], second["message"]) == ("WARNING", "slow, for [NINO]")
    assert (third["severity"], third["exit_code"], third["hint"]) == ("ERROR", 75, "again")


@pytest.mark.parametrize("variable", ["CLOUD_RUN_JOB", "K_SERVICE"])
def test_cloud_run_gets_the_fields_of_cloud_logging(capsys, variable):
    execution = {"CLOUD_RUN_EXECUTION": "fees-etl-run-x7k", "CLOUD_RUN_TASK_ATTEMPT": "0"}
    found = [json.loads(line) for line in said(capsys, "auto", {variable: "fees", **execution})]
    assert found[0]["severity"] == "INFO"
    assert found[0]["logging.googleapis.com/labels"] == {
        "run_id": "r1", "command": "run", "target": "dev", "execution": "fees-etl-run-x7k", "task_attempt": "0",
    }  # fmt: skip
    assert found[0]["logging.googleapis.com/operation"] == {"id": "r1", "producer": "fees-etl", "first": True}
    assert found[1]["logging.googleapis.com/operation"] == {"id": "r1", "producer": "fees-etl"}
    assert "run_id" not in found[0]


def test_quiet_keeps_errors_only(capsys):
    assert said(capsys, "text", verbosity=-1)[0] == "Error (exit 75): Busy."


def test_an_exit_of_typer_is_its_code():
    def leave():
        raise typer.Exit(3)

    assert exits.guarded(leave, SESSION) == 3


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("staging/stg_fees.yml", "beforehand: causes", "beforehand: state", "sql/operations/state.sql"),
        ("staging/stg_fees.yml", "afterwards: staged", "afterwards: state", "sql/operations/state.sql"),
        ("materializations/rebuild.sql", "", "-- nothing\nSELECT 'x' AS x\n", "sql/materializations/rebuild.sql"),
    ],
)
def test_a_query_where_statements_must_write_is_named(fed, file, old, new, said):
    shutil.copytree(places.ROOT / "sql", "sql")
    text = Path("sql", file).read_text()
    Path("sql", file).write_text(text.replace(old, new) if old else new)
    code, _, err = fed("run", "--full-refresh")
    assert code == 2
    assert f"{said}: a query stands where statements must that write." in " ".join(err.split())
