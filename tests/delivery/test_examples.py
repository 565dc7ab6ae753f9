"""The examples of the library are executed as a reader would: the notebook cell by cell, the task night by night."""

from __future__ import annotations

import runpy
import subprocess
import sys
from decimal import Decimal

import places
import pytest
import worlds
from pipeline import forget_settings

from fees_etl import AssertionsFailed, InputRefused

EXAMPLES = places.ROOT / "examples"


@pytest.fixture(autouse=True)
def unset(monkeypatch, tmp_path):
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)


def test_the_notebook_runs_from_top_to_bottom():
    found = runpy.run_path(str(EXAMPLES / "notebook.py"))
    assert (found["rehearsed"].status, found["result"].status, found["again"].status) == (
        "rehearsed",
        "published",
        "published",
    )
    assert found["cohorts"].num_rows == 15
    assert found["result"].after == found["again"].after
    for name in ("project", "planned", "rehearsed", "result"):
        shown = repr(found[name])
        assert len(shown) < 400, shown
        assert len(shown.splitlines()) <= 3


@pytest.fixture
def nightly(tmp_path):
    publish = runpy.run_path(str(EXAMPLES / "scheduler" / "nightly.py"))["publish"]
    (tmp_path / "lake").mkdir()
    return lambda: publish(f"duckdb:///{tmp_path}/fees.duckdb", str(tmp_path / "lake" / "*.csv"))


def test_the_task_publishes_once_what_has_arrived(nightly, tmp_path):
    fee = ("ann", "QQ000001A", "x", "2025-01-31", Decimal(5))
    (tmp_path / "lake" / "a.csv").write_text(worlds.as_csv([fee]))
    assert nightly().after.staged_amount == Decimal(5)
    assert nightly() is None


def test_the_task_says_what_needs_a_person(nightly, tmp_path):
    first = ("ann", "QQ000001A", "x", "2025-01-31", Decimal(5))
    (tmp_path / "lake" / "a.csv").write_text(
        worlds.as_csv([first, ("ann", "QQ000009A", "x", "2025-02-01", Decimal(1))])
    )
    with pytest.raises(AssertionsFailed, match="rows fail assert_client_data: fees-etl runs show "):
        nightly()
    (tmp_path / "lake" / "a.csv").write_text("no header\n")
    with pytest.raises(InputRefused, match="header"):
        nightly()


def test_the_task_is_a_script(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text(worlds.as_csv([("ann", "QQ000001A", "x", "2025-01-31", Decimal(5))]))
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb:///{tmp_path}/fees.duckdb")
    monkeypatch.setenv("FEES_ETL_SOURCE", str(tmp_path / "*.csv"))
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, sys.path)))
    done = subprocess.run(
        [sys.executable, EXAMPLES / "scheduler" / "nightly.py"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "fees.duckdb").exists()
