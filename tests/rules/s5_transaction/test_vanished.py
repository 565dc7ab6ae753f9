"""A warehouse that vanished while a command worked: exit 5, and what is said is what there is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shells import GOOD, MORE, fee, put

import fees_etl

LAKE = ("run", "--source", "lake/*.csv")
FILE = Path("fees.duckdb")


def deleted():
    FILE.unlink()


def emptied():
    FILE.write_bytes(b"")


def replaced():
    shutil.copy("other.duckdb", "copy.duckdb")
    Path("copy.duckdb").replace(FILE)


@pytest.mark.parametrize(
    ("happens", "word"), [(deleted, "was deleted or emptied"), (replaced, "was replaced by another")]
)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "line",
    [LAKE, ("ingest", "lake/*.csv"), ("backfill", "--start", "2025-01-01", "--end", "2025-03-31", "--chunk", "month")],
)
def test_a_commit_to_a_file_that_is_gone_is_exit_5(fed, monkeypatch, happens, word, when, line):
    shutil.copy(FILE, "other.duckdb")
    put("more.csv", MORE)
    real, done = fees_etl.engines.duckdb.DuckDB._native, []

    def native(self, sql):
        if sql != "COMMIT" or done:
            return real(self, sql)
        done.append(sql)
        if when == "before":
            happens()
            return real(self, sql)
        answer = real(self, sql)
        happens()
        return answer

    with monkeypatch.context() as patch:
        patch.setattr("fees_etl.engines.duckdb.DuckDB._native", native)
        code, _, err = fed(*line)
    said = " ".join(err.split())
    assert (code, word in said, "what it wrote went with it" in said) == (5, True, True), err
    seen = "what the file that is there now holds" if happens is replaced else "nothing: there is no"
    assert f"Published: Nothing of this command; readers see {seen}" in said
    assert fed(*LAKE)[0] == 0


def test_one_that_vanished_before_the_commit_is_rolled_back(fed, monkeypatch):
    """Nothing is committed to a file that nobody will see."""
    put("more.csv", MORE)
    real = fees_etl.run

    def run(*args, on_step, **options):
        return real(*args, on_step=lambda _: FILE.unlink(missing_ok=True), **options)

    monkeypatch.setattr(fees_etl, "run", run)
    assert fed(*LAKE)[0] == 5
    assert not FILE.exists()


def test_one_that_was_emptied_is_damaged_from_then_on(fed, monkeypatch):
    put("more.csv", MORE)
    real = fees_etl.run
    with monkeypatch.context() as patch:
        patch.setattr(fees_etl, "run", lambda *args, **options: [emptied(), real(*args, **options)][1])
        assert fed(*LAKE)[0] == 5
    code, _, err = fed(*LAKE)
    assert (code, "mv " in err) == (5, True)


LEAVE = (
    "import duckdb, os; held = duckdb.connect('fees.duckdb'); held.execute('CREATE TABLE t (a INTEGER)'); os._exit(0)"
)


def left_behind():
    """What our own advice, rm fees.duckdb, leaves of a warehouse whose process was killed."""
    subprocess.run([sys.executable, "-c", LEAVE], check=True)
    FILE.unlink()
    assert Path("fees.duckdb.wal").is_file()


def test_a_log_without_its_file_stops_no_command(fed):
    left_behind()
    Path("fees.duckdb.tmp").mkdir()
    code, _, err = fed(*LAKE)
    (aside,) = Path().glob("fees.duckdb.wal.*")
    assert (code, f"If it is not needed: rm {aside.absolute()}" in err) == (0, True), err
    for line in (LAKE, ("assert",), ("runs",), ("plan",)):
        code, _, err = fed(*line)
        assert (code, "set aside" in err) == (0, False), err
    aside.unlink()
    assert sorted(path.name for path in Path().iterdir()) == ["fees.duckdb", "lake"]


@pytest.mark.parametrize("line", [("plan",), ("runs",), ("assert",), LAKE])
def test_a_log_of_another_file_than_the_one_put_back_stops_no_command(fed, line):
    shutil.copy(FILE, "backup.duckdb")
    put("more.csv", MORE)
    assert fed(*LAKE)[0] == 0
    left_behind()
    Path("backup.duckdb").rename(FILE)
    code, _, err = fed(*line)
    assert (code, "set aside" in err) == (0, True), err


@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_a_log_of_nothing(shell, content):
    put("good.csv", GOOD, fee(7))
    Path("fees.duckdb.wal").write_bytes(content)
    assert shell(*LAKE)[0] == 0
    assert len(shell.published()) == 3
