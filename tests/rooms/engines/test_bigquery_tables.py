"""Contracts as BigQuery tables: what is made, what is added, and every difference that is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bigquery import Fault, Service, client_of
from google.api_core.exceptions import Forbidden, RetryError
from google.cloud import bigquery

from fees_etl import GuardRefused, UsageError, WarehouseError, load
from fees_etl.engines import placed
from fees_etl.engines.bigquery import jobs, tables
from fees_etl.engines.bigquery.drift import faults, lacking, prepare, require_protection
from fees_etl.engines.bigquery.errors import permitted
from fees_etl.engines.bigquery.jobs import Jobs
from fees_etl.engines.bigquery.tables import Lack, Live, LiveColumn, LiveTable, decode, read, resource, sql
from fees_etl.errors import ProjectError, WarehouseBusy
from fees_etl.settings import Settings
from fees_etl.types import Column, Contract, Table

TAG = "projects/p/locations/eu/taxonomies/1/policyTags/2"
REAL = Settings("prod", policy_tags={"nino": TAG})
MADE_UP = Settings("dev", pii="synthetic")
RUNS = Contract(
    Table("ops", "runs"),
    Path("sql/ops/runs.yml"),
    "Runs.",
    (
        Column("run_id", "STRING", required=True, description="Run."),
        Column("day", "DATE", description="Day."),
        Column("amount", "NUMERIC", description="Pounds."),
    ),
    partition_by="day",
    cluster_by=("run_id",),
)
FEES = Contract(
    Table("raw", "fees"),
    Path("sql/raw/fees.yml"),
    "Fees.",
    (Column("client_nino", "STRING", policy_tag="nino"), Column("note", "STRING")),
)
CONTRACTS = {one.table: one for one in (RUNS, FEES)}
LIVE_RUNS = LiveTable(
    {"run_id": LiveColumn("STRING", required=True), "day": LiveColumn("DATE"), "amount": LiveColumn("NUMERIC")},
    "day",
    ("run_id",),
)
LIVE_FEES = LiveTable({"client_nino": LiveColumn("STRING", tags=(TAG,)), "note": LiveColumn("STRING")})


def with_columns(table, **columns):
    kept = {name: column for name, column in (table.columns | columns).items() if column}
    return replace(table, columns=kept)


def seen(runs=LIVE_RUNS, fees=LIVE_FEES):
    tables = {RUNS.table: runs, FEES.table: fees}
    return Live(frozenset({"ops", "raw"}), {table: found for table, found in tables.items() if found})


def sentence(error):
    return f"{error.value.message} | {error.value.hint}"


@pytest.fixture
def wire():
    return Service()


@pytest.fixture
def client(wire):
    with client_of(wire, "EU") as made:
        yield made


# what a contract becomes


def test_a_contract_becomes_a_table_with_its_words_partitions_clusters_and_labels():
    made = resource(replace(RUNS, table=Table("ops_ci", "runs")), replace(MADE_UP, target="Dev/1"), "p").to_api_repr()

    assert made == {
        "tableReference": {"projectId": "p", "datasetId": "ops_ci", "tableId": "runs"},
        "description": "Runs.",
        "labels": {"managed_by": "fees-etl", "target": "dev_1"},
        "timePartitioning": {"type": "DAY", "field": "day"},
        "clustering": {"fields": ["run_id"]},
        "schema": {
            "fields": [
                {"name": "run_id", "type": "STRING", "mode": "REQUIRED", "description": "Run."},
                {"name": "day", "type": "DATE", "mode": "NULLABLE", "description": "Day."},
                {"name": "amount", "type": "NUMERIC", "mode": "NULLABLE", "description": "Pounds."},
            ]
        },
    }


@pytest.mark.parametrize(("target", "tags"), [(REAL, {"names": [TAG]}), (MADE_UP, None)])
def test_a_tag_is_the_targets(target, tags):
    assert resource(FEES, target, "p").to_api_repr()["schema"]["fields"][0].get("policyTags") == tags


@pytest.mark.parametrize("target", [REAL, MADE_UP], ids=["real", "made up"])
def test_the_tables_of_the_project_once_made_keep_their_contracts(client, wire, target):
    named = placed(load().contracts, "_ci").values()
    assert all(contract.table.dataset.endswith("_ci") for contract in named)
    for contract in named:
        wire.put(resource(contract, target, "p"))
    live = read(Jobs(client, target), sorted({contract.table.dataset for contract in named}))
    assert [fault for one in named for fault in faults(one, live.tables[one.table], target)] == []


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        (
            replace(RUNS, cluster_by=("a", "b", "c", "d", "e")),
            "sql/ops/runs.yml: 'cluster_by' has 5 columns; BigQuery takes 4",
        ),
        (replace(RUNS, partition_by="amount"), "sql/ops/runs.yml: 'partition_by' is a NUMERIC"),
    ],
)
def test_what_bigquery_does_not_have_is_a_mistake_of_the_contract(contract, said):
    with pytest.raises(ProjectError) as caught:
        lacking([contract], seen(), MADE_UP)
    assert caught.value.message.startswith(said)


# how numbers are protected


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Settings("prod"), 'policy_tags.nino = "projects/P/locations/L/taxonomies/N/policyTags/M" into [targets.prod]'),
        (Settings("prod"), 'pii = "synthetic"'),
        (replace(REAL, pii="synthetic"), "either real and tagged, or made up"),
        (replace(REAL, warehouse="bigquery://p?location=US"), "'prod' is in US, but its policy tag 'nino' is in eu"),
        (replace(REAL, policy_tags={"ninos": TAG}), "sql/raw/fees.yml: column 'client_nino' has the policy tag 'nino', which target 'prod' does not map. Did you mean ninos?"),
        (REAL, ""),
        (MADE_UP, ""),
    ],
)  # fmt: skip
def test_a_target_says_how_numbers_are_protected(target, said):
    if not said:
        require_protection(CONTRACTS.values(), target)
        return
    with pytest.raises(UsageError) as caught:
        require_protection(CONTRACTS.values(), target)
    assert said in sentence(caught)


# the query and its rows


def test_one_query_reads_every_dataset():
    assert sql(["ops", "raw_ci"]) == (
        "SELECT table_schema, table_name, column_name, ordinal_position, data_type, is_nullable, is_partitioning_column, "
        "clustering_ordinal_position, policy_tags FROM `ops`.INFORMATION_SCHEMA.COLUMNS\n"
        "UNION ALL\n"
        "SELECT table_schema, table_name, column_name, ordinal_position, data_type, is_nullable, is_partitioning_column, "
        "clustering_ordinal_position, policy_tags FROM `raw_ci`.INFORMATION_SCHEMA.COLUMNS"
    )


def row(column, position, kind="STRING", **rest):
    plain = {
        "is_nullable": "YES",
        "is_partitioning_column": "NO",
        "clustering_ordinal_position": None,
        "policy_tags": [],
    }
    return (
        {
            "table_schema": "ops",
            "table_name": "runs",
            "column_name": column,
            "ordinal_position": position,
            "data_type": kind,
        }
        | plain
        | rest
    )


def test_rows_become_tables_whatever_their_order():
    rows = [
        row("b", 2, clustering_ordinal_position=2),
        row("a", 1, is_nullable="NO", clustering_ordinal_position=1, policy_tags=[TAG]),
        row("day", 3, "DATE", is_partitioning_column="YES"),
        row("n", 1) | {"table_name": "other"},
    ]
    table = decode(rows)[Table("ops", "runs")]

    assert list(table.columns) == ["a", "b", "day"]
    assert table == LiveTable(
        {"a": LiveColumn("STRING", required=True, tags=(TAG,)), "b": LiveColumn("STRING"), "day": LiveColumn("DATE")},
        "day",
        ("a", "b"),
    )
    assert list(decode(rows)) == [Table("ops", "runs"), Table("ops", "other")]


def test_partitions_by_time_of_arrival_follow_a_column_that_is_none():
    pseudo = row("_PARTITIONTIME", None, "TIMESTAMP", is_partitioning_column="YES")
    assert decode([row("a", 1), pseudo])[Table("ops", "runs")] == LiveTable(
        {"a": LiveColumn("STRING")}, "_PARTITIONTIME"
    )


# what is to be done


def test_a_warehouse_that_is_as_promised_needs_nothing():
    assert lacking(CONTRACTS.values(), seen(), REAL) == Lack()


def test_what_is_missing_is_made():
    nothing = Live(frozenset({"raw"}), {})
    found = lacking(CONTRACTS.values(), nothing, MADE_UP)

    assert found == Lack(("ops",), (RUNS, FEES), {})


def test_an_optional_column_is_added():
    runs = with_columns(LIVE_RUNS, amount=None)
    assert lacking([RUNS], seen(runs), REAL) == Lack((), (), {RUNS.table: (RUNS.columns[2],)})


def test_a_column_of_somebody_elses_is_left_alone():
    assert lacking([RUNS], seen(with_columns(LIVE_RUNS, theirs=LiveColumn("JSON"))), REAL) == Lack()


OTHER = TAG.replace("policyTags/2", "policyTags/3")
REFUSED = {
    "a type": (with_columns(LIVE_RUNS, amount=LiveColumn("FLOAT64")), LIVE_FEES, REAL, "ops.runs.amount is FLOAT64 in the warehouse, but NUMERIC by sql/ops/runs.yml. | Correct sql/ops/runs.yml (amount: FLOAT64), or move the table aside"),
    "NULL where there must be none": (with_columns(LIVE_RUNS, run_id=LiveColumn("STRING")), LIVE_FEES, REAL, "ops.runs.run_id may be NULL in the warehouse, but not by sql/ops/runs.yml"),
    "no NULL where there may be one": (with_columns(LIVE_RUNS, amount=LiveColumn("NUMERIC", required=True)), LIVE_FEES, REAL, "ops.runs.amount must not be NULL in the warehouse, but may be by sql/ops/runs.yml. | ALTER TABLE `ops.runs` ALTER COLUMN `amount` DROP NOT NULL"),
    "a required column too many": (with_columns(LIVE_RUNS, theirs=LiveColumn("STRING", required=True)), LIVE_FEES, REAL, "ops.runs.theirs must not be NULL in the warehouse, and sql/ops/runs.yml does not know it: no row could be written. | ALTER TABLE `ops.runs` ALTER COLUMN `theirs` DROP NOT NULL"),
    "a required column too few": (with_columns(LIVE_RUNS, run_id=None), LIVE_FEES, REAL, "ops.runs.run_id of sql/ops/runs.yml is missing in the warehouse, and BigQuery adds no required column"),
    "other partitions": (replace(LIVE_RUNS, partition_by="_PARTITIONTIME"), LIVE_FEES, REAL, "ops.runs is partitioned by _PARTITIONTIME in the warehouse, and by day in sql/ops/runs.yml."),
    "no partitions": (replace(LIVE_RUNS, partition_by=None), LIVE_FEES, REAL, "ops.runs is partitioned by nothing in the warehouse, and by day in sql/ops/runs.yml. | Correct sql/ops/runs.yml (partition_by: none)"),
    "other clusters": (replace(LIVE_RUNS, cluster_by=()), LIVE_FEES, REAL, 'ops.runs is clustered by nothing in the warehouse, and by run_id in sql/ops/runs.yml. | bq update --clustering_fields="run_id" ops.runs'),
    "no tag": (LIVE_RUNS, with_columns(LIVE_FEES, client_nino=LiveColumn("STRING")), REAL, f"raw.fees.client_nino has no policy tag in the warehouse, but target 'prod' maps 'nino' to {TAG}. | Run `terraform apply`"),
    "another tag": (LIVE_RUNS, with_columns(LIVE_FEES, client_nino=LiveColumn("STRING", tags=(OTHER,))), REAL, f"raw.fees.client_nino has the policy tag {OTHER} in the warehouse, but target 'prod' maps 'nino' to {TAG}."),
    "a tag too many": (LIVE_RUNS, with_columns(LIVE_FEES, note=LiveColumn("STRING", tags=(TAG,))), REAL, f"raw.fees.note has the policy tag {TAG}, but none by sql/raw/fees.yml. | Write policy_tag beside note in sql/raw/fees.yml"),
    "real numbers where they are made up": (LIVE_RUNS, LIVE_FEES, MADE_UP, f"raw.fees.client_nino has the policy tag {TAG}, so its numbers are real; but target 'dev' says pii = \"synthetic\". | Write policy_tags into [targets.dev]"),
    "a table of Terraform's": (LIVE_RUNS, None, REAL, "raw.fees is missing, or hidden from this account. | Run `terraform apply` in terraform/, which makes the tables that have policy tags; if it is there already, grant this account roles/bigquery.dataEditor on the dataset raw."),
    "a column of Terraform's": (LIVE_RUNS, with_columns(LIVE_FEES, client_nino=None), REAL, "raw.fees.client_nino of sql/raw/fees.yml is missing in the warehouse. | Run `terraform apply`"),
    "an untagged column of Terraform's": (LIVE_RUNS, with_columns(LIVE_FEES, note=None), REAL, "raw.fees.note of sql/raw/fees.yml is missing in the warehouse. | Run `terraform apply`"),
    "a type of Terraform's": (LIVE_RUNS, with_columns(LIVE_FEES, note=LiveColumn("JSON")), REAL, "raw.fees.note is JSON in the warehouse, but STRING by sql/raw/fees.yml. | Run `terraform apply`"),
}  # fmt: skip


@pytest.mark.parametrize(("runs", "fees", "target", "said"), REFUSED.values(), ids=REFUSED)
def test_a_difference_is_named_with_the_way_forward(runs, fees, target, said):
    with pytest.raises(GuardRefused) as caught:
        lacking(CONTRACTS.values(), seen(runs, fees), target)

    assert sentence(caught).startswith(said)
    assert caught.value.published == "Nothing was written; the published numbers are as before."


def test_all_differences_are_told_at_once_up_to_five():
    wrong = {f"c{number}": LiveColumn("JSON", required=True) for number in range(7)}
    with pytest.raises(GuardRefused) as caught:
        lacking([RUNS], seen(with_columns(LIVE_RUNS, **wrong)), REAL)

    assert [f"ops.runs.c{number}" in caught.value.message for number in range(7)] == [True] * 5 + [False] * 2
    assert caught.value.message.endswith(" 2 more differ.")


@pytest.mark.parametrize(
    ("name", "same"),
    [(TAG, True), (TAG.replace("projects/p/", "projects/123/"), True), (TAG.replace("projects/p/", "projects/q/"), False), (TAG.replace("/eu/", "/EU/"), True), (OTHER, False)],
)  # fmt: skip
def test_a_project_in_the_name_of_a_tag_may_be_its_number(name, same):
    found = seen(fees=with_columns(LIVE_FEES, client_nino=LiveColumn("STRING", tags=(name,))))
    if same:
        assert lacking(CONTRACTS.values(), found, REAL) == Lack()
        return
    with pytest.raises(GuardRefused, match="has the policy tag"):
        lacking(CONTRACTS.values(), found, REAL)


# over the wire


def go(client, contracts=CONTRACTS, target=MADE_UP, **how):
    prepare(Jobs(client, target), contracts, **how)


def test_a_first_run_makes_all_and_the_next_asks_once(client, wire):
    go(client, suffix="_ci")

    assert wire.datasets == {"ops_ci": "EU", "raw_ci": "EU"}
    assert sorted(wire.tables) == ["ops_ci.runs", "raw_ci.fees"]
    wire.requests.clear()
    go(client, suffix="_ci")
    assert wire.requests == ["POST /queries"]
    assert wire.queries[-1]["location"] == "EU"


def test_a_look_makes_nothing(client, wire):
    with pytest.raises(UsageError, match=r"no ops\.runs with the columns"):
        go(client, create=False)
    assert (wire.datasets, wire.tables) == ({}, {})
    go(client)
    go(client, create=False)


def test_what_terraform_made_is_used_and_the_rest_is_made(client, wire):
    wire.put(resource(FEES, REAL, "p"))
    go(client, target=REAL)

    assert sorted(wire.tables) == ["ops.runs", "raw.fees"]
    assert [request for request in wire.requests if request.startswith("POST /datasets")] == [
        "POST /datasets",
        "POST /datasets/ops/tables",
    ]


def test_nothing_is_made_when_anything_is_refused(client, wire):
    with pytest.raises(GuardRefused, match=r"raw\.fees is missing"):
        go(client, target=REAL)
    assert (wire.datasets, wire.tables) == ({}, {})


def test_a_column_is_added_and_what_the_table_has_besides_is_kept(client, wire):
    table = resource(replace(RUNS, columns=RUNS.columns[:2]), MADE_UP, "p")
    table.schema = [*table.schema, bigquery.SchemaField("theirs", "JSON")]
    wire.put(table)
    go(client)

    fields = wire.tables["ops.runs"]["schema"]["fields"]
    assert [one["name"] for one in fields] == ["run_id", "day", "theirs", "amount"]
    assert fields[-1] == {"name": "amount", "type": "NUMERIC", "mode": "NULLABLE", "description": "Pounds."}


@pytest.mark.parametrize("made", ["whole", "without a column", "other"])
def test_a_table_that_another_makes_at_this_moment_is_looked_at(client, wire, made):
    others = {"without a column": {"columns": RUNS.columns[:2]}, "other": {"cluster_by": ()}}.get(made, {})
    wire.put(resource(replace(RUNS, **others), MADE_UP, "p"))
    wire.stale = {"ops.runs"}
    if made == "other":
        with pytest.raises(GuardRefused, match="clustered by nothing"):
            go(client)
        return
    go(client)
    assert len(wire.tables["ops.runs"]["schema"]["fields"]) == 3
    assert wire.requests.count("POST /queries") == 2 + 1  # the first names a dataset that is not there


def test_a_table_that_is_kept_from_us_exists(client, wire):
    wire.put(resource(RUNS, MADE_UP, "p"))
    wire.hidden = {"ops.runs"}
    with pytest.raises(GuardRefused) as caught:
        go(client)
    assert (
        sentence(caught)
        == "The table p.ops.runs exists, but this account cannot see it. | Grant it roles/bigquery.dataEditor on the dataset ops, then repeat the command."
    )


def test_a_dataset_that_is_kept_from_us_exists(client, wire):
    wire.faults = [Fault("POST /datasets$", 409, "duplicate", times=6)]
    with pytest.raises(GuardRefused, match=r"The dataset p\.ops exists, but this account cannot see it"):
        go(client)


@pytest.mark.parametrize("location", ["EU", "US"])
def test_a_dataset_that_appears_meanwhile_is_used_if_it_is_the_targets(client, wire, location):
    wire.datasets = {"ops": location, "raw": "EU"}
    wire.faults = [Fault("POST /queries", 404, "notFound"), Fault("GET /datasets/ops", 404, "notFound")]
    if location == "EU":
        go(client)
        assert sorted(wire.tables) == ["ops.runs", "raw.fees"]
        return
    with pytest.raises(GuardRefused, match=r"The dataset p\.ops is in US"):
        go(client)


def test_a_column_that_came_meanwhile_is_not_added_twice(client, wire):
    wire.put(resource(RUNS, MADE_UP, "p"))
    tables.make(Jobs(client, MADE_UP), Lack((), (), {RUNS.table: RUNS.columns[2:]}))
    assert [request for request in wire.requests if "PATCH" in request] == []


def test_a_table_that_somebody_changes_at_this_moment_is_theirs(client, wire):
    wire.put(resource(replace(RUNS, columns=RUNS.columns[:2]), MADE_UP, "p"))
    wire.before_patch = [lambda table: table.update(etag="2")]
    with pytest.raises(WarehouseBusy, match=r"changed the table ops\.runs a moment ago"):
        go(client)


DENIED = {
    "a dataset": ({}, {"raw"}, [], "This account may not see the dataset p.raw. | Grant it roles/bigquery.dataEditor on it"),
    "the columns": ({"ops": "EU", "raw": "EU"}, set(), [("/queries", 403, "accessDenied")] * 2, "This account may not read the columns of ops, raw. | Grant it roles/bigquery.dataEditor on these datasets"),
    "a new dataset": ({}, set(), [("POST /datasets$", 403, "accessDenied")], "This account may not create the dataset p.ops. | Grant it roles/bigquery.user on the project"),
    "a new table": ({"ops": "EU", "raw": "EU"}, set(), [("POST .*/tables$", 403, "accessDenied")], "This account may not create the table ops.runs. | Grant it roles/bigquery.dataEditor on the dataset ops"),
}  # fmt: skip


@pytest.mark.parametrize(("datasets", "forbidden", "failures", "said"), DENIED.values(), ids=DENIED)
def test_what_this_account_may_not_do_is_named_with_the_role(client, wire, datasets, forbidden, failures, said):
    wire.datasets, wire.forbidden, wire.faults = dict(datasets), set(forbidden), [Fault(*one) for one in failures]
    with pytest.raises(GuardRefused) as caught:
        go(client)
    assert sentence(caught).startswith(said)


def test_jobs_need_a_role_of_their_own():
    denied = "Access Denied: Project p: User does not have bigquery.jobs.create permission in project p."
    with pytest.raises(GuardRefused, match="may not run jobs") as caught, permitted("read", "a role"):
        raise Forbidden(denied, errors=[{"reason": "accessDenied"}])
    assert "roles/bigquery.jobUser on the project" in caught.value.hint


def test_a_quota_is_no_want_of_a_role():
    with pytest.raises(Forbidden), permitted("read", "a role"):
        raise Forbidden("Quota exceeded", errors=[{"reason": "quotaExceeded"}])


@pytest.mark.parametrize("there", ["all", "some"])
def test_a_dataset_elsewhere_is_refused(client, wire, there):
    go(client)
    wire.datasets["raw"] = "US"
    if there == "some":
        del wire.datasets["ops"]
    with pytest.raises(GuardRefused) as caught:
        go(client)
    assert sentence(caught).startswith(
        "The dataset p.raw is in US, but target 'dev' is in EU; a job reads and writes one location. | Write the warehouse as bigquery://p?location=US"
    )


def test_a_moment_of_trouble_is_waited_out(client, wire):
    wire.faults = [Fault("/queries", 503, "backendError")]
    go(client)
    assert sorted(wire.tables) == ["ops.runs", "raw.fees"]


def test_trouble_that_lasts_ends_at_the_deadline(client, wire, monkeypatch):
    monkeypatch.setattr(jobs, "RETRY", jobs.RETRY.with_timeout(1.0).with_delay(0.1, 0.2))
    wire.faults = [Fault("/queries", 503, "backendError", times=100)]
    with pytest.raises(RetryError):
        read(Jobs(client, MADE_UP), ["ops"])
    assert 1 < len(wire.requests) < 30


def test_an_answer_without_columns_is_not_an_empty_warehouse(client, wire):
    wire.query = lambda _: {"jobComplete": True, "schema": {"fields": []}, "totalRows": "0"}
    with pytest.raises(WarehouseError, match="did not answer a query"):
        go(client)
