"""A fault at every statement, and between any two: nothing is lost, half done or told wrong, and a retry ends right."""

from __future__ import annotations

import shutil

import pytest
from faults import (
    AFTER,
    BEFORE,
    FROM_THEN_ON,
    HEADER,
    NEXT,
    START,
    Fault,
    contents,
    deal,
    fault,
    ledger,
    truth,
)
from pipeline import LENIENT, Pipeline
from tiers import part

from fees_etl import WarehouseBusy, WarehouseError, run
from fees_etl.engines import duckdb

REFUSED = {"e": "client_id,fee_date\nC1,2025-01-01\n"}
REJECTED = {"f": HEADER + "C6,QQ000006A,A6,2025-03-05,4\nC6,QQ000006A,A6,2025-03-05,1e3\n"}


def ingest(pipeline):
    pipeline.ingest()


def rehearse(pipeline):
    with pipeline.engine.rehearsal():
        pipeline.ingest()
        pipeline.run(rehearse=True)


COMMANDS = {
    "an ingestion": ingest,
    "a run": Pipeline.run,
    "a full refresh": lambda pipeline: pipeline.run(full_refresh=True),
    "a rehearsal": rehearse,
}


class Prepared:
    """A warehouse in which a command has something to do, and what it holds before and after it."""

    def __init__(self, folder, command):
        self._folder, self._act = folder, COMMANDS[command]
        deal(folder / "lake", START | {"e": START["b"]})
        with self.opened() as pipeline:
            pipeline.ingest()
            pipeline.run()
            deal(folder / "lake", NEXT | REFUSED | REJECTED)
            if self._act not in (ingest, rehearse):
                pipeline.ingest()
            self.before = contents(pipeline)
        shutil.copy(folder / "fees.duckdb", folder / "prepared.duckdb")
        with self.opened() as pipeline:
            with fault(pipeline.engine) as counted:
                self._act(pipeline)
            self.after, self.count = contents(pipeline), counted.count
            self.first = counted.begins[0] + 1
        self.reset()

    def reset(self):
        shutil.copy(self._folder / "prepared.duckdb", self._folder / "fees.duckdb")

    def opened(self):
        (self._folder / "lake").mkdir(exist_ok=True)
        return Pipeline(self._folder / "lake", f"duckdb://{self._folder}/fees.duckdb", **LENIENT)

    def fails(self, pipeline, number, how):
        """The statement that failed, with the ledger's words for the attempt."""
        known = len(ledger(pipeline, "status"))
        with fault(pipeline.engine, number, how) as found:
            self._act(pipeline)
        if how == FROM_THEN_ON:
            pipeline.engine.close()
            with self.opened() as reopened:
                return found.fired, contents(reopened), ledger(reopened, "status")[known:]
        return found.fired, contents(pipeline), ledger(pipeline, "status")[known:]

    def ends_right(self, pipeline):
        self._act(pipeline)
        assert contents(pipeline) == self.after
        if self._act is not rehearse:
            pipeline.ingest()
            pipeline.run()
            assert [name for name, result in pipeline.check().items() if not result.passed] == []
        truth(pipeline)


