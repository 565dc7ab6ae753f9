"""Datasets, tables and columns that contracts promise are made where they are missing; nothing is ever replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.api_core.exceptions import Conflict, Forbidden, NotFound, PreconditionFailed
from google.cloud import bigquery

from fees_etl.engines.bigquery.drift import Changes, changes, faults, missing, refuse
from fees_etl.engines.bigquery.live import PUBLISHED, RETRY, TIMEOUT, is_there, of_resource, permitted, read
from fees_etl.engines.bigquery.tables import field, placed, resource
from fees_etl.errors import GuardRefused, UsageError, WarehouseBusy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fees_etl.target import Target
    from fees_etl.types import Column, Contract, Table


_MAKER = "roles/bigquery.dataEditor on the dataset"


def prepare(
    client: bigquery.Client,
    contracts: Mapping[Table, Contract],
    target: Target,
    *,
    suffix: str = "",
    emulated: bool = False,
    create: bool = True,
) -> None:
    """Bring the warehouse up to its contracts, or refuse: all of it is judged before any of it is done.

    Raises:
        GuardRefused: a live table differs, belongs to Terraform and is missing, or this account may not see it.
        UsageError: the target leaves open how NINOs are protected; or something is missing and ``create`` is false.
        WarehouseBusy: somebody else changed a table meanwhile.
    """
    named = placed(contracts, suffix)
    live = read(client, sorted({contract.table.dataset for contract in named}), target, emulated=emulated)
    found = changes(named, live, target, emulated=emulated)
    if create:
        apply(client, found, target, emulated=emulated)
    else:
        _refuse_missing(found)


def apply(client: bigquery.Client, found: Changes, target: Target, *, emulated: bool) -> None:
    """Make what is missing. What turns out to exist after all is looked at, never taken to be right.

    Raises:
        GuardRefused: it exists and this account may not see it, or it is not what the contract says.
        WarehouseBusy: somebody else changed a table meanwhile.
    """
    for name in found.datasets_to_create:
        _create_dataset(client, name, target, emulated=emulated)
    for contract in found.tables_to_create:
        _create_table(client, contract, target, emulated=emulated)
    for table, columns in found.columns_to_add.items():
        _add_columns(client, table, columns, target)


def _create_dataset(client: bigquery.Client, name: str, target: Target, *, emulated: bool) -> None:
    dataset = bigquery.Dataset(f"{client.project}.{name}")
    dataset.location = target.location
    try:
        with permitted(f"create the dataset {client.project}.{name}", "roles/bigquery.user on the project"):
            client.create_dataset(dataset, retry=RETRY, timeout=TIMEOUT)
    except Conflict:
        if not is_there(client, name, target, emulated=emulated):
            raise _hidden("dataset", f"{client.project}.{name}") from None


def _create_table(client: bigquery.Client, contract: Contract, target: Target, *, emulated: bool) -> None:
    wanted = resource(contract, target, client.project)
    try:
        with permitted(f"create the table {contract.table}", f"{_MAKER} {contract.table.dataset}"):
            client.create_table(wanted, retry=RETRY, timeout=TIMEOUT)
    except Conflict:
        _refuse_other(client, contract, target, emulated=emulated)


def _refuse_other(client: bigquery.Client, contract: Contract, target: Target, *, emulated: bool) -> None:
    """A table of this name exists: ours after a lost reply, another process's of a moment ago, or one kept from us."""
    try:
        found = of_resource(_get(client, contract.table))
    except (Forbidden, NotFound):
        raise _hidden("table", f"{client.project}.{contract.table}") from None
    refuse(faults(contract, found, target, emulated=emulated))
    if lacking := missing(contract, found):
        _add_columns(client, contract.table, lacking, target)


def _add_columns(client: bigquery.Client, table: Table, columns: Iterable[Column], target: Target) -> None:
    """By tables.patch with the etag, not ALTER TABLE: it is no job, and another's change of this moment is not lost.

    The table is asked for first because the view of columns may lag behind (page "Modifying table schemas").
    """
    with permitted(f"add columns to the table {table}", f"{_MAKER} {table.dataset}"):
        found = _get(client, table)
        there = {one.name for one in found.schema}
        added = [field(column, target) for column in columns if column.name not in there]
        found.schema = [*found.schema, *added]
        try:
            if added:
                client.update_table(found, ["schema"], retry=RETRY, timeout=TIMEOUT)
        except PreconditionFailed:
            raise WarehouseBusy(f"Somebody else changed the table {table} a moment ago.", published=PUBLISHED) from None


def _get(client: bigquery.Client, table: Table) -> bigquery.Table:
    return client.get_table(f"{client.project}.{table}", retry=RETRY, timeout=TIMEOUT)


def _hidden(kind: str, name: str) -> GuardRefused:
    return GuardRefused(
        f"The {kind} {name} exists, but this account cannot see it.",
        published=PUBLISHED,
        hint=f"Grant it roles/bigquery.dataEditor on the dataset {name.split('.')[1]}, then repeat the command.",
    )


def _refuse_missing(found: Changes) -> None:
    tables = (*(contract.table for contract in found.tables_to_create), *found.columns_to_add)
    if tables:
        raise UsageError(
            f"the warehouse has no {tables[0]} with the columns of its contract yet.",
            published="Nothing was touched.",
            hint="Run `fees-etl run` first.",
        )
