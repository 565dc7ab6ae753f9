"""Which rows of the tables that a query reads a row of its answer is made of, as a query of its own.

The rules are Perm's: a selection, a projection and a join carry the keys of what they read; an aggregation gives way to
its members and is joined back on its group; a set operation carries them on the side they are from. Each member of a
sum carries the factor that its column has in it, so that the sum of factor times value is the number itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fees_etl.query.blocks import Block, blocks
from fees_etl.query.joined import NO_LIMIT, written
from fees_etl.query.lineage import made_of
from fees_etl.query.read import BIGQUERY
from fees_etl.query.sums import factors
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from fees_etl.query.joined import Only
    from fees_etl.query.names import Schema
    from fees_etl.query.read import Query


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


@dataclass(slots=True)
class _Step:
    """A block on the way, the source that the way goes on to, and what a row of it is multiplied by."""

    block: Block
    alias: str
    factor: Any
    side: int | None = None
    """Of a set operation: which side."""


@dataclass(slots=True)
class _Plan:
    """The steps of one way, from the answer to the table; the copy of the query they are built in."""

    steps: list[_Step] = field(default_factory=list)
    table: Table | None = None
    column: str = ""


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
    count = len(list(_plans(blocks(query, schema), column.lower())))
    found = []
    for number in range(count):  # each is built in a copy of its own
        top = blocks(query, schema, query.tree.copy())
        _spell(top)
        plan = list(_plans(top, column.lower()))[number]
        assert plan.table is not None  # noqa: S101 - every way ends at one
        of = tuple(keys[plan.table])
        sql, factors = _built(query, top, plan, key, of, only)
        found.append(Way(sql, plan.table, plan.column, of, factors))
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

    Args:
        query: the model's.
        schema: the columns of all tables.
        keys: the columns that tell the rows of each table apart.
        key: the columns of the answer that tell its rows apart.
        column: the column of the answer.
        hidden: columns of tables, with all that is made of them: they are no operands.
        only: as of :func:`ways`.

    Raises:
        ProjectError: what the query does cannot be traced.
    """
    top = blocks(query, schema, query.tree.copy())
    _spell(top)
    plan, at, name = _Plan(), top, column.lower()
    while not at.parts and not at.is_grouped and isinstance(item := at.items[name], exp.Column):
        place = at.meant(item)
        if place is None or place[0] is not at or not isinstance(source := at.sources[place[1]], Block):
            break
        plan.steps.append(_Step(at, place[1], None))
        at, name = source, place[2]
    if at.parts:
        raise query.wrong(f"{column} cannot be traced: it comes from {at.node.key.upper()}", at.node)
    item = at.items[name]
    windows = list(item.find_all(exp.Window))
    groups = [*windows[0].args.get("partition_by", ())] if windows else at.groups if at.is_grouped else None
    shown = {one.name: one for one in item.find_all(exp.Column)}
    if windows or at.is_grouped:
        for alias, source in at.sources.items():
            if isinstance(source, Table):
                shown |= {f"{source.name}_{one}": _column(one, alias) for one in keys[source]}
    if not shown:  # rows are counted, and none of their columns looked at
        shown = {one: _column(one, alias) for alias, source in at.sources.items() for one in at.names(source)}
    if windows and at is top:
        shown = {one: at.items[one.lower()] for one in key} | shown
    plan.steps.append(_Step(at, "", None))
    secret = {one for one, item in shown.items() if any(edge[:2] in hidden for edge in made_of(at, item))}
    shown = {one: item for one, item in shown.items() if one not in secret}
    if not shown:
        raise query.wrong(f"{column} is made of columns with a policy tag, which are not shown", item)
    values = [exp.alias_(one.copy(), f"operand_{name}", quoted=True) for name, one in shown.items()]
    return _joined(query, top, plan, key, values, groups, only=only)


def _plans(of: Block, name: str) -> Iterator[_Plan]:
    """The ways of a column of a block, from the block on."""
    if of.parts:
        if of.node.args.get("distinct") or not isinstance(of.node, exp.Union):
            raise of.asked.wrong(f"this cannot be traced: {of.node.key.upper()} that leaves rows out", of.node)
        place = list(of.items).index(name)
        for side, part in enumerate(of.parts):
            for plan in _plans(part, list(part.items)[place]):
                yield _Plan([_Step(of, "", None, side), *plan.steps], plan.table, plan.column)
        return
    item = of.items[name]
    for column, factor in factors(item, is_grouped=of.is_grouped):
        found = of.meant(column)
        if found is None or found[0] is not of or isinstance(of.sources[found[1]], exp.Unnest):
            raise of.asked.wrong(f"{column.name} cannot be traced here", item)
        source = of.sources[found[1]]
        here = _Step(of, found[1], factor)
        if isinstance(source, Table):
            written = {one.lower(): one for one in of.schema[source]}
            yield _Plan([here], source, written[found[2]])
        elif isinstance(source, Block):
            for plan in _plans(source, found[2]):
                yield _Plan([here, *plan.steps], plan.table, plan.column)


def _spell(of: Block, seen: set[int] | None = None) -> None:
    """Every star becomes the columns it stands for: what is added to a CTE must not be among them."""
    seen = set() if seen is None else seen
    if id(of) in seen:
        return
    seen.add(id(of))
    for inner in (*of.parts, *of.sources.values()):
        if isinstance(inner, Block):
            _spell(inner, seen)
    if not of.parts and any(item.is_star for item in of.node.expressions):
        of.node.set("expressions", [exp.alias_(item.copy(), name, quoted=True) for name, item in of.items.items()])
        of.items = {item.alias.lower(): item.this for item in of.node.expressions}


