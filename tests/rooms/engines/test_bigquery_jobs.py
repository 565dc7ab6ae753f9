"""A script is one job that happens once, whatever the network does; and every way it can fail has its own words."""

from __future__ import annotations

import time

import pytest
from bigquery import LOCK, Fate, Fault, Service, engine_on

from fees_etl import GuardRefused, UsageError, WarehouseError
from fees_etl.engines.bigquery.errors import _TOO_MANY_DAYS, failed
from fees_etl.engines.bigquery.jobs import job_id
from fees_etl.errors import WarehouseBusy
from fees_etl.script import Ask, Script, Write

CONFLICT = "Transaction is aborted due to concurrent update against table p:ops.writer. Transaction ID: 7"
NINO = "QQ 12 34 56 C"
FIRST, SECOND, THIRD = (f"fees-etl-R1-run-{attempt}" for attempt in "123")
WHOLE_OR_NOT = "Whatever that job does: it ends by itself, whole or not at all."


def script(name="run"):
    return Script("R1", [Write("DELETE FROM ops.pending WHERE TRUE"), Ask("n", "SELECT 1 AS n")], name=name, lock=LOCK)


@pytest.fixture
def service():
    return Service(answers={"n": [["1"]]})


@pytest.fixture
def engine(service, monkeypatch):
    with engine_on(service, monkeypatch) as made:
        yield made


@pytest.fixture
def hasty(service, monkeypatch):
    """Its requests are repeated for half a second."""
    with engine_on(service, monkeypatch, patience=0.5) as made:
        yield made


def names(service):
    return [job.name for job in service.begun]


def refused(engine, kind=WarehouseError):
    with pytest.raises(kind) as caught:
        engine.transact(script())
    assert type(caught.value).exit_code == {WarehouseBusy: 75, GuardRefused: 4}.get(kind, 5)
    return caught.value


# one request, one job


def test_a_jobs_id_follows_from_run_name_and_attempt(engine, service):
    assert engine.transact(script()).answers["n"].rows.rows == ((1,),)
    engine.transact(script("ingest"))
    assert names(service) == [FIRST, "fees-etl-R1-ingest-1"]
    assert job_id("2025:x y", "run", "1") == "fees-etl-2025-x-y-run-1"


@pytest.mark.parametrize(("status", "reason"), [*((one, "backendError") for one in (0, 429, 500, 502, 503)), (504, "")])
def test_a_job_whose_reply_is_lost_is_adopted_and_not_run_again(engine, service, status, reason):
    service.faults = [Fault("POST /jobs$", status, reason, after=True)]
    assert engine.transact(script()).answers["n"].rows.rows == ((1,),)
    assert names(service) == [FIRST]


def test_a_run_id_that_was_used_before_is_refused_and_not_taken_for_a_lost_reply(engine, service):
    engine.transact(script())
    other = Script("R1", [Write("DELETE FROM ops.left_out WHERE TRUE"), Ask("n", "SELECT 1 AS n")], lock=LOCK)
    with pytest.raises(UsageError, match="its run id was used before") as caught:
        engine.transact(other)
    assert caught.value.published == "Nothing of this command; the published numbers are as before."
    assert len(names(service)) == 1


@pytest.mark.parametrize("status", [0, 429, 500, 502, 503])
def test_a_request_that_did_not_arrive_is_sent_again_under_the_same_id(engine, service, status):
    service.faults = [Fault("POST /jobs$", status, times=2)]
    engine.transact(script())
    assert names(service) == [FIRST]
    assert service.requests.count("POST /jobs") == 3


def test_a_silence_is_ended_by_a_timeout_and_the_job_adopted(service, monkeypatch):
    service.faults = [Fault("POST /jobs$", after=True, silent=True), Fault("GET /jobs/", silent=True)]
    with engine_on(service, monkeypatch, timeout=0.3) as engine:
        engine.transact(script())
    assert names(service) == [FIRST]


def test_a_request_that_is_given_up_is_looked_for_once_more(hasty, service):
    service.faults = [Fault("POST /jobs$", 503, after=True), Fault("POST /jobs$", 503, times=1000)]
    hasty.transact(script())
    assert names(service) == [FIRST]


