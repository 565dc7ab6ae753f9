"""Which columns a column is made of, and which decide its rows: through CTEs, subqueries and set operations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from sqlglot import exp

from fees_etl.query.blocks import Block, block, blocks
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fees_etl.query.names import Schema
    from fees_etl.query.read import Query

Kind: TypeAlias = Literal["copied", "computed", "aggregated", "filter", "join", "group", "order", "window"]
DIRECT: tuple[Kind, ...] = ("copied", "computed", "aggregated")
"""How a column's values become another's; the other kinds decide which rows there are, or in what order."""


class Edge(NamedTuple):
    """A column of a table that a column depends on, and how."""

    table: Table
    column: str
    kind: Kind


Edges: TypeAlias = frozenset[Edge]
_NONE: Edges = frozenset()


def lineage(query: Query, schema: Schema) -> dict[str, Edges]:
    """Of each output column of a query, in order and in lower case: the columns of tables that it depends on.

    A condition of IF or CASE is a filter. What only orders the rows of the result is none.

    Raises:
        ProjectError: it cannot be told: PIVOT, table functions.

    >>> from fees_etl.query import parse
    >>> fees = {Table("raw", "fees"): {"client_id": "STRING", "fee_amount": "NUMERIC"}}
    >>> found = lineage(parse("SELECT client_id, SUM(fee_amount) AS n FROM raw.fees GROUP BY client_id", "n.sql"), fees)
    >>> [f"{edge.column} {edge.kind}" for edge in sorted(found["n"])]
    ['client_id group', 'fee_amount aggregated']
    """
    top = blocks(query, schema)
    return {name: _column(top, name) for name in top.items}


def revealed(query: Query, schema: Schema) -> dict[str, Edges]:
    """As :func:`lineage`, without what a column is only counted for, or asked whether it is NULL.

    >>> from fees_etl.query import parse
    >>> fees = {Table("raw", "fees"): {"client_nino": "STRING"}}
    >>> sql = "SELECT COUNT(DISTINCT client_nino) AS n, COUNTIF(client_nino > 'M') AS m FROM raw.fees"
    >>> {name: len(edges) for name, edges in revealed(parse(sql, "n.sql"), fees).items()}
    {'n': 0, 'm': 1}
    """
    tree = query.tree.copy()
    for node in tree.find_all(exp.Count, exp.Is):
        asked = node.this.expressions if isinstance(node.this, exp.Distinct) else [node.this, *node.expressions]
        if not all(isinstance(one, exp.Column) for one in asked):
            continue
        if isinstance(node, exp.Count):
            node.replace(exp.Count(this=exp.Star()))
        elif isinstance(node.expression, exp.Null):
            node.replace(exp.true())
    return lineage(replace(query, tree=tree), schema)


def made_of(of: Block, node: Any, kind: Kind = "copied", *, is_after: bool = False) -> Edges:
    """The edges of an expression of a block; ``is_after`` the select list its names come first."""
    found: set[Edge] = set()
    waiting: list[tuple[Any, Kind]] = [(node, kind)]
    while waiting:
        one, how = waiting.pop()
        if isinstance(one, exp.Column):
            item = of.items.get(one.name.lower()) if is_after and not one.table else None
            if item is not None and not (isinstance(item, exp.Column) and item.name.lower() == one.name.lower()):
                found |= _as(made_of(of, item), how)
            else:
                found |= _as(_named(of, one), how)
        elif isinstance(one, exp.Query):
            inner = block(of.asked, of.schema, one, of.ctes, of)
            for name in inner.items:
                found |= _as(_column(inner, name), how if how not in DIRECT else "computed")
        else:
            waiting += _parts(one, how)
    return frozenset(found)


def _column(of: Block, name: str) -> Edges:
    """All edges of an output column."""
    if name not in of.known:
        if of.parts:
            place = list(of.items).index(name)
            sides = of.parts[:1] if isinstance(of.node, exp.Except | exp.Intersect) else of.parts
            own: Edges = frozenset().union(*(_column(part, list(part.items)[place]) for part in sides))
        else:
            own = made_of(of, of.items[name])
        of.known[name] = own | _rows(of)
    return of.known[name]


def _rows(of: Block) -> Edges:
    """What decides which rows a block has."""
    if "" not in of.known:
        of.known[""] = _NONE  # a recursive CTE reads itself
        of.known[""] = frozenset().union(*_deciding(of))
    return of.known[""]


def _deciding(of: Block) -> Iterator[Edges]:
    args = of.node.args
    for part in of.parts:
        yield _rows(part)
        if args.get("distinct") or isinstance(of.node, exp.Except | exp.Intersect):
            yield from (_as(_column(part, name), "group") for name in part.items)
    for source in of.sources.values():
        if isinstance(source, Block):
            yield _rows(source)
        elif isinstance(source, exp.Unnest):
            yield from (made_of(of, one, "join") for one in source.expressions)
    yield from (made_of(of, one, "join") for join in args.get("joins") or () for one in _joined_on(of, join))
    for clause in ("where", "having", "qualify"):
        if found := args.get(clause):
            yield made_of(of, found.this, "filter", is_after=clause != "where")
    yield from (made_of(of, one, "group") for one in of.groups)
    if args.get("order") and args.get("limit"):
        yield from (made_of(of, one.this, "order", is_after=True) for one in args["order"].expressions)


def _joined_on(of: Block, join: exp.Join) -> Iterator[Any]:
    """The condition of a join; of USING the columns of both sides."""
    if on := join.args.get("on"):
        yield on
    for name in join.args.get("using") or ():
        for alias, source in of.sources.items():
            if name.name.lower() in map(str.lower, of.names(source)):
                yield exp.column(name.name, table=alias)


def _as(edges: Edges, kind: Kind) -> Edges:
    """The same edges one step further on: of the direct kinds the one that comes last, an indirect one stays."""
    place = _place(kind)
    return frozenset(edge if _place(edge.kind) >= place else edge._replace(kind=kind) for edge in edges)


def _place(kind: Kind) -> int:
    return DIRECT.index(kind) if kind in DIRECT else len(DIRECT)


def _parts(node: Any, kind: Kind) -> Iterator[tuple[Any, Kind]]:
    """The parts of an expression, each with what it is to the whole."""
    is_direct = kind in DIRECT
    if isinstance(node, exp.Window):
        yield node.this, kind
        args = node.args
        rest = [*(args.get("partition_by") or ()), *(args["order"].expressions if args.get("order") else ())]
        yield from ((one, "window" if is_direct else kind) for one in rest)
        return
    inner: Kind = kind
    if is_direct and isinstance(node, exp.AggFunc):
        inner = "aggregated"
    elif kind == "copied" and not isinstance(node, exp.Paren | exp.Alias):
        inner = "computed"
    for part in node.iter_expressions():
        if is_direct and isinstance(node, exp.If | exp.Case) and part is node.this:
            yield part, "filter"
        elif is_direct and isinstance(part, exp.Ordered):
            yield part.this, "order"
        else:
            yield part, inner


def _named(of: Block, column: exp.Column) -> Edges:
    """What a column of FROM is made of there."""
    place = of.meant(column)
    if place is None:
        return _NONE
    at, alias, name = place
    source = at.sources[alias]
    if isinstance(source, Table):
        written = {one.lower(): one for one in of.schema[source]}
        names = [written[name]] if name in written else list(written.values())  # all of a row
        return frozenset(Edge(source, one, "copied") for one in names)
    if isinstance(source, Block):
        return frozenset().union(*(_column(source, one) for one in ([name] if name in source.items else source.items)))
    return frozenset().union(*(_as(made_of(at, one), "computed") for one in source.expressions))
