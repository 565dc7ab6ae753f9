"""A table as Arrow, for notebooks and what reads them. The only door to pyarrow, which is not always there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fees_etl.errors import UsageError
from fees_etl.project.graph import did_you_mean
from fees_etl.project.load import load

if TYPE_CHECKING:
    import pyarrow as pa

    from fees_etl.engines import Engine
    from fees_etl.types import Contract, Project


def read(engine: Engine, table: str, *, project: Project | None = None, tagged: bool = False) -> pa.Table:
    """The rows that a table holds now, in no particular order: money as decimal128(38, 9), moments in UTC.

    Args:
        engine: the warehouse.
        table: its name, with or without the dataset: ``rpt_cohort_ltv``, ``reporting.rpt_cohort_ltv``.
        project: whose contracts say what the table is; left out, the bundled project.
        tagged: whether columns with a policy tag are read, too. They are left out rather than masked: what is never
            read cannot end up in a saved notebook, and on BigQuery reading the others needs no right to see NINOs.

    Raises:
        UsageError: there is no such table, it has only tagged columns, or pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and a fifth of a second
    except ImportError as error:
        raise UsageError(
            "tables are given as Arrow, and pyarrow is not installed.",
            published="Nothing was touched.",
            hint="pip install 'fees-etl[arrow]'",
        ) from error
    project = project or load()
    contract = _contract(project, table)
    types = {one.name: one.type for one in contract.columns if tagged or not one.policy_tag}
    engine.prepare(project.contracts)
    found = engine.query(f"SELECT {', '.join(types)} FROM {contract.table}")  # noqa: S608 - names of a contract
    kinds = {
        "BOOL": pa.bool_(),
        "DATE": pa.date32(),
        "DATETIME": pa.timestamp("us"),
        "INT64": pa.int64(),
        "NUMERIC": pa.decimal128(38, 9),
        "STRING": pa.string(),
        "TIMESTAMP": pa.timestamp("us", "UTC"),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in types.items()])
    columns = list(zip(*found.rows, strict=True)) or [()] * len(types)
    return pa.table([pa.array(cells, one.type) for cells, one in zip(columns, schema, strict=True)], schema)


def _contract(project: Project, name: str) -> Contract:
    named = {text: one for table, one in project.contracts.items() for text in (table.name, str(table))}
    if name not in named:
        raise UsageError(
            f"no table is called '{name}'.",
            published="Nothing was touched.",
            hint=did_you_mean(name, {table.name for table in project.contracts}),
        )
    return named[name]
