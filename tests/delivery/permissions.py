"""What each request and statement needs at Google, and what each role gives: the tables, and how needs are counted.

Pages are those of docs.cloud.google.com, as they were read in August 2026; without an account nothing here is tried.
A row is (resource, permissions, page). Permissions are those that something of ours needs or must not have.
"""

from __future__ import annotations

import re
from itertools import chain

REST = "bigquery/docs/reference/rest/v2"
OBJECTS = "storage/docs/access-control/iam-json"
BIGQUERY_ROLES = "iam/docs/roles-permissions/bigquery"
STORAGE_ROLES = "iam/docs/roles-permissions/storage"
RUN = "run/docs/reference/rest/v2/projects.locations"
RUN_ROLES = "iam/docs/roles-permissions/run"

LOOK = frozenset({"bigquery.tables.get", "bigquery.tables.list"})
FINE = "datacatalog.categories.fineGrainedGet"

METHODS = {
    # jobs.get and jobs.update of a job come with beginning it: bigquery/docs/jobs-overview
    r"POST /queries": ("project", {"bigquery.jobs.create"}, f"{REST}/jobs/query"),
    r"POST (/upload)?/jobs": ("project", {"bigquery.jobs.create"}, f"{REST}/jobs/insert"),
    r"PUT /upload/jobs": ("project", set(), f"{REST}/jobs/insert"),
    r"GET /jobs": ("project", set(), f"{REST}/jobs/list"),  # "no specific permission": those that one began
    r"GET /jobs/[\w-]+": ("project", set(), f"{REST}/jobs/get"),
    r"POST /jobs/[\w-]+/cancel": ("project", set(), f"{REST}/jobs/cancel"),
    r"GET /queries/[\w-]+": ("project", set(), f"{REST}/jobs/getQueryResults"),
    r"POST /datasets": ("project", {"bigquery.datasets.create"}, f"{REST}/datasets/insert"),
    r"GET /datasets/(?P<dataset>\w+)": ("dataset:{dataset}", {"bigquery.datasets.get"}, f"{REST}/datasets/get"),
    r"POST /datasets/(?P<dataset>\w+)/tables": ("dataset:{dataset}", {"bigquery.tables.create"}, f"{REST}/tables/insert"),
    r"GET /datasets/(?P<dataset>\w+)/tables/\w+": ("dataset:{dataset}", {"bigquery.tables.get"}, f"{REST}/tables/get"),
    r"PATCH /datasets/(?P<dataset>\w+)/tables/\w+": ("dataset:{dataset}", {"bigquery.tables.get", "bigquery.tables.update"}, f"{REST}/tables/patch"),
    r"GET /storage/v1/b/(?P<bucket>\w+)/o\?.*": ("bucket:{bucket}", {"storage.objects.list"}, OBJECTS),
    r"GET /download/storage/v1/b/(?P<bucket>\w+)/o/.*": ("bucket:{bucket}", {"storage.objects.get"}, OBJECTS),
    r"GET /storage/v1/b/(?P<bucket>\w+)\?.*": ("bucket:{bucket}", {"storage.buckets.get"}, OBJECTS),
}  # fmt: skip
"""A request, as both fakes write it down."""

STATEMENTS = {
    "select": (set(), "bigquery/docs/running-queries"),
    "insert": ({"bigquery.tables.updateData"}, "bigquery/docs/access-control#bigquery-permissions"),
    "delete": ({"bigquery.tables.getData", "bigquery.tables.updateData"}, "bigquery/docs/access-control#bigquery-permissions"),
    "update": ({"bigquery.tables.getData", "bigquery.tables.updateData"}, "bigquery/docs/access-control#bigquery-permissions"),
    "merge": ({"bigquery.tables.getData", "bigquery.tables.updateData"}, "bigquery/docs/access-control#bigquery-permissions"),
    "truncate": ({"bigquery.tables.getData", "bigquery.tables.updateData"}, "bigquery/docs/access-control#bigquery-permissions"),
    "load": ({"bigquery.tables.create", "bigquery.tables.update", "bigquery.tables.updateData"}, "bigquery/docs/loading-data-cloud-storage-parquet#required_permissions"),
}  # fmt: skip
"""What a kind of statement needs on the table that it changes."""
READ = ({"bigquery.tables.getData"}, "bigquery/docs/running-queries#required_permissions")
DESCRIBED = (LOOK, "bigquery/docs/information-schema-columns#required_permissions")
TAGGED = ({FINE}, "bigquery/docs/column-level-security-writes")
"""What a statement needs that reads a column with a policy tag, to filter or to move it on too."""

