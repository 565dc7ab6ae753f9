"""Which rows of the tables that a query reads a row of its answer is made of, as a query of its own.

The rules are Perm's: a selection, a projection and a join carry the keys of what they read; an aggregation gives way to
its members and is joined back on its group; a set operation carries them on the side they are from. Each member of a
sum carries the factor that its column has in it, so that the sum of factor times value is the number itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fees_etl.query.blocks import Block, blocks, is_aggregate
from fees_etl.query.joined import NO_LIMIT, Leg, column_of, joined, spelled
from fees_etl.query.lineage import made_of
from fees_etl.query.tags import branches
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from fees_etl.query.joined import Only
    from fees_etl.query.names import Schema
    from fees_etl.query.read import Query


class NotAdditive(Exception):
    """A column is no sum of a table's values; its operands can be shown."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way from the rows of a query's answer to the rows that a column of it adds up.

    ``sql`` yields the answer's key (``key_0``..), the key of the table's row (``of_0``..), what the column has there
    (``of_worth``), and factors (``by_0``..).
    """

    sql: str
    table: Table
    column: str
    key: tuple[str, ...]
    factors: int


def ways(
    query: Query,
    schema: Schema,
    keys: Mapping[Table, Sequence[str]],
    key: Sequence[str],
    column: str,
    only: Only = NO_LIMIT,
) -> list[Way]:
    """Every way from the rows of a query to what a column of it adds up.

    Args:
        query: the model's.
        schema: the columns of all tables.
        keys: the columns that tell the rows of each table apart.
        key: the columns of the answer that tell its rows apart.
        column: the column of the answer.
        only: the rows of the answer that are asked for, as literals by columns of the key; left out, all of them.

    Raises:
        NotAdditive: it adds nothing up.
        ProjectError: what the query does cannot be traced.
    """
    found = []
    for number in range(len(list(_ways(blocks(query, schema), column.lower())))):  # each is built in a copy of its own
        legs, table, end = list(_ways(spelled(query, schema), column.lower()))[number]
        at, of = legs[-1].alias, tuple(keys[table])
        ends = [exp.alias_(column_of(one, at), f"of_{place}") for place, one in enumerate(of)]
        ends.append(exp.alias_(column_of(end, at), "of_worth"))
        factors = sum(leg.factor is not None for leg in legs)
        found.append(Way(joined(legs, key, ends, only), table, end, of, factors))
    return found


def operands(
    query: Query,
    schema: Schema,
    keys: Mapping[Table, Sequence[str]],
    key: Sequence[str],
    column: str,
    hidden: Collection[tuple[Table, str]] = (),
    *,
    only: Only = NO_LIMIT,
) -> str:
    """The query for what a column that is no sum is worked out from: the answer's key, and the operands by name.

    Its arguments are those of :func:`ways`; columns of tables that are ``hidden`` are no operands, nor is what is made
    of them.

    Raises:
        ProjectError: what the query does cannot be traced.
    """
    top = at = spelled(query, schema)
    legs, low = list[Leg](), column.lower()
    while not at.parts and not at.is_grouped and isinstance(item := at.items[low], exp.Column):
        place = at.meant(item)
        if place is None or place[0] is not at or not isinstance(source := at.sources[place[1]], Block):
            break
        legs.append(Leg(at, place[1]))
        at, low = source, place[2]
    if at.parts:
        raise query.wrong(f"{column} cannot be traced: it comes from {at.node.key.upper()}", at.node)
    item = at.items[low]
    windows = list(item.find_all(exp.Window))
    shown = {one.name: one for one in item.find_all(exp.Column)}
    if windows or at.is_grouped:
        for alias, source in at.sources.items():
            if isinstance(source, Table):
                shown |= {f"{source.name}_{one}": column_of(one, alias) for one in keys[source]}
    if not shown:  # rows are counted, and none of their columns looked at
        shown = {one: column_of(one, alias) for alias, source in at.sources.items() for one in at.names(source)}
    if windows and at is top:
        shown = {one: at.items[one.lower()] for one in key} | shown
    secret = {one for one, item in shown.items() if any(edge[:2] in hidden for edge in made_of(at, item))}
    shown = {one: item for one, item in shown.items() if one not in secret}
    if not shown:
        raise query.wrong(f"{column} is made of columns with a policy tag, which are not shown", item)
    legs.append(Leg(at, groups=[*windows[0].args.get("partition_by", ())] if windows else None))
    values = [exp.alias_(one.copy(), f"operand_{name}", quoted=True) for name, one in shown.items()]
    return joined(legs, key, values, only)


def _ways(of: Block, name: str) -> Iterator[tuple[list[Leg], Table, str]]:
    """The ways of a column of a block: their legs, the table that each ends at, and the column there."""
    if of.parts:
        if of.node.args.get("distinct") or not isinstance(of.node, exp.Union):
            raise of.asked.wrong(f"this cannot be traced: {of.node.key.upper()} that leaves rows out", of.node)
        place = list(of.items).index(name)
        for side, part in enumerate(of.parts):
            for legs, table, end in _ways(part, list(part.items)[place]):
                yield [Leg(of, side=side), *legs], table, end
        return
    item = of.items[name]
    for node, factor in _factors(item, is_grouped=of.is_grouped):
        found = of.meant(node)
        if found is None or found[0] is not of or isinstance(of.sources[found[1]], exp.Unnest):
            raise of.asked.wrong(f"{node.name} cannot be traced here", item)
        source, here = of.sources[found[1]], Leg(of, found[1], factor)
        if isinstance(source, Table):
            yield [here], source, {one.lower(): one for one in of.schema[source]}[found[2]]
        elif isinstance(source, Block):
            for legs, table, end in _ways(source, found[2]):
                yield [here, *legs], table, end


def _factors(item: Any, *, is_grouped: bool) -> Iterator[tuple[exp.Column, Any]]:
    """Each column that an expression adds up, with its factor: the expression where it is one and the others nothing.

    None is the factor one. Where rows are grouped only columns within SUM add up, and a factor is one of a member.

    Raises:
        NotAdditive: it is no such sum.
    """
    whole = exp.Paren(this=item.copy())
    sums = _holes(whole, exp.Sum) if is_grouped else [whole]
    found = [(place, column) for place, one in enumerate(sums) for column in _holes(one.this, exp.Column)]
    for place, one in enumerate(sums):
        one.meta["sum"] = place
    for mark, (_, column) in enumerate(found):
        column.meta["hole"] = mark
    for mark, (place, column) in enumerate(found):
        made = exp.Paren(this=whole.copy())
        for one in [one for one in made.find_all(exp.Sum) if "sum" in one.meta]:
            one.replace(exp.Paren(this=one.this) if one.meta["sum"] == place else _numeric("0"))
        for one in [one for one in made.find_all(exp.Column) if "hole" in one.meta]:
            one.replace(_numeric("1") if one.meta["hole"] == mark else _nothing(one))
        if any(is_aggregate(one) or isinstance(one, exp.Window) for one in made.walk()):
            raise NotAdditive
        yield column, None if made.unnest() == _numeric("1") else made


def _nothing(column: exp.Column) -> exp.Expr:
    """Zero, but NULL where the column is: then the sum has nothing of any of them."""
    is_null = exp.Is(this=column.copy(), expression=exp.Null())
    return exp.If(this=is_null, true=exp.Null(), false=_numeric("0"))


def _numeric(text: str) -> exp.Expr:
    return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build("DECIMAL"))


def _holes(node: Any, kind: type[exp.Expr]) -> list[Any]:  # noqa: PLR0911 - one return a kind of sum
    """The parts that an expression adds up, each at most once; zeros and NULLs are none."""
    if isinstance(node, kind) and not (kind is exp.Sum and isinstance(node.this, exp.Distinct)):
        return [node]
    if isinstance(node, exp.Paren | exp.Neg | exp.Alias):
        return _holes(node.this, kind)
    if isinstance(node, exp.Add | exp.Sub):
        return [*_holes(node.this, kind), *_holes(node.expression, kind)]
    if isinstance(node, exp.Mul) and (fixed := [one for one in (node.this, node.expression) if _is_fixed(one)]):
        return _holes(node.expression if fixed[0] is node.this else node.this, kind)
    if isinstance(node, exp.If | exp.Case):
        return [hole for one in branches(node) for hole in _holes(one, kind)]
    if isinstance(node, exp.Coalesce) and all(_is_zero(one) for one in node.expressions):
        return _holes(node.this, kind)
    if isinstance(node, exp.Cast) and node.to.this == exp.DType.DECIMAL and not _is_fixed(node):
        return _holes(node.this, kind)
    if _is_zero(node) or isinstance(node, exp.Null):
        return []
    raise NotAdditive


def _is_fixed(node: Any) -> bool:
    """Whether it is a number that is written there."""
    plain = node.unnest()
    plain = plain.this if isinstance(plain, exp.Neg | exp.Cast) else plain
    return isinstance(plain, exp.Literal)


def _is_zero(node: Any) -> bool:
    plain = node.unnest()
    plain = plain.this if isinstance(plain, exp.Cast) else plain
    return isinstance(plain, exp.Literal) and not plain.this.strip("0.")
