"""A job goes on without the command that began it: all of it or nothing, and the next command ends right.

Also: two commands at once, and Ctrl-C. The emulator executes one job after the other, so that at most one of two writers is
told that it was overtaken; that Google aborts one of two that overlap is proven with a made-up error in test_job_faults.
"""

from __future__ import annotations

import re
import signal
from threading import Event

import pytest
from emulator.children import begin, until
from emulator.world import few

EVER = 10**6
STAGES = {"ingest": ("published", "ingested"), "run": ("ingested", "run")}
BACKFILL = ("backfill", "--start", "2024-12-01", "--end", "2025-03-31", "--chunk", "month")
LOOK, ROWS, UPLOAD = ("GET", r"/jobs/fees-etl"), ("GET", r"/queries/fees-etl"), ("PUT", "^/upload")
CANCELLED = "is cancelled: what it had not committed is rolled back."
COMMITTED = "Published: All of this command: it was committed before the signal came."
INTERRUPTED = "Published: What this command had not committed was rolled back"


@pytest.fixture
def held(world, monkeypatch):
    """The answer to the first request of a kind waits, and so does what it asks for; two events: it came, it may go on."""
    came, go_on = Event(), Event()
    rules = world.bigquery.proxy._rules

    def hold(method, path):
        def held(request, forward):
            if request.method == method and re.search(path, request.path) and not came.is_set():
                came.set()
                go_on.wait(60)
            return rules(request, forward)

        monkeypatch.setattr(world.bigquery.proxy, "_rules", held)
        return came, go_on

    yield hold
    go_on.set()


@pytest.fixture
def runs_for_ever(world, monkeypatch):
    """Jobs of these numbers, of those that are scripts, go on until ``world.finish()``."""
    entered = world.bigquery.google._entered

    def slow(*numbers):
        seen = []

        def entering(project, sent, request):
            job = entered(project, sent, request)
            if request is not None:
                seen.append(job)
                job.polls = EVER if len(seen) in numbers else 0
            return job

        monkeypatch.setattr(world.bigquery.google, "_entered", entering)

    return slow


def running(world, count=1):
    """Whether so many jobs run and somebody has looked at one."""
    jobs = [job for job in world.bigquery.google.jobs.values() if job.request]
    return len(jobs) == count and sum(job.polls < EVER for job in jobs) == count


def at(world, command):
    world.back(STAGES[command][0])


def is_right(world, command, *statuses):
    """All is as after a clean command, and the same command again changes nothing."""
    assert world.contents() == world.holds[STAGES[command][1]]
    assert world.truth() == ["published", *statuses]
    assert world.command(command)[0] == 0
    assert world.contents() == world.holds[STAGES[command][1]]
    world.truth()


@pytest.mark.parametrize("command", STAGES)
def test_a_job_whose_client_was_killed_ends_by_itself(world, runs_for_ever, command):
    at(world, command)
    runs_for_ever(1)
    child = begin(world, command)
    until(lambda: running(world))
    child.signal(signal.SIGKILL)
    assert child.ended()[0] == -signal.SIGKILL
    assert world.contents() == world.holds[STAGES[command][0]]

    world.finish()
    is_right(world, command, *(["published"] if command == "run" else []))


@pytest.mark.parametrize("command", STAGES)
def test_a_job_that_outlives_the_next_command_finds_its_work_done(world, runs_for_ever, command):
    at(world, command)
    runs_for_ever(1)
    child = begin(world, command)
    until(lambda: running(world))
    child.signal(signal.SIGKILL)
    child.ended()
    assert world.command(command)[0] == 0

    world.finish()
    assert world.executed()[command] == 2
    is_right(world, command, *(["published"] if command == "run" else []))


def test_an_upload_whose_client_was_killed_is_no_ingestion(world, held):
    at(world, "ingest")
    came, go_on = held(*UPLOAD)
    child = begin(world, "ingest")
    assert came.wait(30)
    child.signal(signal.SIGKILL)
    child.ended()
    go_on.set()
    until(lambda: world.executed()["load"] == 1)

    assert world.contents() == world.holds["published"]
    assert world.command("ingest")[0] == 0
    is_right(world, "ingest")


