"""One URL names the warehouse; its file is private, never made what it was not, and takes a modest part of the memory."""

from __future__ import annotations

import os
import socket
import stat
from datetime import date
from pathlib import Path

import duckdb
import pytest
from pipeline import Pipeline
from shells import fee, put
from worlds import charge

from fees_etl import UsageError, WarehouseError, connect
from fees_etl.engines import duckdb as engine_room
from fees_etl.settings import Settings


@pytest.mark.parametrize("url", ["duckdb://fees.duckdb", "duckdb://./fees.duckdb", "duckdb://data/fees.duckdb"])
def test_a_warehouse_url_that_lost_its_third_slash_is_refused(shell, monkeypatch, url):
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", url)
    code, _, err = shell("runs")
    assert code == 2
    assert "duckdb:///" in err


@pytest.mark.parametrize("tail", ["a#b.duckdb", "a.duckdb?mode=x"])
def test_no_part_of_a_warehouse_url_is_dropped(shell, monkeypatch, tmp_path, tail):
    put("a.csv", fee(1))
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{tmp_path}/{tail}")
    code, _, err = shell("run", "--source", "lake")
    assert code == 2 or (tmp_path / tail).exists(), err


@pytest.mark.parametrize("url", ["postgres://x", "duckdb:fees.duckdb", "duckdb://fees.duckdb"])
def test_a_url_of_no_warehouse_is_refused(url):
    with pytest.raises(UsageError, match="no warehouse"):
        connect(url)


def test_the_warehouse_is_private(tmp_path):
    before = os.umask(0o022)
    try:
        with Pipeline(tmp_path, f"duckdb://{tmp_path}/fees.duckdb") as pipeline:
            pipeline.put(fees=[charge("ann", "x", date(2025, 1, 31), "1")])
            pipeline.ingest()
            pipeline.run()
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("fees.duckdb*")}
    finally:
        os.umask(before)

    assert modes["fees.duckdb"] == 0o600
    assert modes["fees.duckdb.wal"] == 0o600
    assert modes["fees.duckdb.tmp"] == 0o700


def test_a_folder_named_as_warehouse_keeps_its_permissions(shell, monkeypatch):
    Path("lake").mkdir()
    Path("lake").chmod(0o755)
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{shell.folder}/lake")
    assert shell("run")[0] in {2, 5}
    assert stat.S_IMODE(Path("lake").stat().st_mode) == 0o755


def _socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize("make", [os.mkfifo, _socket])
@pytest.mark.parametrize("words", [["run"], ["run", "--rehearse"], ["plan"], ["runs"]], ids=" ".join)
def test_what_is_no_file_is_no_warehouse_and_stays_as_it_is(shell, monkeypatch, make, words):
    """A rehearsal took /dev/null for a warehouse that it had made, and removed it; a pipe was waited for."""
    make("thing")
    Path("thing").chmod(0o666)
    before = Path("thing").stat()
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{shell.folder}/thing")
    code, _, err = shell(*words)
    assert code == 2
    assert "thing is a device, a pipe or a socket, not a warehouse." in " ".join(err.split())
    after = Path("thing").stat()
    assert (after.st_mode, after.st_ino) == (before.st_mode, before.st_ino)


def test_a_file_of_another_kind_keeps_its_permissions(shell, monkeypatch):
    """And a warehouse that others may read is made its owner's alone."""
    Path("notes.txt").write_text("no warehouse " * 1000)
    Path("notes.txt").chmod(0o644)
    assert shell("run")[0] == 0
    Path("fees.duckdb").chmod(0o644)
    assert shell("run")[0] == 0
    assert stat.S_IMODE(Path("fees.duckdb").stat().st_mode) == 0o600
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{shell.folder}/notes.txt")
    assert shell("run")[0] == 5
    assert stat.S_IMODE(Path("notes.txt").stat().st_mode) == 0o644


def test_a_rehearsal_leaves_a_link_to_nothing_alone(shell, monkeypatch):
    Path("link.duckdb").symlink_to("meant.duckdb")
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{shell.folder}/link.duckdb")
    assert shell("run", "--rehearse")[0] in {0, 5}
    assert Path("link.duckdb").is_symlink()
    assert not Path("meant.duckdb").exists()


def test_a_place_that_no_disk_has_is_no_bug(shell, monkeypatch):
    assert shell("run")[0] == 0
    assert shell("diff", "--project", "x" * 5000)[0] == 2
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{shell.folder}/{'x/' * 3000}fees.duckdb")
    assert shell("run", "--rehearse")[0] == 5
    assert shell("runs")[0] == 5


def test_a_read_only_warehouse_file_is_not_made_writable(shell):
    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    Path("fees.duckdb").chmod(0o444)
    code, _, _ = shell("run")
    assert code == 5
    assert not Path("fees.duckdb").stat().st_mode & 0o222


