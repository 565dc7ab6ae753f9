"""Numbers for DuckDB: NUMERIC stays exact, INT64 stays 64 bits, and dividing by zero is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fees_etl.query.casts import call, cast_to
from fees_etl.query.kinds import FLOAT_LITERAL, UNKNOWN, common

if TYPE_CHECKING:
    from collections.abc import Callable

    from fees_etl.query.repairs import Repairs


def _quotient(it: Repairs, node: exp.Expr, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    if it.kind(node) == "NUMERIC":
        return call("bq_div", left, right)
    return call("bq_div_float", _double(it, left), _double(it, right))


def _double(it: Repairs, node: exp.Expr) -> exp.Expr:
    kind = it.kind(node)
    return node if kind == "FLOAT64" else cast_to("FLOAT64", cast_to("STRING", node) if kind == "NUMERIC" else node)


def _div(it: Repairs, node: exp.Div) -> exp.Expr:
    return _quotient(it, node, node.this, node.expression)


def _safe_divide(it: Repairs, node: exp.SafeDivide) -> exp.Expr:
    divisor = call("NULLIF", node.expression, exp.Literal.number(0))
    return _quotient(it, node, node.this, it.typed(divisor, it.kind(node.expression)))


def _mul(it: Repairs, node: exp.Mul) -> exp.Expr:
    kinds = [it.kind(node.this), it.kind(node.expression)]
    if it.kind(node) == "NUMERIC" and "INT64" not in kinds:
        return call("bq_mul", node.this, node.expression)
    return node


def _whole(name: str) -> Callable[[Repairs, Any], exp.Expr]:
    """DIV and MOD."""

    def repair(it: Repairs, node: Any) -> exp.Expr:
        suffix = "_int" if it.kind(node) == "INT64" else ""
        return call(f"{name}{suffix}", _bare(node.this), _bare(node.expression))

    return repair


def _bare(node: exp.Expr) -> exp.Expr:
    """An argument of a call without the parentheses it needed as an operand."""
    return node.this if isinstance(node, exp.Paren) else node


def _rounded(it: Repairs, node: exp.Func) -> exp.Expr:
    """ROUND, TRUNC, CEIL, FLOOR: DuckDB's DECIMAL result has fewer decimals than NUMERIC."""
    kind, of = it.kind(node), it.kind(node.this)
    if node.args.get("truncate") or (of == "FLOAT64" and node.args.get("decimals")):
        raise it.refused(node, "write it with NUMERIC and two arguments")
    if kind == "NUMERIC":
        return cast_to("NUMERIC", node)
    return node if of == "FLOAT64" else node.__class__(**{**node.args, "this": cast_to("FLOAT64", node.this)})


def _aggregate(it: Repairs, node: exp.Expr) -> exp.Expr:
    return node if isinstance(node.parent, exp.Window) else _aggregated(it, node, lambda function: function)


def _window(it: Repairs, node: exp.Window) -> exp.Expr:
    function = node.this
    if isinstance(function, (exp.Avg, exp.Sum, exp.CountIf, exp.PercentileCont)):
        node.set("this", None)

        def over(new: exp.Expr) -> exp.Expr:
            copy = node.copy()
            copy.set("this", new)
            return copy

        return _aggregated(it, function, over, windowed=True)
    return node


def _aggregated(it: Repairs, node: Any, over: Callable[[exp.Expr], exp.Expr], *, windowed: bool = False) -> exp.Expr:
    """AVG, SUM, COUNTIF and PERCENTILE_CONT; ``over`` puts OVER (...) behind each DuckDB aggregate."""
    kind, this = it.kind(node), node.this
    if isinstance(node, exp.PercentileCont):
        return _median(it, node, over if windowed else None)
    if isinstance(node, exp.CountIf):  # DuckDB's COUNT_IF of no rows is NULL
        return over(exp.Count(this=exp.Case(ifs=[exp.If(this=this, true=exp.Literal.number(1))])))
    if isinstance(node, exp.Sum) and kind != "FLOAT64":
        return cast_to("INT64", over(node)) if kind == "INT64" else over(node)
    if kind == "NUMERIC":
        return call("bq_div", over(exp.Sum(this=this)), over(exp.Count(this=this.copy())))
    raise it.refused(node, "the order of FLOAT64 additions differs; CAST the argument AS NUMERIC")