CALLS = {
    "googleapis.run.v2.projects.locations.jobs.run": ("job:{job}", {"run.jobs.run"}, f"{RUN}.jobs/run"),
    "googleapis.run.v2.projects.locations.jobs.executions.get": ("job:{job}", {"run.executions.get"}, f"{RUN}.jobs.executions/get"),
    "googleapis.run.v2.projects.locations.jobs.executions.tasks.list": ("job:{job}", {"run.tasks.list"}, f"{RUN}.jobs.executions.tasks/list"),
    "googleapis.pubsub.v1.projects.topics.publish": ("topic:dead_letter", {"pubsub.topics.publish"}, "pubsub/docs/access-control"),
    "sys.sleep": ("project", set(), "workflows/docs/reference/stdlib/sys/sleep"),
}  # fmt: skip
"""A call of the workflow. With overrides, or waited for by the connector, a job would need more."""
CALL_LOG = ({("project", "logging.logEntries.create")}, "workflows/docs/log-workflow")
"""What writing its own log takes."""

TRIGGERS = {
    "scheduler": ({("project", "workflows.executions.create")}, "workflows/docs/schedule-workflow"),
    "eventarc": ({("project", "workflows.executions.create"), ("project", "eventarc.events.receiveEvent")}, "eventarc/standard/docs/workflows/route-trigger-cloud-storage"),
    "storage_agent": ({("project", "pubsub.topics.publish")}, "eventarc/standard/docs/workflows/route-trigger-cloud-storage"),
}  # fmt: skip
"""Accounts that run nothing of ours."""

_VIEWED = {
    "bigquery.datasets.get", "bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.list",
}  # fmt: skip
_EDITED = {
    "bigquery.tables.create", "bigquery.tables.delete", "bigquery.tables.update", "bigquery.tables.updateData",
}  # fmt: skip
_SEEN = {"storage.objects.get", "storage.objects.list"}
_MADE = {"storage.objects.create"}
_WATCHED = {"run.executions.get", "run.executions.list", "run.jobs.get", "run.operations.get", "run.tasks.get", "run.tasks.list"}  # fmt: skip
ROLES = {
    "roles/bigquery.jobUser": ({"bigquery.jobs.create"}, BIGQUERY_ROLES),
    "roles/bigquery.user": ({"bigquery.jobs.create", "bigquery.jobs.list", "bigquery.datasets.create", "bigquery.datasets.get", "bigquery.tables.list"}, BIGQUERY_ROLES),
    "roles/bigquery.metadataViewer": (_VIEWED - {"bigquery.tables.getData"}, BIGQUERY_ROLES),
    "roles/bigquery.dataViewer": (_VIEWED, BIGQUERY_ROLES),
    "roles/bigquery.dataEditor": (_VIEWED | _EDITED, BIGQUERY_ROLES),
    "roles/bigquery.dataOwner": (_VIEWED | _EDITED | {"bigquery.tables.setCategory", "bigquery.tables.setIamPolicy", "bigquery.datasets.delete", "bigquery.datasets.update"}, BIGQUERY_ROLES),
    "roles/datacatalog.categoryFineGrainedReader": ({FINE}, "iam/docs/roles-permissions/datacatalog"),
    "roles/bigquerydatapolicy.maskedReader": ({"bigquery.dataPolicies.maskedGet"}, "iam/docs/roles-permissions/bigquerydatapolicy"),
    "roles/storage.objectViewer": (_SEEN, STORAGE_ROLES),
    "roles/storage.objectCreator": (_MADE, STORAGE_ROLES),
    "roles/storage.objectUser": (_SEEN | _MADE | {"storage.objects.delete", "storage.objects.update"}, STORAGE_ROLES),
    "roles/storage.bucketViewer": ({"storage.buckets.get", "storage.buckets.list"}, STORAGE_ROLES),
    "roles/storage.legacyBucketReader": ({"storage.buckets.get", "storage.objects.list"}, STORAGE_ROLES),
    "roles/storage.legacyObjectReader": ({"storage.objects.get"}, STORAGE_ROLES),
    "roles/run.invoker": ({"run.jobs.run", "run.routes.invoke"}, RUN_ROLES),
    "roles/run.jobsExecutor": ({"run.jobs.run", "run.executions.cancel"}, RUN_ROLES),
    "roles/run.jobsExecutorWithOverrides": ({"run.jobs.run", "run.jobs.runWithOverrides", "run.executions.cancel"}, RUN_ROLES),
    "roles/run.viewer": (_WATCHED, RUN_ROLES),
    "roles/workflows.invoker": ({"workflows.executions.create"}, "iam/docs/roles-permissions/workflows"),
    "roles/pubsub.publisher": ({"pubsub.topics.publish"}, "iam/docs/roles-permissions/pubsub"),
    "roles/logging.logWriter": ({"logging.logEntries.create"}, "iam/docs/roles-permissions/logging"),
    "roles/eventarc.eventReceiver": ({"eventarc.events.receiveEvent"}, "iam/docs/roles-permissions/eventarc"),
}  # fmt: skip
"""What a role gives of all these; of those that stand in one another's place the narrowest is to be taken."""