def _built(query: Query, top: Block, plan: _Plan, key: Sequence[str], of: Sequence[str], only: Only) -> tuple[str, int]:
    alias = plan.steps[-1].alias
    ends = [exp.alias_(_column(one, alias), f"of_{at}") for at, one in enumerate(of)]
    ends.append(exp.alias_(_column(plan.column, alias), "of_worth"))
    return _joined(query, top, plan, key, ends, None, only=only), sum(step.factor is not None for step in plan.steps)


def _joined(
    query: Query, top: Block, plan: _Plan, key: Sequence[str], ends: list[Any], groups: list[Any] | None, *, only: Only
) -> str:
    """The query of one way: the answer itself, joined to the members of every group on the way.

    ``ends`` is what the last block gives; with ``groups`` its rows are found by them.
    """
    same = _same(top, plan, only)
    members: list[tuple[int, list[str], exp.Select]] = []
    exported = [one.alias for one in ends]
    given, factor = ends, 0
    total = sum(step.factor is not None for step in plan.steps)
    for number in range(len(plan.steps) - 1, -1, -1):
        step = plan.steps[number]
        if number < len(plan.steps) - 1:
            given = [_carried(name, step.alias) for name in exported]
        if step.factor is not None:
            factor += 1
            given = [*given, exp.alias_(step.factor.copy(), f"by_{total - factor}")]
        if step.side is not None:
            exported = _on_side(step, exported, number)
            continue
        by = groups if number == len(plan.steps) - 1 and groups is not None else step.block.groups
        if by is groups or step.block.is_grouped:
            if (group := step.block.node.args.get("group")) and group.find(exp.Rollup, exp.Cube, exp.GroupingSets):
                raise query.wrong("this cannot be traced: it is grouped in several ways", step.block.node)
            names = [f"group_{number}_{at}" for at in range(len(by))]
            grouped = [exp.alias_(one.copy(), name) for one, name in zip(by, names, strict=True)]
            tests = [  # engines do not carry them through the join, and would look at every group
                exp.In(this=one.copy(), expressions=[BIGQUERY.parse(text)[0] for text in only[name]])
                for one in by
                for name, item in same[number].items()
                if one == item
            ]
            node = _members(step.block, top, [*grouped, *given], tests)
            members.append((number, names, node))
            _require_in_sight(step.block, top)
            given = grouped
        step.block.node.set("expressions", [*step.block.node.expressions, *given])
        exported = [one.alias for one in given]
    return written(top, key, members, exported, only)


def _members(of: Block, top: Block, items: Sequence[Any], tests: Sequence[Any]) -> exp.Select:
    """The rows of which a block makes groups."""
    node = exp.Select(expressions=[one.copy() for one in items])
    for clause in ("with_", "from_", "joins", "where"):
        if (found := of.node.args.get(clause)) and not (clause == "with_" and of is top):
            node.set(clause, [one.copy() for one in found] if isinstance(found, list) else found.copy())
    return node.where(*tests, copy=False) if tests else node


def _same(top: Block, plan: _Plan, only: Only) -> list[dict[str, Any]]:
    """Of each step the items of its block that are, unchanged, columns of the answer's key."""
    found = list[dict[str, Any]]()
    at: Any = top
    names = {name: name.lower() for name in only}
    for step in plan.steps:
        items = {} if not isinstance(at, Block) or at.parts else {one: at.items[name] for one, name in names.items()}
        found.append(items)
        places = {one: at.meant(item) for one, item in items.items() if isinstance(item, exp.Column)}
        names = {one: to[2] for one, to in places.items() if to and to[0] is at and to[1] == step.alias}
        at = at.sources.get(step.alias) if isinstance(at, Block) else None
    return found


def _carried(name: str, alias: str) -> Any:
    return exp.alias_(_column(name, alias), name)


def _column(name: str, alias: str) -> exp.Expr:
    """A column of a source; one without a name of its own is FROM's only one, or nothing else has the column."""
    return exp.column(name, table=None if alias.startswith("#") else alias or None, quoted=True)


def _on_side(step: _Step, exported: list[str], number: int) -> list[str]:
    """One side of a set operation has what was added to its select list; the other has none of it."""
    mark = f"side_{number}"
    for place, part in enumerate(step.block.parts):
        for one in _selects(part):
            if place != step.side:
                one.set("expressions", [*one.expressions, *(exp.alias_(exp.Null(), name) for name in exported)])
            one.append("expressions", exp.alias_(exp.Literal.number(int(place == step.side)), mark))
    return [*exported, mark]


def _selects(of: Block) -> list[Any]:
    return [one for part in of.parts for one in _selects(part)] if of.parts else [of.node]


def _require_in_sight(of: Block, top: Block) -> None:
    """The members of a group are a CTE of the whole query: what it reads must be in sight there."""
    inner = of.node.find_ancestor(exp.With)
    while inner is not None and inner.parent is not top.node:
        if not inner.parent or inner.parent is not of.node:
            raise of.asked.wrong("this cannot be traced: WITH within a subquery", of.node)
        inner = inner.find_ancestor(exp.With)
