"""The query of one way of provenance: the answer, joined to the members of every group on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlglot import exp

from fees_etl.query.blocks import Block, blocks
from fees_etl.query.read import BIGQUERY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fees_etl.query.names import Schema
    from fees_etl.query.read import Query

Only: TypeAlias = "Mapping[str, Sequence[str]]"
"""Literals by columns of a key: what a row must have to be asked for."""
NO_LIMIT: Only = {}


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of a way: a block, and the source that the way goes on to."""

    block: Block
    alias: str = ""
    factor: Any = None
    """What a row of the source is multiplied by; None is one."""
    side: int | None = None
    """Of a set operation: which side."""
    groups: list[Any] | None = None
    """What the rows of the block are found by, where it is not what the block groups them by."""


def spelled(query: Query, schema: Schema) -> Block:
    """The outermost block of a copy of a query that may be changed.

    Every star has become the columns it stands for: what is added to a CTE must not be among them.
    """
    top = blocks(replace(query, tree=query.tree.copy()), schema)
    waiting, seen = [top], set[int]()
    while waiting:
        of = waiting.pop()
        if id(of) in seen:
            continue
        seen.add(id(of))
        waiting += [inner for inner in (*of.parts, *of.sources.values()) if isinstance(inner, Block)]
        if not of.parts and any(item.is_star for item in of.node.expressions):
            of.node.set("expressions", [exp.alias_(item.copy(), name, quoted=True) for name, item in of.items.items()])
            of.items = {item.alias.lower(): item.this for item in of.node.expressions}
    return top


def joined(legs: Sequence[Leg], key: Sequence[str], ends: list[Any], only: Only) -> str:
    """The text of the query whose way has these legs, in a query that is :func:`spelled`; the last one gives ``ends``.

    Raises:
        ProjectError: what the query does cannot be traced.
    """
    top, same = legs[0].block, _same(legs, only)
    members: list[tuple[int, list[str], exp.Select]] = []
    given, exported = ends, [one.alias for one in ends]
    factors = sum(leg.factor is not None for leg in legs)
    for number, leg in reversed(list(enumerate(legs))):
        of = leg.block
        if leg is not legs[-1]:
            given = [exp.alias_(column_of(name, leg.alias), name) for name in exported]
        if leg.factor is not None:
            factors -= 1
            given = [*given, exp.alias_(leg.factor.copy(), f"by_{factors}")]
        if leg.side is not None:
            exported = _on_side(leg, exported, number)
            continue
        if leg.groups is not None or of.is_grouped:
            by = of.groups if leg.groups is None else leg.groups
            if (group := of.node.args.get("group")) and group.find(exp.Rollup, exp.Cube, exp.GroupingSets):
                raise of.asked.wrong("this cannot be traced: it is grouped in several ways", of.node)
            names = [f"group_{number}_{at}" for at in range(len(by))]
            grouped = [exp.alias_(one.copy(), name) for one, name in zip(by, names, strict=True)]
            tests = [  # engines do not carry them through the join, and would look at every group
                exp.In(this=one.copy(), expressions=[BIGQUERY.parse(text)[0] for text in only[name]])
                for one in by
                for name, item in same[number].items()
                if one == item
            ]
            members.insert(0, (number, names, _members(of, top, [*grouped, *given], tests)))
            _require_in_sight(of, top)
            given = grouped
        of.node.set("expressions", [*of.node.expressions, *given])
        exported = [one.alias for one in given]
    return _written(top, key, members, exported, only)


def column_of(name: str, alias: str) -> exp.Expr:
    """A column of a source; one without a name of its own is FROM's only one, or nothing else has the column."""
    return exp.column(name, table=None if alias.startswith("#") else alias or None, quoted=True)


def _same(legs: Sequence[Leg], only: Only) -> list[dict[str, Any]]:
    """Of each leg the items of its block that are, unchanged, columns of the answer's key."""
    found = list[dict[str, Any]]()
    names = {name: name.lower() for name in only}
    for leg in legs:
        of = leg.block
        items = {} if of.parts else {one: of.items[name] for one, name in names.items()}
        found.append(items)
        places = {one: of.meant(item) for one, item in items.items() if isinstance(item, exp.Column)}
        names = {one: to[2] for one, to in places.items() if to and to[0] is of and to[1] == leg.alias}
    return found


