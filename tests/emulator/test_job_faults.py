"""Jobs that fail, as Google says it: what is tried again, what is not, what is told, and what the ledger keeps."""

from __future__ import annotations

import re

import pytest
from emulator.world import few
from tiers import NIGHT

CONFLICT = "Transaction is aborted due to concurrent update against table p:ops.writer. Transaction ID: 7"
DENIED = "Access Denied: Table p:raw.fees: User does not have permission bigquery.tables.getData on QQ 12 34 56 C"
STAYS = "Published: Nothing of this command: readers see what the last committed run published."
COMMITTED = "Published: All of this command: the job failed after its commit."


@pytest.fixture
def fails(world, monkeypatch):
    """Lets the next jobs of a run fail; ``after`` they have done all they had to do."""

    def failing(reason, message="injected", *, times=1, after=False, kind="run"):
        google, left = world.bigquery.google, [{"reason": reason, "message": message}] * times
        execute = google._execute

        def executed(job, forward):
            labels = job.resource["configuration"].get("labels", {})
            if job.request is None or labels.get("kind") != kind or not left:
                return execute(job, forward)
            if after:
                execute(job, forward)
            job.end(left.pop())
            return None

        monkeypatch.setattr(google, "_execute", executed)

    return failing


def attempts(world):
    """The jobs of runs that were sent, by the numbers of their attempts."""
    return [name.rpartition("-run-")[2] for name in world.bigquery.google.jobs if "-run-" in name]


def goes_on(world):
    """The same command, without faults, publishes; and the ledger is true."""
    known = world.truth()
    assert world.command("run")[0] == 0
    assert world.contents() == world.holds["run"]
    assert world.truth() == [*known, "published"]


@pytest.mark.parametrize(("reason", "times"), [("backendError", 1), ("jobRateLimitExceeded", 2)])
def test_a_job_that_fails_for_a_passing_reason_is_tried_again_under_another_id(world, fails, reason, times):
    world.back("ingested")
    fails(reason, times=times)
    assert world.command("run")[0] == 0
    assert attempts(world) == ["1", "2", "3"][: times + 1]
    assert world.contents() == world.holds["run"]
    assert world.truth() == ["published", "published"]


LASTING = {
    "backendError": ("injected", 3, ["1", "2", "3"], "BigQuery refused (job ID-run-3; backendError): injected"),
    "quotaExceeded": ("injected", 1, ["1"], "BigQuery refused (job ID-run-1; quotaExceeded): injected"),
    "accessDenied": (DENIED, 1, ["1"], "This account may not do that (job ID-run-1): Access Denied: Table p:raw.fees"),
    "stopped": ("cancelled", 1, ["1"], "The job was cancelled by somebody (job ID-run-1)."),
    "invalidQuery": ("Division by zero", 1, ["1"], "BigQuery refused (job ID-run-1; invalidQuery): Division by zero"),
}


@pytest.mark.parametrize("reason", LASTING)
def test_a_job_that_fails_for_good_publishes_nothing_and_is_recorded_once(world, fails, reason):
    message, times, sent, words = LASTING[reason]
    world.back("ingested")
    fails(reason, message, times=times)
    code, said = world.command("run")

    assert code == 5
    assert words in re.sub(r"fees-etl-\w+-\w+-run", "ID-run", said)
    assert STAYS in said
    assert "QQ 12 34 56 C" not in said
    assert attempts(world) == sent
    assert world.contents() == world.holds["ingested"]
    assert world.truth() == ["published", "failed"]
    if NIGHT or reason == "backendError":
        goes_on(world)


def test_a_run_that_conflicts_with_another_is_busy_names_the_last_writer_and_is_no_failure(world, fails):
    world.back("ingested")
    (writer,) = world.bigquery.rows("SELECT job_id FROM ops.writer")
    fails("invalidQuery", CONFLICT)
    code, said = world.command("run")

    assert code == 75
    assert f"The last one to finish was the job {writer[0]}." in said
    assert attempts(world) == ["1"]
    assert world.contents() == world.holds["ingested"]
    assert world.truth() == ["published"]
    goes_on(world)


@pytest.mark.parametrize("reason", few("backendError", "stopped", more=("quotaExceeded",)))
def test_a_job_that_fails_after_its_commit_is_told_as_published_and_not_run_again(world, fails, reason):
    world.back("ingested")
    fails(reason, after=True)
    code, said = world.command("run")

    assert code == 5
    assert COMMITTED in said
    assert attempts(world) == ["1"]
    assert world.contents() == world.holds["run"]
    assert world.truth() == ["published", "published"]


def test_so_is_an_ingestion(world, fails):
    world.back("published")
    fails("backendError", after=True, kind="ingest")
    code, said = world.command("ingest")

    assert code == 5
    assert COMMITTED in said
    assert world.executed()["ingest"] == 0
    assert world.contents() == world.holds["ingested"]


def test_a_rejection_whose_job_fails_after_it_was_recorded_is_reported_and_recorded_once(world, fails):
    world.back("ingested")
    world.deal({"conflict": [("\tC2", "2025-03-03", "5")]})
    assert world.command("ingest")[0] == 0
    fails("backendError", after=True)
    code, said = world.command("run")
    world.deal({"conflict": None})

    assert code == 1
    assert "1 assertion failed: assert_client_data." in said
    assert attempts(world) == ["1", "2"]
    assert world.truth() == ["published", "rejected"]


@pytest.mark.parametrize("reason", few("backendError", more=("quotaExceeded", "invalid")))
def test_a_load_job_that_fails_leaves_nothing_and_keeps_its_message_to_itself(world, reason):
    world.back("published")
    world.bigquery.google.failures = [reason]
    code, said = world.command("ingest")

    assert code == 5
    assert "its message is withheld, because it may quote rows" in said
    assert STAYS in said
    assert world.executed()["ingest"] == 0
    assert world.contents() == world.holds["published"]
    assert world.command("ingest")[0] == 0
    assert world.contents() == world.holds["ingested"]
