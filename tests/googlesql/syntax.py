"""What is found in Google's trees: the statements of a script, the tables of a query, the types of its parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.message import Message
from googlesql.machine import AnalysisError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["Leaf", "in_backticks", "leaves", "types"]

Place = tuple[int, int]  # in bytes


@dataclass(frozen=True)
class Leaf:
    """A piece of a script the analyzer can judge, with blanks before it so that errors name its line and column.

    kind       text is
    statement  a whole statement
    declare    the default of the variables named, or nothing
    set        the new value of the variable named
    condition  an expression that must be BOOL
    expression any other expression
    loop       the query whose rows the variable named goes through
    begin, end nothing: the variables declared between them are unknown after
    """

    kind: str
    text: str = ""
    names: tuple[str, ...] = ()
    type: str = ""


def leaves(script: str, tree: Message) -> Iterator[Leaf]:
    """What a parsed script is made of, in reading order; control flow itself is the parser's to judge."""
    for field, node in _children(tree):
        name = node.DESCRIPTOR.name
        if name == "ASTVariableDeclarationProto":
            yield _declaration(script, node)
        elif name == "ASTSingleAssignmentProto":
            yield Leaf("set", _alone(script, node.expression), (node.variable.id_string,))
        elif name == "ASTForInStatementProto":
            row = Leaf("loop", _alone(script, node.query), (node.variable.id_string,))
            yield from (Leaf("begin"), row, *leaves(script, node.parent), Leaf("end"))
        elif name == "ASTStatementListProto":
            _check_order(node)
            yield from (Leaf("begin"), *leaves(script, node), Leaf("end"))
        elif name == "AnyASTExpressionProto":
            yield Leaf("condition" if field == "condition" else "expression", _alone(script, node))
        elif name == "AnyASTStatementProto" and not node.HasField("ast_script_statement_node"):
            yield Leaf("statement", _alone(script, node))
        else:
            yield from leaves(script, node)


def in_backticks(query: str, tree: Message, names: Collection[str]) -> str:
    """The query with each table named in one pair of backticks, as the executor can find it, and still aliased alike."""
    text = query.encode()
    for (start, end), name, aliased in sorted(_tables(tree), reverse=True):
        if name in names:
            alias = b"" if aliased else b" AS `%s`" % name.rpartition(".")[2].encode()
            text = text[:start] + b"`%s`" % name.encode() + alias + text[end:]
    return text.decode()


def types(tree: Message) -> Iterator[Message]:
    """The types in a resolved statement."""
    for _, node in _children(tree):
        if node.DESCRIPTOR.name == "TypeProto":
            yield node
        else:
            yield from types(node)


def _tables(tree: Message) -> Iterator[tuple[Place, str, bool]]:
    for _, node in _children(tree):
        if node.DESCRIPTOR.name == "ASTTablePathExpressionProto" and node.HasField("path_expr"):
            name = ".".join(part.id_string for part in node.path_expr.names)
            yield _place(node.path_expr), name, node.HasField("alias")
        yield from _tables(node)


def _check_order(statements: Message) -> None:
    """The parser lets DECLARE stand anywhere; BigQuery does not."""
    declared = [
        one.ast_script_statement_node.HasField("ast_variable_declaration_node") for one in statements.statement_list
    ]
    if declared != sorted(declared, reverse=True):
        raise AnalysisError("DECLARE comes first in a script or block")


def _declaration(script: str, node: Message) -> Leaf:
    kind = _alone(script, node.type).strip() if node.HasField("type") else ""
    default = _alone(script, node.default_value) if node.HasField("default_value") else ""
    return Leaf("declare", default, tuple(name.id_string for name in node.variable_list.identifier_list), kind)


def _children(node: Message) -> Iterator[tuple[str, Message]]:
    """The nodes below one, with the names of their fields; `parent` is the same node as its base class knows it."""
    for field, value in node.ListFields():
        if field.message_type is not None:
            yield from ((field.name, child) for child in ([value] if isinstance(value, Message) else value))


def _place(node: Message) -> Place:
    """The outermost base class of a node keeps its place; for a choice between nodes, the chosen one's does."""
    while "parse_location_range" not in node.DESCRIPTOR.fields_by_name:
        base = "parent" in node.DESCRIPTOR.fields_by_name
        node = node.parent if base else getattr(node, node.ListFields()[0][0].name)
    return node.parse_location_range.start, node.parse_location_range.end


def _alone(script: str, node: Message) -> str:
    """A node's text, everything before it blanked."""
    start, end = _place(node)
    text = script.encode()
    return re.sub(r"\S", " ", text[:start].decode()) + text[start:end].decode()
