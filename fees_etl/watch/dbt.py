"""A project and a run in the words of dbt, so that what reads its artifacts reads ours: manifest v12, results v6."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fees_etl.engines import path_of
from fees_etl.script import Ask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fees_etl.results import Result
    from fees_etl.settings import Settings
    from fees_etl.types import Assertion, Contract, Model, Project, Table

PACKAGE = "fees_etl"
SCHEMAS = "https://schemas.getdbt.com/dbt"
SPOKEN = "1.10.0"
"""The dbt whose words these are; dbt itself has no part in it."""
_EMPTY = (
    "macros", "docs", "exposures", "metrics", "groups", "selectors", "disabled", "group_map", "saved_queries",
    "semantic_models", "unit_tests",
)  # fmt: skip
_ROLLED_BACK = "Rolled back, because an assertion failed: nothing was published."


def manifest(result: Result, settings: Settings) -> dict[str, Any]:
    """What the project is made of: sources, models and tests, with what each depends on.

    Tests are the assertions, and what else the run asked; the first table that one reads has it.
    """
    project = result.plan.project
    named = _ids(project)
    sources = {named[table]: _source(made, named[table], settings) for table, made in project.sources.items()}
    nodes = {named[table]: _model(model, named, settings) for table, model in project.models.items()}
    tests: dict[str, Assertion | Ask] = {one.name: one for one in project.assertions}
    tests |= {one.name: one for one in result.plan.steps if isinstance(one, Ask) and one.name not in tests}
    nodes |= {_test(name): _test_node(one, named, settings) for name, one in tests.items()}
    parents = {name: node["depends_on"]["nodes"] for name, node in nodes.items()} | {name: [] for name in sources}
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, reads in parents.items():
        for one in reads:
            children[one].append(name)
    return {
        "metadata": _metadata("manifest/v12", result) | {"project_name": PACKAGE, "adapter_type": _adapter(settings)},
        "nodes": nodes,
        "sources": sources,
        **{name: {} for name in _EMPTY},
        "parent_map": parents,
        "child_map": children,
    }


def run_results(result: Result, settings: Settings) -> dict[str, Any]:
    """What became of each model that was filled and of each test, in the order in which it happened."""
    project = result.plan.project
    named = _ids(project)
    sql = {step.name: "\n;\n".join(step.statements) for step in result.plan.steps}
    is_kept = result.status != "rejected"
    models = [
        {
            "unique_id": named[step.table],
            "status": "success" if is_kept else "error",
            "message": None if is_kept else _ROLLED_BACK,
            "relation_name": _relation(step.table, settings),
            "adapter_response": {"rows_affected": step.rows, "bytes_processed": step.bytes_read},
            **_how(step.seconds, sql[step.name]),
        }
        for step in result.steps
        if step.table
    ]
    tests = [
        {
            "unique_id": _test(one.name),
            "status": "pass" if one.passed else "warn" if one.severity == "warn" else "fail",
            "message": None if one.passed else one.description,
            "failures": one.failing,
            "adapter_response": {},
            **_how(one.seconds, sql.get(one.name)),
        }
        for one in result.assertions
    ]
    return {
        "metadata": _metadata("run-results/v6", result),
        "results": [*models, *tests],
        "elapsed_time": result.seconds,
        "args": {"select": list(result.plan.selection), "full_refresh": result.plan.full_refresh},
    }


def _metadata(schema: str, result: Result) -> dict[str, Any]:
    ended = result.started_at + timedelta(seconds=result.seconds)
    return {
        "dbt_schema_version": f"{SCHEMAS}/{schema}.json",
        "dbt_version": SPOKEN,
        "generated_at": f"{ended:%Y-%m-%dT%H:%M:%S.%fZ}",
        "invocation_id": result.run_id,
        "env": {},
    }


def _ids(project: Project) -> dict[Table, str]:
    """Unique names; a model's has its dataset where two are called alike."""
    names = [table.name for table in project.models]
    return {table: f"source.{PACKAGE}.{table}" for table in project.sources} | {
        table: f"model.{PACKAGE}.{table if names.count(table.name) > 1 else table.name}" for table in project.models
    }


