"""One writer per warehouse within a process too: of threads that come together, one works and the others are told."""

from __future__ import annotations

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from bigquery import Service, engine_on
from pipeline import LENIENT, NOW, Pipeline, project
from shells import HEADER, fee, put

from fees_etl import WarehouseBusy, connect, forget, ingest, plan, run
from fees_etl.engines import alone
from fees_etl.script import Script


def together(count, act):
    """What became of so many threads that begin at once."""
    gate = threading.Barrier(count)

    def work(number):
        gate.wait()
        try:
            return act(number)
        except WarehouseBusy as busy:
            return busy

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


@pytest.fixture
def lake(tmp_path):
    (tmp_path / "lake").mkdir()
    for number in range(4):
        rows = "".join(fee(1000 * number + row) for row in range(500))
        (tmp_path / "lake" / f"{number}.csv").write_text(HEADER + rows)
    return tmp_path / "lake"


def test_eight_threads_with_an_engine_each_load_each_file_once(lake, tmp_path):
    url, held = f"duckdb://{tmp_path}/fees.duckdb", project(**LENIENT)
    with connect(url) as engine:
        engine.prepare(held.contracts)

    def act(_):
        with connect(url) as engine:
            ingest(held, engine, str(lake))
            return run(plan(held, engine), engine).status

    found = together(8, act)
    while "published" not in found:
        found = together(8, act)
    busy = [one for one in found if isinstance(one, WarehouseBusy)]
    assert all(re.search(r"held by thread .* of this process since|another", one.message) for one in busy)
    with Pipeline(lake, url, **LENIENT) as pipeline:
        assert pipeline.value("SELECT COUNT(*) FROM raw.fees") == 2000
        assert pipeline.value("SELECT COUNT(*) FROM raw.files") == 4
        assert pipeline.value("SELECT COUNT(*) FROM staging.stg_fees") == 2000
        assert all(one.passed for one in pipeline.check().values())


def test_eight_threads_that_share_an_engine_take_turns_or_are_told(lake):
    with Pipeline(lake, **LENIENT) as pipeline:
        found = together(8, lambda _: len(ingest(pipeline.project, pipeline.engine, str(lake)).files))
        assert set(map(type, found)) <= {int, WarehouseBusy}
        assert 4 in found
        assert pipeline.value("SELECT COUNT(*) FROM raw.fees") == 2000


def test_whoever_comes_second_is_told_who_is_first(lake, tmp_path):
    url = f"duckdb://{tmp_path}/fees.duckdb"
    (tmp_path / "link").symlink_to(tmp_path)
    with Pipeline(lake, url, **LENIENT) as first, Pipeline(lake, url, **LENIENT) as second, first.engine.rehearsal():
        for act in (second.ingest, lambda: forget(second.project, second.engine, str(lake))):
            with pytest.raises(WarehouseBusy, match=r"fees\.duckdb is held by thread MainThread of this process since"):
                act()
    with Pipeline(lake, url, **LENIENT), pytest.raises(WarehouseBusy, match="held by another engine of this process"):
        connect(f"duckdb://{tmp_path}/link/fees.duckdb")
    with Pipeline(lake, url, **LENIENT), pytest.raises(WarehouseBusy, match="held by another engine of this process"):
        connect(url, read_only=True)


def test_two_names_of_one_file_are_one_warehouse(lake, tmp_path):
    url = f"duckdb://{tmp_path}/fees.duckdb"
    with Pipeline(lake, url, **LENIENT) as first:
        os.link(tmp_path / "fees.duckdb", tmp_path / "other.duckdb")
        with suppress(WarehouseBusy), Pipeline(lake, f"duckdb://{tmp_path}/other.duckdb", **LENIENT) as second:
            second.ingest()
        first.ingest()
        assert first.value("SELECT COUNT(*) FROM raw.fees") == 2000


def test_databases_in_memory_are_each_their_own(lake):
    def act(_):
        with Pipeline(lake, **LENIENT) as pipeline:
            pipeline.ingest()
            return pipeline.value("SELECT COUNT(*) FROM raw.fees")

    assert together(4, act) == [2000] * 4


def test_a_second_engine_leaves_the_working_copies_of_the_first_alone(lake, tmp_path):
    url = f"duckdb://{tmp_path}/fees.duckdb"
    with Pipeline(lake, url, **LENIENT) as first, first.engine.rehearsal():
        first.engine.scratch()
        (first.engine.spill / "reading-x").mkdir()
        with connect(url):
            pass
        assert (first.engine.spill / "reading-x").is_dir()
    with connect(url):
        pass
    assert not (first.engine.spill / "reading-x").exists()


def test_an_error_lets_go(lake, tmp_path):
    with Pipeline(lake, f"duckdb://{tmp_path}/fees.duckdb", **LENIENT) as pipeline:
        (lake / "0.csv").write_text("nonsense")
        with pytest.raises(ZeroDivisionError):
            ingest(pipeline.project, pipeline.engine, str(lake), now=Late())
        assert pipeline.ingest().refused


class Late:
    """No time at all."""

    def astimezone(self, _):
        return NOW

    def __add__(self, _):
        raise ZeroDivisionError


def test_bigquery_is_one_warehouse_by_project_and_suffix(monkeypatch):
    service = Service()
    service.prepare()
    told = pytest.raises(WarehouseBusy, match=r"bigquery://p\S* is held by thread MainThread")
    with engine_on(service, monkeypatch) as engine, alone(("p", ""), "x"), told:
        engine.transact(Script("R1", ()))
    with engine_on(service, monkeypatch) as engine, alone(("p", "_ci"), "x"):
        engine.transact(Script("R1", ()))


def test_a_command_in_a_process_that_holds_the_warehouse_is_exit_75(shell):
    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    with connect(f"duckdb://{shell.folder}/fees.duckdb") as engine, engine.rehearsal():
        code, _, err = shell("ingest", "lake")
    assert code == 75
    assert "held by" in err
