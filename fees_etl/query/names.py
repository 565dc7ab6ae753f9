"""What a name stands for: a column of a table in sight, an item of the select list, a field of a STRUCT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery

from fees_etl.query.tags import like
from fees_etl.query.types import UNKNOWN
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fees_etl.errors import ProjectError
    from fees_etl.query.read import Query


Relation: TypeAlias = "dict[str, tuple[str, str]] | None"
"""Lower-case column name -> (name as written, type). None: its columns are not known here (PIVOT, table functions)."""
Aliases: TypeAlias = dict[str, tuple[str, Any]]
"""Lower-case name of an item of the select list -> (type, expression)."""

Schema: TypeAlias = Mapping[Table, Mapping[str, str]]
"""The columns of each table, by name: their GoogleSQL types."""

RESERVED = frozenset(BigQuery.Generator.RESERVED_KEYWORDS)
"""The words that GoogleSQL wants in backticks where they are names, in lower case."""
_AMBIGUOUS = "AMBIGUOUS"


@dataclass(slots=True)
class Scope:
    """What an expression of ``asked`` can name: the sources of its FROM, then those of the queries around it."""

    asked: Query
    ctes: dict[str, Relation]
    outer: Scope | None = None
    sources: dict[str, Relation] = field(default_factory=dict)
    aliases: Aliases = field(default_factory=dict)
    """Names of the select list while GROUP BY, HAVING, QUALIFY and ORDER BY are read."""
    merged: set[str] = field(default_factory=set)
    """Columns of USING: two sources have them, and they are one."""
    unseen: str = UNKNOWN
    """The type of a column of a source whose columns are not known here, with a tag where that source has one."""

    def column(self, node: exp.Column) -> tuple[str, Any]:
        """The type of a column, found in the nearest scope that has it; and what it means where DuckDB reads otherwise.

        Raises:
            ProjectError: it is unknown or ambiguous.
        """
        args = node.args
        name = args["this"].name
        if table := args.get("table"):
            if outer := args.get("db"):
                source = fields(self._member(node, table.this, self.source(outer.this, node)))
            else:
                source = self.source(table.this, node)
            return (self._member(node, name, source) if source is not None else self.hidden()), None
        low = name.lower()
        at: Scope | None = self
        while at is not None:
            if low in at.aliases:
                return _aliased(at, node, low)
            holders = at.holders(low)
            if len(holders) > 1 and low not in at.merged:
                raise self.asked.wrong(f"column {name!r} is ambiguous: more than one table in FROM has it", node)
            if holders:
                return self._member(node, name, holders[0]), None
            if low in at.sources:  # all of a row
                return like(at.unseen, *(kind for _, kind in (at.sources[low] or {}).values())), None
            if None in at.sources.values():
                return at.hidden(), None
            at = at.outer
        raise self.unknown(name, node)

    def source(self, alias: str, node: exp.Expr) -> Relation:
        """The source called ``alias``, or the fields of a STRUCT column of that name."""
        low = alias.lower()
        at: Scope | None = self
        while at is not None:
            if low in at.sources:
                return at.sources[low]
            if holders := at.holders(low):
                return fields((holders[0] or {})[low][1])
            if None in at.sources.values():
                return None
            at = at.outer
        known = [name for name in self.sources if not name.startswith("#")]
        raise self.asked.wrong(f"unknown table or alias {alias!r}{_did_you_mean(alias, known)}", node)

    def holders(self, name: str) -> list[Relation]:
        """The sources that have a column of this name."""
        return [found for found in self.sources.values() if found and name in found]

    def names(self) -> list[str]:
        """Every column in sight, for "did you mean"."""
        mine = [name for found in self.sources.values() for name, _ in (found or {}).values()]
        return [*mine, *self.aliases, *(self.outer.names() if self.outer else ())]

    def unknown(self, name: str, node: exp.Expr, known: Iterable[str] | None = None) -> ProjectError:
        """The error for a name that no column in sight (or in ``known``) has."""
        guess = _did_you_mean(name, self.names() if known is None else known)
        return self.asked.wrong(f"unknown column {name!r}{guess}", node)

    def hidden(self) -> str:
        """The type of a column that may be of any source in sight."""
        return like(self.unseen, self.outer.hidden()) if self.outer else self.unseen

    def _member(self, node: exp.Expr, name: str, source: Relation) -> str:
        held = (source or {}).get(name.lower())
        if held is None:
            raise self.unknown(name, node, [written for written, _ in (source or {}).values()])
        if held[1] == _AMBIGUOUS:
            raise self.asked.wrong(f"column {name!r} is ambiguous: its query yields it twice", node)
        return held[1]


def relation(columns: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Columns by name; a name given twice may be there, but not be used.

    >>> relation([("A", "DATE"), ("b", "BOOL"), ("B", "BOOL")])
    {'a': ('A', 'DATE'), 'b': ('b', 'AMBIGUOUS')}
    """
    found: dict[str, tuple[str, str]] = {}
    for name, kind in columns:
        if name:
            low = name.lower()
            found[low] = (found[low][0], _AMBIGUOUS) if low in found else (name, kind)
    return found


