"""Jobs over dicts: ids that are used once, labels, looks, cancellations, results, dry runs, child jobs.

It knows no SQL: a script ends as its :class:`Fate` says, and what a query answers is a list of rows by its name.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from bigquery.wire import Answer, need, only

CODES = {
    "accessDenied": 403, "backendError": 503, "bytesBilledLimitExceeded": 400, "duplicate": 409, "internalError": 500,
    "invalid": 400, "invalidQuery": 400, "notFound": 404, "quotaExceeded": 403, "rateLimitExceeded": 403,
}  # fmt: skip
BEGAN = 1_764_000_000_000
"""Milliseconds: when every job begins."""


@dataclass(frozen=True)
class Fate:
    """What becomes of one job.

    It is found running for some ``looks``. With a ``reason`` it fails; ``commits`` says whether its transaction was
    committed all the same. ``outruns``: it ends before a cancellation reaches it; ``lingers``: long after. ``children`` are
    (step, bytes, ms).
    """

    looks: int = 0
    reason: str = ""
    message: str = "injected"
    verdict: str = "accepted"
    commits: bool | None = None
    outruns: bool = False
    lingers: bool = False
    children: tuple = ()


@dataclass
class Job:
    sent: dict
    fate: Fate
    looks: int
    row: dict | None = None
    data: bytes = b""
    error: dict | None = None

    @property
    def name(self):
        return self.sent["jobReference"]["jobId"]

    @property
    def labels(self):
        return self.sent["configuration"].get("labels", {})

    @property
    def sql(self):
        return self.sent["configuration"]["query"]["query"]


@dataclass
class Jobs:
    """``answers`` are rows of text by the name of a query, ``weigh`` the bytes that a statement reads."""

    fates: list[Fate] = field(default_factory=list)
    answers: dict[str, list] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    queries: list[dict] = field(default_factory=list)
    weighed: list[dict] = field(default_factory=list)
    weigh: object = lambda _: 0
    needs: int = 0
    """Bytes that a script would be billed for."""
    slow: int = 0
    """Looks that find a query running."""
    mute: bool = False
    """Queries are answered with nothing at all, as an emulator answers one that failed."""
    writer: str = "nobody-yet"
    on_look: object = None

    @property
    def begun(self):
        """The jobs that a client began by name, in order."""
        return [job for name, job in self.jobs.items() if not name.startswith("read-")]

    def insert(self, request):
        only(request.params)
        sent = request.sent
        query = self.checked(sent, "query", {"query", "useLegacySql", "maximumBytesBilled", "useQueryCache"})
        if sent["configuration"].get("dryRun"):
            return self.dry_run(sent, query["query"])
        need("useQueryCache" not in query, "a script has no use for the cache")
        need(query["query"].startswith("DECLARE "), "no script")
        first, *others = query["query"].split("BEGIN TRANSACTION;")[1:]
        need(not others or (len(others) == 1 and "script_verdict = 'rejected' AND (" in first), "not one transaction")
        job = self.begin(sent)
        if int(query.get("maximumBytesBilled", self.needs)) < self.needs:
            message = f"Query exceeded limit for bytes billed: {query['maximumBytesBilled']}. {self.needs} required."
            job.error, job.looks = {"reason": "bytesBilledLimitExceeded", "message": message}, 0
        else:
            job.row = self.ending(job)
        return self.shown(job)

    def checked(self, sent, kind, known):
        """The part of a job that says what it does."""
        only(sent, "jobReference", "configuration")
        only(sent["jobReference"], "jobId", "projectId", "location")
        only(sent["configuration"], kind, "labels", "dryRun")
        only(sent["configuration"][kind], *known)
        need(sent["jobReference"]["location"] == "EU", "no location, or another one")
        need(re.fullmatch(r"[\w-]{1,1024}", sent["jobReference"]["jobId"], re.ASCII), "no id of a job")
        labelled(sent["configuration"]["labels"])
        found = sent["configuration"][kind]
        if kind == "query":
            need(found["useLegacySql"] is False, "legacy SQL")
            need(len(found["query"].encode()) <= 10**6, "The query is too large.")
        return found

    def dry_run(self, sent, sql):
        need(not sql.startswith("DECLARE "), "no script is weighed as a whole")
        need(sent["configuration"]["query"]["useQueryCache"] is False, "a cached answer weighs nothing")
        self.weighed.append(sent)
        reference = {"projectId": "p", "location": "EU"}
        bytes_read = {"totalBytesProcessed": str(self.weigh(sql))}
        return {
            "jobReference": reference,
            "configuration": sent["configuration"],
            "status": {"state": "DONE"},
            "statistics": bytes_read | {"query": bytes_read},
        }

    def begin(self, sent):
        name = sent["jobReference"]["jobId"]
        if name in self.jobs:
            raise Answer(409, "duplicate", f"Already Exists: Job p:EU.{name}")
        fate = self.fates.pop(0) if self.fates else Fate()
        job = self.jobs[name] = Job(sent, fate, fate.looks)
        if fate.reason:
            job.error = {"reason": fate.reason, "message": fate.message, "location": "query"}
        commits = not fate.reason and fate.verdict == "accepted" if fate.commits is None else fate.commits
        if commits and "COMMIT TRANSACTION;" in sent["configuration"].get("query", {}).get("query", ""):
            self.writer = name
        return job

    def ending(self, job):
        """The row that the last statement of a script selects."""
        names = re.search(r"\nSELECT ([\w, ]+);$", job.sql)[1].split(", ")
        steps = re.findall(r'{"name": "([^"]+)", "rows": ', job.sql)
        told = ", ".join(f'{{"name": "{step}", "rows": {at}, "seconds": 0.5}}' for at, step in enumerate(steps, 1))
        stopped = job.fate.verdict not in ("accepted", "rejected")
        row = {name: None if stopped else json.dumps(self.rows(name)) for name in names if name.startswith("answer_")}
        return {"script_verdict": job.fate.verdict, "script_steps": "" if stopped else told} | row

    def rows(self, name):
        return self.answers.get(name.removeprefix("answer_"), [])

    def look(self, request, name):
        only(request.params, "projection", "location")
        job = self.found(name, request.params.get("location"))
        if job.looks and self.on_look:
            self.on_look(job)
        shown = self.shown(job)
        job.looks = max(job.looks - 1, 0)
        return shown

    def cancel(self, request, name):
        only(request.params, "projection", "location")
        job = self.found(name, request.params.get("location"))
        if job.looks and not job.fate.outruns:
            job.error = {"reason": "stopped", "message": "Job execution was cancelled: User requested cancellation"}
        job.looks = job.looks if job.fate.lingers else 0
        return {"kind": "bigquery#jobCancelResponse", "job": self.shown(job)}

    def found(self, name, location):
        if name not in self.jobs or location != "EU":
            raise Answer(404, "notFound", f"Not found: Job p:{location}.{name}")
        return self.jobs[name]

    def shown(self, job):
        failure = {"errorResult": job.error, "errors": [job.error]} if job.error else {}
        kind = "LOAD" if "load" in job.sent["configuration"] else "QUERY"
        return {
            "kind": "bigquery#job",
            "id": f"p:EU.{job.name}",
            "jobReference": job.sent["jobReference"],
            "configuration": job.sent["configuration"] | {"jobType": kind},
            "status": {"state": "RUNNING"} if job.looks else {"state": "DONE", **failure},
            "statistics": {"creationTime": str(BEGAN), "startTime": str(BEGAN)} | self.weighed_as(job),
        }

    def weighed_as(self, job):
        """What a script read and is billed for, once it is done: here twice as much."""
        if job.looks or "query" not in job.sent["configuration"]:
            return {}
        size = sum(one[1] for one in job.fate.children)
        return {"query": {"totalBytesProcessed": str(size), "totalBytesBilled": str(2 * size)}}

    def children(self, request):
        params = request.params
        only(params, "projection", "parentJobId")
        need(params["projection"] == "full", "without the configuration there are no labels")
        job = self.found(params["parentJobId"], "EU")
        return {"jobs": [self.child(job, at, *one) for at, one in enumerate(job.fate.children)]}

    def child(self, job, at, step, size, ms):
        times = {"startTime": str(BEGAN), "endTime": str(BEGAN + ms)} if ms is not None else {}
        return {
            "id": f"p:EU.script_job_{at}",
            "jobReference": {"projectId": "p", "location": "EU", "jobId": f"script_job_{at}"},
            "configuration": {"labels": {"step": step} if step else {}, "query": {"query": "SELECT 1"}},
            "status": {"state": "DONE"},
            "statistics": {"parentJobId": job.name, "query": {"totalBytesProcessed": str(size)}} | times,
        }

    def results(self, request, name):
        only(request.params, "location", "maxResults", "fields", "formatOptions.useInt64Timestamp")
        job = self.found(name, request.params.get("location"))
        reference = {"jobReference": job.sent["jobReference"]}
        if job.looks:
            job.looks -= 1
            return reference | {"jobComplete": False}
        if job.error:
            raise Answer(CODES[job.error["reason"]], job.error["reason"], job.error["message"])
        return reference | told(job.row, with_rows=request.params.get("maxResults") != "0")

    def query(self, request):
        body = request.sent
        self.queries.append(body)
        if "INFORMATION_SCHEMA" in body["query"]:
            return self.view(body)
        only(body, "query", "useLegacySql", "formatOptions", "timeoutMs", "location", "requestId", "labels", "maximumBytesBilled")  # fmt: skip
        need(body["location"] == "EU" and body["useLegacySql"] is False, "no location, or legacy SQL")
        labelled(body["labels"])
        need(body["query"].startswith("SELECT") and ";" not in body["query"], "not one query")
        if self.mute:
            return {"jobComplete": True, "schema": {"fields": []}, "totalRows": "0"}
        row = {name: json.dumps(self.rows(name)) for name in re.findall(r"\) AS (answer_\w+)", body["query"])}
        if "SELECT job_id FROM ops.writer" in body["query"]:
            row = {"answer_rows": json.dumps([[self.writer]] if self.writer else [])}
        reference = {"projectId": "p", "jobId": f"read-{len(self.queries)}", "location": "EU"}
        if self.slow:
            self.jobs[reference["jobId"]] = Job({"jobReference": reference, "configuration": {"query": {"query": body["query"]}}}, Fate(), self.slow, row)  # fmt: skip
            return {"jobComplete": False, "jobReference": reference}
        return {"jobComplete": True, "jobReference": reference} | told(row)


def labelled(labels):
    """Refuse what BigQuery does not take as labels."""
    for name, text in labels.items():
        need(re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", name) and re.fullmatch(r"[a-z0-9_-]{0,63}", text), "a wrong label")


def told(row, *, with_rows=True):
    """One row of texts, as the API tells it."""
    fields = [{"name": name, "type": "STRING", "mode": "NULLABLE"} for name in row]
    rows = [{"f": [{"v": text} for text in row.values()]}]
    return {"jobComplete": True, "schema": {"fields": fields}, "totalRows": "1"} | ({"rows": rows} if with_rows else {})
