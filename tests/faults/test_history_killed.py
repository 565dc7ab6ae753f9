"""A run that is killed at any of its statements leaves history, the SQL that is kept and the tables as one run left them."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from faults import NEXT, START, deal
from pipeline import LENIENT, Pipeline
from tiers import part

from fees_etl import connect, load, plan, run
from fees_etl.engines.duckdb import DuckDB
from fees_etl.explain import diff, history

BUNDLED = Path(__file__).parents[2] / "sql"


def publish(url, project, *, killed_at=0):
    """A run in a process of its own; killed before its n-th statement, or its statements are counted in its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    native, count = DuckDB._native, 0

    def counted(engine, sql):
        nonlocal count
        count += 1
        if count == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return native(engine, sql)

    try:
        with connect(url) as engine:
            planned = plan(project, engine)
            DuckDB._native = counted
            run(planned, engine)
    finally:
        os._exit(min(count, 250))


def agree(url, project):
    """Of each published table the open versions are its rows, and those of the last run; and so is the SQL."""
    with connect(url) as engine:
        engine.prepare(project.contracts)
        newest = history.moments(project, engine)[-1]
        for made in diff.published(project):
            now = engine.query(f"SELECT {', '.join(made.types)} FROM {made.table}").rows
            kept = engine.query(
                f"SELECT {', '.join(made.types)} FROM {made.history.table} WHERE _to_run_id IS NULL"
            ).rows
            as_of = engine.query(history.as_of(project, made.table, newest)).rows
            assert sorted(now, key=str) == sorted(kept, key=str) == sorted(as_of, key=str)
        (text,) = engine.query(
            "SELECT _from_run_id FROM ops.sql WHERE name = 'reporting.dim_clients' AND _to_run_id IS NULL"
        ).rows
        return newest.run_id, text[0]


def test_killed_at_any_statement_history_and_tables_agree(tmp_path):
    lake, url = tmp_path / "lake", f"duckdb:///{tmp_path}/fees.duckdb"
    lake.mkdir()
    deal(lake, START)
    with Pipeline(lake, url, **LENIENT) as pipeline:
        pipeline.ingest()
        pipeline.run()
        deal(lake, NEXT)
        pipeline.ingest(allow_withdraw=True)
    shutil.copytree(BUNDLED, tmp_path / "sql")
    model = tmp_path / "sql" / "reporting" / "dim_clients.sql"
    model.write_text(model.read_text().replace("fee_date ASC", "fee_date DESC"))
    edited = load(tmp_path, LENIENT)
    before = agree(url, edited)
    shutil.copy(tmp_path / "fees.duckdb", tmp_path / "count.duckdb")
    statements = publish(f"duckdb:///{tmp_path}/count.duckdb", edited)
    for at in part(range(1, statements + 1), 10):
        assert publish(url, edited, killed_at=at) == -signal.SIGKILL
        if agree(url, edited) != before:  # the last one came after the commit
            assert at == statements
    publish(url, edited)
    run_id, text = agree(url, edited)
    assert (run_id, text) != before