def _median(it: Repairs, node: exp.PercentileCont, over: Callable[[exp.Expr], exp.Expr] | None) -> exp.Expr:
    """The mean of the two middle values, found from below and from above."""
    share = node.expression
    half = share.this.name if isinstance(share, exp.Cast) else share.name
    if over is None or it.kind(node) != "NUMERIC" or half not in {"0.5", ".5", "0.50"}:
        raise it.refused(node, "only PERCENTILE_CONT(x, NUMERIC '0.5') OVER (...) of a NUMERIC is exact")
    below = cast_to("NUMERIC", node.this)
    above = exp.Neg(this=below.copy())
    middles = [over(call("QUANTILE_DISC", of, exp.Literal.number("0.5"))) for of in (below, above)]
    return call("bq_div", exp.Sub(this=middles[0], expression=middles[1]), exp.Literal.number(2))


def _sign(it: Repairs, node: exp.Sign) -> exp.Expr:
    return cast_to(it.kind(node), node)


_INTEGERS_IN = (
    exp.Alias, exp.Select, exp.Add, exp.Sub, exp.Mul, exp.Coalesce, exp.If, exp.Case, exp.Nullif, exp.Greatest,
    exp.Least, exp.Array, exp.Sum, exp.Min, exp.Max, exp.AnyValue, exp.ArrayAgg,
)  # fmt: skip
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.NullSafeEQ, exp.NullSafeNEQ)


def _literal(it: Repairs, node: exp.Literal) -> exp.Expr:
    """1 is BIGINT, not INTEGER; 1.5 is DOUBLE, or NUMERIC beside one."""
    if node.is_string:
        if "\0" in node.name:
            raise it.refused(node, "a text with a NUL character")
        return node
    parent = _asker(node)
    is_float = it.kinds.get(id(node)) == FLOAT_LITERAL
    if is_float and not isinstance(parent, (exp.Tuple, exp.Cast, exp.TryCast, exp.PercentileCont)):
        return cast_to("NUMERIC" if _wanted(it, parent) == "NUMERIC" else "FLOAT64", node)
    if not is_float and isinstance(parent, _INTEGERS_IN) and _wanted(it, parent) in {"INT64", UNKNOWN}:
        return cast_to("INT64", node)
    return node


def _asker(node: exp.Expr) -> Any:
    """The expression a literal is an operand of."""
    parent = node.parent
    while isinstance(parent, (exp.Paren, exp.Neg)):
        parent = parent.parent
    return parent.parent if isinstance(parent, exp.If) and isinstance(parent.parent, exp.Case) else parent


def _wanted(it: Repairs, parent: Any) -> str:
    if isinstance(parent, _COMPARISONS):
        return common(it.kinds[id(part)] for part in parent.iter_expressions() if id(part) in it.kinds)
    return it.kinds.get(id(parent), UNKNOWN)


ARITHMETIC: dict[type[exp.Expr], Callable[[Repairs, Any], exp.Expr]] = {
    exp.Div: _div,
    exp.SafeDivide: _safe_divide,
    exp.Mul: _mul,
    exp.IntDiv: _whole("bq_cut"),
    exp.Mod: _whole("bq_mod"),
    exp.Round: _rounded,
    exp.Trunc: _rounded,
    exp.Ceil: _rounded,
    exp.Floor: _rounded,
    exp.Sign: _sign,
    exp.Avg: _aggregate,
    exp.Sum: _aggregate,
    exp.CountIf: _aggregate,
    exp.PercentileCont: _aggregate,
    exp.Window: _window,
    exp.Literal: _literal,
}