@pytest.mark.parametrize(("status", "reason"), [(503, "backendError"), (504, "")])  # which the library does not repeat
def test_trouble_that_lasts_says_that_no_job_was_begun(hasty, service, status, reason):
    service.faults, began = [Fault("POST /jobs$", status, reason, times=1000)], time.monotonic()
    error = refused(hasty)
    assert "did not answer" in error.message
    assert error.message.endswith("no job was begun.")
    assert (error.published, error.hint) == (
        WarehouseError.usually,
        "See what was done: fees-etl runs; then run the same command again.",
    )
    assert time.monotonic() - began < 5
    assert names(service) == []


@pytest.mark.parametrize("silent", [False, True])
def test_trouble_with_every_request_says_that_nobody_knows(service, monkeypatch, silent):
    service.faults, began = [Fault("jobs", times=1000, silent=silent)], time.monotonic()
    with engine_on(service, monkeypatch, patience=0.3, timeout=0.1) as engine:
        error = refused(engine)
    assert error.message.endswith(f"nobody knows whether the job {FIRST} was begun.")
    assert error.published == WHOLE_OR_NOT
    assert time.monotonic() - began < 5


def test_a_running_job_is_looked_at_until_it_is_done(engine, service):
    service.fates = [Fate(looks=9)]
    service.faults = [Fault("GET /jobs/", 503), Fault("GET /jobs/")]
    engine.transact(script())
    assert service.requests.count(f"GET /jobs/{FIRST}") > 9


def test_a_job_that_cannot_be_looked_at_any_more_ends_by_itself(hasty, service):
    service.fates, service.faults = [Fate(looks=9)], [Fault("GET /jobs/", 503, times=1000)]
    error = refused(hasty)
    assert error.message.endswith(f"nobody knows how the job {FIRST} went.")
    assert error.published == WHOLE_OR_NOT


@pytest.mark.parametrize("trouble", ["jobs", "GET /jobs/"])
def test_no_job_follows_one_that_may_still_be_at_work(hasty, service, trouble):
    service.fates, service.faults = [Fate(looks=9)], [Fault(trouble, 503, times=10**6)]
    refused(hasty)
    service.faults, before = [], names(service)
    with pytest.raises(WarehouseError, match=f"the job {FIRST} may still be at work") as caught:
        hasty.transact(script("failed"))
    assert caught.value.published == WHOLE_OR_NOT
    assert names(service) == before


def test_a_job_whose_answer_cannot_be_fetched_has_ended(hasty, service):
    service.faults = [Fault("GET /queries/", 503, times=1000)]
    error = refused(hasty)
    assert error.message.endswith(f"what the job {FIRST} brought back is not known.")
    assert error.published == "What that job did: it has ended, whole or not at all."


# a job that failed


@pytest.mark.parametrize("reason", ["backendError", "internalError", "jobBackendError", "jobInternalError", "jobRateLimitExceeded", "rateLimitExceeded"])  # fmt: skip
def test_a_job_that_failed_for_a_passing_reason_is_another_attempt(engine, service, reason):
    service.fates = [Fate(looks=1, reason=reason)]
    engine.transact(script())
    assert names(service) == [FIRST, SECOND]
    assert FIRST in service.jobs[FIRST].sql  # the lock row names the job that writes it
    assert SECOND in service.jobs[SECOND].sql


def test_three_attempts_are_enough(engine, service):
    service.fates = [Fate(reason="backendError")] * 9
    assert refused(engine).message == f"BigQuery refused (job {THIRD}; backendError): injected"
    assert names(service) == [FIRST, SECOND, THIRD]


@pytest.mark.parametrize("failures", [0, 2])
def test_a_job_that_failed_after_its_commit_is_not_run_again(engine, service, failures):
    service.fates = [Fate(reason="backendError")] * failures + [Fate(reason="backendError", commits=True)]
    error = refused(engine)
    assert error.published == "All of this command: the job failed after its commit."
    assert len(names(service)) == failures + 1
    assert service.writer == names(service)[-1]


def test_a_job_that_failed_is_not_run_again_where_its_commit_is_in_doubt(hasty, service):
    service.fates, service.faults = [Fate(reason="backendError")], [Fault("POST /queries", 503, times=1000)]
    error = refused(hasty)
    assert error.message == f"BigQuery refused (job {FIRST}; backendError): injected"
    assert error.published.startswith("Perhaps all of this command")
    assert names(service) == [FIRST]


