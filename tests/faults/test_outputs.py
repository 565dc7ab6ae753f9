"""What becomes of stdout and stderr changes neither exit code nor commit nor ledger; and no name steers or forges them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import places
import pytest
from pipeline import without_settings
from shells import GOOD, HEADER, MORE
from tiers import part

from fees_etl.cli import main

NAME = "é€😀.csv"
FORGED = "b\x1b[2J\n  loaded  forged.csv"
LAKE = []
"""The folder of the files: a warehouse knows them by their whole names."""
COMMANDS = {
    "run": ("run --source {lake}", 0),
    "run as json": ("run --source {lake} --output json", 0),
    "ingest": ("ingest {lake}", 0),
    "backfill": ("backfill --start 2025-01-01 --end 2025-02-28 --chunk month", 0),
    "assert": ("assert", 0),
    "plan": ("plan", 0),
    "runs": ("runs", 0),
    "runs show": ("runs show latest", 0),
    "ls": ("ls", 0),
    "render": ("render stg_fees", 0),
    "help": ("--help", 0),
    "version": ("--version", 0),
    "misused": ("run --sorce é", 2),
    "refused": ("run --source nowhere-é", 3),
}
SINKS = {
    "ascii": ("", {"PYTHONIOENCODING": "ascii"}),
    "C": ("", {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}),
    "all closed": ("<&- >&- 2>&-", {}),
    "stderr closed": ("2>&-", {}),
    "full": (">/dev/full 2>/dev/full", {}),
    "no reader": ("| head -0; exit ${PIPESTATUS[0]}", {}),
    "json, full": ("--log-format json 2>/dev/full", {}),
    "gcp, no reader of stderr": ("--log-format gcp 2>&1 >/dev/null | head -0; exit ${PIPESTATUS[0]}", {}),
}


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A published warehouse, and a lake that has more since."""
    folder = tmp_path_factory.mktemp("outputs")
    LAKE[:] = [folder.parent / "lake"]
    LAKE[0].mkdir()
    (LAKE[0] / NAME).write_text(HEADER + GOOD)
    assert fees_etl(folder, "run --source {lake}").returncode == 0
    (LAKE[0] / FORGED).with_suffix(".csv").write_text(HEADER + MORE)
    yield folder
    shutil.rmtree(LAKE.pop())


def fees_etl(folder, words, tail="", environ=None):
    words = words.format(lake=LAKE[0])
    line = f"'{sys.executable}' -m fees_etl {words} {tail}"
    environ = {**without_settings(), "PYTHONPATH": str(places.ROOT), **(environ or {})}
    return subprocess.run(["bash", "-c", line], cwd=folder, env=environ, capture_output=True, check=False)


def ledger(folder):
    with duckdb.connect(str(folder / "fees.duckdb"), read_only=True) as found:
        runs = found.execute("SELECT status, fee_dates FROM ops.runs ORDER BY started_at, run_id").fetchall()
        return runs, found.execute("SELECT COUNT(*), SUM(ltv_total) FROM reporting.rpt_client_ltv").fetchall()


def ended(before, folder, words, sink):
    tail, environ = SINKS.get(sink, ("", {}))
    shutil.copytree(before, folder)
    done = fees_etl(folder, words, tail, environ)
    assert b"Traceback" not in done.stderr, (sink, done.stderr)
    assert b"Exception ignored" not in done.stderr, (sink, done.stderr)
    assert b"\x1b" not in done.stdout + done.stderr, sink
    return done.returncode, ledger(folder)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_output_changes_how_a_command_ends(before, tmp_path, name):
    words, code = COMMANDS[name]
    plain = ended(before, tmp_path / "plain", words, "")
    assert plain[0] == code
    for sink in part(SINKS, 4, first=list(COMMANDS).index(name)):
        assert ended(before, tmp_path / sink, words, sink) == plain, sink


def test_a_name_cannot_forge_a_line_of_the_report_or_of_the_log(before, tmp_path):
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / f"{FORGED}.csv").write_text("client_id\nx\n")
    (tmp_path / "lake" / NAME).write_text(HEADER + GOOD)
    done = fees_etl(tmp_path, "run --source lake")
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 3
    assert said.count("forged.csv") == sum("b\\u001b[2J\\n" in line for line in said.splitlines()) == 2


def test_what_a_stream_cannot_encode_is_escaped_and_json_stays_json(before, tmp_path):
    shutil.copytree(before, tmp_path / "x")
    words = "--log-format json run --source {lake} --output json"
    done = fees_etl(tmp_path / "x", words, environ={"PYTHONIOENCODING": "ascii"})
    found = json.loads(done.stdout.decode("ascii"))
    assert any(name["uri"].endswith("%C3%A9%E2%82%AC%F0%9F%98%80.csv") for name in found["ingest"]["files"])
    assert all(json.loads(line) for line in done.stderr.decode("ascii").splitlines())
    listed = fees_etl(tmp_path / "x", "run --source {lake}", environ={"PYTHONIOENCODING": "ascii"})
    assert b"/lake/\\u00e9\\u20ac\\ud83d\\ude00.csv" in listed.stdout


def test_a_stdout_that_is_full_is_a_warning(before, tmp_path):
    shutil.copytree(before, tmp_path / "x")
    done = fees_etl(tmp_path / "x", "run --source {lake}", ">/dev/full")
    assert (done.returncode, b"warning: stdout cannot be written (No space left on device)." in done.stderr) == (
        0,
        True,
    )


@pytest.mark.parametrize("words", ["report --out -", "docs --out -", "runs --html --out -"])
def test_so_it_is_for_a_page(before, words):
    done = fees_etl(before, words, ">/dev/full")
    assert (done.returncode, b"warning: stdout cannot be written" in done.stderr) == (0, True)


LONG = "x" * 300
WRITTEN = [
    "report --out {}", "runs --html --out {}", "docs --out {}", "evidence latest --out {}",
    "test --junit {}", "check --junit {}",
]  # fmt: skip


@pytest.mark.parametrize("words", WRITTEN)
@pytest.mark.parametrize("name", ["loop", f"{LONG}/x"], ids=["a loop", "long"])
def test_a_place_that_cannot_be_is_a_misuse(before, words, name, monkeypatch, capsys):
    monkeypatch.chdir(before)
    Path("loop").symlink_to("loop")
    try:
        assert main(words.format(name).split()) == 2
    finally:
        Path("loop").unlink()
    said = "".join(capsys.readouterr().err.split())
    assert any(one in said for one in ("cannotbewritten:", "isthere", "isinnofolder", "Invalidvalue"))


def test_the_warehouse_never_gets_the_number_of_a_closed_stream(before, tmp_path):
    """Else what anything writes to stderr would be written into it."""
    code = (
        "import os, sys; from fees_etl.__main__ import main; import fees_etl\n"
        "real = fees_etl.run\n"
        "def run(*args, **options):\n"
        "    os.write(2, b'x' * 5000)\n"
        "    return real(*args, **options)\n"
        f"fees_etl.run = run; sys.argv = ['fees-etl', 'run', '--source', '{LAKE[0]}']; main()\n"
    )
    shutil.copytree(before, tmp_path / "x")
    Path(tmp_path, "code.py").write_text(code)
    line = f"PYTHONPATH='{places.ROOT}' '{sys.executable}' ../code.py >&- 2>&- <&-"
    assert subprocess.run(["bash", "-c", line], cwd=tmp_path / "x", env={**os.environ}, check=False).returncode == 0
    assert ledger(tmp_path / "x")[0][-1][0] == "published"
