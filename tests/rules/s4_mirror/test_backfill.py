"""Backfills: month by month the same as at once, stopped and resumed as if never stopped; and what a window may touch."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import date
from pathlib import Path

import pytest
import worlds
from faults import AFTER, BEFORE, HEADER, NEXT, START, contents, deal, fault, ledger, truth
from hypothesis import given
from hypothesis import strategies as st
from pipeline import LENIENT, MODELS, Pipeline, project
from shells import fee, put
from tiers import part, worlds_of

from fees_etl import GuardRefused, UsageError, cli
from fees_etl.runs.backfill import backfill, command_line

FIRST, LAST = date(2024, 12, 10), date(2025, 3, 31)
MONTHS = ["2024-12-10..2024-12-31", "2025-01-01..2025-01-31", "2025-02-01..2025-02-28", "2025-03-01..2025-03-02"]
ASKED = command_line(FIRST, LAST, "month")


def fill(pipeline, start=FIRST, end=LAST, *, chunk="month", **options):
    return backfill(pipeline.project, pipeline.engine, start, end, chunk=chunk, **options)


@pytest.fixture
def opened(tmp_path):
    """Opens one warehouse again and again: files published, then others in raw that nothing has staged."""
    deal(tmp_path / "lake", START)

    def again():
        return Pipeline(tmp_path / "lake", f"duckdb://{tmp_path}/fees.duckdb", **LENIENT)

    with again() as pipeline:
        pipeline.ingest()
        pipeline.run()
        deal(tmp_path / "lake", NEXT)
        pipeline.ingest()
    shutil.copy(tmp_path / "fees.duckdb", tmp_path / "prepared.duckdb")
    return again


@worlds_of(2)
@given(
    worlds.files(names=("a.csv", "b.csv"), max_size=8), worlds.files(names=("a.csv", "b.csv"), max_size=8), st.data()
)
def test_month_by_month_is_the_same_as_at_once_and_as_a_full_refresh(first, second, data):
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder), **LENIENT) as pipeline:
        if data.draw(st.booleans(), label="published before"):
            pipeline.all(**{name.removesuffix(".csv"): rows for name, rows in first.items()})
        pipeline.put(**{name.removesuffix(".csv"): rows for name, rows in second.items()})
        pipeline.ingest(allow_withdraw=True)
        start, end = sorted(data.draw(st.tuples(worlds.fee_dates(), worlds.fee_dates()), label="range"))
        with pipeline.engine.rehearsal():
            fill(pipeline, start, end, chunk="none")
            at_once = contents(
                pipeline, "cause"
            )  # a fee that moved to another month is withdrawn in one chunk, new in one

        assert fill(pipeline, start, end).status == "published"
        assert contents(pipeline, "cause") == at_once
        assert fill(pipeline, date(2023, 1, 1), date(2025, 12, 31)).status == "published"
        in_chunks = {name: pipeline.rows(name) for name in MODELS}
        pipeline.run(full_refresh=True)
        assert in_chunks == {name: pipeline.rows(name) for name in MODELS}
        assert pipeline.tables() == pipeline.expected()
        truth(pipeline)


def test_every_chunk_is_a_row_of_the_ledger_and_reporting_comes_once_at_the_end(opened):
    told = []
    with opened() as pipeline:
        result = fill(
            pipeline, on_chunk=lambda number, count, chunk: told.append((number, count, str(chunk.plan.window)))
        )
        rows = ledger(pipeline, "run_id", "part_of", "command", "status", "fee_dates", "selection")[1:]

    assert result.status == "published"
    assert str(result.plan.window) == "2024-12-10..2025-03-02"
    assert told == [(number, 4, month) for number, month in enumerate(MONTHS, 1)]
    assert {row[1] for row in rows} == {rows[0][0]}
    assert {row[2] for row in rows} == {ASKED}
    assert [row[3:5] for row in rows] == [*(("staged", month) for month in MONTHS), ("published", "no fee dates")]
    merged, *rebuilt = [model.name for model in project().models.values()]
    assert [row[5] for row in rows] == [merged] * 4 + [" ".join(rebuilt)]


def test_fee_dates_outside_the_range_stay_pending(opened):
    with opened() as pipeline:
        fill(pipeline)

        assert [str(row[0]) for row in pipeline.rows("ops.pending")] == ["2024-12-05"]
        assert [name for name, result in pipeline.check().items() if not result.passed] == []
        assert pipeline.run().status == "published"
        assert pipeline.tables() == pipeline.expected()


def test_months_without_data_are_left_out(opened):
    with opened() as pipeline:
        fill(pipeline, date(2020, 1, 1), date(2030, 1, 1))

        assert [row for row in ledger(pipeline, "fee_dates")[1:-1] if row.startswith("2025-04")] == []
        assert len(ledger(pipeline, "run_id")) == 1 + 4 + 1


@pytest.mark.parametrize("how", [BEFORE, AFTER])
def test_stopped_at_any_statement_it_resumes_without_repeating_a_chunk(opened, tmp_path, how):
    with opened() as pipeline:
        with fault(pipeline.engine) as counted:
            fill(pipeline)
        expected = contents(pipeline)
    assert len(counted.commits) == 5
    for number in (
        sorted({*part(range(1, counted.count, 8), 8), *counted.commits}) if how == BEFORE else counted.commits
    ):
        shutil.copy(tmp_path / "prepared.duckdb", tmp_path / "fees.duckdb")
        with opened() as pipeline:
            with fault(pipeline.engine, number, how) as found:
                fill(pipeline)
            stopped = ledger(pipeline, "status")[1:]
            done = stopped.count("staged")
            told = (number, found.fired, stopped)
            assert stopped in (["staged"] * done, ["staged"] * done + ["failed"], ["staged"] * 4 + ["published"]), told
            if stopped[-1:] != ["published"]:
                fill(pipeline, resume=bool(stopped))
            rows = ledger(pipeline, "part_of", "status", "fee_dates")[1:]

            assert [row[2] for row in rows if row[1] == "staged"] == MONTHS, told
            assert [row[1] for row in rows].count("published") == 1, told
            assert len({row[0] for row in rows}) == 1, told
            assert contents(pipeline) == expected, told
            truth(pipeline)


def stop(pipeline, after=2):
    """A backfill that is interrupted after so many chunks."""

    def interrupt(number, *_):
        if number == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(pipeline, on_chunk=interrupt)


def test_resuming_what_was_never_stopped_is_refused_and_says_how_to_start(opened):
    with opened() as pipeline:
        for _ in range(2):
            with pytest.raises(UsageError, match="no stopped backfill") as refused:
                fill(pipeline, resume=True)
            assert refused.value.hint == f"Start one: fees-etl {ASKED}"
            fill(pipeline)
        stop(pipeline)
        with pytest.raises(UsageError, match="no stopped backfill"):
            fill(pipeline, FIRST, date(2025, 3, 30), resume=True)
        with pytest.raises(UsageError, match="nothing to resume"):
            fill(pipeline, resume=True, chunk="none")


def test_resuming_with_other_variables_is_refused_and_starting_anew_is_not(opened):
    with opened() as pipeline:
        stop(pipeline)
        before = contents(pipeline)
        pipeline.project = project(**LENIENT | {"tolerance": "0.01"})
        with pytest.raises(GuardRefused, match="variables changed") as refused:
            fill(pipeline, resume=True)

        assert refused.value.hint == f"Begin anew: fees-etl {ASKED}"
        assert contents(pipeline) == before
        assert fill(pipeline).status == "published"
        assert ledger(pipeline, "status")[1:] == ["staged"] * 2 + ["staged"] * 4 + ["published"]


def test_one_that_an_assertion_stopped_repeats_only_the_months_that_changed_since(opened, tmp_path):
    with opened() as pipeline:
        deal(tmp_path / "lake", {"z": HEADER + "C1,QQ999999D,A1,2025-01-20,1\n"})
        pipeline.ingest()
        before = {name: pipeline.rows(name) for name in MODELS[1:]}

        assert fill(pipeline).status == "rejected"
        assert before == {name: pipeline.rows(name) for name in MODELS[1:]}
        deal(tmp_path / "lake", {"z": None})
        pipeline.ingest()
        assert fill(pipeline, resume=True).status == "published"
        statuses = [("staged", month) for month in MONTHS] + [("rejected", "no fee dates")]
        resumed = [("staged", MONTHS[1]), ("published", "no fee dates")]
        assert ledger(pipeline, "status", "fee_dates")[1:] == statuses + resumed
        truth(pipeline)


def test_a_rehearsal_leaves_no_trace(opened, tmp_path, capsys, monkeypatch):
    with opened() as pipeline:
        before, rows = contents(pipeline), ledger(pipeline, "run_id")
    monkeypatch.setenv("FEES_ETL_VARS", json.dumps(LENIENT))
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{tmp_path}/fees.duckdb")

    assert cli.main([*ASKED.split(), "--rehearse"]) == 0
    assert "REHEARSED" in capsys.readouterr().out
    with opened() as pipeline:
        assert contents(pipeline) == before
        assert ledger(pipeline, "run_id") == rows


def test_a_stopped_one_says_how_far_it_came_and_how_to_go_on(opened, tmp_path):
    with opened() as pipeline, fault(pipeline.engine) as counted:
        fill(pipeline)
    shutil.copy(tmp_path / "prepared.duckdb", tmp_path / "fees.duckdb")
    with opened() as pipeline:
        pipeline.engine._native = refusing(pipeline.engine._native, counted.count - 5)
        with pytest.raises(Exception, match="injected") as stopped:
            fill(pipeline)

    assert stopped.value.published == "4 of 4 chunks are staged and stay so; reporting is as before."
    assert stopped.value.hint == f"fees-etl {ASKED} --resume"


def refusing(run, number):
    from faults import Fault

    return Fault(number, BEFORE).around(run)


def rejected_in_chunks(shell):
    """A backfill by months that an assertion stops after its chunks were committed."""
    put("a.csv", *(fee(number, day=f"2025-0{number}-01") for number in range(1, 7)))
    shell("run", "--source", "lake")
    put("conflict.csv", fee(1, "9", "2025-03-02", "QQ999999D"))
    shell("ingest", "lake")
    return shell("backfill", "--start", "2025-02-01", "--end", "2025-04-30", "--chunk", "month")


def test_a_backfill_in_chunks_that_is_rejected_says_what_its_chunks_have_staged(shell):
    code, out, err = rejected_in_chunks(shell)
    assert code == 1
    assert shell.ask("SELECT COUNT(*) FROM staging.stg_fees") == [(7,)]
    assert "all of it was rolled back" not in out
    assert "in 6 fees" not in err


def test_a_rejected_backfill_in_chunks_is_resumed_after_the_file_is_corrected(shell):
    rejected_in_chunks(shell)
    Path("lake/conflict.csv").unlink()
    shell("ingest", "lake")
    code, _, err = shell("backfill", "--start", "2025-02-01", "--end", "2025-04-30", "--chunk", "month", "--resume")
    assert code == 0, err
