"""Every command against the emulators: faults of each kind at each request, rights that lack, wrong words, kills and signals.

tests/emulator has each fault at each request of an ingestion and a run; these are all the other commands, and what is
left when one dies in the midst of a request: KILLS=30 SIGNALS=5 are as many. By night it is one of five parts of the rest;
ATTACKS=2/5 is the second, 1/1 are all.
"""

from __future__ import annotations

import io
import os
import random
import re
import signal
import time
from contextlib import redirect_stderr, redirect_stdout
from itertools import product

import pytest
from attacks.attacked import share
from emulator import conftest as fixtures
from emulator.children import begin
from emulator.proxy import Fault
from emulator.world import patience
from tiers import NIGHT

from fees_etl import cli

pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # a socket of Google's client
disk, bigquery_url, storage_url, story, world = (
    getattr(fixtures, name) for name in ("disk", "bigquery_url", "storage_url", "story", "world")
)
KILLS, SIGNALS = int(os.environ.get("KILLS", "10")), int(os.environ.get("SIGNALS", "5"))
PART, PARTS = share("1/5")
NINO = re.compile(r"\b[A-Z]{2}\d{6}[A-D]\b")
EVER = 10**6
RANGE = ("--start", "2024-12-01", "--end", "2025-03-31")
READ = [
    ("assert",), ("assert", "--source", "SOURCE"), ("plan",), ("runs",), ("runs", "show", "latest"), ("files",), ("diff", "--project", "."), ("show", "dim_clients"),
    ("show", "dim_clients", "--as-of", "latest"), ("show", "stg_fees"), ("trace", "stg_fees", "client_id=C1", "fee_date=2025-01-01"),
    ("trace", "a.csv:1"), ("trace", "a.csv:2", "--verify"), ("ls", "--select", "state:modified+", "--state", "latest"),
    ("run", "--skip-ingest", "--rehearse"), ("docs", "--out", "-"),
]  # fmt: skip
WRITE = {
    "ingest": ("published", ("ingest", "SOURCE")),
    "run": ("ingested", ("run", "--skip-ingest")),
    "both": ("published", ("run", "--source", "SOURCE")),
    "refresh": ("ingested", ("run", "--skip-ingest", "--full-refresh")),
    "chunks": ("ingested", ("backfill", *RANGE, "--chunk", "month")),
    "reload": ("published", ("ingest", "SOURCE", "--reload")),
}
KINDS = {
    **{str(status): {"status": status} for status in (400, 401, 403, 404, 409, 412, 429, 500, 501, 502, 503, 504)},
    "accessDenied": {"status": 403, "reason": "accessDenied"},
    "rateLimitExceeded": {"status": 403, "reason": "rateLimitExceeded"},
    "reset": {"reset": True},
    "cut off": {"keep": 3},
    "lost": {"reset": True, "after": True},
    "lost 503": {"status": 503, "after": True},
    "lost 409": {"status": 409, "after": True},
}


def part(*both):
    return list(product(*both))[PART - 1 :: PARTS] if NIGHT else []


def words(world, line):
    return [world.source if word == "SOURCE" else word for word in line]


def fees_etl(world, line):
    """Exit code and all it said, a sentence each time; within a minute."""
    out, err, began = io.StringIO(), io.StringIO(), time.monotonic()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.main(words(world, line))
    said = " ".join(err.getvalue().split())
    assert code in {0, 1, 2, 3, 4, 5, 75}, (line, code, said)
    assert "Traceback" not in said, line
    assert (code == 0) or "Next: " in said, (line, code, said)
    assert not NINO.search(out.getvalue() + said), line
    assert time.monotonic() - began < 60
    return code, said


def requests(world, line, stage="published"):
    """How many requests a command makes, and how it ends, when nothing fails."""
    world.back(stage)
    code, said = fees_etl(world, line)
    assert code in {0, 1}, said
    return sum(len(proxy.log) for proxy in world.services.values()), code


@pytest.fixture(scope="module")
def counted():
    return {}


@pytest.mark.parametrize(("place", "kind"), part(range(len(READ)), KINDS))
def test_a_command_that_looks_meets_a_fault_that_stays(world, monkeypatch, counted, place, kind):
    """From one of its requests on, each of which has its turn among the kinds."""
    line = READ[place]
    if line not in counted:
        counted[line] = requests(world, line)
    many, _ = counted[line]
    world.back("published")
    patience(monkeypatch, 0.3)
    on = 1 + [*KINDS].index(kind) * 7 % max(many, 1)
    for proxy in world.services.values():
        proxy.fail(Fault(on=on, times=EVER, **KINDS[kind]))
    before = world.holds["published"]
    fees_etl(world, line)
    world.finish()
    assert world.contents() == before
    world.truth()


@pytest.mark.parametrize(("name", "kind"), part(WRITE, KINDS))
def test_a_command_that_writes_meets_a_fault_that_stays(world, monkeypatch, counted, name, kind):
    stage, line = WRITE[name]
    if name not in counted:
        counted[name] = requests(world, line, stage)
    many, _ = counted[name]
    world.back(stage)
    patience(monkeypatch, 0.3)
    on = 1 + ([*KINDS].index(kind) * 5 + 2) % many
    world.bigquery.proxy.fail(Fault(on=on, times=EVER, **KINDS[kind]))
    code, said = fees_etl(world, line)
    world.finish()
    if code:
        assert "Published: " in said
    goes_on(world)


