"""Objects that change, vanish or break while they are read: busy or an error, nothing is kept, and the next try ends right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from emulator.proxy import Fault
from emulator.world import few, patience

from fees_etl.ingestion import bucket as gcs

EVER = 10**6
LATE = {"late": [("C7", "2025-03-05", "1"), ("C7", "2025-03-06", "2.50"), ("C7", "2025-03-07", "3")]}
OTHER = {"late": [("C7", "2025-03-05", "1"), ("C7", "2025-03-06", "2.60"), ("C7", "2025-03-07", "3")]}
CHANGED = "late.csv changed while it was read."
NOTHING = "Published: Nothing of this ingestion was kept; raw and the published numbers are as before."


@pytest.fixture(autouse=True)
def late(world):
    """One object more, which is read last and, meanwhile, in pieces of 64 bytes."""
    world.back("published")
    world.deal(LATE)
    world.lake.proxy.log.clear()
    yield
    world.finish()
    world.lake.bucket.delete_blobs(list(world.lake.bucket.list_blobs(prefix="late")))


@pytest.fixture
def meanwhile(world, monkeypatch):
    """Does something just before a piece of the object is asked for."""
    rules, pieces = world.lake.proxy._rules, []

    def at(number, act):
        def ruled(request, forward):
            if "/download/" in request.path and "late.csv" in request.path:
                pieces.append(request)
                if len(pieces) == number:
                    act()
            return rules(request, forward)

        monkeypatch.setattr(world.lake.proxy, "_rules", ruled)

    monkeypatch.setattr(gcs, "BLOCK", 64)
    return at


def corrupt(world, monkeypatch, broken):
    """What arrives of the object is not what is stored."""
    rules = world.lake.proxy._rules

    def ruled(request, forward):
        reply = rules(request, forward)
        is_late = "/download/" in request.path and "late.csv" in request.path
        return replace(reply, body=broken(reply.body)) if is_late else reply

    monkeypatch.setattr(world.lake.proxy, "_rules", ruled)


def is_refused(world, code, words):
    found, said = world.command("ingest")
    assert (found, words in said) == (code, True), said
    assert NOTHING in said
    assert "Next: " in said
    assert list(Path("spill").iterdir()) == []
    assert world.contents() == world.holds["published"]
    assert world.executed()["load"] == world.executed()["ingest"] == 0


def is_loaded(world, pounds):
    """The same command without faults."""
    assert world.command("ingest")[0] == 0
    rows = f"SELECT loaded_count, total_amount FROM raw.files WHERE status = 'loaded' AND uri = '{world.lake.url}/late.csv'"
    ((count, total),) = world.bigquery.rows(rows)
    assert (count, str(total)) == (3, pounds)


@pytest.mark.parametrize("piece", few(1, 3, more=(2,)))
def test_an_object_that_is_replaced_while_it_is_read_is_read_the_next_time(world, meanwhile, piece):
    meanwhile(piece, lambda: world.deal(OTHER))
    is_refused(world, 75, CHANGED)
    is_loaded(world, "6.600000000")


@pytest.mark.parametrize("piece", few(2, more=(1, 3)))
def test_an_object_that_vanishes_while_it_is_read_is_not_there_the_next_time(world, meanwhile, piece):
    meanwhile(piece, lambda: world.deal({"late": None}))
    is_refused(world, 75, CHANGED)
    assert world.command("ingest")[0] == 0
    assert world.contents() == world.holds["ingested"]


@pytest.mark.parametrize(
    "broken",
    few(lambda body: body[:-2] + b"9\n", lambda body: body[:-1], more=(lambda body: body + b"\n",)),
)
def test_bytes_that_are_not_those_that_were_listed_are_not_taken(world, monkeypatch, broken):
    with monkeypatch.context() as patch:
        corrupt(world, patch, broken)
        is_refused(world, 75, CHANGED)
    is_loaded(world, "6.500000000")


@pytest.mark.parametrize("how", few({"keep": 0}, more=({"reset": True}, {"status": 503})), ids=str)
def test_a_download_that_breaks_again_and_again_is_given_up(world, meanwhile, monkeypatch, how):
    patience(monkeypatch, 0.5)
    world.lake.proxy.fail(Fault("GET", r"/download/.*late\.csv", on=2, times=EVER, **how))
    is_refused(world, 5, "late.csv cannot be read: Cloud Storage does not answer")
    world.finish()
    is_loaded(world, "6.500000000")


def test_a_download_that_breaks_goes_on_where_it_broke(world, meanwhile):
    """Each answer brings 20 bytes; a piece has 64."""
    world.lake.proxy.fail(Fault("GET", r"/download/.*late\.csv", times=EVER, keep=20))
    is_loaded(world, "6.500000000")


@pytest.mark.parametrize("status", few(401, 403, more=(400,)))
def test_an_object_that_may_not_be_read_is_no_withdrawal(world, status):
    """No credentials, or one object that is closed, stop all: nothing of the source is taken."""
    world.lake.proxy.fail(Fault("GET", r"/download/.*late\.csv", times=EVER, status=status))
    code, said = world.command("ingest")

    assert code == (2 if status == 401 else 4), said
    assert "late.csv" in said
    world.finish()
    is_loaded(world, "6.500000000")
