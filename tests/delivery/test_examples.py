"""The examples of the library, executed as their readers would."""

from __future__ import annotations

import os
import subprocess
import sys

import places
from pipeline import without_settings
from shells import HEADER, fee

EXAMPLES = places.ROOT / "examples"


def python(*args, folder):
    environment = without_settings() | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, *map(str, args)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_notebook_runs_and_shows_no_number_of_anybody(tmp_path):
    code = f"text = open({str(EXAMPLES / 'notebook.py')!r}).read()\nexec(text)\nprint(result, cohorts, fees.column_names, again)"
    done = python("-c", code, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "published in" in done.stdout
    assert "decimal128(38, 9)" in done.stdout
    assert "client_nino" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_task_publishes_and_may_be_repeated(tmp_path):
    (tmp_path / "a.csv").write_text(HEADER + fee(1, "5") + fee(2, "7.50"))
    task = (EXAMPLES / "scheduler" / "task.py", f"duckdb://{tmp_path}/fees.duckdb", f"{tmp_path}/*.csv")
    first, second = python(*task, folder=tmp_path), python(*task, folder=tmp_path)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "staged 0.00 -> 12.50 pounds" in first.stdout
    assert "staged 12.50 -> 12.50 pounds" in second.stdout


def test_a_task_says_what_was_refused_and_ends_as_the_command_does(tmp_path):
    task = (EXAMPLES / "scheduler" / "task.py", f"duckdb://{tmp_path}/fees.duckdb", f"{tmp_path}/*.csv")
    (tmp_path / "a.csv").write_text("nothing of a header\n")
    done = python(*task, folder=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "a.csv" in done.stderr
    (tmp_path / "a.csv").unlink()
    (tmp_path / "b.csv").write_text(HEADER + fee(1, nino="QQ000001A") + fee(1, "6", nino="QQ000002B"))
    done = python(*task, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "assert_client_data" in done.stderr
