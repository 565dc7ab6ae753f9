"""A script, judged statement by statement: the analyzer itself refuses DECLARE, SET and IF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from googlesql.analyzer import schema
from googlesql.machine import AnalysisError
from googlesql.syntax import leaves
from googlesql.values import type_name

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from googlesql.analyzer import Analyzer, Columns, Schema, Tables
    from googlesql.syntax import Leaf

__all__ = ["script_schemas", "statements"]


def script_schemas(analyzer: Analyzer, sql: str, tables: Tables) -> tuple[Schema, ...]:
    """The schema of each statement. Tables and variables are known from their CREATE and DECLARE on."""
    tables, scopes, schemas = dict(tables), [{}], []
    for leaf in leaves(sql, analyzer.parsed(sql, script=True)):
        if leaf.kind == "begin":
            scopes.append(dict(scopes[-1]))
        elif leaf.kind == "end":
            scopes.pop()
        elif leaf.kind == "statement":
            statement = analyzer.resolved(leaf.text, tables, scopes[-1])
            schemas.append(schema(statement))
            tables |= _created(statement)
        else:
            scopes[-1] |= _declared(analyzer, leaf, tables, scopes[-1])
    return tuple(schemas)


def statements(analyzer: Analyzer, sql: str) -> tuple[str, ...]:
    """Every statement of a script, and every expression outside of one as a SELECT."""
    found = leaves(sql, analyzer.parsed(sql, script=True))
    return tuple(_statement(leaf) for leaf in found if leaf.kind not in {"begin", "end"})


def _statement(leaf: Leaf) -> str:
    if leaf.kind in {"statement", "loop"}:
        return leaf.text.strip()
    value = leaf.text.strip() or "NULL"
    return f"SELECT CAST({value} AS {leaf.type})" if leaf.type else f"SELECT {value}"


def _created(statement: Message) -> Tables:
    if not statement.HasField("resolved_create_statement_node"):
        return {}
    node = statement.resolved_create_statement_node
    while node.DESCRIPTOR.name != "ResolvedCreateTableStmtBaseProto":
        fields = [value for field, value in node.ListFields() if "create_table" in field.name or field.name == "parent"]
        if not fields:
            return {}
        node = fields[0]
    columns = {column.name: type_name(column.type) for column in node.column_definition_list}
    return {".".join(node.parent.name_path): columns}


def _declared(analyzer: Analyzer, leaf: Leaf, tables: Tables, variables: Columns) -> Columns:
    """The variables a leaf declares, once its expression is found good."""
    if leaf.kind == "loop":
        row = schema(analyzer.resolved(leaf.text, tables, variables))
        return {leaf.names[0]: f"STRUCT<{', '.join(f'{name} {kind}' for name, kind in row)}>"}
    _check(analyzer, leaf, tables, variables)
    if leaf.kind != "declare":
        return {}
    kind = leaf.type or schema(analyzer.resolved(f"SELECT {leaf.text} AS value", tables, variables))[0][1]
    return dict.fromkeys(leaf.names, type_name(analyzer.type(kind)))


def _check(analyzer: Analyzer, leaf: Leaf, tables: Tables, variables: Columns) -> None:
    try:
        _check_use(analyzer, leaf, tables, variables)
    except AnalysisError:
        if leaf.text:  # by itself, so that the error names its place in the script
            analyzer.check_expression(leaf.text, tables, variables)
        raise


def _check_use(analyzer: Analyzer, leaf: Leaf, tables: Tables, variables: Columns) -> None:
    if leaf.kind == "condition":
        analyzer.resolved(f"ASSERT ({leaf.text})", tables, variables)
    elif leaf.kind == "set":
        _check_assignment(analyzer, leaf, _type_of(leaf.names[0], variables), tables, variables)
    elif leaf.kind == "declare" and leaf.type and leaf.text:
        _check_assignment(analyzer, leaf, leaf.type, tables, variables)
    elif leaf.text:
        analyzer.check_expression(leaf.text, tables, variables)


def _check_assignment(analyzer: Analyzer, leaf: Leaf, kind: str, tables: Tables, variables: Columns) -> None:
    """What may be inserted into a column may be assigned to a variable."""
    insert = f"INSERT INTO `script.variables` VALUES ({leaf.text})"
    analyzer.resolved(insert, {**tables, "script.variables": {leaf.names[0]: kind}}, variables)


def _type_of(name: str, variables: Columns) -> str:
    for known, kind in variables.items():
        if known.lower() == name.lower():
            return kind
    raise AnalysisError(f"Undeclared variable: {name}")
