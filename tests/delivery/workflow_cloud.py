"""What terraform/workflow.yaml calls, by script: Cloud Run jobs that end with given exit codes, a topic, no clock."""

from __future__ import annotations

import base64
import json
import re

from workflows import Raised, Unknown

ENVIRON = {
    "LANDING": "landing/fees/",
    "INGEST_JOB": "projects/p/locations/l/jobs/fees-etl-ingest",
    "RUN_JOB": "projects/p/locations/l/jobs/fees-etl-run",
    "DEAD_LETTER_TOPIC": "projects/p/topics/fees-etl-dead-letter",
    "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID": "e1",
}
"""What it is deployed with."""


class Cloud:
    """Cloud Run and Pub/Sub: each execution of a job ends with the next of its exit codes, after ``looks`` looks.

    An exit code of None is a container that was killed; an HTTP status below 0 refuses the start.
    """

    def __init__(self, codes, looks=2):
        self.codes, self.looks = {job: list(listed) for job, listed in codes.items()}, looks
        self.calls, self.started, self.pauses, self.letters, self.executions = [], [], [], [], {}

    def __call__(self, name, args):
        self.calls.append((name, args))
        match name.removeprefix("googleapis."):
            case "sys.sleep":
                self.pauses.append(args["seconds"])
                return None
            case "pubsub.v1.projects.topics.publish":
                self.letters += [json.loads(base64.b64decode(one["data"])) for one in args["body"]["messages"]]
                return {"messageIds": ["1"]}
            case "run.v2.projects.locations.jobs.run":
                return self._start(**args)
            case "run.v2.projects.locations.jobs.executions.get":
                return self._look(**args)
            case "run.v2.projects.locations.jobs.executions.tasks.list":
                return self._tasks(**args)
        raise Unknown(name)

    def _start(self, name, connector_params):
        if connector_params != {"skip_polling": True}:
            raise Unknown(f"the connector would wait, and raise an error of its own: {connector_params}")
        job = re.fullmatch(r"projects/p/locations/l/jobs/fees-etl-(\w+)", name)[1]
        code = self.codes[job].pop(0)
        if code is not None and code < 0:
            raise Raised({"tags": ["HttpError"], "code": -code, "message": "HTTP server responded with error"})
        self.started.append(job)
        execution = f"{name}/executions/{len(self.started)}"
        self.executions[execution] = {"code": code, "looks": self.looks}
        return {"name": "projects/p/locations/l/operations/1", "metadata": {"name": execution}}

    def _look(self, name):
        execution = self.executions[name]
        execution["looks"] -= 1
        if execution["looks"] > 0:
            return {"name": name, "runningCount": 1}
        count = "succeededCount" if execution["code"] == 0 else "failedCount"
        return {"name": name, "completionTime": "2025-10-01T06:00:00Z", count: 1}

    def _tasks(self, parent):
        code = self.executions[parent]["code"]
        return {"tasks": [{"lastAttemptResult": {"exitCode": code} if code is not None else {"status": {"code": 13}}}]}