def test_a_warehouse_file_of_somebody_else_is_no_bug(shell, monkeypatch):
    def not_the_owner(*_):
        raise PermissionError(1, "Operation not permitted")

    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    Path("fees.duckdb").chmod(0o660)
    monkeypatch.setattr(Path, "chmod", not_the_owner)
    code, _, err = shell("run")
    assert code != 70, err


@pytest.mark.parametrize("name", ["raw", "staging", "Reporting", "ops", "history"])
def test_a_warehouse_file_called_as_a_dataset_is_refused_with_another_name(shell, monkeypatch, name):
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{shell.folder}/{name}.duckdb")
    code, _, err = shell("run")
    assert (code, f"cannot be called {name.lower()}" in " ".join(err.split())) == (2, True)
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{shell.folder}/{name}_fees.duckdb")
    assert shell("run")[0] == 0


def test_a_file_that_gives_functions_another_meaning_is_refused_and_other_macros_are_not(shell):
    put("a.csv", fee(1))
    assert shell("run", "--source", "lake")[0] == 0
    with duckdb.connect("fees.duckdb") as native:
        native.execute("CREATE MACRO in_pounds(x) AS x / 100")
    assert shell("assert")[0] == 0
    with duckdb.connect("fees.duckdb") as native:
        native.execute("CREATE MACRO upper(x) AS 'X'")
    for line in (("run", "--full-refresh"), ("assert",), ("runs",)):
        code, _, err = shell(*line)
        assert (code, "another meaning: upper." in err, "DROP MACRO upper;" in err) == (4, True, True)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ops.pending SET fee_date = '0044-03-15 (BC)'",
        "UPDATE ops.pending SET fee_date = '12025-03-15'",
        "UPDATE raw.files SET ingested_at = '12025-03-15'",
        "UPDATE ops.runs SET started_at = '0044-03-15 (BC)'",
        "UPDATE staging.stg_fees SET fee_date = '12025-03-15'",
    ],
)
def test_a_moment_beyond_the_calendar_is_no_bug(shell, change):
    put("a.csv", fee(1))
    assert shell("run", "--source", "lake")[0] == 0
    put("b.csv", fee(2))
    assert shell("ingest", "lake")[0] == 0
    with duckdb.connect("fees.duckdb") as native:
        native.execute(change)
    for line in (("assert",), ("run", "--source", "lake"), ("runs",), ("files",), ("plan",)):
        code, _, err = shell(*line)
        assert code in {0, 1, 4, 5}, (line, err)


@pytest.mark.parametrize("column", ["fee_date", "rows_added", "amount_added", "rows_removed", "amount_removed"])
def test_a_list_of_pending_dates_that_lacks_a_cell_is_no_bug(shell, column):
    put("a.csv", fee(1))
    assert shell("ingest", "lake")[0] == 0
    with duckdb.connect("fees.duckdb") as native:
        native.execute(f"UPDATE ops.pending SET {column} = NULL")
    code, _, err = shell("plan")
    assert (code, f"ops.pending.{column} holds what no run writes" in err) == (5, True)


@pytest.mark.parametrize("table", ["raw.file_totals", "staging.stg_fees", "ops.pending"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_the_ends_of_the_calendar_is_no_bug(fed, table, day):
    """Windows of fee dates reckon beyond their ends."""
    put("b.csv", fee(1))
    assert fed("ingest", "lake")[0] == 0
    with duckdb.connect("fees.duckdb") as native:
        native.execute(f"UPDATE {table} SET fee_date = '{day}'")
    code, _, err = fed("plan")
    assert (code, f"{table}.fee_date holds what no run writes" in err) == (5, True), err


def test_a_warehouse_takes_half_of_the_memory(tmp_path, monkeypatch):
    monkeypatch.setitem(engine_room._CONFIG, "memory_limit", "4GiB")  # as of a machine with 5
    with connect(f"duckdb://{tmp_path}/fees.duckdb") as engine:
        assert engine.native.execute("SELECT current_setting('memory_limit')").fetchone() == ("2.5 GiB",)
    with connect(f"duckdb://{tmp_path}/fees.duckdb", read_only=True) as reader, connect("duckdb://") as own:
        limits = [one.native.execute("SELECT current_setting('memory_limit')").fetchone() for one in (reader, own)]
        assert limits[0] == limits[1]


def test_the_embedded_engine_keeps_to_its_memory(tmp_path):
    with connect(f"duckdb://{tmp_path}/small.duckdb", settings=Settings(memory="20MB")) as engine:
        assert engine.native.execute("SELECT current_setting('memory_limit')").fetchone() == ("19.0 MiB",)
        with pytest.raises(WarehouseError, match="too little memory for this; FEES_ETL_MEMORY gives DuckDB more"):
            engine._native("SELECT STRING_AGG(repeat('x', 10_000) || range, '' ORDER BY range) FROM range(20_000)")