def test_a_conflict_is_busy_whether_the_last_writer_is_known_or_not(hasty, service):
    service.fates = [Fate(reason="invalidQuery", message=CONFLICT)]
    service.faults = [Fault("POST /queries", 503, times=1000)]
    assert refused(hasty, WarehouseBusy).message.endswith(f"(job {FIRST}).")


@pytest.mark.parametrize(
    "message", [CONFLICT, "Could not serialize access to table p:ops.writer due to concurrent update"]
)
def test_a_conflict_is_busy_and_names_the_last_writer(engine, service, message):
    service.fates = [Fate(looks=1, reason="invalidQuery", message=message)]
    service.writer = "fees-etl-R0-run-1"
    error = refused(engine, WarehouseBusy)
    assert error.message == (
        f"another writer changed the warehouse at the same time (job {FIRST}). "
        "The last one to finish was the job fees-etl-R0-run-1."
    )
    assert names(service) == [FIRST]


def test_a_conflict_of_the_first_writers_names_nobody(engine, service):
    service.fates, service.writer = [Fate(reason="invalidQuery", message=CONFLICT)], ""
    assert refused(engine, WarehouseBusy).message.endswith("The last one to finish was the job nobody.")


FAILURES = {
    "accessDenied": (WarehouseError, f"This account may not do that (job {FIRST}): injected | Grant it roles/bigquery.dataEditor"),
    "quotaExceeded": (WarehouseError, f"BigQuery refused (job {FIRST}; quotaExceeded): injected"),
    "stopped": (WarehouseError, f"The job was cancelled by somebody (job {FIRST})."),
    "invalidQuery": (WarehouseError, f"BigQuery refused (job {FIRST}; invalidQuery): injected"),
    "resourcesExceeded": (WarehouseError, f"BigQuery refused (job {FIRST}; resourcesExceeded): injected"),
    "bytesBilledLimitExceeded": (GuardRefused, f"BigQuery refused to read more than max_bytes allows (job {FIRST}): injected | Raise max_bytes"),
}  # fmt: skip


@pytest.mark.parametrize("reason", FAILURES)
def test_a_job_that_failed_for_a_reason_that_stays_is_not_repeated(engine, service, reason):
    kind, said = FAILURES[reason]
    service.fates = [Fate(reason=reason)]
    error = refused(engine, kind)
    assert f"{error.message} | {error.hint}".startswith(said)
    assert names(service) == [FIRST]


REFUSALS = {
    "no role": (403, "accessDenied", "Access Denied: Project p: User does not have bigquery.jobs.create permission", "Grant it roles/bigquery.jobUser on the project."),
    "a quota": (403, "quotaExceeded", "Quota exceeded: too many", ""),
    "a mistake": (400, "invalidQuery", "Syntax error at [1:2]", ""),
    "no project": (404, "notFound", "Not found: Project p", ""),
    "too many days": (400, "invalid", "Too many partitions: 10001 exceed 10000", _TOO_MANY_DAYS),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_a_request_that_is_refused_is_not_repeated(engine, service, case):
    status, reason, message, hint = REFUSALS[case]
    service.faults = [Fault("POST /jobs$", status, reason, message, times=9)]
    error = refused(engine)
    assert message in error.message
    assert error.hint == hint
    assert service.requests.count("POST /jobs") == 1


@pytest.mark.parametrize("reason", ["invalidQuery", "accessDenied", "bytesBilledLimitExceeded", "backendError"])
def test_a_message_shows_no_nino_and_one_line(engine, service, reason):
    service.fates = [Fate(reason=reason, message=f"Bad row: {NINO}; reason: x\nand {NINO}")] * 3
    with pytest.raises((WarehouseError, GuardRefused)) as caught:
        engine.transact(script())
    assert "Bad row: [NINO]" in caught.value.message
    assert "reason: x" not in caught.value.message
    assert "12 34 56" not in str(caught.value)


def test_a_request_that_is_refused_shows_no_nino(engine, service):
    service.faults = [Fault("POST /jobs$", 400, "invalid", f"Bad row: {NINO}")]
    assert "[NINO]" in refused(engine).message


def test_an_error_without_words_is_told_as_far_as_it_goes():
    assert failed({"reason": "invalid"}, "x").message == "BigQuery refused (x; invalid): no reason was given"
    assert failed({}, "x").message == "BigQuery refused (x; dict): no reason was given"
