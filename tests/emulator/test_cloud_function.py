"""The event handler of examples/ under functions-framework: what an event leaves in the warehouse, and what comes again."""

from __future__ import annotations

import doctest
import json
import logging
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from emulator.proxy import Fault
from emulator.world import small
from functions_framework import create_app
from pipeline import LENIENT
from worlds import charge

from fees_etl.cli.logs import configure

MAIN = Path(__file__).parents[2] / "examples" / "cloud_function" / "main.py"
PREFIX = "landing/fees"
FIRST = [charge("ann", "x", date(2025, 1, 31), "1.6"), charge("bob", "y", date(2025, 1, 31), "2")]
SECOND = [charge("cat", "y", date(2025, 2, 28), "4")]
BOTH = [*FIRST, *SECOND]
CONFLICT = {"reason": "invalidQuery", "message": "Transaction is aborted due to concurrent update"}
DROPPED, AGAIN = 200, 500


class Cloud:
    """The lake, and events of it on their way to the function."""

    def __init__(self, product, client):
        self.product, self.client = product, client
        self.settings = {
            "warehouse": product.url,
            "source": f"{product.lake.url}/{PREFIX}/",
            "pii": "synthetic",
            "vars": json.dumps(LENIENT),
        }

    def put(self, name, rows):
        self.product.deal({name: rows})
        return self.product.lake.bucket.get_blob(name).generation

    def event(self, name, generation=1, *, age=timedelta(0), **settings):
        """Deliver it; the status is what tells the sender whether to do so again."""
        headers = {
            "ce-id": f"{name}-{generation}",
            "ce-source": "//storage.googleapis.com/projects/_/buckets/lake",
            "ce-specversion": "1.0",
            "ce-type": "google.cloud.storage.object.v1.finalized",
            "ce-time": (datetime.now(UTC) - age).isoformat(),
        }
        data = {"bucket": self.product.lake.bucket.name, "name": name, "generation": str(generation)}
        with self.product.inside(**(self.settings | settings)):
            return self.client.post("/", json=data, headers=headers).status_code

    def arrives(self, name, rows):
        return self.event(name, self.put(name, rows))

    def staged(self):
        return self.product.rows("SELECT COUNT(*), SUM(fee_amount) FROM staging.stg_fees")[0]

    def statuses(self):
        return [row[0] for row in self.product.rows("SELECT status FROM ops.runs ORDER BY started_at")]

    def jobs(self):
        """What was begun to write, in order."""
        jobs = [job.resource["configuration"].get("labels", {}) for job in self.product.google.google.jobs.values()]
        return [labels["kind"] for labels in jobs if labels.get("kind") not in (None, "read", "tables")]


@pytest.fixture(scope="module")
def client():
    """The framework's own application; only the socket is missing."""
    return create_app("arrived", str(MAIN), "cloudevent").test_client()


@pytest.fixture(autouse=True)
def logged(client):
    """The layout of the cloud; the client, and so the function, comes first."""
    logger = logging.getLogger("fees_etl")
    kept = logger.handlers[:]
    configure("gcp", 0)
    yield
    logger.handlers[:] = kept


@pytest.fixture
def cloud(product, client, monkeypatch):
    """With some of the models: the same requests in a third of the time."""
    monkeypatch.setattr(sys.modules["main"], "_project", lambda _: small())
    return Cloud(product, client)


@pytest.fixture
def published(cloud):
    assert cloud.arrives(f"{PREFIX}/a.csv", FIRST) == DROPPED
    assert cloud.staged() == (2, Decimal("3.6"))
    return cloud


def test_a_file_that_arrives_is_published(product, client):
    """With every model."""
    cloud = Cloud(product, client)
    assert cloud.arrives(f"{PREFIX}/a.csv", FIRST) == DROPPED
    assert cloud.arrives(f"{PREFIX}/b.csv", SECOND) == DROPPED
    assert cloud.staged() == (3, Decimal("7.6"))
    assert cloud.product.rows("SELECT COUNT(*), SUM(ltv_total) FROM reporting.rpt_client_ltv") == [(3, Decimal("7.6"))]
    assert cloud.statuses() == ["published", "published"]


def test_an_event_that_is_delivered_again_finds_nothing_to_do(published):
    assert published.event(f"{PREFIX}/a.csv") == DROPPED
    assert published.statuses() == ["published"]
    assert published.jobs() == ["load", "ingest", "run"]
    assert published.staged() == (2, Decimal("3.6"))


