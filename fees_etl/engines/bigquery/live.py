"""The tables as they are in BigQuery now: one query for all datasets, and which datasets there are."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Forbidden, GatewayTimeout, NotFound
from google.cloud import bigquery

from fees_etl.engines.bigquery.tables import API_TYPES, label
from fees_etl.errors import GuardRefused, WarehouseError
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from fees_etl.target import Target


PUBLISHED = "Nothing was written; the published numbers are as before."
TIMEOUT = 30.0
"""Seconds to wait for one answer; without it the library waits for ever."""


def _may_pass(error: Exception) -> bool:
    """The library's own rule, and 504, which it gives up at once; whatever is asked here may be asked again."""
    return isinstance(error, GatewayTimeout) or bigquery.DEFAULT_RETRY._predicate(error)  # noqa: SLF001 - the rule has no public name


RETRY = bigquery.DEFAULT_RETRY.with_timeout(120).with_predicate(_may_pass)
_READ = (
    "table_schema",
    "table_name",
    "column_name",
    "ordinal_position",
    "data_type",
    "is_nullable",
    "is_partitioning_column",
    "clustering_ordinal_position",
)
_NAMES = {theirs: ours for ours, theirs in API_TYPES.items()}


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


def sql(datasets: Collection[str], *, emulated: bool) -> str:
    """The query that reads the datasets back.

    The view COLUMNS has the policy tags too, so COLUMN_FIELD_PATHS is not needed (page "COLUMNS view"). Each dataset is
    named because the region's view asks for rights on the whole project. An emulator has no column for policy tags.
    """
    listed = ", ".join(_READ if emulated else (*_READ, "policy_tags"))
    views = (f"SELECT {listed} FROM `{dataset}`.INFORMATION_SCHEMA.COLUMNS" for dataset in datasets)  # noqa: S608 - names of folders and a checked suffix
    return "\nUNION ALL\n".join(views)


def decode(rows: Iterable[Mapping[str, Any]]) -> dict[Table, LiveTable]:
    """Rows of :func:`sql` as tables. A pseudo column has no position; it may be what partitions follow."""
    found: dict[Table, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(Table(row["table_schema"], row["table_name"]), []).append(row)
    return {table: _decoded(columns) for table, columns in found.items()}


def of_resource(table: bigquery.Table) -> LiveTable:
    """The same of one table as the API describes it, which is never out of date."""
    partitioning = table.time_partitioning
    return LiveTable(
        {
            field.name: LiveColumn(
                _type(field), field.mode == "REQUIRED", tuple(getattr(field.policy_tags, "names", ()))
            )
            for field in table.schema
        },
        (partitioning.field or "_PARTITIONTIME") if partitioning else None,
        tuple(table.clustering_fields or ()),
    )


def read(client: bigquery.Client, datasets: Sequence[str], target: Target, *, emulated: bool) -> Live:
    """The datasets as they are: one request where all are there and hold something.

    A query that names a missing dataset, or one in another location, fails as a whole. Only then, and for a dataset
    that has no columns, is each asked for by itself.

    Raises:
        GuardRefused: this account may not look, or a dataset is in another location.
        WarehouseError: the answer is none.
    """
    there = set(datasets)
    try:
        rows = _ask(client, datasets, target, emulated=emulated)
    except NotFound:
        there = {name for name in datasets if is_there(client, name, target, emulated=emulated)}
        rows = _ask(client, sorted(there), target, emulated=emulated) if there else []
    except GuardRefused:
        for name in datasets:  # one of them may be all that is closed to us, and can then be named
            is_there(client, name, target, emulated=emulated)
        raise
    tables = decode(rows)
    silent = there - {table.dataset for table in tables}
    absent = {name for name in silent if not is_there(client, name, target, emulated=emulated)}
    return Live(frozenset(there - absent), tables)


def is_there(client: bigquery.Client, dataset: str, target: Target, *, emulated: bool) -> bool:
    """Whether the dataset exists.

    Raises:
        GuardRefused: this account may not know, or the dataset is in another location than the target.
    """
    try:
        with permitted(f"see the dataset {client.project}.{dataset}", "roles/bigquery.dataEditor on it"):
            found = client.get_dataset(dataset, retry=RETRY, timeout=TIMEOUT)
    except NotFound:
        return False
    if not emulated and (found.location or "").upper() != target.location.upper():
        raise GuardRefused(
            f"The dataset {client.project}.{dataset} is in {found.location}, but target {target.name!r} is in "
            f"{target.location}; a job reads and writes one location.",
            published=PUBLISHED,
            hint=f"Write the warehouse as bigquery://{client.project}?location={found.location}, or choose other "
            "datasets by dataset_suffix.",
        )
    return True


@contextmanager
def permitted(doing: str, role: str) -> Iterator[None]:
    """A refusal for want of a role names what was refused and which role allows it."""
    try:
        yield
    except Forbidden as error:
        reasons = [str(one.get("reason")) for one in error.errors or ()]
        if reasons and "accessDenied" not in reasons:
            raise
        if "jobs.create" in str(error):
            doing, role = "run jobs", "roles/bigquery.jobUser on the project"
        raise GuardRefused(
            f"This account may not {doing}.", published=PUBLISHED, hint=f"Grant it {role}, then repeat the command."
        ) from error


def _ask(
    client: bigquery.Client, datasets: Sequence[str], target: Target, *, emulated: bool
) -> list[Mapping[str, Any]]:
    with permitted(f"read the columns of {', '.join(datasets)}", "roles/bigquery.dataEditor on these datasets"):
        rows = client.query_and_wait(
            sql(datasets, emulated=emulated),
            job_config=bigquery.QueryJobConfig(
                labels={"tool": "fees-etl", "target": label(target.name), "kind": "tables"}
            ),
            location=target.location,
            api_timeout=TIMEOUT,
            wait_timeout=2 * TIMEOUT,
            retry=RETRY,
            job_retry=None,  # type: ignore[arg-type]  # documented to be allowed; with one no deadline holds
        )
    if "column_name" not in {
        field.name for field in rows.schema
    }:  # an emulator answers a query that failed with nothing
        raise WarehouseError("The warehouse does not say which columns its tables have.", published=PUBLISHED)
    return [dict(row.items()) for row in rows]


def _decoded(rows: Sequence[Mapping[str, Any]]) -> LiveTable:
    clustered = sorted((row["clustering_ordinal_position"] or 0, row["column_name"]) for row in rows)
    return LiveTable(
        {
            row["column_name"]: LiveColumn(
                row["data_type"], row["is_nullable"] == "NO", tuple(row.get("policy_tags") or ())
            )
            for row in sorted(rows, key=lambda row: row["ordinal_position"] or 0)
            if row["ordinal_position"] is not None
        },
        next((row["column_name"] for row in rows if row["is_partitioning_column"] == "YES"), None),
        tuple(name for position, name in clustered if position),
    )


def _type(field: bigquery.SchemaField) -> str:
    name = _NAMES.get(field.field_type, field.field_type)
    limits = [str(limit) for limit in (field.max_length, field.precision, field.scale) if limit is not None]
    text = f"{name}({', '.join(limits)})" if limits else name
    return f"ARRAY<{text}>" if field.mode == "REPEATED" else text
