"""Commands killed at any moment, stopped as they end, and eight at once: the next run leaves what an undisturbed one does.

Each is a case of its own, with moments that depend on its number alone: KILLS=200 SIGNALS=60 are as many of them.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import places
import pytest
from faults import NEXT, START, contents, deal, story, truth
from pipeline import LENIENT, MODELS, Pipeline, forget_settings, project
from tiers import NIGHT

from fees_etl import WarehouseBusy, backfill, cli, connect, ingest, plan, run

KILLS, SIGNALS = int(os.environ.get("KILLS", "30")), int(os.environ.get("SIGNALS", "12"))
FORK = multiprocessing.get_context("forkserver")
RANGE = ["--start", "2024-12-01", "--end", "2025-03-31"]
RUN = ["run", "--source", "lake"]
LINES = {
    "run": RUN,
    "first run": RUN,
    "refresh": [*RUN, "--full-refresh"],
    "rehearsal": [*RUN, "--rehearse"],
    "ingest": ["ingest", "lake"],
    "reload": ["ingest", "lake", "--reload"],
    "forget": ["ingest", "--forget", "lake/a.csv", "--allow-withdraw"],
    "part": ["run", "--from", "rpt_client_ltv"],
    "backfill": ["backfill", *RANGE],
    "chunks": ["backfill", *RANGE, "--chunk", "month"],
    "report": ["report", "--out", "report.html"],
    "docs": ["docs", "--out", "site"],
    "evidence": ["evidence", "latest", "--out", "evidence.zip"],
    "init": ["init", "mine"],
}
MADE = {"report.html", "site", "evidence.zip", "mine", "artifacts"}
NAMES = [*LINES]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A working folder with a published warehouse and, in its lake, files that came since."""
    folder = tmp_path_factory.mktemp("kills")
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        patch.setenv("FEES_ETL_VARS", json.dumps(LENIENT))
        patch.setenv("FEES_ETL_ARTIFACTS", "artifacts")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(places.ROOT), *sys.path]))
        patch.chdir(folder)
        deal(folder / "lake", START)
        assert cli.main(["-q", *RUN]) == 0
        deal(folder / "lake", NEXT)
        shutil.copy("fees.duckdb", "prepared.duckdb")
        FORK.set_forkserver_preload(
            ["pipeline", "fees_etl.cli.report", "fees_etl.engines.duckdb", "fees_etl.runs.backfill"]
        )
        yield folder


def reset(work, name):
    for path in [path for path in work.iterdir() if path.name not in {"lake", "prepared.duckdb"}]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if name != "first run":
        shutil.copy("prepared.duckdb", "fees.duckdb")


def begun(work, name):
    process = FORK.Process(target=story, args=(work, [LINES[name]]))
    process.start()
    return process


def right(work):
    """All that the warehouse holds, which is what its files say; the open versions of history are what is published."""
    with Pipeline(work / "lake", f"duckdb://{work}/fees.duckdb", **LENIENT) as pipeline:
        assert pipeline.tables() == pipeline.expected()
        assert pipeline.rows("ops.pending") == []
        assert [name for name, result in pipeline.check().items() if not result.passed] == []
        truth(pipeline)
        for table in MODELS[1:]:
            kept = f"SELECT * EXCLUDE (_from_run_id, _to_run_id) FROM history.{table.partition('.')[2]} WHERE _to_run_id IS NULL"
            (differ,) = pipeline.engine.native.execute(
                f"SELECT COUNT(*) FROM ((FROM ({kept}) EXCEPT ALL FROM {table}) UNION ALL (FROM {table} EXCEPT ALL ({kept})))"
            ).fetchone()
            assert differ == 0, table
        return contents(pipeline)


def published():
    """How many runs have published."""
    with duckdb.connect("fees.duckdb", read_only=True) as found:
        return found.execute("SELECT COUNT(*) FROM ops.runs WHERE status = 'published'").fetchone()[0]


def tidy(work):
    """Nothing lies beside the warehouse but what was asked for, and that is whole."""
    found = {
        str(path.relative_to(work))
        for path in work.rglob("*")
        if path.relative_to(work).parts[0] not in {"lake", "prepared.duckdb"}
    }
    assert {Path(one).parts[0] for one in found} <= {"fees.duckdb", *MADE}
    for path in work.glob("*.html"):
        assert path.read_text().rstrip().endswith("</html>")
    for path in work.glob("*.zip"):
        assert zipfile.ZipFile(path).testzip() is None


@cache
def undisturbed(work, name):
    """How long the command takes, and the two ways to end: with the run alone, and with the run after the command."""
    ends = []
    for before in (False, True):
        reset(work, name)
        seconds = 0.0
        if before:
            began = time.monotonic()
            process = begun(work, name)
            process.join(60)
            seconds = time.monotonic() - began
            assert process.exitcode == 0, name
        assert cli.main(["-q", *RUN]) == 0
        ends.append(right(work))
    return seconds, ends