@pytest.mark.parametrize("number", few(3, more=(1, 5)))
def test_a_backfill_in_chunks_that_was_killed_is_resumed(world, runs_for_ever, number):
    """The fifth job is the last: it rebuilds reporting and judges."""
    if "backfill" not in world.holds:
        world.back("ingested")
        assert world.command(*BACKFILL)[0] == 0
        world.holds["backfill"] = world.contents()

    world.back("ingested")
    runs_for_ever(number)
    child = begin(world, *BACKFILL)
    until(lambda: running(world))
    child.signal(signal.SIGKILL)
    child.ended()
    assert world.truth() == ["published", *["staged"] * (number - 1)]
    world.finish()

    code, said = world.command(*BACKFILL, "--resume")
    assert code == (2 if number == 5 else 0), said
    assert world.contents() == world.holds["backfill"]
    assert world.truth() == ["published", *["staged"] * 4, "published"]


TWO = [("run", "run", "ingested"), ("ingest", "ingest", "published"), ("ingest", "run", "published")]


@pytest.mark.parametrize(("first", "second", "stage"), TWO)
def test_of_two_commands_at_once_one_is_done_and_the_other_done_or_busy(world, runs_for_ever, first, second, stage):
    world.back(stage)
    runs_for_ever(1, 2)
    children = [begin(world, command) for command in (first, second)]
    until(lambda: running(world, 2))
    world.finish()
    ends = [child.ended() for child in children]

    assert sorted(code for code, _ in ends) in ([0, 75], [0, 0])
    assert first != second or sorted(code for code, _ in ends) == [0, 75]
    assert all("Next: fees-etl " in said for code, said in ends if code)
    world.truth()
    assert world.command("ingest")[0] == world.command("run")[0] == 0
    assert world.contents() == world.holds["run"]
    world.truth()


@pytest.mark.parametrize("command", STAGES)
def test_ctrl_c_cancels_the_job_and_says_so(world, runs_for_ever, command):
    at(world, command)
    runs_for_ever(1)
    child = begin(world, command)
    until(lambda: running(world))
    child.signal(signal.SIGINT)
    code, said = child.ended()

    assert code == 130
    assert CANCELLED in said
    assert INTERRUPTED in said
    assert sum(entry.path.partition("?")[0].endswith("/cancel") for entry in world.bigquery.proxy.log) == 1
    assert world.contents() == world.holds[STAGES[command][0]]
    assert world.command(command)[0] == 0
    is_right(world, command, *(["failed", "published"] if command == "run" else []))


def test_ctrl_c_is_too_late_for_a_job_that_has_ended(world, runs_for_ever, held):
    at(world, "run")
    runs_for_ever(1)
    came, _ = held(*LOOK)
    child = begin(world, "run")
    assert came.wait(30)
    world.bigquery.google.finish(world.bigquery.proxy.forward)
    child.signal(signal.SIGINT)
    code, said = child.ended()

    assert code == 130
    assert "had ended before it could be cancelled: what it did stays." in said
    assert COMMITTED in said
    is_right(world, "run", "published")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_as_a_chunk_ends_is_not_dropped(world, runs_for_ever, held, number):
    """Once a backfill went on for five more chunks, and exited 0."""
    world.back("ingested")
    runs_for_ever(1)
    came, _ = held(*LOOK)
    child = begin(world, *BACKFILL)
    assert came.wait(30)
    world.bigquery.google.finish(world.bigquery.proxy.forward)
    child.signal(number)
    code, said = child.ended()

    assert code == 130
    assert "1 of 4 chunks are staged and stay so; reporting is as before." in said
    assert said.partition("Next: ")[2].startswith("fees-etl ")
    assert said.partition("Next: ")[2].split(" {")[0].endswith("--chunk month --resume")
    assert world.truth() == ["published", "staged"]
    assert world.command(*BACKFILL, "--resume")[0] == 0
    assert world.truth() == ["published", *["staged"] * 4, "published"]


def test_ctrl_c_while_the_outcome_is_read_records_no_failure(world, held):
    at(world, "run")
    came, _ = held(*ROWS)
    child = begin(world, "run")
    assert came.wait(30)
    child.signal(signal.SIGINT)
    code, said = child.ended()

    assert code == 130
    assert COMMITTED in said
    is_right(world, "run", "published")


def test_ctrl_c_during_an_upload_keeps_nothing(world, held):
    at(world, "ingest")
    came, go_on = held(*UPLOAD)
    child = begin(world, "ingest")
    assert came.wait(30)
    child.signal(signal.SIGINT)
    code, said = child.ended()
    go_on.set()
    until(lambda: world.executed()["load"] == 1)

    assert code == 130
    assert INTERRUPTED in said
    assert world.contents() == world.holds["published"]
    assert world.command("ingest")[0] == 0
    is_right(world, "ingest")
