"""The text of a query about provenance: the answer, joined to the members of every group on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlglot import exp

from fees_etl.query.read import BIGQUERY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fees_etl.query.blocks import Block

Only: TypeAlias = "Mapping[str, Sequence[str]]"
"""Literals by columns of a key: what a row must have to be asked for."""
NO_LIMIT: Only = {}


def written(
    top: Block,
    key: Sequence[str],
    members: list[tuple[int, list[str], exp.Select]],
    exported: list[str],
    only: Only = NO_LIMIT,
) -> str:
    """WITH what the query has, and the members of its groups: SELECT the key and what is exported, of some rows."""
    node = top.node
    ctes = []
    if with_ := node.args.get("with_"):
        ctes = [*with_.expressions]
        node.set("with_", None)
    sql = [f"{_name(cte.alias)} AS (\n{_sql(cte.this)}\n)" for cte in ctes]
    sql.append(f"_answer AS (\n{_sql(node)}\n)")
    sql += [f"_members_{number} AS (\n{_sql(select)}\n)" for number, _, select in members]
    front = dict.fromkeys(exported, "_answer")
    joins = []
    for number, names, select in sorted(members, key=lambda one: one[0]):
        at = f"_members_{number}"
        same = [_is_same(f"{front[one]}.{one}", f"{at}.{one}") for one in names]
        joins.append(f"INNER JOIN {at} ON {' AND '.join(same) or 'TRUE'}")
        front |= {one.alias: at for one in select.expressions[len(names) :]}
    wanted = [f"_answer.{_name(one)} AS key_{at}" for at, one in enumerate(key)]
    for kind in ("of_", "by_", "operand_"):
        found = [one for one in front if one.startswith(kind)]
        wanted += [f"{front[one]}.{_name(one)}" for one in (sorted(found, key=_place) if kind == "by_" else found)]
    tests = [f"_answer.{_name(one)} IN ({', '.join(texts)})" for one, texts in only.items()]
    tests += [f"{at}.{one} = 1" for one, at in front.items() if one.startswith("side_")]
    tests += [f"{at}.{one} != 0" for one, at in front.items() if one.startswith("by_")]
    tests += [f"{at}.{one} IS NOT NULL" for one, at in front.items() if one == "of_0"]  # no row of an outer join
    text = "WITH " + ",\n".join(sql) + f"\nSELECT {', '.join(wanted)}\nFROM _answer"
    text = "\n".join([text, *joins])
    return f"{text}\nWHERE {' AND '.join(tests)}" if tests else text


def _is_same(left: str, right: str) -> str:
    """NULL is NULL, in equalities alone: by anything else both engines compare every row with every other one."""
    texts = (f"COALESCE(CAST({one} AS STRING), '')" for one in (left, right))
    return f"({left} IS NULL) = ({right} IS NULL) AND {' = '.join(texts)}"


def _place(name: str) -> int:
    return int(name.rpartition("_")[2])


def _name(name: str) -> str:
    return f"`{name}`"


def _sql(node: Any) -> str:
    for one in node.find_all(exp.Interval):
        if isinstance(one.this, exp.Literal) and one.this.is_string:  # sqlglot's way to read INTERVAL 1 MONTH
            one.set("this", exp.Literal.number(one.this.this))
    return str(BIGQUERY.generate(node, comments=False, normalize_functions=False))