def _on_side(leg: Leg, exported: list[str], number: int) -> list[str]:
    """One side of a set operation has what was added to its select list; the other has none of it."""
    mark = f"side_{number}"
    for place, part in enumerate(leg.block.parts):
        for one in _selects(part):
            if place != leg.side:
                one.set("expressions", [*one.expressions, *(exp.alias_(exp.Null(), name) for name in exported)])
            one.append("expressions", exp.alias_(exp.Literal.number(int(place == leg.side)), mark))
    return [*exported, mark]


def _selects(of: Block) -> list[Any]:
    return [one for part in of.parts for one in _selects(part)] if of.parts else [of.node]


def _members(of: Block, top: Block, items: Sequence[Any], tests: Sequence[Any]) -> exp.Select:
    """The rows of which a block makes groups."""
    node = exp.Select(expressions=[one.copy() for one in items])
    for clause in ("with_", "from_", "joins", "where"):
        if (found := of.node.args.get(clause)) and not (clause == "with_" and of is top):
            node.set(clause, [one.copy() for one in found] if isinstance(found, list) else found.copy())
    return node.where(*tests, copy=False) if tests else node


def _require_in_sight(of: Block, top: Block) -> None:
    """The members of a group are a CTE of the whole query: what it reads must be in sight there."""
    inner = of.node.find_ancestor(exp.With)
    while inner is not None and inner.parent is not top.node:
        if not inner.parent or inner.parent is not of.node:
            raise of.asked.wrong("this cannot be traced: WITH within a subquery", of.node)
        inner = inner.find_ancestor(exp.With)


def _written(
    top: Block, key: Sequence[str], members: list[tuple[int, list[str], exp.Select]], exported: list[str], only: Only
) -> str:
    """WITH what the query has, and the members of its groups: SELECT the key and what is exported, of some rows."""
    node = top.node
    with_ = node.args.get("with_")
    node.set("with_", None)
    sql = [f"{_name(cte.alias)} AS (\n{_sql(cte.this)}\n)" for cte in (with_.expressions if with_ else ())]
    sql.append(f"_answer AS (\n{_sql(node)}\n)")
    sql += [f"_members_{number} AS (\n{_sql(select)}\n)" for number, _, select in reversed(members)]
    front = dict.fromkeys(exported, "_answer")
    joins = []
    for number, names, select in members:
        at = f"_members_{number}"
        same = [_is_same(f"{front[one]}.{one}", f"{at}.{one}") for one in names]
        joins.append(f"INNER JOIN {at} ON {' AND '.join(same) or 'TRUE'}")
        front |= {one.alias: at for one in select.expressions[len(names) :]}
    wanted = [f"_answer.{_name(one)} AS key_{at}" for at, one in enumerate(key)]
    factors = sorted((one for one in front if one.startswith("by_")), key=lambda one: int(one.removeprefix("by_")))
    of, shown = ([one for one in front if one.startswith(kind)] for kind in ("of_", "operand_"))
    wanted += [f"{front[one]}.{_name(one)}" for one in (*of, *factors, *shown)]
    tests = [f"_answer.{_name(one)} IN ({', '.join(texts)})" for one, texts in only.items()]
    tests += [f"{at}.{one} = 1" for one, at in front.items() if one.startswith("side_")]
    tests += [f"{at}.{one} != 0" for one, at in front.items() if one.startswith("by_")]
    tests += [f"{at}.{one} IS NOT NULL" for one, at in front.items() if one == "of_0"]  # no row of an outer join
    text = "\n".join(["WITH " + ",\n".join(sql), f"SELECT {', '.join(wanted)}", "FROM _answer", *joins])
    return f"{text}\nWHERE {' AND '.join(tests)}" if tests else text


def _is_same(left: str, right: str) -> str:
    """NULL is NULL, in equalities alone: by anything else both engines compare every row with every other one."""
    texts = (f"COALESCE(CAST({one} AS STRING), '')" for one in (left, right))
    return f"({left} IS NULL) = ({right} IS NULL) AND {' = '.join(texts)}"


def _name(name: str) -> str:
    return f"`{name}`"


def _sql(node: Any) -> str:
    for one in node.find_all(exp.Interval):
        if isinstance(one.this, exp.Literal) and one.this.is_string:  # sqlglot's way to read INTERVAL 1 MONTH
            one.set("this", exp.Literal.number(one.this.this))
    return str(BIGQUERY.generate(node, comments=False, normalize_functions=False))
