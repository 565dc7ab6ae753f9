"""Contracts against live DuckDB tables: what must be created or added, and what may not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fees_etl.errors import GuardRefused, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fees_etl.types import Contract, Table


TYPES = {
    "BOOL": "BOOLEAN",
    "DATE": "DATE",
    "DATETIME": "TIMESTAMP",
    "INT64": "BIGINT",
    "NUMERIC": "DECIMAL(38,9)",
    "STRING": "VARCHAR",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
}


def statements(
    contracts: Mapping[Table, Contract], live: Mapping[str, Mapping[str, str]], *, may_create: bool, suffix: str = ""
) -> Iterator[str]:
    """DuckDB DDL that brings the live tables up to their contracts; nothing when they are.

    Raises:
        GuardRefused: a live column has another type.
        UsageError: something is missing and may not be created.
    """
    datasets = {f"{name}".partition(".")[0] for name in live}
    for table, contract in contracts.items():
        dataset = f"{table.dataset}{suffix}"
        name = f"{dataset}.{table.name}"
        columns = {column.name: TYPES[column.type] for column in contract.columns}
        missing = [column for column in columns if column not in live.get(name, {})]
        _refuse_drift(contract, name, columns, live.get(name, {}))
        if missing and not may_create:
            raise UsageError(
                f"the warehouse has no {name} with the columns of {contract.path} yet.",
                published="Nothing was touched.",
                hint="Run `fees-etl run` first.",
            )
        if name not in live:
            if dataset not in datasets:
                datasets.add(dataset)
                yield f'CREATE SCHEMA IF NOT EXISTS "{dataset}"'
            listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            yield f'CREATE TABLE "{dataset}"."{table.name}" ({listed})'
        else:
            yield from (f'ALTER TABLE "{dataset}"."{table.name}" ADD COLUMN "{one}" {columns[one]}' for one in missing)


def _refuse_drift(contract: Contract, name: str, columns: Mapping[str, str], live: Mapping[str, str]) -> None:
    for column, kind in columns.items():
        if column in live and live[column] != kind:
            raise GuardRefused(
                f"{name}.{column} is {live[column]} in the warehouse, but {kind} by {contract.path}.",
                published="Nothing was written; the published numbers are as before.",
                hint=f"Put the old type back into {contract.path}, or start a new warehouse file from the source.",
            )
