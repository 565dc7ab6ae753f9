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

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

TYPES = {"INTEGER": "INT64", "BOOLEAN": "BOOL"}
SCHEMA = {"ordinal_position": "INTEGER", "clustering_ordinal_position": "INTEGER"}


class Answer(Exception):
    def __init__(self, code, reason, message):
        self.code = code
        self.body = {"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}}


@dataclass
class Wire:
    """``forbidden`` are datasets this account may not see, ``hidden`` tables; ``stale`` tables miss in the view."""

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


@contextmanager
def client_of(wire):
    """The library's client, talking to ``wire`` over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do(self):
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0].partition("/projects/p")[2]
            try:
                code, body = 200, wire.answer(self.command, path, json.loads(text or "{}"), self.headers)
            except Answer as answer:
                code, body = answer.code, answer.body
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do  # noqa: N815 - the server's own names

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    options = {"api_endpoint": f"http://localhost:{server.server_port}"}
    try:
        with bigquery.Client(project="p", credentials=AnonymousCredentials(), client_options=options) as client:
            yield client
    finally:
        server.shutdown()
        server.server_close()
