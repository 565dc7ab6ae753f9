"""A query as blocks: each SELECT with what its FROM names and what every column in it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlglot import exp

from fees_etl.query.names import implied_name
from fees_etl.query.read import TOO_DEEP
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fees_etl.query.names import Schema
    from fees_etl.query.read import Query

Source: TypeAlias = "Block | Table | exp.Unnest"


@dataclass(eq=False, slots=True)
class Block:
    """One SELECT, or a set operation with a block for each side; ``items`` are its columns by lower-case name."""

    asked: Query
    node: Any
    schema: Schema
    ctes: dict[str, Source]
    outer: Block | None = None
    sources: dict[str, Source] = field(default_factory=dict)
    items: dict[str, Any] = field(default_factory=dict)
    parts: tuple[Block, ...] = ()
    shared: dict[str, Any] = field(default_factory=dict)
    """Columns of USING: what each of them is."""
    known: dict[str, frozenset[Any]] = field(default_factory=dict)
    """What has been worked out of it, for those who ask twice."""

    @property
    def is_grouped(self) -> bool:
        """Whether one of its rows stands for several of those it reads."""
        args = self.node.args
        return bool(args.get("group") or args.get("having") or args.get("distinct")) or any(
            is_aggregate(one) for item in self.items.values() for one in item.walk()
        )

    @property
    def groups(self) -> list[Any]:
        """What its rows are grouped by; of DISTINCT every column."""
        group = self.node.args.get("group")
        if group and group.args.get("all"):
            return [item for item in self.items.values() if not any(map(is_aggregate, item.walk()))]
        if group:
            return [self.grouped(one) for one in group.iter_expressions()]
        return list(self.items.values()) if self.node.args.get("distinct") else []

    def grouped(self, node: Any) -> Any:
        """An item of GROUP BY: itself, or the column of the select list that it names or counts."""
        if isinstance(node, exp.Literal) and node.is_int:
            return list(self.items.values())[int(node.this) - 1]
        if isinstance(node, exp.Column) and not node.table and node.name.lower() in self.items:
            return self.items[node.name.lower()]
        return node

    def names(self, source: Source) -> list[str]:
        """The columns of what FROM names, as written."""
        if isinstance(source, Table):
            return list(self.schema[source])
        return list(source.items) if isinstance(source, Block) else []

    def meant(self, column: exp.Column) -> tuple[Block, str, str] | None:
        """Where a column is from: the block whose FROM has it, the source's alias and its name; None: of no source."""
        first, *rest = (part.name.lower() for part in column.parts)  # alias.column, alias.struct.field, struct.field
        at: Block | None = self
        while at is not None:
            if rest and first in at.sources:
                return at, first, rest[0]
            if found := at.holder(first):
                return at, found, first
            if first in at.sources:  # all of a row
                return at, first, first
            at = at.outer
        return None

    def holder(self, name: str) -> str:
        """The alias of the source that has a column, or may have it; "" where none does."""
        if name in self.shared:
            return str(self.shared[name].find(exp.Column).table)
        for alias, source in self.sources.items():
            if any(one.lower() == name for one in self.names(source)):
                return alias
        return next((alias for alias, source in self.sources.items() if isinstance(source, exp.Unnest)), "")


def is_aggregate(node: Any) -> bool:
    """Whether it is an aggregate function of a group, not of a window."""
    return isinstance(node, exp.AggFunc) and not isinstance(node.find_ancestor(exp.Window, exp.Query), exp.Window)


def blocks(query: Query, schema: Schema) -> Block:
    """The outermost block of a query.

    Raises:
        ProjectError: it is nested too deeply, or is no query.
    """
    if not isinstance(query.tree, exp.Query):
        raise query.wrong("this is no query", query.tree)
    try:
        return block(query, schema, query.tree, {}, None)
    except RecursionError:
        raise query.wrong(TOO_DEEP) from None


def block(query: Query, schema: Schema, node: Any, ctes: dict[str, Source], outer: Block | None) -> Block:
    """The block of a query within another one."""
    if with_ := node.args.get("with_"):
        ctes = dict(ctes)
        for cte in with_.expressions:
            if with_.recursive and isinstance(cte.this, exp.SetOperation):
                ctes[cte.alias.lower()] = block(query, schema, cte.this.this, ctes, outer)
            ctes[cte.alias.lower()] = block(query, schema, cte.this, ctes, outer)
    if isinstance(node, exp.Subquery):
        return block(query, schema, node.this, ctes, outer)
    found = Block(query, node, schema, ctes, outer)
    if isinstance(node, exp.SetOperation):
        found.parts = tuple(block(query, schema, side, ctes, outer) for side in (node.this, node.expression))
        found.items = dict(found.parts[0].items)
        return found
    if from_ := node.args.get("from_"):
        for part in (from_, *(node.args.get("joins") or ())):
            alias = part.this.alias_or_name.lower() or f"#{len(found.sources)}"
            for name in part.args.get("using") or ():
                low = name.name.lower()
                found.shared[low] = _shared(found, part.side, low, alias)
            found.sources[alias] = _source(found, part.this)
    for item in node.expressions:
        found.items.update(_items(found, item))
    return found


def _shared(of: Block, side: str, name: str, alias: str) -> Any:
    """What a column of USING is once ``alias`` is joined too: of the side that has a row, and of one or the other."""
    before, theirs = of.shared.get(name) or exp.column(name, table=of.holder(name)), exp.column(name, table=alias)
    if side == "FULL":
        return exp.Coalesce(this=before.copy(), expressions=[theirs])
    return theirs if side == "RIGHT" else before


def _source(of: Block, node: Any) -> Source:
    if isinstance(node, exp.Table) and not node.args.get("pivots"):
        table = Table(node.db, node.name)
        known: Source | None = table if node.db else of.ctes.get(node.name.lower())
        if known is not None and (not node.db or table in of.schema):
            return known
    if isinstance(node, exp.Unnest):
        return node
    if isinstance(node, exp.Subquery) and not node.args.get("pivots"):
        return block(of.asked, of.schema, node, of.ctes, of.outer)
    raise of.asked.wrong("what a column of this is made of cannot be told", node)


def _items(of: Block, item: Any) -> Iterator[tuple[str, Any]]:
    """The columns that one item of the select list yields; of several columns without a name each has its place."""
    if isinstance(item, exp.Alias):
        yield item.alias.lower(), item.this
        return
    if not item.is_star:
        yield implied_name(item).lower() or f"#{len(of.items)}", item
        return
    star, sources, shared = item, of.sources, of.shared
    if isinstance(item, exp.Column):  # of one source
        star, sources, shared = item.this, {item.table.lower(): of.sources[item.table.lower()]}, {}
    dropped = {column.name.lower() for column in star.args.get("except_") or ()}
    replaced = {new.alias.lower(): new.this for new in star.args.get("replace") or ()}
    for alias, source in sources.items():
        for name in of.names(source):
            if (low := name.lower()) not in dropped:
                yield low, replaced.get(low) or (shared[low].copy() if low in shared else exp.column(name, table=alias))
