"""The contracts of tables in the words of the Open Data Contract Standard, for catalogues and for those who read them.

One document has all of them, because references between tables hold within one. It is JSON, which is YAML as well.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fees_etl.settings import Settings
    from fees_etl.types import Column, Contract, Freshness, Project, Table

SPOKEN = "v3.2.0"
_LOGICAL = {
    "BOOL": "boolean", "DATE": "date", "DATETIME": "timestamp", "INT64": "integer", "NUMERIC": "number",
    "STRING": "string", "TIMESTAMP": "timestamp",
}  # fmt: skip
_OPTIONS: dict[str, dict[str, Any]] = {
    "DATETIME": {"timezone": False},
    "INT64": {"format": "i64"},
    "TIMESTAMP": {"timezone": True, "defaultTimezone": "Etc/UTC"},
}
_UNBOUNDED = {"BOOL", "STRING"}
"""Types whose bounds the standard has no place for: they are told in words."""


def document(project: Project, tables: Collection[Table], settings: Settings) -> dict[str, Any]:
    """The data contract of these tables, which a run of the project keeps or does not publish."""
    contracts = [project.contracts[table] for table in tables]
    found: dict[str, Any] = {
        "apiVersion": SPOKEN,
        "kind": "DataContract",
        "id": f"fees-etl.{settings.target}",
        "name": "fees-etl",
        "version": project.fingerprint[:12],
        "status": "active",
        "schema": [_table(made, project, tables, settings.dataset_suffix) for made in contracts],
    }
    owners = sorted({made.owner for made in contracts if made.owner})
    if owners:
        found["team"] = {"members": [{"username": owner, "role": "owner"} for owner in owners]}
    if due := [_due(made.table, made.freshness) for made in contracts if made.freshness]:
        found["slaProperties"] = due
    return found


def _table(made: Contract, project: Project, tables: Collection[Table], suffix: str) -> dict[str, Any]:
    model = project.models.get(made.table)
    more = {
        "owner": made.owner,
        "materialized": made.materialized,
        "clusterBy": list(made.cluster_by),
        "reads": sorted(map(str, model.reads)) if model else None,
    }
    unique = [_none("duplicateValues", "uniqueness", properties=list(made.key))] if made.key else []
    told = [
        {"type": "text", "name": one.name, "description": one.description, "severity": one.severity}
        for one in project.assertions
        if one.path and made.table in one.reads
    ]
    return {
        "name": str(made.table),
        "physicalName": f"{made.table.dataset}{suffix}.{made.table.name}",
        "logicalType": "object",
        "physicalType": "table",
        "description": made.description,
        "dataGranularityDescription": f"{made.description.partition('. ')[0].rstrip('.')}.",
        "tags": [made.table.dataset],
        "properties": [_column(one, made, tables) for one in made.columns],
        "quality": unique + told,
        "customProperties": [{"property": name, "value": value} for name, value in more.items() if value],
    }


def _column(one: Column, made: Contract, tables: Collection[Table]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": one.name,
        "logicalType": _LOGICAL[one.type],
        "physicalType": one.type,
        "description": one.description,
        "required": one.required,
        "unique": one.unique,
    }
    if options := _OPTIONS.get(one.type, {}) | _bounds(one):
        found["logicalTypeOptions"] = options
    if one.name in made.key:
        found |= {"primaryKey": True, "primaryKeyPosition": made.key.index(one.name) + 1}
    if one.name == made.partition_by:
        found |= {"partitioned": True, "partitionKeyPosition": 1}
    if one.policy_tag:
        found |= {"classification": "restricted", "tags": [f"policy_tag:{one.policy_tag}"]}
    if one.accepted:
        found["enum"] = [{"value": _value(one.type, text)} for text in one.accepted]
    if one.references and one.references.rpartition(".")[0] in map(str, tables):
        found["relationships"] = [{"to": one.references}]
    return found | ({"quality": rules} if (rules := list(_rules(one))) else {})


def _rules(one: Column) -> Iterator[dict[str, Any]]:
    if one.required:
        yield _none("nullValues", "completeness")
    if one.unique:
        yield _none("duplicateValues", "uniqueness")
    if one.accepted:
        yield _none("invalidValues", "conformity", validValues=[_value(one.type, text) for text in one.accepted])
    for name, text in (("minimum", one.minimum), ("maximum", one.maximum)):
        if text is not None and name not in _bounds(one):
            yield {"type": "text", "dimension": "conformity", "description": f"The {name} is {text}, inclusive."}


def _none(metric: str, dimension: str, **arguments: Any) -> dict[str, Any]:
    """A rule that no row breaks."""
    rule = {"type": "library", "metric": metric, "mustBe": 0, "dimension": dimension, "severity": "error"}
    return rule | ({"arguments": arguments} if arguments else {})


def _bounds(one: Column) -> dict[str, Any]:
    """Inclusive bounds that the standard can write exactly."""
    given = {"minimum": one.minimum, "maximum": one.maximum} if one.type not in _UNBOUNDED else {}
    values = {name: _value(one.type, text) for name, text in given.items() if text is not None}
    return {name: value for name, value in values.items() if one.type != "NUMERIC" or not isinstance(value, str)}


def _value(kind: str, text: str) -> Any:
    """The value in JSON; one that a number there cannot hold to the last digit stays a text."""
    if kind == "BOOL":
        return text == "true"
    if kind == "INT64":
        return int(text)
    if kind == "NUMERIC":
        exact = Decimal(text)
        near = int(exact) if exact == exact.to_integral_value() else float(exact)
        return near if Decimal(str(near)) == exact else text
    return text


def _due(table: Table, due: Freshness) -> dict[str, Any]:
    return {
        "property": "timeOfAvailability",
        "value": due.due,
        "element": str(table),
        "driver": "operational",
        "description": f"Due {due.due}, and {due.grace} later at the latest, by the calendar of {due.calendar}.",
    }
