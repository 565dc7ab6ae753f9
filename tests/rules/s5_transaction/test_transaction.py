"""A run publishes all or nothing, leaves a record, and is refused where what it was planned on has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from pipeline import LENIENT, MODELS, Pipeline
from shells import HEADER, fee, put
from worlds import charge

from fees_etl import WarehouseBusy, WarehouseError, run
from fees_etl.runs import ledger
from fees_etl.runs.backfill import backfill, command_line
from fees_etl.script import Rows


def test_a_rehearsal_leaves_no_trace(tmp_path):
    with Pipeline(tmp_path) as pipeline:
        pipeline.put(fees=[charge("ann", "x", date(2025, 1, 31), "1")])
        pipeline.ingest()
        result = pipeline.run(rehearse=True)

        assert result.status == "rehearsed"
        assert result.after.clients == 1
        assert pipeline.rows("staging.stg_fees") == []
        assert pipeline.rows("ops.runs") == []
        assert len(pipeline.rows("ops.pending")) == 1


def test_failed_attempts_are_in_the_ledger_and_change_nothing(tmp_path):
    with Pipeline(tmp_path) as pipeline:
        pipeline.all(fees=[charge("ann", "x", date(2025, 1, 31), "1")])
        before = {name: pipeline.rows(name) for name in MODELS}
        plan = pipeline.plan()
        broken = replace(plan.steps[1], statements=("DELETE FROM reporting.dim_clients WHERE DIV(1, 0) = 1",))
        with pytest.raises(WarehouseError):
            run(replace(plan, steps=(plan.steps[0], broken)), pipeline.engine)

        assert before == {name: pipeline.rows(name) for name in MODELS}
        assert [row[3] for row in pipeline.rows("ops.runs", 8)] == ["published", "failed"]


def test_a_rehearsal_in_an_empty_folder_leaves_it_empty(shell):
    put("a.csv", fee(1))
    assert shell("run", "--source", "lake", "--rehearse")[0] == 0
    assert sorted(path.name for path in Path().iterdir()) == ["lake"]


def test_what_a_killed_ingestion_left_of_its_files_is_gone_after_the_next_run(shell):
    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    left = Path("fees.duckdb.tmp/reading-killed")
    left.mkdir(parents=True)
    (left / "good.csv").write_text(fee(1))
    shell("run", "--source", "lake")
    assert not left.exists()


def test_a_run_planned_before_another_ingestion_was_published_is_busy(tmp_path):
    """What is pending is then as it was; only the files tell that a full refresh would lose what came in between."""
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(a=HEADER + fee(1))
        stale = pipeline.plan(full_refresh=True)
        pipeline.all(b=HEADER + fee(2, day="2025-06-05"))
        with pytest.raises(WarehouseBusy, match="another run changed"):
            run(stale, pipeline.engine)
        assert ledger.state(pipeline.project, pipeline.engine).last_staged == date(2025, 6, 5)


def test_attempts_are_in_order_whatever_order_an_engine_gives_them_in(tmp_path):
    """A query's rows are one text on BigQuery, in no order: the last backfill must not be taken for an older one."""
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(a=HEADER + fee(1))
        begin, end = date(2025, 1, 1), date(2025, 1, 31)
        for name in ("first", "second"):
            backfill(pipeline.project, pipeline.engine, begin, end, chunk="month", run_id=name)
        upside_down = Backwards(pipeline.engine)
        asked = command_line(begin, end, "month")
        for found in (ledger.chunks, lambda *names: ledger.history(*names[:2])):
            assert found(pipeline.project, upside_down, asked) == found(pipeline.project, pipeline.engine, asked)
        assert ledger.chunks(pipeline.project, upside_down, asked).rows[-2][0] == "second"


class Backwards:
    """An engine that gives rows in the opposite order."""

    def __init__(self, engine):
        self.engine = engine

    def query(self, sql):
        found = self.engine.query(sql)
        return Rows(found.columns, found.rows[::-1])


def test_the_ledger_row_of_many_fee_dates_takes_little_memory(shell, monkeypatch):
    """The dates of an answer are read apart from its text, which would else stand beside each of them."""
    monkeypatch.setenv("FEES_ETL_MEMORY", "200MB")
    first = date(2000, 1, 1)
    put("many.csv", *(fee(number % 40, str(number), str(first + timedelta(days=number))) for number in range(6000)))
    code, _, err = shell("run", "--source", "lake")
    assert (code, err.count("Error")) == (0, 0), err
    (kept,) = shell.ask("SELECT json_array_length(changes) FROM ops.runs")
    assert kept == (6000,)
