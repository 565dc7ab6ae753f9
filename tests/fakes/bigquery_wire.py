"""As much of BigQuery's HTTP interface as making and reading tables needs, over dicts, with the library's own client.

Stricter than an emulator: locations, rights, etags, policy tags, and a view of columns that may lag behind.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

TYPES = {"INTEGER": "INT64", "BOOLEAN": "BOOL"}
SCHEMA = {"ordinal_position": "INTEGER", "clustering_ordinal_position": "INTEGER"}


PLAIN = {"prettyPrint": "false"}


class Request(NamedTuple):
    """``path`` is what follows the project; of an upload with /upload before it."""

    method: str
    path: str
    params: dict
    headers: object
    body: bytes

    @property
    def name(self):
        return f"{self.method} {self.path}"


class Reply(NamedTuple):
    code: int
    content: dict
    headers: dict = {}  # noqa: RUF012 - nobody writes to it


class Answer(Exception):
    def __init__(self, code, reason, message):
        self.code = code
        self.body = {"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}}


@dataclass
class Wire:
    """``forbidden`` are datasets this account may not see, ``hidden`` tables; ``stale`` tables miss in the view until somebody makes them."""

    datasets: dict[str, str] = field(default_factory=dict)
    tables: dict[str, dict] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    failures: list[tuple[str, int, str]] = field(default_factory=list)
    """(how a request's "METHOD path" ends, status, reason): each is used once."""
    before_patch: list = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    queries: list[dict] = field(default_factory=list)

    def put(self, resource):
        """A table, as the library describes one."""
        name = f"{resource.dataset_id}.{resource.table_id}"
        self.datasets.setdefault(resource.dataset_id, "EU")
        self.tables[name] = resource.to_api_repr() | {"etag": "1"}

    def reply(self, request):
        """What is sent back; None hangs up."""
        try:
            found = self.routed(self.timed(request))
            return found if isinstance(found, Reply) else Reply(200, found)
        except Answer as answer:
            return Reply(answer.code, answer.body)

    def timed(self, request):
        """Only an upload does not tell how long it waits."""
        if "X-Server-Timeout" not in request.headers and not request.path.startswith("/upload"):
            raise Answer(400, "invalid", "a request that waits for ever")
        return request

    def routed(self, request):
        if request.params != PLAIN:
            raise Answer(400, "invalid", f"unknown parameters: {request.params}")
        return self.answer(request.method, request.path, json.loads(request.body or b"{}"), request.headers)

    def answer(self, method, path, body, headers):
        self.requests.append(f"{method} {path}")
        for failure in self.failures:
            if re.search(failure[0], self.requests[-1]):
                self.failures.remove(failure)
                raise Answer(failure[1], failure[2], "injected")
        match method, path.split("/")[1:]:
            case "POST", ["queries"]:
                return self.query(body)
            case "POST", ["datasets"]:
                self.create(self.datasets, body["datasetReference"]["datasetId"], body["location"])
                return body
            case "GET", ["datasets", name]:
                return self.dataset(name)
            case "POST", ["datasets", dataset, "tables"]:
                name = f"{dataset}.{body['tableReference']['tableId']}"
                self.create(self.tables, name, body | {"etag": "1"})
                return self.tables[name]
            case "GET", ["datasets", dataset, "tables", name]:
                return self.table(f"{dataset}.{name}")
            case "PATCH", ["datasets", dataset, "tables", name]:
                return self.patch(f"{dataset}.{name}", body, headers["If-Match"])
        raise Answer(400, "invalid", f"a request that no table needs: {self.requests[-1]}")

    def create(self, things, name, thing):
        if name in things:
            self.stale.discard(name)
            raise Answer(409, "duplicate", f"Already Exists: {name}")
        things[name] = thing

    def dataset(self, name):
        if name in self.forbidden:
            raise Answer(403, "accessDenied", f"Access Denied: Dataset p:{name}")
        if name not in self.datasets:
            raise Answer(404, "notFound", f"Not found: Dataset p:{name}")
        return {"datasetReference": {"projectId": "p", "datasetId": name}, "location": self.datasets[name]}

    def table(self, name):
        if name in self.hidden:
            raise Answer(403, "accessDenied", f"Access Denied: Table p:{name}")
        return self.tables[name]

    def patch(self, name, body, etag):
        for change in self.before_patch:
            change(self.tables[name])
        if self.tables[name]["etag"] != etag:
            raise Answer(412, "conditionNotMet", "Precondition check failed.")
        self.tables[name] |= body
        return self.tables[name]

    def query(self, body):
        self.queries.append(body)
        asked = re.findall(r"`(\w+)`\.INFORMATION_SCHEMA\.COLUMNS", body["query"])
        listed = re.search(r"SELECT (.*?) FROM", body["query"])[1].split(", ")
        for dataset in asked:
            if dataset in self.forbidden:
                raise Answer(403, "accessDenied", f"Access Denied: Table p:{dataset}.INFORMATION_SCHEMA.COLUMNS")
            if self.datasets.get(dataset) != body["location"]:
                raise Answer(404, "notFound", f"Not found: Dataset p:{dataset} was not found in location EU")
        rows = [row for name in self.tables if name.partition(".")[0] in asked for row in self.columns(name)]
        return {
            "jobComplete": True,
            "jobReference": {"projectId": "p", "jobId": "j"},
            "schema": {"fields": [_field(name) for name in listed]},
            "rows": [{"f": [{"v": row[name]} for name in listed]} for row in rows],
            "totalRows": str(len(rows)),
        }

    def columns(self, name):
        if name in self.stale or name in self.hidden:
            return
        table, (dataset, _, short) = self.tables[name], name.partition(".")
        clustered = table.get("clustering", {}).get("fields", [])
        for position, column in enumerate(table["schema"]["fields"], 1):
            yield {
                "table_schema": dataset,
                "table_name": short,
                "column_name": column["name"],
                "ordinal_position": str(position),
                "data_type": TYPES.get(column["type"], column["type"]),
                "is_nullable": "NO" if column["mode"] == "REQUIRED" else "YES",
                "is_partitioning_column": "YES" if self.partition(table) == column["name"] else "NO",
                "clustering_ordinal_position": _position(clustered, column["name"]),
                "policy_tags": [{"v": tag} for tag in column.get("policyTags", {}).get("names", [])],
            }

    def partition(self, table):
        return table.get("timePartitioning", {}).get("field")


def _field(name):
    mode = "REPEATED" if name == "policy_tags" else "NULLABLE"
    return {"name": name, "type": SCHEMA.get(name, "STRING"), "mode": mode}


def _position(clustered, name):
    return str(clustered.index(name) + 1) if name in clustered else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # 40 ms for each reply

    def log_message(self, *_):
        """Nothing on stderr."""

    def do(self):
        url = urlsplit(self.path)
        before, _, path = url.path.partition("/bigquery/v2/projects/p")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            reply = self.server.wire.reply(Request(self.command, before + path, params, self.headers, body))
        except Exception as crash:
            self.server.crashes.append(crash)
            raise
        if reply is None:
            self.close_connection = True
            return
        data = json.dumps(reply.content).encode()
        self.send_response(reply.code)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **reply.headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:  # the client has gone
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do  # noqa: N815 - the server's own names


@contextmanager
def served(wire):
    """``wire`` over HTTP, at the address that is yielded."""
    server = ThreadingHTTPServer(("localhost", 0), Handler)
    server.daemon_threads, server.wire, server.crashes = True, wire, []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
    assert server.crashes == []


@contextmanager
def client_of(wire, location=None):
    """The library's client, talking to ``wire`` over HTTP."""
    with served(wire) as url:
        options = {"api_endpoint": url}
        with bigquery.Client("p", AnonymousCredentials(), location=location, client_options=options) as client:
            yield client
