"""Whoever stops a run, or a deadline, stops its job too, and is told what became of it."""

from __future__ import annotations

import logging
import signal
import threading
from dataclasses import replace

import pytest
from bigquery import LOCK, Fate, Fault, Service, engine_on

from fees_etl import WarehouseError
from fees_etl.script import Ask, Script, Write

FIRST = "fees-etl-R1-run-1"
SCRIPT = Script("R1", [Write("DELETE FROM ops.pending WHERE TRUE"), Ask("n", "SELECT 1 AS n")], lock=LOCK)
BY_ITSELF = "it ends by itself, whole or not at all."


@pytest.fixture
def service():
    return Service(answers={"n": [["1"]]})


@pytest.fixture
def said(caplog, monkeypatch):
    """What is logged, whatever an earlier test made of the log."""
    monkeypatch.setattr(logging.getLogger("fees_etl"), "propagate", True)
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.fixture
def engine(service, monkeypatch, said):
    with engine_on(service, monkeypatch, patience=0.5) as made:
        yield made


@pytest.fixture
def impatient(service, monkeypatch, said):
    """Its jobs have no time at all."""
    with engine_on(service, monkeypatch, patience=0.5) as made:
        object.__setattr__(made.settings, "deadline", 0)  # which no target may say
        yield made


def press_ctrl_c(_=None):
    """While the client waits for an answer."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def once(act, service):
    """As it is looked at for the first time."""

    def now(_):
        service.on_look = None
        act()

    return now


def cancellations(service):
    return [name for name in service.requests if name.endswith("/cancel")]


# Ctrl-C


def test_ctrl_c_cancels_the_job(engine, service, said):
    service.fates, service.on_look = [Fate(looks=9)], press_ctrl_c
    with pytest.raises(KeyboardInterrupt):
        engine.transact(SCRIPT)
    assert cancellations(service) == [f"POST /jobs/{FIRST}/cancel"]
    assert service.jobs[FIRST].error["reason"] == "stopped"
    assert said() == [f"The job {FIRST} is cancelled: what it had not committed is rolled back."]


def test_ctrl_c_is_too_late_for_a_job_that_is_done_and_yet_it_counts(engine, service, said):
    """A command of several jobs begins no other one."""
    service.fates, service.on_look = [Fate(looks=9, outruns=True)], once(press_ctrl_c, service)
    with pytest.raises(KeyboardInterrupt):
        engine.transact(SCRIPT)
    assert said() == [f"The job {FIRST} had ended before it could be cancelled: what it did stays."]


def test_ctrl_c_before_the_job_has_nothing_to_cancel(engine, service, said, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine.client, "query", interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine.transact(SCRIPT)
    assert said() == [f"The job {FIRST} was not begun."]


@pytest.mark.parametrize("unreachable", ["/cancel$", "GET /jobs/"])
def test_ctrl_c_says_so_when_the_cancellation_cannot_be_sent_or_followed(engine, service, said, unreachable):
    def from_now_on(_):
        service.faults, service.on_look = [Fault(unreachable, 503, times=1000)], None
        press_ctrl_c()

    service.fates, service.on_look = [Fate(looks=9)], from_now_on
    with pytest.raises(KeyboardInterrupt):
        engine.transact(SCRIPT)
    assert said() == [f"The job {FIRST} could not be cancelled: {BY_ITSELF}"]


def test_ctrl_c_does_not_wait_for_a_job_that_is_slow_to_stop(engine, service, said):
    def once(_):
        service.on_look = None
        press_ctrl_c()

    service.fates, service.on_look = [Fate(looks=99, lingers=True)], once
    with pytest.raises(KeyboardInterrupt):
        engine.transact(SCRIPT)
    assert said() == [f"The job {FIRST} does not stop at once: {BY_ITSELF}"]
    with pytest.raises(WarehouseError, match="may still be at work"):
        engine.transact(replace(SCRIPT, name="failed"))


# a deadline


def test_a_job_over_its_deadline_is_cancelled(impatient, service, said):
    service.fates = [Fate(looks=9)]
    with pytest.raises(WarehouseError) as caught:
        impatient.transact(SCRIPT)
    assert caught.value.message == f"the job {FIRST} ran for more than 0 seconds, and was cancelled."
    assert (caught.value.published, caught.value.exit_code) == (WarehouseError.usually, 5)
    assert caught.value.hint.startswith("Raise the target's deadline (FEES_ETL_DEADLINE=seconds)")
    assert cancellations(service) == [f"POST /jobs/{FIRST}/cancel"]
    assert said() == [f"The job {FIRST} is cancelled: what it had not committed is rolled back."]


def test_a_job_that_ends_while_it_is_cancelled_is_done(impatient, service):
    service.fates = [Fate(looks=9, outruns=True)]
    assert impatient.transact(SCRIPT).answers["n"].rows.rows == ((1,),)


def test_a_job_over_its_deadline_that_cannot_be_cancelled_ends_by_itself(impatient, service, said):
    service.fates, service.faults = [Fate(looks=9)], [Fault("/cancel$", 503, times=1000)]
    with pytest.raises(WarehouseError) as caught:
        impatient.transact(SCRIPT)
    assert caught.value.message == f"the job {FIRST} ran for more than 0 seconds."
    assert caught.value.published == f"Whatever that job does: {BY_ITSELF}"
    assert said() == [f"The job {FIRST} could not be cancelled: {BY_ITSELF}"]


def test_a_question_over_the_deadline_is_given_up(service, monkeypatch):
    """The library raises Python's own TimeoutError."""
    service.slow = 10**6
    with engine_on(service, monkeypatch) as engine:
        object.__setattr__(engine.settings, "deadline", 0.2)
        with pytest.raises(WarehouseError, match=r"did not answer \(TimeoutError\)"):
            engine.query("SELECT 1 AS n")
    assert len(cancellations(service)) == 1


def test_a_question_that_takes_a_while_is_waited_for(engine, service):
    service.slow = 2
    service.answers = {"rows": [["1"]]}
    assert engine.query("SELECT 1 AS n").rows == ((1,),)