@pytest.mark.parametrize("number", range(KILLS * NIGHT))
def test_killed_at_any_moment_the_next_run_ends_as_if_nothing_had_happened(work, capsys, number):
    name, chance = NAMES[number % len(NAMES)], random.Random(number)
    seconds, ends = undisturbed(work, name)
    reset(work, name)
    for victim in (name, *(["run"] if number % 3 == 0 else [])):  # the run that recovers is killed too
        process = begun(work, victim)
        process.join(seconds * chance.random())
        process.kill()
        process.join(60)
    for path in work.glob("*fees.duckdb*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert cli.main(["-q", "runs"]) in ((0, 2) if name == "first run" else (0,)), capsys.readouterr().err
    assert cli.main(["-q", *RUN]) == 0, capsys.readouterr().err
    tidy(work)
    assert right(work) in ends


@pytest.mark.parametrize("name", ["report", "docs", "evidence", "init"])
def test_what_a_killed_command_was_writing_is_written_by_the_next(work, capsys, name):
    seconds, _ = undisturbed(work, name)
    for number in range(12):
        reset(work, name)
        process = begun(work, name)
        process.join(seconds * (number + 1) / 13)
        process.kill()
        process.join(60)
        code = cli.main(["-q", *LINES[name]])
        assert code == 0 or "there already" in capsys.readouterr().err
        tidy(work)


# signals as jobs end

STOP = """
import os, signal, sys
from fees_etl.engines.duckdb import DuckDB
native, seen = DuckDB._native, 0
def hit(engine, sql):
    global seen
    seen += sql == {sql!r}
    mine = sql == {sql!r} and seen == {on}
    if mine and not {after}:
        strike()
    found = native(engine, sql)
    if mine and {after}:
        strike()
    return found
def strike():
    os.write(1, b"STRUCK")
    os.kill(os.getpid(), {number})
DuckDB._native = hit
sys.argv = ["fees-etl", *{line!r}]
from fees_etl.__main__ import main
main()
"""
POINTS = [
    (name, sql, on, after)
    for name in ("run", "chunks", "ingest", "reload", "refresh", "backfill", "rehearsal", "first run", "forget", "part")
    for sql, on, after in (("COMMIT", 1, True), ("COMMIT", 2, False), ("COMMIT", 1, False), ("COMMIT", 2, True), ("ROLLBACK", 1, True), ("BEGIN TRANSACTION", 1, True))
]  # fmt: skip
"""The last of their statements: a signal comes just before one or just after it."""


@pytest.mark.parametrize("number", range(SIGNALS * NIGHT))
def test_a_signal_as_a_job_ends_is_told_and_the_next_run_ends_right(work, number):
    name, sql, on, after = POINTS[number * 7 % len(POINTS)]
    stop = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[number % 3]
    _, ends = undisturbed(work, name)
    reset(work, name)
    code = STOP.format(sql=sql, on=on, after=after, number=int(stop), line=LINES[name])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    said = " ".join(done.stderr.split())

    assert done.returncode == (130 if "STRUCK" in done.stdout else 0), said
    assert "Traceback" not in said
    if done.returncode:
        assert "Interrupted." in said
        assert "Published: " in said
        assert "Next: " in said
    assert ("All of this command: it was committed" in said) <= (published() > (name != "first run"))
    assert cli.main(["-q", *RUN]) == 0
    tidy(work)
    assert right(work) in ends


# eight at once

KINDS = ["run", "ingest", "reload", "backfill", "chunks", "part", "refresh", "rehearsal"]
LOOKS = {"assert": ["assert"], "runs": ["runs"], "plan": ["plan"], "files": ["files"]}
TOGETHER = {
    "eight runs": ["run"] * 8,
    "eight first runs": ["first run"] * 8,
    "eight kinds": KINDS,
    "some look": ["run", "run", "ingest", "chunks", *LOOKS],
}


@pytest.mark.parametrize("many", TOGETHER)
def test_of_eight_processes_each_is_done_or_busy(work, many):
    reset(work, TOGETHER[many][0])
    lines = [(LINES | LOOKS)[name] for name in TOGETHER[many]]
    all_at_once = [
        subprocess.Popen(
            [sys.executable, "-m", "fees_etl", *line], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for line in lines
    ]
    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in all_at_once]

    assert {code for _, code in ends} <= {0, 75}, ends
    assert 0 in {code for _, code in ends}
    for said, code in ends:
        assert "Traceback" not in said
        assert code == 0 or ("Next:" in said and ("held by" in said or "changed" in said)), said
    assert cli.main(["-q", *RUN]) == 0
    tidy(work)
    right(work)


def test_of_eight_threads_each_is_done_or_busy(work):
    reset(work, "run")
    url, known, gate = f"duckdb://{work}/fees.duckdb", project(**LENIENT), threading.Barrier(8)
    acts = [
        lambda engine: run(plan(known, engine), engine),
        lambda engine: ingest(known, engine, "lake"),
        lambda engine: backfill(known, engine, date(2024, 12, 1), date(2025, 3, 31)),
        lambda engine: engine.query("SELECT COUNT(*) AS n FROM reporting.dim_clients"),
    ]

    def act(number):
        gate.wait(30)
        try:
            with connect(url) as engine:
                engine.prepare(known.contracts)
                return acts[number % 4](engine)
        except WarehouseBusy:
            return "busy"

    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            assert set(map(type, pool.map(act, range(8)))) - {str}
    assert cli.main(["-q", *RUN]) == 0
    tidy(work)
    right(work)
