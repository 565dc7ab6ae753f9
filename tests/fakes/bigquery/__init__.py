"""All of BigQuery that the engine talks to, over dicts and HTTP: tables, jobs, uploads, and what can go wrong on the way.

Stricter than an emulator: whatever the real service would refuse, or the engine has no need of, is refused.
"""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import google.cloud.bigquery.client
from google.resumable_media.requests import _request_helpers
from pipeline import project

from bigquery.jobs import Fate, Jobs
from bigquery.tables import Tables
from bigquery.uploads import Uploads, parquet
from bigquery.wire import Answer, Fault, Reply, client_of, served
from fees_etl import connect
from fees_etl.engines import bigquery as engine
from fees_etl.engines import placed
from fees_etl.engines.bigquery import errors, jobs, tables
from fees_etl.engines.bigquery.tables import resource
from fees_etl.runs.plan import fingerprints
from fees_etl.settings import Settings

__all__ = ["ANSWERS", "DEV", "LOCK", "URL", "Fate", "Fault", "Service", "client_of", "engine_on", "parquet", "served"]

URL = "bigquery://p?location=EU"
DEV = Settings("dev", pii="synthetic")
LOCK = project().templates.operation("lock", run_id="R1")
POLL = re.compile(r"GET /(jobs|queries)/")

BEFORE = ["1", "100", "1", "100", "1", "1", "2025-01-01", "2025-01-01", "1", "2025-01"]
AFTER = ["2", "150.5", "2", "150.5", "1", "2", "2025-01-01", "2025-02-01", "2", "2025-01 2025-02"]
ANSWERS = {
    "state": [["2025-01-01", "2025-02-01", "2025-01-01", "2025-01-01", "1", "true", "mark"]],
    "pending": [["2025-02-01", "file:///lake/a.csv", "v1", "1", "50.5", "0", "0"]],
    "built": list(fingerprints(project()).items()),
    "published_before": [BEFORE],
    "published_after": [AFTER],
    "left_out": [["2", "150.5", "0", "0", "0", "0", "0"]],
    "staged_before": [["2025-01-01", "1", "100"]],
    "staged_after": [["2025-01-01", "1", "100"], ["2025-02-01", "1", "50.5"]],
}
"""What a warehouse with one staged file answers, and another file waits in raw."""

ROUTES = {
    r"POST /queries": "query",
    r"POST /datasets": "new_dataset",
    r"GET /datasets/(\w+)": "dataset",
    r"POST /datasets/(\w+)/tables": "new_table",
    r"GET /datasets/(\w+)/tables/(\w+)": "table",
    r"PATCH /datasets/(\w+)/tables/(\w+)": "patch",
    r"POST /jobs": "insert",
    r"GET /jobs": "children",
    r"GET /jobs/([^/]+)": "look",
    r"POST /jobs/([^/]+)/cancel": "cancel",
    r"GET /queries/([^/]+)": "results",
    r"POST /upload/jobs": "session",
    r"PUT /upload/jobs": "piece",
}


@dataclass
class Service(Tables, Jobs, Uploads):
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def beyond_polling(self):
        return [name for name in self.requests if not POLL.match(name)]

    def prepare(self, settings=DEV, suffix=""):
        """Every table of the project, as its contract says."""
        for contract in placed(project().contracts, suffix).values():
            self.put(resource(contract, settings, "p"))

    def reply(self, request):
        """What is sent back; None hangs up."""
        self.requests.append(request.name)
        fault = next((one for one in self.faults if one.times and re.search(one.where, request.name)), None)
        if fault is None:
            return self.done(request)
        fault.times -= 1
        if fault.after:
            self.done(request)
        if fault.silent:
            self.over.wait(60)
        return Answer(fault.status, fault.reason, fault.message).reply if fault.status else None

    def done(self, request):
        try:
            found = self.routed(request)
        except Answer as answer:
            return answer.reply
        return found if isinstance(found, Reply) else Reply(200, found)

    def routed(self, request):
        """Only an upload does not tell how long it waits."""
        if "X-Server-Timeout" not in request.headers and not request.path.startswith("/upload"):
            raise Answer(400, "invalid", "a request that waits for ever")
        plain = request._replace(params={name: text for name, text in request.params.items() if name != "prettyPrint"})
        for route, name in ROUTES.items():
            if found := re.fullmatch(route, request.name):
                return getattr(self, name)(plain, *found.groups())
        raise Answer(400, "invalid", f"a request that nobody needs: {request.name}")


def hurry(monkeypatch, patience=10.0, timeout=5.0):
    """The engine's and the library's pauses become short; ``patience`` is the deadline of a request's repetitions."""
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    retry = errors.RETRY.with_timeout(patience).with_delay(0.001, 0.02)
    for room in (tables, jobs):
        monkeypatch.setattr(room, "RETRY", retry)
        monkeypatch.setattr(room, "TIMEOUT", timeout)
    monkeypatch.setattr(jobs, "_UPLOAD_TIMEOUT", timeout)
    monkeypatch.setattr(jobs, "_POLLS", (0.001, 0.001))
    monkeypatch.setattr(engine, "_PAUSES", tuple(pause and 0.001 for pause in engine._PAUSES))
    monkeypatch.setattr(google.cloud.bigquery.client, "_MIN_GET_QUERY_RESULTS_TIMEOUT", timeout)
    monkeypatch.setattr(_request_helpers, "time", SimpleNamespace(sleep=lambda _: None))


@contextmanager
def engine_on(service, monkeypatch, settings=DEV, suffix="", **pace):
    """An engine that talks to ``service`` as it would to Google, and knows the project's tables."""
    hurry(monkeypatch, **pace)
    with client_of(service, "EU") as client:
        monkeypatch.setattr(engine, "connected", lambda *_: client)
        with connect(URL, settings=settings, suffix=suffix) as found:
            found._schema.update({table: contract.types for table, contract in project().contracts.items()})
            found._contracts.update(project().contracts)
            try:
                yield found
            finally:
                service.over.set()
