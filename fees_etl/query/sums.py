"""Which columns an expression adds up, and what each is multiplied by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fees_etl.query.blocks import is_aggregate

if TYPE_CHECKING:
    from collections.abc import Iterator


class NotAdditive(Exception):
    """A column is no sum of a table's values; its operands can be shown."""


def factors(item: Any, *, is_grouped: bool) -> Iterator[tuple[exp.Column, Any]]:
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
        arms = node.args.get("ifs") or (node,)
        ends = [*(arm.args["true"] for arm in arms), node.args.get("default") or node.args.get("false")]
        return [hole for end in ends if end is not None for hole in _holes(end, kind)]
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
