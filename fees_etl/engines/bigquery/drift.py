"""Contracts against the tables there are: what is to be made, and what may not be.

A wrong column is never changed and a table never replaced: that would lose rows, grants or policy tags.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from fees_etl.engines.bigquery.live import PUBLISHED
from fees_etl.engines.bigquery.tables import is_terraforms, resource, tag
from fees_etl.errors import GuardRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fees_etl.engines.bigquery.live import Live, LiveColumn, LiveTable
    from fees_etl.target import Target
    from fees_etl.types import Column, Contract, Table


_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Changes:
    """What brings the warehouse up to its contracts; false when it is there."""

    datasets_to_create: tuple[str, ...] = ()
    tables_to_create: tuple[Contract, ...] = ()
    columns_to_add: Mapping[Table, tuple[Column, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.datasets_to_create or self.tables_to_create or self.columns_to_add)


class Fault(NamedTuple):
    """A difference that only people may remove, and how."""

    sentence: str
    way: str


def changes(contracts: Iterable[Contract], live: Live, target: Target, *, emulated: bool) -> Changes:
    """What to create and to add; the contracts go by the names that their tables have in the warehouse.

    Raises:
        GuardRefused: tables differ from their contracts in a way that must not be repaired here.
        ProjectError: a contract asks for what BigQuery does not have.
    """
    contracts = tuple(contracts)
    for contract in contracts:
        resource(contract, target, "project")  # judged before anything is made
    pairs = [(contract, live.tables.get(contract.table)) for contract in contracts]
    refuse([fault for contract, found in pairs for fault in faults(contract, found, target, emulated=emulated)])
    added = {contract.table: missing(contract, found) for contract, found in pairs if found}
    return Changes(
        tuple(sorted({contract.table.dataset for contract in contracts} - live.datasets)),
        tuple(contract for contract, found in pairs if not found),
        {table: columns for table, columns in added.items() if columns},
    )


def missing(contract: Contract, live: LiveTable) -> tuple[Column, ...]:
    """The columns of the contract that the table lacks."""
    return tuple(column for column in contract.columns if column.name not in live.columns)


def refuse(found: Iterable[Fault]) -> None:
    """Refuse to go on with faults; their sentences in one message, and the way out of the first.

    Raises:
        GuardRefused: there is a fault.
    """
    listed = tuple(found)
    if listed:
        more = f" {len(listed) - _MOST_SHOWN} more differ." if len(listed) > _MOST_SHOWN else ""
        sentences = " ".join(fault.sentence for fault in listed[:_MOST_SHOWN])
        raise GuardRefused(f"{sentences}{more}", published=PUBLISHED, hint=listed[0].way)


def faults(contract: Contract, live: LiveTable | None, target: Target, *, emulated: bool) -> Iterator[Fault]:
    """How a table differs from its contract beyond what may be added; None is a table that is missing or hidden."""
    owned = is_terraforms(contract, target, emulated=emulated)
    if live is None:
        yield from (_absent(contract),) if owned else ()
        return
    found = (*_columns(contract, live, owned=owned), *_extra(contract, live), *_layout(contract, live))
    yield from ((fault._replace(way=_terraform(contract)) for fault in found) if owned else found)
    if not emulated:
        yield from _tags(contract, live, target)


def _absent(contract: Contract) -> Fault:
    return Fault(
        f"{contract.table} is missing, or hidden from this account.",
        "Run `terraform apply` in terraform/, which makes the tables that have policy tags; if it is there already, "
        f"grant this account roles/bigquery.dataEditor on the dataset {contract.table.dataset}.",
    )


def _columns(contract: Contract, live: LiveTable, *, owned: bool) -> Iterator[Fault]:
    for column in contract.columns:
        found = live.columns.get(column.name)
        yield from _column(contract, column, found) if found else _addition(contract, column, owned=owned)


def _column(contract: Contract, column: Column, live: LiveColumn) -> Iterator[Fault]:
    name = f"{contract.table}.{column.name}"
    if live.type != column.type:
        yield Fault(
            f"{name} is {live.type} in the warehouse, but {column.type} by {contract.path}.",
            _aside(contract, f"{column.name}: {live.type}"),
        )
    if column.required and not live.required:
        yield Fault(
            f"{name} may be NULL in the warehouse, but not by {contract.path}; no column can be made required later.",
            _aside(contract, f"{column.name}: not required"),
        )
    if live.required and not column.required:
        yield Fault(
            f"{name} must not be NULL in the warehouse, but may be by {contract.path}.", _relax(contract, column.name)
        )


def _addition(contract: Contract, column: Column, *, owned: bool) -> Iterator[Fault]:
    name = f"{contract.table}.{column.name}"
    if column.required:
        yield Fault(
            f"{name} of {contract.path} is missing in the warehouse, and BigQuery adds no required column to a table "
            "that exists.",
            _aside(contract, f"{column.name}: not required"),
        )
    elif owned:
        yield Fault(f"{name} of {contract.path} is missing in the warehouse.", "")


def _extra(contract: Contract, live: LiveTable) -> Iterator[Fault]:
    """A column of somebody else's is left alone as long as rows can be written without it."""
    for name, column in live.columns.items():
        if column.required and name not in contract.types:
            yield Fault(
                f"{contract.table}.{name} must not be NULL in the warehouse, and {contract.path} does not know it: no "
                "row could be written.",
                _relax(contract, name),
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


def _tags(contract: Contract, live: LiveTable, target: Target) -> Iterator[Fault]:
    for column in contract.columns:
        wanted, found = tag(column, target), live.columns.get(column.name)
        if not found or (len(found.tags) == 1 and _same(found.tags[0], wanted)) or (not found.tags and not wanted):
            continue
        has = (
            f"{contract.table}.{column.name} has {f'the policy tag {found.tags[0]}' if found.tags else 'no policy tag'}"
        )
        if wanted:
            mapped = f"target {target.name!r} maps {column.policy_tag!r} to {wanted}"
            yield Fault(f"{has} in the warehouse, but {mapped}.", _terraform(contract))
        elif column.policy_tag:
            yield Fault(
                f'{has}, so its numbers are real; but target {target.name!r} says pii = "synthetic".',
                f"Write policy_tags into [targets.{target.name}] instead of pii.",
            )
        else:
            yield Fault(
                f"{has}, but none by {contract.path}.",
                f"Write policy_tag beside {column.name} in {contract.path}, or take the tag away in terraform/.",
            )


def _same(live: str, wanted: str | None) -> bool:
    """Whether two names mean one tag; a project has a number and an id, and either may be what BigQuery gives back."""
    (mine, _, rest), (theirs, _, other) = _split(live), _split(wanted or "")
    return rest.lower() == other.lower() and (mine == theirs or mine.isdigit() != theirs.isdigit())


def _split(tag_name: str) -> tuple[str, str, str]:
    return tag_name.removeprefix("projects/").partition("/")


def _aside(contract: Contract, what: str) -> str:
    return (
        f"Correct {contract.path} ({what}), or move the table aside (ALTER TABLE `{contract.table}` RENAME TO ...), "
        "let the next run make it anew and copy its rows there."
    )


def _relax(contract: Contract, column: str) -> str:
    return f"ALTER TABLE `{contract.table}` ALTER COLUMN `{column}` DROP NOT NULL"


def _terraform(contract: Contract) -> str:
    return (
        f"Run `terraform apply` in terraform/, which owns the tables that have policy tags; or correct {contract.path}."
    )
