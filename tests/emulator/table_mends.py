"""What bqemulator 1.4.0 does otherwise than BigQuery with tables and loads, mended: see mends.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bqemulator.api.routes import tables, upload
from bqemulator.catalog import ddl_sync
from bqemulator.catalog.memory_repository import MemoryCatalogRepository
from bqemulator.catalog.models import TableFieldSchema
from bqemulator.domain.errors import NotFoundError
from bqemulator.jobs import executor
from bqemulator.scripting import interpreter
from bqemulator.sql.rewriter import information_schema
from bqemulator.storage import type_map
from bqemulator.storage.sql_identifiers import quoted_table_ref
from sqlglot import exp, parse_one

if TYPE_CHECKING:
    from collections.abc import Callable

    from bqemulator.catalog.models import TableMeta

ALTER = re.compile(r"\s*ALTER\s+TABLE\b", re.IGNORECASE)


def parquet_by_name() -> None:
    """Parquet columns go to the table's columns of the same name (BigQuery, loading Parquet data)."""

    def load(path: str, target: str, context: Any) -> None:
        context.engine.execute(f"INSERT INTO {target} BY NAME SELECT * FROM read_parquet(?)", [path])

    executor._LOAD_FORMAT_HANDLERS["PARQUET"] = load


def any_media() -> None:
    """An upload in one request may be of any type, as Google's own client sends it (REST, uploads)."""
    upload._PERMITTED_MEDIA_CONTENT_TYPES += ("*/*",)


def required() -> None:
    """No NULL comes into a column of mode REQUIRED (REST, TableFieldSchema.mode)."""
    columns = tables.bq_schema_to_duckdb_columns

    def with_constraints(fields: list[dict[str, Any]]) -> list[tuple[str, str]]:
        return [
            (name, f"{kind} NOT NULL" if field.get("mode") == "REQUIRED" else kind)
            for (name, kind), field in zip(columns(fields), fields, strict=True)
        ]

    tables.bq_schema_to_duckdb_columns = with_constraints


class _Tagged(TableFieldSchema):
    policy_tags: Any = None


def policy_tags() -> None:
    """A column keeps the policy tags it was created with (REST, TableFieldSchema.policyTags)."""
    parse, render = tables._parse_schema_fields, tables._field_to_rest

    def parsed(fields: list[dict[str, Any]]) -> tuple[TableFieldSchema, ...]:
        return tuple(
            _Tagged(**dict(field), policy_tags=raw.get("policyTags"))
            for field, raw in zip(parse(fields), fields, strict=True)
        )

    def rendered(field: TableFieldSchema) -> dict[str, Any]:
        tags = getattr(field, "policy_tags", None)
        return render(field) | ({"policyTags": tags} if tags else {})

    tables._parse_schema_fields, tables._field_to_rest = parsed, rendered


def columns_view() -> None:
    """INFORMATION_SCHEMA.COLUMNS has policy_tags, and 404 for a dataset that is not there (BigQuery, COLUMNS view)."""
    row, expand = information_schema._column_row_literal, information_schema.expand_information_schema_columns

    def with_tags(*, field: TableFieldSchema, **context: Any) -> str:
        names = (getattr(field, "policy_tags", None) or {}).get("names", [])
        listed = ", ".join(f"'{name}'" for name in names)
        return row(field=field, **context).removesuffix(")") + f", CAST([{listed}] AS ARRAY<STRING>))"

    def expanded(sql: str, project: str, catalog: Any) -> str:
        for dataset in re.findall(r"`?(\w+)`?\.INFORMATION_SCHEMA\.COLUMNS", sql):
            if catalog.get_dataset(project, dataset) is None:
                raise NotFoundError(f"Not found: Dataset {project}:{dataset} was not found")
        return expand(sql, project, catalog)

    information_schema._COLUMNS_COLUMNS += ("policy_tags",)
    information_schema._COLUMNS_COLUMN_TYPES += (("policy_tags", "ARRAY<STRING>"),)
    information_schema._column_row_literal = with_tags
    information_schema.expand_information_schema_columns = expanded


def added_columns() -> None:
    """Columns come by tables.patch and by ALTER TABLE .. ADD COLUMN alike (BigQuery, modifying table schemas).

    The emulator changes what it says of the table in one case, and the table itself in the other.
    """
    update = MemoryCatalogRepository.update_table

    def updated(self: Any, table: TableMeta) -> TableMeta:
        target = quoted_table_ref(table.project_id, table.dataset_id, table.table_id)
        if table.table_type == "TABLE":
            for name, kind in type_map.bq_schema_to_duckdb_columns([dict(field) for field in table.schema_.fields]):
                self._engine.execute(f'ALTER TABLE {target} ADD COLUMN IF NOT EXISTS "{name}" {kind}')
        return update(self, table)

    MemoryCatalogRepository.update_table = updated
    for module in (executor, interpreter):
        module.sync_created_table = _with_altered(module.sync_created_table)


def _with_altered(synchronise: Callable[..., None]) -> Callable[..., None]:
    def synchronised(sql: str, project: str, context: Any) -> None:
        synchronise(sql, project, context)
        tree = parse_one(sql, read="bigquery") if ALTER.match(sql) else None
        if isinstance(tree, exp.Alter):
            names = (tree.this.catalog or project, tree.this.db, tree.this.name)
            meta, live = context.catalog.get_table(*names), ddl_sync._introspect_schema(*names, context)
            known = {field.name for field in meta.schema_.fields}
            new = tuple(field for field in live.fields if field.name not in known)
            schema = meta.schema_.model_copy(update={"fields": meta.schema_.fields + new})
            context.catalog.update_table(meta.model_copy(update={"schema_": schema}))

    return synchronised


TABLE_MENDS = (parquet_by_name, any_media, required, policy_tags, columns_view, added_columns)
