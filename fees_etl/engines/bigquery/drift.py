"""Contracts against the tables there are: what is to be made, and what may not be.

A wrong column is never changed and a table never replaced: that would lose rows, grants or policy tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fees_etl.engines import placed
from fees_etl.engines.bigquery.errors import PUBLISHED
from fees_etl.engines.bigquery.tables import Lack, make, read, resource, tag
from fees_etl.errors import GuardRefused, UsageError
from fees_etl.project.graph import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from fees_etl.engines.bigquery.jobs import Jobs
    from fees_etl.engines.bigquery.tables import Live, LiveTable
    from fees_etl.settings import Settings
    from fees_etl.types import Contract, Table

_MOST_SHOWN = 5
_LOOKS = 3
"""Others may be making the same datasets at this moment, and then the same tables."""


class Fault(NamedTuple):
    """A difference that only people may remove, and how."""

    sentence: str
    way: str


def prepare(
    jobs: Jobs, contracts: Mapping[Table, Contract], *, suffix: str = "", create: bool = True
) -> dict[Table, tuple[str, ...]]:
    """Bring the warehouse up to its contracts, or refuse: all of it is judged before any of it is done.

    Gives back the columns that live tables have and their contracts do not know.

    Raises:
        GuardRefused: a live table differs, belongs to Terraform and is missing, or this account may not see it.
        UsageError: something is missing and ``create`` is false.
        WarehouseBusy: somebody else changed a table meanwhile.
    """
    named = placed(contracts, suffix)
    datasets = sorted({made.table.dataset for made in named.values()})
    existing: list[GuardRefused] = []
    for _ in range(_LOOKS):
        live = read(jobs, datasets)
        found = lacking(named.values(), live, jobs.settings)
        absent = (*(contract.table for contract in found.tables), *found.columns)
        if absent and not create:
            raise UsageError(
                f"the warehouse has no {absent[0]} with the columns of its contract yet.",
                hint="fees-etl run",
            )
        existing = make(jobs, found) if create else []
        if not existing:
            return {
                at: tuple(name for name in seen.columns if name not in made.types)
                for at, made in named.items()
                if (seen := live.tables.get(made.table))
            }
    raise existing[0]


def lacking(contracts: Collection[Contract], live: Live, settings: Settings) -> Lack:
    """What to create and to add; the contracts go by the names that their tables have in the warehouse.

    Raises:
        GuardRefused: tables differ from their contracts in a way that must not be repaired here.
        ProjectError: a contract asks for what BigQuery does not have.
    """
    for contract in contracts:
        resource(contract, settings, "project")  # judged before anything is made
    pairs = [(contract, live.tables.get(contract.table)) for contract in contracts]
    found = [fault for contract, seen in pairs for fault in faults(contract, seen, settings)]
    if found:
        more = f" {len(found) - _MOST_SHOWN} more differ." if len(found) > _MOST_SHOWN else ""
        sentences = " ".join(fault.sentence for fault in found[:_MOST_SHOWN])
        raise GuardRefused(f"{sentences}{more}", published=PUBLISHED, hint=found[0].way)
    added = {
        contract.table: columns
        for contract, seen in pairs
        if seen and (columns := tuple(one for one in contract.columns if one.name not in seen.columns))
    }
    datasets = {contract.table.dataset for contract in contracts} - live.datasets
    return Lack(tuple(sorted(datasets)), tuple(contract for contract, seen in pairs if not seen), added)


def faults(contract: Contract, live: LiveTable | None, settings: Settings) -> Iterator[Fault]:
    """How a table differs from its contract beyond what may be added; None is a table that is missing or hidden."""
    owned = is_terraforms(contract, settings)
    if live is None:
        if owned:
            yield Fault(
                f"{contract.table} is missing, or hidden from this account.",
                "Run `terraform apply` in terraform/, which makes the tables that have policy tags; if it is there "
                f"already, grant this account roles/bigquery.dataEditor on the dataset {contract.table.dataset}.",
            )
        return
    found = (*_columns(contract, live, owned=owned), *_layout(contract, live))
    yield from ((fault._replace(way=_terraform(contract)) for fault in found) if owned else found)
    yield from _tags(contract, live, settings)


def is_terraforms(contract: Contract, settings: Settings) -> bool:
    """Whether only Terraform makes the table: setting a tag is a right that no account of the pipeline has."""
    tagged = any(column.policy_tag for column in contract.columns)
    return tagged and settings.pii is None


def require_protection(contracts: Iterable[Contract], settings: Settings) -> None:
    """Refuse a target that leaves open how National Insurance numbers are protected.

    Raises:
        UsageError: with both ways to say it.
    """
    section = f"[targets.{settings.target}]"
    if settings.policy_tags and settings.pii:
        raise UsageError(
            f'Target {settings.target!r} has policy_tags and says pii = "synthetic": National Insurance numbers are '
            "either real and tagged, or made up.",
            hint=f"Remove one of the two from {section}.",
        )
    if not (settings.policy_tags or settings.pii):
        raise UsageError(
            f"Nothing says how National Insurance numbers are protected in target {settings.target!r}.",
            hint=f'Write policy_tags.nino = "projects/P/locations/L/taxonomies/N/policyTags/M" into {section}, as '
            'Terraform has made it; or pii = "synthetic" if every number is made up.',
        )
    for alias, name in settings.policy_tags.items():
        location = name.partition("/locations/")[2].partition("/")[0]
        if location.lower() != settings.location.lower():
            raise UsageError(
                f"Target {settings.target!r} is in {settings.location}, but its policy tag {alias!r} is in "
                f"{location or 'no location'}: a tag protects columns of its own location only.",
                hint=f"Correct the warehouse or the policy_tags of {section}.",
            )
    for contract, column in ((one, column) for one in contracts for column in one.columns):
        if settings.policy_tags and column.policy_tag and column.policy_tag not in settings.policy_tags:
            near = did_you_mean(column.policy_tag, settings.policy_tags)
            raise UsageError(
                f"{contract.path}: column {column.name!r} has the policy tag {column.policy_tag!r}, which target "
                f"{settings.target!r} does not map." + (f" {near}" if near else ""),
                hint=f"Add policy_tags.{column.policy_tag} to {section}.",
            )


def _columns(contract: Contract, live: LiveTable, *, owned: bool) -> Iterator[Fault]:
    """A column of somebody else's is left alone as long as rows can be written without it."""
    relax = f"ALTER TABLE `{contract.table}` ALTER COLUMN `{{}}` DROP NOT NULL"
    for column in contract.columns:
        name, found = f"{contract.table}.{column.name}", live.columns.get(column.name)
        optional = _aside(contract, f"{column.name}: not required")
        if not found and column.required:
            yield Fault(
                f"{name} of {contract.path} is missing in the warehouse, and BigQuery adds no required column to a "
                "table that exists.",
                optional,
            )
        elif not found and owned:
            yield Fault(f"{name} of {contract.path} is missing in the warehouse.", "")
        if found and found.type != column.type:
            yield Fault(
                f"{name} is {found.type} in the warehouse, but {column.type} by {contract.path}.",
                _aside(contract, f"{column.name}: {found.type}"),
            )
        if found and column.required and not found.required:
            yield Fault(
                f"{name} may be NULL in the warehouse, but not by {contract.path}; no column can be made required "
                "later.",
                optional,
            )
        if found and found.required and not column.required:
            yield Fault(
                f"{name} must not be NULL in the warehouse, but may be by {contract.path}.", relax.format(column.name)
            )
    for name, found in live.columns.items():
        if found.required and name not in contract.types:
            yield Fault(
                f"{contract.table}.{name} must not be NULL in the warehouse, and {contract.path} does not know it: no "
                "row could be written.",
                relax.format(name),
            )