def _test(name: str) -> str:
    return f"test.{PACKAGE}.{name}"


def _adapter(settings: Settings) -> str:
    return settings.warehouse.partition(":")[0]


def _place(table: Table, settings: Settings) -> dict[str, Any]:
    """Where a table is, in three parts."""
    file = path_of(settings.warehouse)
    database = file.stem if file else urlsplit(settings.warehouse).netloc or "memory"
    return {"database": database, "schema": f"{table.dataset}{settings.dataset_suffix}"}


def _relation(table: Table, settings: Settings) -> str:
    quote = "`" if _adapter(settings) == "bigquery" else '"'
    return ".".join(f"{quote}{part}{quote}" for part in (*_place(table, settings).values(), table.name))


def _columns(made: Contract) -> dict[str, Any]:
    return {
        one.name: {
            "name": one.name,
            "description": one.description,
            "data_type": one.type,
            "tags": [one.policy_tag] if one.policy_tag else [],
        }
        for one in made.columns
    }


def _named(name: str, kind: str, unique_id: str, path: str, fqn: Iterable[str]) -> dict[str, Any]:
    return {
        "name": name,
        "resource_type": kind,
        "package_name": PACKAGE,
        "path": path.removeprefix("sql/"),
        "original_file_path": path,
        "unique_id": unique_id,
        "fqn": [PACKAGE, *fqn],
    }


def _source(made: Contract, unique_id: str, settings: Settings) -> dict[str, Any]:
    table = made.table
    return {
        **_named(table.name, "source", unique_id, made.path.as_posix(), [table.dataset, table.name]),
        **_place(table, settings),
        "source_name": table.dataset,
        "source_description": "",
        "loader": PACKAGE,
        "identifier": table.name,
        "description": made.description,
        "columns": _columns(made),
        "relation_name": _relation(table, settings),
    }


def _model(model: Model, named: Mapping[Table, str], settings: Settings) -> dict[str, Any]:
    made, table = model.contract, model.table
    path = model.path.as_posix()
    return {
        **_named(table.name, "model", named[table], path, [table.dataset, table.name]),
        **_place(table, settings),
        "alias": table.name,
        "checksum": _checksum(model.sql),
        "config": {"materialized": "incremental" if model.is_merged else "table", "unique_key": list(made.key)},
        "description": made.description,
        "columns": _columns(made),
        "meta": {"owner": made.owner} if made.owner else {},
        "relation_name": _relation(table, settings),
        "patch_path": f"{PACKAGE}://{made.path.as_posix()}",
        "language": "sql",
        "compiled": True,
        "compiled_path": path,
        "raw_code": model.sql,
        "compiled_code": model.sql,
        "depends_on": {"macros": [], "nodes": sorted(named[one] for one in model.reads if one in named)},
    }


def _test_node(one: Assertion | Ask, named: Mapping[Table, str], settings: Settings) -> dict[str, Any]:
    """An assertion, or another question of a run, of which the plan has the SQL and no more."""
    name, sql = one.name, one.sql
    path = f"sql/{name}" if isinstance(one, Ask) or not one.path else one.path.as_posix()
    reads = [] if isinstance(one, Ask) else sorted(one.reads)
    place = _place(reads[0], settings) if reads else {"database": None, "schema": ""}
    return {
        **_named(name, "test", _test(name), path, ["assertions", name]),
        **place,
        "alias": name,
        "checksum": _checksum(sql),
        "config": {"severity": (one.severity or "error").upper(), "materialized": "test"},
        "description": one.description,
        "language": "sql",
        "compiled": True,
        "raw_code": sql,
        "compiled_code": sql,
        "depends_on": {"macros": [], "nodes": [named[table] for table in reads if table in named]},
    }


def _checksum(sql: str) -> dict[str, str]:
    return {"name": "sha256", "checksum": sha256(sql.encode()).hexdigest()}


def _how(seconds: float, sql: str | None) -> dict[str, Any]:
    return {
        "timing": [],
        "thread_id": "main",
        "execution_time": seconds,
        "compiled": sql is not None,
        "compiled_code": sql,
    }
