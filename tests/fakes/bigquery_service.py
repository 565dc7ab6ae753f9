"""All of BigQuery that the engine talks to: tables, jobs, uploads, and whatever can go wrong on the way."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import duckdb
import google.cloud.bigquery.client
from bigquery_jobs import Jobs, need, only
from bigquery_wire import Answer, Reply, client_of
from google.resumable_media.requests import _request_helpers
from pipeline import project

from fees_etl import connect
from fees_etl.engines.bigquery import engine, jobs, live, prepare
from fees_etl.engines.bigquery.tables import placed, resource
from fees_etl.target import Target

URL = "bigquery://p?location=EU"
DEV = Target("dev", pii="synthetic")
POLL = re.compile(r"GET /(jobs|queries)/")
PARQUET = {
    "VARCHAR": "STRING", "DATE": "DATE", "DECIMAL(38,9)": "NUMERIC", "BIGINT": "INTEGER",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}  # fmt: skip

BEFORE = ["1", "100", "1", "100", "1", "1", "2025-01-01", "2025-01-01", "1", "2025-01"]
AFTER = ["2", "150.5", "2", "150.5", "1", "2", "2025-01-01", "2025-02-01", "2", "2025-01 2025-02"]
ANSWERS = {
    "state": [["2025-01-01", "2025-02-01", "2025-01-01", "2025-01-01", "1", "true", "mark"]],
    "pending": [["2025-02-01", "file:///lake/a.csv", "v1", "1", "50.5", "0", "0"]],
    "published_before": [BEFORE],
    "published_after": [AFTER],
    "left_out": [["2", "150.5", "0", "0", "0", "0", "0"]],
    "staged_before": [["2025-01-01", "1", "100"]],
    "staged_after": [["2025-01-01", "1", "100"], ["2025-02-01", "1", "50.5"]],
}
"""What a warehouse with one staged file answers, and another file waits in raw."""


@dataclass
class Fault:
    """What happens to requests whose "METHOD path" matches: without a status they are hung up on, or met by silence.

    ``after``: the request is executed first, so that only its reply is lost.
    """

    where: str
    status: int = 0
    reason: str = "backendError"
    message: str = "injected"
    times: int = 1
    after: bool = False
    silent: bool = False


@dataclass
class Service(Jobs):
    faults: list[Fault] = field(default_factory=list)
    gone: int = 404
    """What another piece of an upload that is complete meets."""
    over: threading.Event = field(default_factory=threading.Event)
    uploads: dict[str, dict] = field(default_factory=dict)

    @property
    def beyond_polling(self):
        return [name for name in self.requests if not POLL.match(name)]

    def prepare(self, target=DEV, suffix=""):
        """Every table of the project, as its contract says."""
        for contract in placed(project().contracts, suffix):
            self.put(resource(contract, target, "p"))

    def reply(self, request):
        fault = next((one for one in self.faults if one.times and re.search(one.where, request.name)), None)
        if fault is None:
            return super().reply(request)
        fault.times -= 1
        if fault.after:
            super().reply(request)
        else:
            self.requests.append(request.name)
        if fault.silent:
            self.over.wait(60)
        if not fault.status:
            return None
        return Reply(fault.status, Answer(fault.status, fault.reason, fault.message).body)

    def routed(self, request):
        if not request.path.startswith("/upload"):
            return super().routed(request)
        self.requests.append(request.name)
        need(request.path == "/upload/jobs" and request.params.get("uploadType") == "resumable", "no resumable upload")
        return self.session(request) if request.method == "POST" else self.piece(request)

    def session(self, request):
        only(request.params, "uploadType")
        sent = json.loads(request.body)
        known = {"sourceFormat", "writeDisposition", "createDisposition", "destinationTable"}
        load = self.checked(sent, "load", known)
        need(load["writeDisposition"] == "WRITE_APPEND", "a table that is there would be replaced")
        need(load["createDisposition"] == "CREATE_NEVER", "a table without policy tags would be made")
        need(load["sourceFormat"] == "PARQUET", "no Parquet")
        number = str(len(self.uploads) + 1)
        self.uploads[number] = sent
        place = f"http://{request.headers['Host']}/upload/bigquery/v2/projects/p/jobs?uploadType=resumable"
        return Reply(200, {}, {"Location": f"{place}&upload_id={number}"})

    def piece(self, request):
        only(request.params, "uploadType", "upload_id")
        sent = self.uploads.pop(request.params["upload_id"], None)
        if sent is None:
            raise Answer(self.gone, "notFound", "the upload is over")
        size = len(request.body)
        need(request.headers["Content-Range"] == f"bytes 0-{size - 1}/{size}", "not the whole file in one piece")
        job = self.begin(sent)
        job.data = request.body
        job.error = job.error or self.complaint(job)
        return Reply(200, self.shown(job))

    def complaint(self, job):
        """Why a file does not fit into its table."""
        place = job.sent["configuration"]["load"]["destinationTable"]
        name = f"{place['datasetId']}.{place['tableId']}"
        if name not in self.tables:
            return {"reason": "notFound", "message": f"Not found: Table p:{name}"}
        columns = {one["name"]: one for one in self.tables[name]["schema"]["fields"]}
        for column, kind in described(job.data):
            if column not in columns or columns[column]["type"] != PARQUET[kind]:
                return {"reason": "invalid", "message": f"Provided Schema does not match Table p:{name}: {column}"}
            if columns[column]["mode"] == "REQUIRED":  # without a schema, a load takes columns of Parquet for NULLABLE
                return {"reason": "invalid", "message": f"Field {column} has changed mode from REQUIRED to NULLABLE"}
        return None


def described(data):
    """Columns and types of a Parquet file."""
    return [row[:2] for row in parquet(data, "DESCRIBE SELECT * FROM {}")]


def parquet(data, sql):
    """The rows of a query over a Parquet file."""
    with TemporaryDirectory() as folder, duckdb.connect() as native:
        native.execute("SET TimeZone = 'UTC'")
        path = Path(folder, "file.parquet")
        path.write_bytes(data)
        return native.execute(sql.format(f"read_parquet('{path}')")).fetchall()


def hurry(monkeypatch, patience=10.0, timeout=5.0):
    """The engine's and the library's pauses become short; ``patience`` is the deadline of a request's repetitions."""
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    retry = live.RETRY.with_timeout(patience).with_delay(0.001, 0.02)
    for room in (live, jobs, prepare):
        monkeypatch.setattr(room, "RETRY", retry)
        monkeypatch.setattr(room, "TIMEOUT", timeout)
    monkeypatch.setattr(jobs, "_UPLOAD_TIMEOUT", timeout)
    monkeypatch.setattr(jobs, "_POLLS", (0.001, 0.001))
    monkeypatch.setattr(engine, "_PAUSES", tuple(pause and 0.001 for pause in engine._PAUSES))
    monkeypatch.setattr(google.cloud.bigquery.client, "_MIN_GET_QUERY_RESULTS_TIMEOUT", timeout)
    monkeypatch.setattr(_request_helpers, "time", SimpleNamespace(sleep=lambda _: None))


@contextmanager
def engine_on(service, monkeypatch, target=DEV, suffix="", **pace):
    """An engine that talks to ``service`` as it would to Google, and knows the project's tables."""
    hurry(monkeypatch, **pace)
    with client_of(service, "EU") as client:
        monkeypatch.setattr(engine, "connected", lambda *_: client)
        with connect(URL, target=target, suffix=suffix) as found:
            found._schema.update({table: contract.types for table, contract in project().contracts.items()})
            found._contracts.update(project().contracts)
            try:
                yield found
            finally:
                service.over.set()