def table_columns(asked: Query, node: exp.Table, schema: Schema) -> Relation:
    """The columns of a table of the schema that ``asked`` names."""
    table = Table(node.db, node.name)
    if table not in schema:
        guess = _did_you_mean(str(table), map(str, schema))
        raise asked.wrong(f"unknown table {str(table)!r}{guess}", node)
    return {name.lower(): (name, kind) for name, kind in schema[table].items()}


def fields(kind: str) -> Relation:
    """The fields of a STRUCT type, as columns.

    >>> fields("STRUCT<a INT64, b ARRAY<DATE>>")
    {'a': ('a', 'INT64'), 'b': ('b', 'ARRAY<DATE>')}
    """
    if not kind.startswith("STRUCT<"):
        return None
    found, depth, start = [], 0, 7
    for at, char in enumerate(kind[:-1] + ",", 0):
        depth += (char == "<") - (char == ">")
        if char == "," and depth == 1:
            name, _, inner = kind[start:at].strip().partition(" ")
            found.append((name, like(inner or UNKNOWN, kind)))
            start = at + 1
    return relation(found)


def unnested(node: exp.Unnest, kind: str) -> tuple[str, Relation]:
    """The alias of UNNEST of an array of ``kind``, and its columns: fields, the element itself, its offset."""
    found = dict(fields(kind) or {})
    alias = next(iter(node.alias_column_names), "")
    if alias:
        found[alias.lower()] = (alias, kind)
    if isinstance(offset := node.args.get("offset"), exp.Identifier):
        found[offset.name.lower()] = (offset.name, "INT64")
    return alias, found


def implied_name(item: Any) -> str:
    """The name of an item of the select list without AS: a column has one, a field has one, nothing else."""
    if isinstance(item, exp.Column):
        return item.name
    return item.expression.name if isinstance(item, exp.Dot) else ""


def aliases(items: list[Any], found: list[tuple[str, str]]) -> Aliases:
    """The names of a select list, with what each stands for."""
    meant = {item.alias.lower(): item.this for item in items if isinstance(item, exp.Alias)}
    return {low: (kind, meant.get(low)) for low, (_, kind) in relation(found).items()}


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name.

    >>> _did_you_mean("amout", ["client_id", "amount"])
    "; did you mean 'amount'?"
    """
    names = {other.lower(): other for other in known}
    close = get_close_matches(name.lower(), names, n=1)
    return f"; did you mean {names[close[0]]!r}?" if close else ""


def _aliased(scope: Scope, node: exp.Column, low: str) -> tuple[str, Any]:
    kind, meant = scope.aliases[low]
    if kind == _AMBIGUOUS:
        raise scope.asked.wrong(f"column {node.name!r} is ambiguous: the select list has it twice", node)
    # DuckDB takes the column, but where the name is all there is between ORDER BY and a comma.
    order = node.parent.parent if isinstance(node.parent, exp.Ordered) else None
    is_order_item = order is not None and isinstance(order.parent, exp.Query)
    is_column = meant is None or (isinstance(meant, exp.Column) and meant.name.lower() == low)
    return kind, meant if not (is_column or is_order_item) and scope.holders(low) else None
