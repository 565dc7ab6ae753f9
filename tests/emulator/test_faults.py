"""A fault at every request of an ingestion and of a run: the same tables or a clean error, never a job twice, and the
same command again ends right.

The night also tries each kind of fault at each request alone, repeats commands that succeed, and takes more cases in
the other modules of this tier.
"""

from __future__ import annotations

import re
import time
from itertools import product
from pathlib import Path

import pytest
from emulator.proxy import Fault
from emulator.world import patience
from tiers import NIGHT

EVER = 10**6
DEAD = {"reset": True, "after": True, "times": EVER}
STAGES = {"ingest": ("published", "ingested"), "run": ("ingested", "run")}
REQUESTS = {
    ("ingest", "BigQuery"): [
        *("POST /queries", "POST /queries", "POST /queries"),  # columns, known files, what the withdrawn ones hold
        *("POST /upload/jobs", "PUT /upload/jobs"),
        *("POST /jobs", "GET /jobs/ID", "GET /jobs/ID", "GET /queries/ID", "GET /queries/ID", "GET /jobs"),
    ],
    ("ingest", "GCS"): [
        "GET /b",
        "GET /b/o",
        *(f"GET /download/b/o/{name}.csv" for name in ("c%20copy", "d", "e", "a")),  # new ones first
    ],
    ("run", "BigQuery"): [
        *("POST /queries", "POST /queries"),
        *("POST /jobs", "GET /jobs/ID", "GET /jobs/ID", "GET /queries/ID", "GET /queries/ID", "GET /jobs"),
    ],
}
"""What a command asks of whom, in order; a job is found running once."""
SLOW = "a slow reply"
KINDS = {
    "it does not arrive": {"reset": True},
    "its reply is lost": {"reset": True, "after": True},
    "its reply is cut short": {"keep": 5},
    "too many requests": {"status": 429},
    "an error": {"status": 500},
    "unavailable": {"status": 503},
    "unavailable, but done": {"status": 503, "after": True},
    "a gateway's timeout": {"status": 504},
    SLOW: {"seconds": 0.3},
}
POINTS = {
    f"{command}, {service} {number} {name}": (command, service, number)
    for (command, service), names in REQUESTS.items()
    for number, name in enumerate(names, 1)
}
ENDS = [point for point in POINTS if NIGHT or not re.search("d.csv|copy", point)]
LASTING = [
    ("ingest", Fault("POST", "^/upload", reset=True, times=EVER), 5),
    ("ingest", Fault("PUT", "^/upload", reset=True, times=EVER, after=True), 0),
    ("ingest", Fault("POST", r"^/bigquery.*/jobs(\?|$)", reset=True, times=EVER, after=True), 0),
    ("run", Fault("POST", r"^/bigquery.*/jobs(\?|$)", status=503, times=EVER), 5),
    ("run", Fault("GET", r"/jobs/[^?]", status=503, times=EVER), 5),
    ("run", Fault("GET", "/queries/", reset=True, times=EVER, after=True), 5),
    ("run", Fault("GET", r"/jobs\?", status=503, times=EVER), 0),
]


def begin(world, command):
    """Where the command has something to do; its job is found running once."""
    world.back(STAGES[command][0])
    world.bigquery.google.polls = 1


def ends(world, command, code, said):
    """What became of a command that met faults, and of the same command after it."""
    before, after = (world.holds[stage] for stage in STAGES[command])
    world.finish()
    held, executed = world.contents(), world.executed()
    known = world.truth()

    assert list(Path("spill").iterdir()) == []
    assert executed[command] <= 1
    assert executed["load"] <= 1
    assert held == (after if executed[command] else before)
    if code:
        assert code == 5
        assert held == before or "whole or not at all" in said, said
        assert "Next: " in said
    else:
        assert held == after
    if code or NIGHT:
        assert world.command(command)[0] == 0
        assert world.contents() == after
        assert world.truth() == [*known, *(["published"] if command == "run" else [])]


@pytest.mark.parametrize("command", STAGES)
def test_a_command_makes_these_requests(world, command):
    begin(world, command)
    assert world.command(command)[0] == 0
    for service, proxy in world.services.items():
        assert [short(entry) for entry in proxy.log] == REQUESTS.get((command, service), [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", STAGES)
def test_when_every_other_request_fails_the_command_succeeds(world, command, kind):
    begin(world, command)
    upload = Fault("PUT", **KINDS[kind])  # nothing can be cut off from the reply before it
    for proxy in world.services.values():
        proxy.fail(*(Fault(on=number, **KINDS[kind]) for number in range(1, 60, 1 if kind == SLOW else 2)), upload)
    code, said = world.command(command)

    for service, proxy in world.services.items():
        hit = [short(entry) for entry in proxy.log if entry.fault]
        assert set(REQUESTS.get((command, service), ())) <= set(hit)
    assert code == 0, said
    ends(world, command, code, said)


@pytest.mark.parametrize("point", ENDS)
def test_when_the_line_is_dead_from_a_request_on_the_command_says_what_is_known(world, point, monkeypatch):
    command, service, number = POINTS[point]
    begin(world, command)
    patience(monkeypatch, 0.3)
    world.services[service].fail(Fault(on=number, **DEAD))
    ends(world, command, *world.command(command))
    assert met(world, service) == REQUESTS[command, service][number - 1]


@pytest.mark.parametrize(("command", "fault", "code"), LASTING)
def test_a_kind_of_request_that_never_succeeds_ends_the_command_in_time(world, command, fault, code, monkeypatch):
    begin(world, command)
    patience(monkeypatch, 0.3)
    world.bigquery.proxy.fail(fault)
    began = time.monotonic()
    found, said = world.command(command)

    assert time.monotonic() - began < 20
    assert found == code, said
    ends(world, command, found, said)


@pytest.mark.parametrize(("point", "kind"), product(POINTS, KINDS) if NIGHT else ())
def test_one_fault_is_overcome(world, point, kind):
    command, service, number = POINTS[point]
    begin(world, command)
    world.services[service].fail(Fault(on=number, **KINDS[kind]))
    code, said = world.command(command)

    assert met(world, service) == REQUESTS[command, service][number - 1]
    assert code == 0, said
    ends(world, command, code, said)


def met(world, service):
    """The first request that met a fault."""
    return next(short(entry) for entry in world.services[service].log if entry.fault)


def short(entry):
    """Method and what is asked, without project, bucket, job and query."""
    path = re.sub(r"/bigquery/v2/projects/[^/]+|/storage/v1|\?.*", "", entry.path)
    return f"{entry.method} {re.sub('/b/[^/]+', '/b', re.sub('fees-etl-[^/]+', 'ID', path))}"
