"""Contracts as BigQuery tables, and how their National Insurance numbers are protected there. Nothing is called."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from google.cloud import bigquery

from fees_etl.errors import ProjectError, UsageError
from fees_etl.project.graph import did_you_mean
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fees_etl.target import Target
    from fees_etl.types import Column, Contract


API_TYPES = {
    "BOOL": "BOOLEAN",
    "DATE": "DATE",
    "DATETIME": "DATETIME",
    "INT64": "INTEGER",
    "NUMERIC": "NUMERIC",
    "STRING": "STRING",
    "TIMESTAMP": "TIMESTAMP",
}
"""GoogleSQL's names of types, and those that the API gives back."""
_MOST_CLUSTERING = 4


def placed(contracts: Mapping[Table, Contract], suffix: str) -> tuple[Contract, ...]:
    """The contracts under the names of their tables in the warehouse: raw.fees with the suffix _ci is raw_ci.fees."""
    return tuple(replace(made, table=Table(f"{at.dataset}{suffix}", at.name)) for at, made in contracts.items())


def resource(contract: Contract, target: Target, project: str) -> bigquery.Table:
    """The table to create; every partition may be read without a filter.

    Raises:
        ProjectError: BigQuery has no such partitioning or clustering.
    """
    _refuse_impossible(contract)
    table = bigquery.Table(f"{project}.{contract.table}", [field(column, target) for column in contract.columns])
    table.description = contract.description
    table.labels = {"managed_by": "fees-etl", "target": label(target.name)}
    if contract.partition_by:
        table.time_partitioning = bigquery.TimePartitioning(field=contract.partition_by)
    if contract.cluster_by:
        table.clustering_fields = list(contract.cluster_by)
    return table


def field(column: Column, target: Target) -> bigquery.SchemaField:
    """A column as the API takes it."""
    name = tag(column, target)
    tags: dict[str, Any] = {"policy_tags": bigquery.PolicyTagList([name])} if name else {}  # None would clear a tag
    mode = "REQUIRED" if column.required else "NULLABLE"
    return bigquery.SchemaField(column.name, API_TYPES[column.type], mode=mode, description=column.description, **tags)


def tag(column: Column, target: Target) -> str | None:
    """The resource name of the policy tag that the column must have in this target."""
    return target.policy_tags.get(column.policy_tag) if column.policy_tag else None


def label(text: str) -> str:
    """What BigQuery takes as the value of a label (page "Creating and managing labels").

    >>> label("Dev/1")
    'dev_1'
    """
    return re.sub(r"[^a-z0-9_-]", "_", text.lower())[:63]


def is_terraforms(contract: Contract, target: Target, *, emulated: bool) -> bool:
    """Whether only Terraform makes the table: setting a tag is a right that no account of the pipeline has."""
    tagged = any(column.policy_tag for column in contract.columns)
    return tagged and not (emulated or target.pii == "synthetic")


def require_protection(contracts: Iterable[Contract], target: Target, *, emulated: bool) -> None:
    """Refuse a target that leaves open how National Insurance numbers are protected.

    An emulator holds nobody's number and keeps no policy tags, so there nothing need be said.

    Raises:
        UsageError: with both ways to say it.
    """
    section = f"[targets.{target.name}]"
    if target.policy_tags and target.pii:
        raise UsageError(
            f'Target {target.name!r} has policy_tags and says pii = "synthetic": National Insurance numbers are either '
            "real and tagged, or made up.",
            hint=f"Remove one of the two from {section}.",
        )
    if not (target.policy_tags or target.pii or emulated):
        raise UsageError(
            f"Nothing says how National Insurance numbers are protected in target {target.name!r}.",
            hint=f'Write policy_tags.nino = "projects/P/locations/L/taxonomies/N/policyTags/M" into {section}, as '
            'Terraform has made it; or pii = "synthetic" if every number is made up.',
        )
    for alias, name in target.policy_tags.items():
        _refuse_elsewhere(alias, name, target)
    if target.policy_tags:
        for contract in contracts:
            _refuse_unmapped(contract, target)


def _refuse_elsewhere(alias: str, name: str, target: Target) -> None:
    location = name.partition("/locations/")[2].partition("/")[0]
    if location.lower() != target.location.lower():
        raise UsageError(
            f"Target {target.name!r} is in {target.location}, but its policy tag {alias!r} is in "
            f"{location or 'no location'}: a tag protects columns of its own location only.",
            hint=f"Correct the warehouse or the policy_tags of [targets.{target.name}].",
        )


def _refuse_unmapped(contract: Contract, target: Target) -> None:
    for column in contract.columns:
        if column.policy_tag and column.policy_tag not in target.policy_tags:
            near = did_you_mean(column.policy_tag, target.policy_tags)
            raise UsageError(
                f"{contract.path}: column {column.name!r} has the policy tag {column.policy_tag!r}, which target "
                f"{target.name!r} does not map." + (f" {near}" if near else ""),
                hint=f"Add policy_tags.{column.policy_tag} to [targets.{target.name}].",
            )


def _refuse_impossible(contract: Contract) -> None:
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
