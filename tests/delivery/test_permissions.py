"""The permissions that each account's commands need, from the requests that they send, against what roles.yaml gives."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress

import places
import pytest
import yaml
from bigquery import ANSWERS, Fate, Service, engine_on
from gcs import FakeGCS
from permissions import (
    CALL_LOG,
    ROLES,
    TRIGGERS,
    missing,
    of_call,
    of_load,
    of_request,
    of_statement,
    pages,
    superfluous,
)
from pipeline import forget_settings, project
from sent_sql import touched
from workflow_cloud import ENVIRON, Cloud
from workflows import Raised, Workflow

import fees_etl
from fees_etl import cli
from fees_etl.settings import Settings

TERRAFORM = places.ROOT / "terraform"
TAG = "projects/p/locations/eu/taxonomies/1/policyTags/2"
TARGET = f"""
[targets.prod]
warehouse = "bigquery://p?location=EU"
source = "gs://lake/fees/"
max_cost = 5
policy_tags.nino = "{TAG}"
"""
PROD = Settings("prod", policy_tags={"nino": TAG})
HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount\n"
ROW = "C1,QQ000001A,A1,{},1.50\n"
GRANTS = yaml.safe_load((TERRAFORM / "roles.yaml").read_text(encoding="utf-8"))
KNOWN = "gs://lake/fees/{}.csv v0 v0 loaded 2 0 1 - 2025-01-01"
TAGGED = {
    str(one.table): {column.name for column in one.columns if column.policy_tag}
    for one in project().contracts.values()
    if any(column.policy_tag for column in one.columns)
}
TRANSFORMS = {
    "published": ("run", "--from", "stg_fees"),
    "everything": ("run", "--skip-ingest", "--full-refresh"),
    "rehearsed": ("run", "--from", "stg_fees", "--rehearse"),
    "backfill": ("backfill", "--start", "2025-01-01", "--end", "2025-02-28"),
    "chunks": ("backfill", "--start", "2025-01-01", "--end", "2025-02-28", "--chunk", "month"),
    "plan": ("plan",),
    "assert": ("assert",),
    "runs": ("runs",),
}


class Account:
    """Commands on the target as it is deployed (tagged, capped, its lake in a bucket), and what they needed."""

    def __init__(self, folder, patch):
        self.service = Service(answers=ANSWERS | {"files_mark": [["mark", "true", "true"]]})
        self.service.prepare(PROD)
        self.store = FakeGCS("lake")
        forget_settings(patch)
        (folder / "fees_etl.toml").write_text(TARGET)
        patch.chdir(folder)
        patch.setenv("STORAGE_EMULATOR_HOST", self.store.url)
        patch.setattr(fees_etl, "load", lambda *_, **__: project())

    def __call__(self, *args):
        return cli.main(["--target", "prod", *args])

    def lacks(self, *tables):
        """These are not made yet, their datasets are."""
        for name in tables:
            del self.service.tables[name]

    def lacks_column(self, table, column):
        fields = self.service.tables[table]["schema"]["fields"]
        fields[:] = [one for one in fields if one["name"] != column]

    def deal(self, name, rows):
        self.store.put("lake", f"fees/{name}.csv", (HEADER + rows).encode())

    def needs(self):
        """(resource, permission) pairs of all that was asked."""
        found = set()
        for line in [*self.service.requests, *(line.partition(" [")[0] for line in self.store.requests)]:
            found |= of_request(line)
        for text in self._sent():
            for one in touched(text):
                found |= of_statement(one, TAGGED)
        for job in self.service.begun:
            if load := job.sent["configuration"].get("load"):
                found |= of_load("{datasetId}.{tableId}".format(**load["destinationTable"]))
        return found

    def _sent(self):
        """Every query, script and dry run."""
        weighed = [one["configuration"]["query"]["query"] for one in self.service.weighed]
        begun = [job.sql for job in self.service.begun if "query" in job.sent["configuration"]]
        return [*(one["query"] for one in self.service.queries), *weighed, *begun]


@contextmanager
def account(folder):
    with pytest.MonkeyPatch.context() as patch:
        found = Account(folder, patch)
        with found.store, engine_on(found.service, patch, PROD, patience=0.5):
            yield found


def engines_own(*datasets):
    """The tables of datasets that the engine makes by itself."""
    return [str(one) for one in project().contracts if one.dataset in datasets and str(one) not in TAGGED]


@pytest.fixture(scope="module")
def ingest(tmp_path_factory):
    """What ingestions need: the very first one, one with files that changed and vanished, one that fails."""
    with account(tmp_path_factory.mktemp("ingest")) as command:
        for name in ("new", "changed", "same"):
            command.deal(name, ROW.format("2025-02-01") * 30 + ROW.format("soon"))
        command.lacks(*engines_own("raw", "ops"))
        command.service.datasets |= {"raw": "EU", "ops": "EU"}
        assert command("ingest") == 0
        command.service.answers["known_files"] = [KNOWN.format(name).split() for name in ("changed", "same", "gone")]
        command.lacks_column("raw.files", "reason")
        assert command("ingest", "--allow-withdraw") == 0
        command.service.fates = [Fate(looks=1), Fate(reason="invalidQuery")]
        command.deal("new", ROW.format("2025-03-01"))
        assert command("ingest", "--allow-withdraw") == 5
        return command.needs()


@pytest.fixture(scope="module")
def transform(tmp_path_factory):
    """What everything needs that runs on what the first ingestion left."""
    with account(tmp_path_factory.mktemp("transform")) as command:
        command.lacks(*engines_own("reporting"))
        command.service.datasets |= {"reporting": "EU"}
        for name, words in TRANSFORMS.items():
            assert command(*words) == 0, name
        command.lacks_column("ops.runs", "git_sha")
        for fate, code in ((Fate(verdict="busy"), 75), (Fate(reason="invalidQuery"), 5), (Fate(verdict="rejected"), 1)):
            command.service.fates = [fate]
            assert command("run", "--from", "stg_fees") == code
        return command.needs()


@pytest.fixture(scope="module")
def workflow():
    """What every course of the workflow needs: all is well, a job is busy, a job fails."""
    text = (TERRAFORM / "workflow.yaml").read_text(encoding="utf-8")
    needs = set(CALL_LOG[0])
    for codes in ([0], [75, 0], [3]):
        cloud = Cloud({"ingest": [0], "run": codes})
        with suppress(Raised):
            Workflow(text, cloud, ENVIRON).run()
        needs |= {need for call in cloud.calls for need in of_call(*call)}
    return needs


@pytest.mark.parametrize("who", ["ingest", "transform", "workflow"])
def test_an_account_has_every_permission_that_its_commands_need(who, request):
    assert sorted(missing(request.getfixturevalue(who), GRANTS[who])) == []


@pytest.mark.parametrize("who", ["ingest", "transform", "workflow"])
def test_an_account_has_no_role_that_its_commands_do_not_need(who, request):
    assert list(superfluous(request.getfixturevalue(who), GRANTS[who])) == []


@pytest.mark.parametrize("who", TRIGGERS)
def test_what_only_starts_something_may_do_nothing_else(who):
    needs, _ = TRIGGERS[who]
    assert (missing(needs, GRANTS[who]), list(superfluous(needs, GRANTS[who]))) == (set(), [])


@pytest.mark.parametrize(
    ("who", "narrow", "wide"),
    [
        ("ingest", "roles/storage.objectViewer", "roles/storage.objectUser"),
        ("ingest", "roles/bigquery.jobUser", "roles/bigquery.user"),
        ("workflow", "roles/run.jobsExecutor", "roles/run.jobsExecutorWithOverrides"),
        ("transform", "roles/bigquery.dataViewer", "roles/bigquery.dataEditor"),
        ("transform", "roles/bigquery.dataEditor", "roles/bigquery.dataOwner"),
    ],
)
def test_a_role_that_is_wider_than_its_need_would_be_noticed(who, narrow, wide, request):
    grants = [{**grant, "role": wide} if grant["role"] == narrow else grant for grant in GRANTS[who]]
    assert grants != GRANTS[who]
    assert f"{narrow} would do" in " ".join(superfluous(request.getfixturevalue(who), grants))


@pytest.mark.parametrize("who", ["ingest", "transform", "workflow"])
def test_a_grant_that_nothing_needs_would_be_noticed(who, request):
    more = [*GRANTS[who], {"role": "roles/bigquery.dataViewer", "on": "dataset:audit", "reason": ""}]
    found = list(superfluous(request.getfixturevalue(who), more))
    assert found == ["roles/bigquery.dataViewer on dataset:audit gives nothing that is needed"]


def test_an_ingestion_has_nothing_to_do_with_what_is_staged_and_published(ingest):
    assert {on for on, _ in ingest} == {"project", "dataset:raw", "dataset:ops", "bucket:lake", "policy_tag:nino"}


def test_a_transformation_reads_raw_and_no_file(transform):
    assert "bucket:lake" not in {on for on, _ in transform}
    assert {name for on, name in transform if on == "dataset:raw"} <= ROLES["roles/bigquery.dataViewer"][0]


def test_no_account_has_a_basic_role_or_data_in_the_whole_project():
    for grants in GRANTS.values():
        assert not {grant["role"] for grant in grants} & {"roles/owner", "roles/editor", "roles/viewer"}
        data = [one for one in grants if re.match(r"roles/(bigquery\.data|storage\.object)", one["role"])]
        assert [one for one in data if one["on"] == "project"] == []


def test_every_row_of_the_tables_names_its_page():
    assert all(re.fullmatch(r"[\w/-]+/docs(/[\w.-]+)+(#[\w-]+)?", page) for page in pages())