def goes_on(world):
    """An ingestion and a run end as they do in a clean story."""
    assert fees_etl(world, WRITE["both"][1])[0] == 0
    assert world.contents() == world.holds["run"]
    world.truth()


CLOSED = {
    **{
        f"dataset {name}": ("BigQuery", r"/datasets/" + name, "")
        for name in ("raw", "ops", "staging", "reporting", "history")
    },
    **{
        f"rows of {name}": ("BigQuery", r"/(jobs|queries)", rf"\b{name}\.")
        for name in ("raw", "ops", "staging", "reporting", "history")
    },
    "jobs": ("BigQuery", r"/(jobs|queries)", ""),
    "loads": ("BigQuery", r"/upload", ""),
    "bucket": ("GCS", r"", ""),
    "objects": ("GCS", r"/download", ""),
}
LINES = [*READ, *(line for _, line in WRITE.values())]


@pytest.mark.parametrize(("place", "closed"), part(range(len(LINES)), CLOSED))
def test_a_command_lacks_a_right(world, place, closed):
    service, path, body = CLOSED[closed]
    world.back("published")
    world.services[service].fail(Fault("", path, body, times=EVER, status=403, reason="accessDenied"))
    code, said = fees_etl(world, LINES[place])
    met = any(entry.fault for entry in world.services[service].log)
    world.finish()
    if not met:
        assert code in {0, 1, 2, 4}, said
    if code and met:
        assert code in {2, 4, 5}, said
    world.truth()


WRONG = [("--nonsense",), ("",), ("--output", "QQ123456C"), ("--output",), ("-x", "7"), ("--limit", "0"), ("--limit=QQ123456C",), ("a", "b", "c")]  # fmt: skip
FIRST = [
    ("--target", "nobody"),
    ("--project-dir", "/nowhere"),
    ("--var", "max_lost=QQ123456C"),
    ("--log-format", "xml"),
    ("--var", "nothing=1"),
]
WAREHOUSES = [
    "bigquery://",
    "bigquery://p q?location=EU",
    "bigquery://p?location=",
    "bigquery://p?place=EU",
    "snowflake://p",
    "bigquery:",
    ":",
]


@pytest.mark.parametrize("place", part(range(len(LINES))))
def test_wrong_words_are_a_misuse_and_nothing_is_written(world, monkeypatch, place):
    line = LINES[place[0]]
    world.back("published")
    for more in WRONG:
        code, said = fees_etl(world, (*line, *more))
        assert code == 2 or line[0] in {"ls", "assert", "show", "trace", "diff"}, (more, said)
    assert world.contents() == world.holds["published"]
    for more in FIRST:
        fees_etl(world, (*more, *line))
    for url in WAREHOUSES:
        monkeypatch.setenv("FEES_ETL_WAREHOUSE", url)
        assert fees_etl(world, line)[0] in {0 if line[0] == "docs" else 2, 2, 4, 5}, url


# in the midst of a request


@pytest.fixture
def at_request(world, monkeypatch):
    """Does something when the n-th request comes, before or after it is carried out."""

    def arrange(number, act, *, after):
        seen = []
        for proxy in world.services.values():
            rules = proxy._rules

            def ruled(request, forward, rules=rules):
                seen.append(request)
                if len(seen) != number:
                    return rules(request, forward)
                if not after:
                    act()
                reply = rules(request, forward)
                if after:
                    act()
                return reply

            monkeypatch.setattr(proxy, "_rules", ruled)

    return arrange


def struck(world, at_request, counted, name, chance, stop):
    """A command of its own process, and a signal at one of its requests."""
    stage, line = WRITE[name]
    if name not in counted:
        counted[name] = requests(world, line, stage)
    world.back(stage)
    world.bigquery.google.polls = chance.randrange(2)
    children = []

    def strike():
        while not children:
            time.sleep(0.001)
        children[0].signal(stop)
        time.sleep(0.05)

    at_request(1 + chance.randrange(counted[name][0]), strike, after=chance.random() < 0.5)
    children.append(begin(world, "-q", *words(world, line)))
    found = children[0].ended()
    world.finish()
    return found


@pytest.mark.parametrize("number", range(KILLS * NIGHT))
def test_killed_in_the_midst_of_a_request_the_next_run_ends_right(world, at_request, counted, number):
    code, _ = struck(world, at_request, counted, [*WRITE][number % len(WRITE)], random.Random(number), signal.SIGKILL)
    assert code in {-signal.SIGKILL, 0}
    goes_on(world)


@pytest.mark.parametrize("number", range(SIGNALS * NIGHT))
def test_stopped_in_the_midst_of_a_request_it_says_so_and_the_next_run_ends_right(world, at_request, counted, number):
    stop = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[number % 3]
    code, said = struck(world, at_request, counted, [*WRITE][number % len(WRITE)], random.Random(number), stop)
    assert code in {130, 0}, said
    assert code == 0 or ("Interrupted." in said and "Published: " in said and "Next: " in said), said
    goes_on(world)