def of_request(line):
    """(resource, permission) pairs of a request; one that is not in the table is an error."""
    rows = [(found, row) for pattern, row in METHODS.items() if (found := re.fullmatch(pattern, line))]
    assert rows, f"tests/permissions.py does not say what {line} needs"
    return {(row[0].format(**found.groupdict()), name) for found, row in rows for name in row[1]}


def of_statement(touched, tagged):
    """The same of a statement; ``tagged`` are the columns with a policy tag, by table."""
    needs = set()
    if touched.target:
        needs |= _on(touched.target, STATEMENTS[touched.kind][0])
    scanned = touched.reads | ({touched.target} if touched.kind in ("merge", "update", "delete") else set())
    for table in touched.reads:
        needs |= _on(table, READ[0])
    for table in scanned:
        if tagged.get(table, set()) & touched.columns or ("*" in touched.columns and table in tagged):
            needs |= {("policy_tag:nino", name) for name in TAGGED[0]}
    return needs | {(f"dataset:{name}", right) for name in touched.described for right in DESCRIBED[0]}


def of_call(name, args):
    """The same of a call of the workflow."""
    on, names, _ = CALLS[name]
    job = re.search(r"jobs/fees-etl-(\w+)", str(args))
    return {(on.format(job=job and job[1]), one) for one in names}


def of_load(table):
    """The same of a load job into a table."""
    return _on(table, STATEMENTS["load"][0])


def given(grants):
    """What grants give: (resource, permission) pairs."""
    return {(grant["on"], name) for grant in grants for name in ROLES[grant["role"]][0]}


def missing(needs, grants):
    """The needs that no grant meets. A grant on the project is one on everything in it."""
    has = given(grants)
    return {(on, name) for on, name in needs if not {(_whole(on), name), (on, name), ("project", name)} & has}


def superfluous(needs, grants):
    """The grants without which nothing is missing, and those that a narrower role could replace."""
    lacking = missing(needs, grants)
    for grant in grants:
        others = [one for one in grants if one is not grant]
        if missing(needs, others) == lacking:
            yield f"{grant['role']} on {grant['on']} gives nothing that is needed"
            continue
        for role, (names, _) in ROLES.items():
            if names < ROLES[grant["role"]][0] and missing(needs, [*others, {**grant, "role": role}]) == lacking:
                yield f"{grant['role']} on {grant['on']} gives more than is needed: {role} would do"


def pages():
    """Every page that a table names."""
    rows = chain(
        METHODS.values(),
        STATEMENTS.values(),
        CALLS.values(),
        ROLES.values(),
        TRIGGERS.values(),
        (READ, DESCRIBED, TAGGED, CALL_LOG),
    )
    return [row[-1] for row in rows]


def _on(table, names):
    return {(f"dataset:{table.partition('.')[0]}", name) for name in names}


def _whole(on):
    """What a resource is a part of."""
    return re.sub(r"^table:(\w+)\..*", r"dataset:\1", on)