def _layout(contract: Contract, live: LiveTable) -> Iterator[Fault]:
    """The size of partitions is not compared: COLUMNS does not say it, and no result depends on it."""
    if live.partition_by != contract.partition_by:
        yield Fault(
            f"{contract.table} is partitioned by {live.partition_by or 'nothing'} in the warehouse, and by "
            f"{contract.partition_by or 'nothing'} in {contract.path}.",
            _aside(contract, f"partition_by: {live.partition_by or 'none'}"),
        )
    if live.cluster_by != contract.cluster_by:
        yield Fault(
            f"{contract.table} is clustered by {', '.join(live.cluster_by) or 'nothing'} in the warehouse, and by "
            f"{', '.join(contract.cluster_by) or 'nothing'} in {contract.path}.",
            f'bq update --clustering_fields="{",".join(contract.cluster_by)}" {contract.table}',
        )


def _tags(contract: Contract, live: LiveTable, settings: Settings) -> Iterator[Fault]:
    for column in contract.columns:
        wanted, found = tag(column, settings), live.columns.get(column.name)
        if not found or (len(found.tags) == 1 and _same(found.tags[0], wanted)) or (not found.tags and not wanted):
            continue
        carried = f"the policy tag {found.tags[0]}" if found.tags else "no policy tag"
        has = f"{contract.table}.{column.name} has {carried}"
        if wanted:
            mapped = f"target {settings.target!r} maps {column.policy_tag!r} to {wanted}"
            yield Fault(f"{has} in the warehouse, but {mapped}.", _terraform(contract))
        elif column.policy_tag:
            yield Fault(
                f'{has}, so its numbers are real; but target {settings.target!r} says pii = "synthetic".',
                f"Write policy_tags into [targets.{settings.target}] instead of pii.",
            )
        else:
            yield Fault(
                f"{has}, but none by {contract.path}.",
                f"Write policy_tag beside {column.name} in {contract.path}, or take the tag away in terraform/.",
            )


def _same(live: str, wanted: str | None) -> bool:
    """Whether two names mean one tag; a project has a number and an id, and either may be what BigQuery gives back."""
    (mine, _, rest), (theirs, _, other) = (
        name.removeprefix("projects/").partition("/") for name in (live, wanted or "")
    )
    return rest.lower() == other.lower() and (mine == theirs or mine.isdigit() != theirs.isdigit())


def _aside(contract: Contract, what: str) -> str:
    return (
        f"Correct {contract.path} ({what}), or move the table aside (ALTER TABLE `{contract.table}` RENAME TO ...), "
        "let the next run make it anew and copy its rows there."
    )


def _terraform(contract: Contract) -> str:
    return (
        f"Run `terraform apply` in terraform/, which owns the tables that have policy tags; or correct {contract.path}."
    )