@pytest.mark.parametrize("how", [BEFORE, AFTER, FROM_THEN_ON])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_statement_that_fails_undoes_all_of_the_command_and_a_retry_ends_as_if_nothing_had_happened(
    tmp_path, command, how
):
    prepared = Prepared(tmp_path, command)
    every = range(1, prepared.count + 1)
    apart = 1 if how == BEFORE and command != "a rehearsal" else 8
    pipeline = prepared.opened()
    for number in sorted({*part(every[::apart], 16 // apart + 1), *every[-3:]}):
        fired, held, told = prepared.fails(pipeline, number, how)

        assert fired, number
        assert told in ([], ["failed"]) or (told == ["published"] and held == prepared.after), fired
        assert held == prepared.before or (fired, how, held) == ("COMMIT", AFTER, prepared.after), fired
        if how == FROM_THEN_ON:
            pipeline = prepared.opened()
        if held != prepared.before:
            pipeline.engine.close()
            prepared.reset()
            pipeline = prepared.opened()
    with pipeline:
        prepared.ends_right(pipeline)


@pytest.mark.parametrize("command", ["a run", "a full refresh"])
def test_every_failed_attempt_is_in_the_ledger_once_with_its_reason(tmp_path, command):
    prepared = Prepared(tmp_path, command)
    with prepared.opened() as pipeline:
        for number in (prepared.first, prepared.count // 2, prepared.count):
            assert prepared.fails(pipeline, number, BEFORE)[2] == ["failed"]

        assert ledger(pipeline, "status", "error")[1:] == [("failed", "injected")] * 3


def test_an_interruption_just_after_the_commit_is_a_published_run(tmp_path):
    prepared = Prepared(tmp_path, "a run")
    with prepared.opened() as pipeline:
        fired, held, told = prepared.fails(pipeline, prepared.count, AFTER)

    assert (fired, told) == ("COMMIT", ["published"])
    assert held == prepared.after


def test_a_fault_of_our_own_is_recorded_without_its_message_because_that_may_quote_rows(tmp_path):
    prepared = Prepared(tmp_path, "a run")

    def broken(_):
        raise ValueError("QQ000001A")

    with prepared.opened() as pipeline:
        with pytest.raises(ValueError, match="QQ"):
            run(pipeline.plan(), pipeline.engine, on_step=broken)

        assert ledger(pipeline, "status", "error")[1:] == [("failed", "ValueError")]
        assert contents(pipeline) == prepared.before


@pytest.mark.parametrize("how", [BEFORE, AFTER])
def test_a_warehouse_half_made_is_completed_by_the_next_command(tmp_path, monkeypatch, how):
    deal(tmp_path / "lake", START)
    url = f"duckdb://{tmp_path}/fees.duckdb"
    for number in range(1, 100, 3):
        found = Fault(number, how)
        with monkeypatch.context() as patched:
            patched.setattr(duckdb.DuckDB, "_native", found.around(duckdb.DuckDB._native))
            try:
                Pipeline(tmp_path, url).engine.close()
            except (WarehouseError, KeyboardInterrupt):
                assert found.fired
        if not found.fired:
            break
    assert number > 30
    with Pipeline(tmp_path / "lake", url) as pipeline:
        pipeline.ingest()

        assert pipeline.run().status == "published"
        assert pipeline.tables() == pipeline.expected()


@pytest.mark.parametrize("another", [False, True], ids=["by itself", "by another connection"])
def test_a_run_stops_when_an_ingestion_slips_in_between_plan_and_begin(tmp_path, another):
    prepared = Prepared(tmp_path, "a run")
    with prepared.opened() as pipeline, prepared.opened() as other:
        plan = pipeline.plan()
        deal(tmp_path / "lake", {"g": [("C7", "2025-02-11", "70")]})
        (other if another else pipeline).ingest()
        before = contents(pipeline)
        with pytest.raises(WarehouseBusy) as busy:
            run(plan, pipeline.engine)

        assert busy.value.exit_code == 75
        assert "Nothing was published" in busy.value.published
        assert contents(pipeline) == before
        assert ledger(pipeline, "status") == ["published"]
        assert pipeline.run().status == "published"
        assert pipeline.tables() == pipeline.expected()
        assert pipeline.rows("ops.pending") == []


def test_an_ingestion_during_the_run_is_told_to_wait_and_its_fee_dates_are_staged_by_the_next(tmp_path):
    prepared = Prepared(tmp_path, "a run")
    with prepared.opened() as pipeline, prepared.opened() as other:
        deal(tmp_path / "lake", {"g": [("C1", "2025-01-01", "70")]})
        busy = []

        def slip_in(_):
            with pytest.raises(WarehouseBusy) as held:
                other.ingest()
            busy.append(held.value.exit_code)

        assert run(pipeline.plan(), pipeline.engine, on_step=slip_in).status == "published"
        assert set(busy) == {75}
        assert contents(pipeline)["staging.stg_fees"] == prepared.after["staging.stg_fees"]
        assert pipeline.rows("ops.pending") == []
        other.ingest()
        assert [(str(row[0]), row[3]) for row in pipeline.rows("ops.pending")] == [("2025-01-01", 1)]
        assert pipeline.run().status == "published"
        assert pipeline.tables() == pipeline.expected()


def test_two_connections_that_change_the_same_rows_are_busy_not_broken(tmp_path):
    prepared = Prepared(tmp_path, "a run")
    with prepared.opened() as pipeline, prepared.opened() as other, other.engine.rehearsal():
        run(other.plan(), other.engine)
        with pytest.raises(WarehouseBusy):
            pipeline.run()