@pytest.mark.parametrize("name", [f"{PREFIX}/", "landing/other/a.csv", f"{PREFIX}/a.csv.part", f"{PREFIX}/archive/a.csv", f"{PREFIX}/a.csv.json"])  # fmt: skip
def test_an_event_of_another_object_asks_nobody_anything(published, name):
    published.product.google.proxy.log.clear()
    assert published.event(name) == DROPPED
    assert published.event(f"{PREFIX}/a.csv", source="gs://another-lake/landing/fees/") == DROPPED
    assert published.product.google.proxy.log == []


def test_an_event_whose_object_has_gone_means_what_is_there_now(published):
    published.put(f"{PREFIX}/b.csv", SECOND)
    published.product.deal({f"{PREFIX}/b.csv": None})
    assert published.event(f"{PREFIX}/b.csv", 7) == DROPPED
    assert published.staged() == (2, Decimal("3.6"))
    assert published.statuses() == ["published"]


def test_an_event_whose_lake_is_empty_by_now_is_dropped_and_said(cloud, capsys):
    assert cloud.event(f"{PREFIX}/a.csv") == DROPPED
    assert '"exit_code": 3' in capsys.readouterr().err


def test_a_file_that_was_replaced_before_its_event_came_is_taken_as_it_is_now(published):
    first = published.put(f"{PREFIX}/a.csv", FIRST)
    second = published.put(f"{PREFIX}/a.csv", BOTH)
    assert published.event(f"{PREFIX}/a.csv", second) == DROPPED
    assert published.event(f"{PREFIX}/a.csv", first) == DROPPED  # in any order
    assert published.staged() == (3, Decimal("7.6"))
    assert published.statuses() == ["published", "published"]


def conflicting(cloud, monkeypatch):
    """The next run meets another writer."""
    google, left = cloud.product.google.google, [CONFLICT]
    execute = google._execute

    def executed(job, forward):
        labels = job.resource["configuration"].get("labels", {})
        if job.request is None or labels.get("kind") != "run" or not left:
            return execute(job, forward)
        return job.end(left.pop())

    monkeypatch.setattr(google, "_execute", executed)


def test_an_event_that_meets_another_run_is_delivered_again(published, monkeypatch):
    conflicting(published, monkeypatch)
    generation = published.put(f"{PREFIX}/b.csv", SECOND)
    assert published.event(f"{PREFIX}/b.csv", generation) == AGAIN
    assert published.staged() == (2, Decimal("3.6"))
    assert published.event(f"{PREFIX}/b.csv", generation) == DROPPED
    assert published.staged() == (3, Decimal("7.6"))


def test_an_event_is_not_delivered_again_for_ever(published, monkeypatch, capsys):
    conflicting(published, monkeypatch)
    generation = published.put(f"{PREFIX}/b.csv", SECOND)
    assert published.event(f"{PREFIX}/b.csv", generation, age=timedelta(hours=2)) == DROPPED
    assert "given up" in capsys.readouterr().err


def test_a_file_that_is_refused_stops_the_models_and_is_said(published, capsys):
    published.put(f"{PREFIX}/b.csv", SECOND)
    published.product.deal({f"{PREFIX}/bad.csv": "client_id\n1\n"})
    assert published.event(f"{PREFIX}/bad.csv") == DROPPED
    assert '"exit_code": 3' in capsys.readouterr().err
    assert published.staged() == (2, Decimal("3.6"))
    assert published.statuses() == ["published"]


def test_a_control_file_that_comes_after_its_file_frees_it(published):
    control = f"{PREFIX}/b.control.json"
    published.product.deal({control: '{"rows": 2, "total": "4"}'})
    assert published.arrives(f"{PREFIX}/b.csv", SECOND) == DROPPED
    assert published.staged() == (2, Decimal("3.6"))
    published.product.deal({control: '{"rows": 1, "total": "4"}'})
    assert published.event(control) == DROPPED
    assert published.staged() == (3, Decimal("7.6"))


def test_a_warehouse_that_fails_is_said_and_the_next_event_makes_up_for_it(published, capsys):
    published.product.google.proxy.fail(Fault("POST", r"/jobs(\?|$)", status=403))
    assert published.arrives(f"{PREFIX}/b.csv", SECOND) == DROPPED
    assert '"severity": "ERROR"' in capsys.readouterr().err
    published.product.google.proxy.fail()
    assert published.event(f"{PREFIX}/c.csv") == DROPPED
    assert published.staged() == (3, Decimal("7.6"))


def test_a_setting_that_is_wrong_is_said(cloud, capsys):
    assert cloud.event(f"{PREFIX}/a.csv", warehouse="bigquery://") == DROPPED
    assert '"exit_code": 2' in capsys.readouterr().err


def test_its_examples_are_true(client):
    assert doctest.testmod(sys.modules["main"]).failed == 0
