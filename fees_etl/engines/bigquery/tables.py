"""The tables of a project: as contracts promise them, as BigQuery shows them, and made where they are missing.

They are looked at in one way, by one query over the views COLUMNS of all datasets. Nothing is ever replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Conflict, NotFound, PreconditionFailed
from google.cloud import bigquery

from fees_etl.engines.bigquery.errors import PUBLISHED, RETRY, TIMEOUT, permitted
from fees_etl.engines.bigquery.jobs import label
from fees_etl.errors import GuardRefused, ProjectError, WarehouseBusy
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from fees_etl.engines.bigquery.jobs import Jobs
    from fees_etl.settings import Settings
    from fees_etl.types import Column, Contract

_API_TYPES = {"BOOL": "BOOLEAN", "INT64": "INTEGER"}
"""The API's names of types, where GoogleSQL has another."""
_MOST_CLUSTERING = 4
_MAKER = "roles/bigquery.dataEditor on the dataset"
_READ = (
    "table_schema, table_name, column_name, ordinal_position, data_type, is_nullable, is_partitioning_column, "
    "clustering_ordinal_position, policy_tags"
)


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """A column; ``type`` is GoogleSQL's, parameters included, and ``tags`` are resource names of policy tags."""

    type: str
    required: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table; ``partition_by`` is the column, or the pseudo column, that its partitions follow."""

    columns: Mapping[str, LiveColumn]
    partition_by: str | None = None
    cluster_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Live:
    """What this account can see: datasets that exist, and tables by the names they have there."""

    datasets: frozenset[str]
    tables: Mapping[Table, LiveTable]


@dataclass(frozen=True, slots=True)
class Lack:
    """What brings the warehouse up to its contracts."""

    datasets: tuple[str, ...] = ()
    tables: tuple[Contract, ...] = ()
    columns: Mapping[Table, tuple[Column, ...]] = field(default_factory=dict)


def resource(contract: Contract, settings: Settings, project: str) -> bigquery.Table:
    """The table to create; every partition may be read without a filter.

    Raises:
        ProjectError: BigQuery has no such partitioning or clustering.
    """
    if len(contract.cluster_by) > _MOST_CLUSTERING:
        raise ProjectError(
            f"'cluster_by' has {len(contract.cluster_by)} columns; BigQuery takes {_MOST_CLUSTERING} at most.",
            path=contract.path,
        )
    if contract.partition_by and contract.types[contract.partition_by] != "DATE":
        raise ProjectError(
            f"'partition_by' is a {contract.types[contract.partition_by]}; partitions are the days of a DATE.",
            path=contract.path,
        )
    table = bigquery.Table(f"{project}.{contract.table}", [column_of(column, settings) for column in contract.columns])
    table.description = contract.description
    table.labels = {"managed_by": "fees-etl", "target": label(settings.target)}
    if contract.partition_by:
        table.time_partitioning = bigquery.TimePartitioning(field=contract.partition_by)
    if contract.cluster_by:
        table.clustering_fields = list(contract.cluster_by)
    return table


def column_of(column: Column, settings: Settings) -> bigquery.SchemaField:
    """A column as the API takes it."""
    name = tag(column, settings)
    tags: dict[str, Any] = {"policy_tags": bigquery.PolicyTagList([name])} if name else {}  # None would clear a tag
    mode = "REQUIRED" if column.required else "NULLABLE"
    return bigquery.SchemaField(
        column.name, _API_TYPES.get(column.type, column.type), mode=mode, description=column.description, **tags
    )


def tag(column: Column, settings: Settings) -> str | None:
    """The resource name of the policy tag that the column must have in this target."""
    return settings.policy_tags.get(column.policy_tag) if column.policy_tag else None


def read(jobs: Jobs, datasets: Sequence[str]) -> Live:
    """The datasets as they are: one request where all are there.

    A query that names a missing dataset, or one in another location, fails as a whole; so does one that names a dataset
    which is closed to us. Only then each is asked for by itself, so that it can be named.

    Raises:
        GuardRefused: this account may not look, or a dataset is in another location.
        WarehouseError: the answer is none.
    """
    there = list(datasets)
    try:
        rows = _columns(jobs, there)
    except (NotFound, GuardRefused):
        there = [name for name in datasets if _is_there(jobs, name)]
        rows = _columns(jobs, there) if there else []
    return Live(frozenset(there), decode(rows))


def sql(datasets: Collection[str]) -> str:
    """The query that reads the datasets back.

    The view COLUMNS has the policy tags too, so COLUMN_FIELD_PATHS is not needed (page "COLUMNS view"). Each dataset is
    named because the region's view asks for rights on the whole project.
    """
    views = (f"SELECT {_READ} FROM `{dataset}`.INFORMATION_SCHEMA.COLUMNS" for dataset in datasets)  # noqa: S608 - names of folders and a checked suffix
    return "\nUNION ALL\n".join(views)


def decode(rows: Iterable[Mapping[str, Any]]) -> dict[Table, LiveTable]:
    """Rows of :func:`sql` as tables. A pseudo column has no position; it may be what partitions follow."""
    found: dict[Table, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row["ordinal_position"] or 0):
        found.setdefault(Table(row["table_schema"], row["table_name"]), []).append(row)
    return {table: _decoded(columns) for table, columns in found.items()}


def make(jobs: Jobs, lack: Lack) -> list[GuardRefused]:
    """Make what is missing; gives back what turned out to exist although it was not seen.

    That is another process's of a moment ago, ours after a lost reply, or kept from us: it is to be looked at again,
    never taken to be right.

    Raises:
        GuardRefused: this account may not make it.
        WarehouseBusy: somebody else changed a table meanwhile.
    """
    project = jobs.client.project
    existing = []
    for name in lack.datasets:
        dataset = bigquery.Dataset(f"{project}.{name}")
        dataset.location = jobs.settings.location
        try:
            with permitted(f"create the dataset {project}.{name}", "roles/bigquery.user on the project"):
                jobs.client.create_dataset(dataset, retry=RETRY, timeout=TIMEOUT)
        except Conflict:
            existing.append(_hidden("dataset", f"{project}.{name}"))
    for contract in () if existing else lack.tables:
        try:
            with permitted(f"create the table {contract.table}", f"{_MAKER} {contract.table.dataset}"):
                jobs.client.create_table(resource(contract, jobs.settings, project), retry=RETRY, timeout=TIMEOUT)
        except Conflict:
            existing.append(_hidden("table", f"{project}.{contract.table}"))
    for table, columns in lack.columns.items():
        with permitted(f"add columns to the table {table}", f"{_MAKER} {table.dataset}"):
            _add(jobs, table, columns)
    return existing


def _columns(jobs: Jobs, datasets: Sequence[str]) -> list[Any]:
    config = bigquery.QueryJobConfig(labels=jobs.labels({"kind": "tables"}))
    with permitted(f"read the columns of {', '.join(datasets)}", "roles/bigquery.dataEditor on these datasets"):
        return jobs.ask(sql(datasets), config, 2 * TIMEOUT)


def _is_there(jobs: Jobs, dataset: str) -> bool:
    """Whether the dataset exists; one in another location than the target is refused."""
    name, settings = f"{jobs.client.project}.{dataset}", jobs.settings
    try:
        with permitted(f"see the dataset {name}", "roles/bigquery.dataEditor on it"):
            found = jobs.client.get_dataset(dataset, retry=RETRY, timeout=TIMEOUT)
    except NotFound:
        return False
    if (found.location or "").upper() != settings.location.upper():
        raise GuardRefused(
            f"The dataset {name} is in {found.location}, but target {settings.target!r} is in {settings.location}; a "
            "job reads and writes one location.",
            published=PUBLISHED,
            hint=f"Write the warehouse as bigquery://{jobs.client.project}?location={found.location}, or choose other "
            "datasets by dataset_suffix.",
        )
    return True


def _decoded(rows: Sequence[Mapping[str, Any]]) -> LiveTable:
    clustered = sorted((row["clustering_ordinal_position"] or 0, row["column_name"]) for row in rows)
    return LiveTable(
        {
            row["column_name"]: LiveColumn(
                row["data_type"], row["is_nullable"] == "NO", tuple(row["policy_tags"] or ())
            )
            for row in rows
            if row["ordinal_position"] is not None
        },
        next((row["column_name"] for row in rows if row["is_partitioning_column"] == "YES"), None),
        tuple(name for position, name in clustered if position),
    )


def _add(jobs: Jobs, table: Table, columns: Iterable[Column]) -> None:
    """By tables.patch with the etag, not ALTER TABLE: it is no job, and another's change of this moment is not lost."""
    found = jobs.client.get_table(f"{jobs.client.project}.{table}", retry=RETRY, timeout=TIMEOUT)
    there = {one.name for one in found.schema}
    added = [column_of(column, jobs.settings) for column in columns if column.name not in there]
    found.schema = [*found.schema, *added]
    try:
        if added:
            jobs.client.update_table(found, ["schema"], retry=RETRY, timeout=TIMEOUT)
    except PreconditionFailed:
        raise WarehouseBusy(f"Somebody else changed the table {table} a moment ago.", published=PUBLISHED) from None


def _hidden(kind: str, name: str) -> GuardRefused:
    return GuardRefused(
        f"The {kind} {name} exists, but this account cannot see it.",
        published=PUBLISHED,
        hint=f"Grant it roles/bigquery.dataEditor on the dataset {name.split('.')[1]}, then repeat the command.",
    )
