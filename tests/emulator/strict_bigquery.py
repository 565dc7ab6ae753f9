"""What BigQuery does at the wire and the emulator does not: rules for a proxy.

- A job id is used once: 409. jobs.get shows a job as it was sent, labels and location included.
- A job may run for some polls, be cancelled until then, or fail for one of Google's reasons.
- Dry runs have bytes, and so have jobs; one with a lower limit fails.
- A script has child jobs, with their labels, rows, bytes and times.
- A query that fails is an error of jobs.query. An update with an old etag is refused: 412.

Left out: jobs that jobs.query leaves running, request ids, sessions, deletion of jobs, IAM.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from emulator.proxy import REASONS, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.proxy import Forward

__all__ = ["BigQuery", "Job"]

MEBIBYTE = 2**20
FLOOR = 10 * MEBIBYTE
STATUSES = {reason: status for status, reason in reversed(REASONS.items())} | {"invalidQuery": 400, "stopped": 499}
SCRIPT = re.compile(r"\s*(DECLARE|BEGIN|SET|IF)\b|;\s*\S", re.IGNORECASE)
STOPPED = {"reason": "stopped", "message": "Job execution was cancelled: User requested cancellation"}


@dataclass(slots=True)
class Job:
    """A job as Google would show it; ``request`` is what the emulator has not been told yet."""

    resource: dict[str, Any]
    request: Request | None = None
    polls: int = 0
    children: list[dict[str, Any]] = field(default_factory=list)

    @property
    def error(self) -> dict[str, Any] | None:
        return self.resource["status"].get("errorResult")

    def end(self, error: dict[str, Any] | None = None) -> None:
        self.request = None
        failure = {"errorResult": error, "errors": [error]} if error else {}
        self.resource["status"] = {"state": "DONE", **failure}


class BigQuery:
    """``sizes`` are bytes by a regular expression of the tables they are in.

    A new job runs for ``polls`` polls and is executed at the last of them. The next jobs fail for the reasons in
    ``failures`` (Google's: quotaExceeded, backendError, ..) and do nothing.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.sizes: dict[str, int] = {}
        self.polls = 0
        self.failures: list[str] = []
        self._uploads: dict[str, tuple[str, dict[str, Any]]] = {}
        self._lock = threading.RLock()

    def __call__(self, request: Request, forward: Forward) -> Reply:
        path = urlsplit(request.path).path
        for method, pattern, rule in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and re.fullmatch(method, request.method):
                return rule(self, request, forward, *found.groups())
        return forward(request)

    def finish(self, forward: Forward) -> None:
        """Every job that is still running comes to its end, as it would without a client."""
        for job in self.jobs.values():
            self._execute(job, forward)

    def billed(self, sql: str) -> int:
        """Bytes: each table rounded up to a mebibyte, at least ten (BigQuery, pricing)."""
        return sum(max(-(-size // MEBIBYTE) * MEBIBYTE, FLOOR) for size in self._sizes(sql))

    def _sizes(self, sql: str) -> list[int]:
        return [size for table, size in self.sizes.items() if re.search(table, sql)]

    def insert(self, request: Request, forward: Forward, project: str) -> Reply:
        sent = request.json
        if sent["configuration"].get("dryRun"):
            return self._dry_run(request, forward, sent)
        job = self._entered(project, sent, request)
        if isinstance(job, Reply):
            return job
        query = sent["configuration"].get("query", {})
        needed, limit = self.billed(query.get("query", "")), query.get("maximumBytesBilled")
        if limit is not None and needed > int(limit):
            job.end(_over(needed, limit))
        if job.request and not job.polls:
            refused = self._execute(job, forward)
            if refused:
                del self.jobs[job.resource["jobReference"]["jobId"]]
                return refused
        return Reply.of(job.resource)

    def _entered(self, project: str, sent: dict[str, Any], request: Request | None) -> Job | Reply:
        reference = {"projectId": project, "jobId": uuid4().hex, "location": "US"} | sent.get("jobReference", {})
        name = reference["jobId"]
        resource = {
            "kind": "bigquery#job",
            "id": f"{project}:{reference['location']}.{name}",
            "jobReference": reference,
            "configuration": sent["configuration"],
            "status": {"state": "RUNNING"},
            "statistics": {},
        }
        with self._lock:
            if name in self.jobs:
                return Reply.error(409, f"Already Exists: Job {project}:{reference['location']}.{name}")
            job = self.jobs[name] = Job(resource, request, self.polls if request else 0)
            if self.failures:
                job.end({"reason": self.failures.pop(0), "message": "injected"})
        return job

    def _execute(self, job: Job, forward: Forward) -> Reply | None:
        """Let the emulator run it; its reply, when that is an error of the request and not of the job."""
        with self._lock:
            request, job.request = job.request, None
        if request is None:
            return None
        reply = forward(request)
        if reply.status >= 400:
            job.end(reply.json["error"]["errors"][0])
            return reply
        self._executed(job, reply.json)
        return None

    def _executed(self, job: Job, emulated: dict[str, Any]) -> None:
        sent, got = job.resource["configuration"], emulated["configuration"]
        job.resource |= {"status": emulated["status"], "statistics": emulated["statistics"], "etag": emulated["etag"]}
        job.resource["configuration"] = got | sent | {kind: got[kind] | sent[kind] for kind in sent if kind in CONTENTS}
        sql = sent.get("query", {}).get("query", "")
        statistics = job.resource["statistics"]
        children = statistics.get("scriptStatistics", {}).pop("children", [])
        if "query" in statistics:
            self._measure(statistics, sql)
        job.children = [self._child(job, number, child) for number, child in enumerate(children)]
        if children:
            statistics["numChildJobs"] = str(len(children))

    def _measure(self, statistics: dict[str, Any], sql: str) -> None:
        processed = str(sum(self._sizes(sql)))
        statistics["totalBytesProcessed"] = statistics["query"]["totalBytesProcessed"] = processed
        statistics["query"] |= {"totalBytesBilled": str(self.billed(sql)), "totalSlotMs": "0"}

    def _child(self, parent: Job, number: int, child: dict[str, Any]) -> dict[str, Any]:
        reference = parent.resource["jobReference"]
        labels = dict(pair.split(":", 1) for pair in (child.pop("label") or "").split(",") if ":" in pair)
        statistics = child.pop("statistics") | {"parentJobId": reference["jobId"]}
        self._measure(statistics, child["query"])
        return parent.resource | {
            "id": f"{parent.resource['id']}_{number}",
            "jobReference": reference | {"jobId": f"script_job_{reference['jobId']}_{number}"},
            "configuration": {"jobType": "QUERY", "query": child, "labels": labels},
            "status": {"state": "DONE"},
            "statistics": statistics,
        }

    def _dry_run(self, request: Request, forward: Forward, sent: dict[str, Any]) -> Reply:
        """A script is not sent on: the emulator would run it."""
        sql = sent["configuration"]["query"]["query"]
        if SCRIPT.search(sql.strip().rstrip(";")):
            answer: dict[str, Any] = {"statistics": {"query": {"statementType": "SCRIPT"}}}
        else:
            reply = forward(request)
            if reply.status != 200:
                return reply
            answer = reply.json
        statistics = answer.setdefault("statistics", {})
        statistics.setdefault("query", {})
        self._measure(statistics, sql)
        return Reply.of(answer | {"configuration": sent["configuration"], "status": {"state": "DONE"}})

    def get(self, request: Request, forward: Forward, _: str, name: str) -> Reply:
        job = self.jobs.get(name)
        if job is None:
            return forward(request)
        self._poll(job, forward)
        return Reply.of(job.resource)

    def results(self, request: Request, forward: Forward, _: str, name: str) -> Reply:
        job = self.jobs.get(name)
        if job is None:
            return forward(request)
        self._poll(job, forward)
        reference = {"jobReference": job.resource["jobReference"]}
        if job.resource["status"]["state"] != "DONE":
            return Reply.of(reference | {"kind": "bigquery#getQueryResultsResponse", "jobComplete": False})
        if job.error:
            return Reply.error(STATUSES.get(job.error["reason"], 500), job.error["message"], job.error["reason"])
        reply = forward(request)
        return Reply.of(reply.json | reference) if reply.status == 200 else reply

    def _poll(self, job: Job, forward: Forward) -> None:
        with self._lock:
            job.polls -= 1
        if job.polls < 0:
            self._execute(job, forward)

    def cancel(self, request: Request, forward: Forward, _: str, name: str) -> Reply:
        job = self.jobs.get(name)
        if job is None:
            return forward(request)
        with self._lock:
            if job.request:
                job.end(STOPPED)
        return Reply.of({"kind": "bigquery#jobCancelResponse", "job": job.resource})

    def ask(self, request: Request, forward: Forward, _: str) -> Reply:
        """A query that fails is an error of its request; the emulator answers it with no columns and no rows."""
        sent = request.json
        needed, limit = self.billed(sent.get("query", "")), sent.get("maximumBytesBilled")
        if limit is not None and needed > int(limit):
            error = _over(needed, limit)
            return Reply.error(400, error["message"], error["reason"])
        reply = forward(request)
        errors = reply.json.get("errors") if reply.status == 200 else None
        if errors:
            return Reply.error(STATUSES.get(errors[0]["reason"], 500), errors[0]["message"], errors[0]["reason"])
        return reply

    def children(self, request: Request, forward: Forward, _: str) -> Reply:
        parent = request.query.get("parentJobId")
        if parent is None:
            return forward(request)
        jobs = self.jobs[parent].children if parent in self.jobs else []
        return Reply.of({"kind": "bigquery#jobList", "jobs": list(reversed(jobs))})

    def upload(self, request: Request, forward: Forward, project: str) -> Reply:
        """The emulator gives an upload a job id of its own: the client's is kept here."""
        sent = json.loads(re.search(rb"\{.*\}", request.body.split(b"\r\n--")[0], re.DOTALL)[0])
        if request.query["uploadType"] == "multipart":
            return self._uploaded(request, forward, project, sent)
        reply = forward(request)
        session = re.search(r"upload_id=([^&]+)", {name.lower(): value for name, value in reply.headers}["location"])
        self._uploads[session[1]] = (project, sent)  # a job only when all of it has arrived
        return reply

    def chunk(self, request: Request, forward: Forward, _: str) -> Reply:
        start, end, total = re.fullmatch(
            r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", request.headers["content-range"]
        ).groups()
        is_last = total != "*" and (int(end or -1) + 1 == int(total) or (start is None and request.body == b""))
        project, sent = self._uploads.get(request.query["upload_id"], (None, None))
        return self._uploaded(request, forward, project, sent) if sent and is_last else forward(request)

    def _uploaded(self, request: Request, forward: Forward, project: str, sent: dict[str, Any]) -> Reply:
        job = self._entered(project, sent, None)
        if isinstance(job, Reply):
            return job
        if job.error:
            return Reply.of(job.resource)
        reply = forward(request)
        if reply.status != 200:
            del self.jobs[job.resource["jobReference"]["jobId"]]
            return reply
        self._executed(job, reply.json)
        return replace(reply, body=json.dumps(job.resource).encode())

    def update(self, request: Request, forward: Forward) -> Reply:
        expected = request.headers.get("if-match")
        current = forward(Request("GET", urlsplit(request.path).path, request.headers)).json.get("etag")
        if expected and current and expected != current:
            return Reply.error(412, "Precondition check failed.")
        return forward(request)


def _over(needed: int, limit: str) -> dict[str, str]:
    message = f"Query exceeded limit for bytes billed: {limit}. {needed} or higher required."
    return {"reason": "bytesBilledLimitExceeded", "message": message}


CONTENTS = ("query", "load", "copy", "extract")
PROJECT = "/bigquery/v2/projects/([^/]+)"
ROUTES: tuple[tuple[str, str, Callable[..., Reply]], ...] = (
    ("POST", f"{PROJECT}/jobs", BigQuery.insert),
    ("GET", f"{PROJECT}/jobs", BigQuery.children),
    ("GET", f"{PROJECT}/jobs/([^/]+)", BigQuery.get),
    ("POST", f"{PROJECT}/jobs/([^/]+)/cancel", BigQuery.cancel),
    ("POST", f"{PROJECT}/queries", BigQuery.ask),
    ("GET", f"{PROJECT}/queries/([^/]+)", BigQuery.results),
    ("POST", f"/upload{PROJECT}/jobs", BigQuery.upload),
    ("PUT", f"/upload{PROJECT}/jobs", BigQuery.chunk),
    ("PATCH|PUT", "/bigquery/v2/projects/[^/]+/datasets/.+", BigQuery.update),
)
