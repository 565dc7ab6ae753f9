"""Numbers for DuckDB: NUMERIC stays exact, INT64 stays 64 bits, and dividing by zero is an error.

NUMERIC is DECIMAL(38, 9). Its arithmetic is done on billionths in 128-bit integers: DuckDB divides decimals as DOUBLE,
and a DOUBLE has lost the digits before anything can be rounded. ``error`` where BigQuery stops too; ``TRY`` where there
is another way to compute what overflows.

A macro is pasted where it is called, so an argument named five times is bound five times: ``_let`` names it once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fees_etl.query.duckdb.casts import call, cast_to
from fees_etl.query.types import FLOAT_LITERAL, UNKNOWN, common

if TYPE_CHECKING:
    from collections.abc import Callable

    from fees_etl.query.duckdb.casts import Repair, Tree


def _safe_divide(it: Tree, node: exp.SafeDivide) -> exp.Expr:
    divisor = call("NULLIF", node.expression, 0)
    return _quotient(it, node, it.typed(divisor, it.kind(node.expression)))


def _quotient(it: Tree, node: exp.Expr, divisor: exp.Expr) -> exp.Expr:
    if it.kind(node) == "NUMERIC":
        return call("bq_div", node.this, divisor)
    return call("bq_div_float", _double(it, node.this), _double(it, divisor))


def _double(it: Tree, node: exp.Expr) -> exp.Expr:
    kind = it.kind(node)
    return node if kind == "FLOAT64" else cast_to("FLOAT64", cast_to("STRING", node) if kind == "NUMERIC" else node)


def _mul(it: Tree, node: exp.Mul) -> exp.Expr:
    kinds = [it.kind(node.this), it.kind(node.expression)]
    if it.kind(node) != "NUMERIC" or "INT64" in kinds:
        return node
    for factor, other in ((node.expression, node.this), (node.this, node.expression)):
        if small := _small(factor):
            return call("bq_by", other, small)
    return call("bq_mul", node.this, node.expression)


def _small(node: exp.Expr) -> exp.Expr | None:
    """A literal of at most nine digits, as DuckDB's type of nine: a product with it needs no 128 bits."""
    while isinstance(node, (exp.Paren, exp.Cast)):
        node = node.this
    if not isinstance(node, exp.Literal) or not re.fullmatch(r"\d+(\.\d+)?", node.name):
        return None
    decimals = len(node.name.partition(".")[2])
    if len(node.name) - bool(decimals) > _DIGITS:
        return None
    return exp.cast(exp.Literal.string(node.name), f"DECIMAL({_DIGITS}, {decimals})", dialect="duckdb")


def _whole(it: Tree, node: Any) -> exp.Expr:
    """DIV and MOD; an argument of a call needs no parentheses, as it did as an operand."""
    name = "bq_mod" if isinstance(node, exp.Mod) else "bq_cut"
    suffix = "_int" if it.kind(node) == "INT64" else ""
    sides = (side.this if isinstance(side, exp.Paren) else side for side in (node.this, node.expression))
    return call(f"{name}{suffix}", *sides)


def _rounded(it: Tree, node: exp.Func) -> exp.Expr:
    """ROUND, TRUNC, CEIL, FLOOR: DuckDB's DECIMAL result has fewer decimals than NUMERIC."""
    kind, of = it.kind(node), it.kind(node.this)
    if node.args.get("truncate") or (of == "FLOAT64" and node.args.get("decimals")):
        raise it.refused(node, "write it with NUMERIC and two arguments")
    if kind == "NUMERIC":
        return cast_to("NUMERIC", node)
    return node if of == "FLOAT64" else node.__class__(**{**node.args, "this": cast_to("FLOAT64", node.this)})


def _window(it: Tree, node: exp.Window) -> exp.Expr:
    function = node.this
    if isinstance(function, (exp.Avg, exp.Sum, exp.CountIf, exp.PercentileCont)):
        node.set("this", None)

        def over(new: exp.Expr) -> exp.Expr:
            copy = node.copy()
            copy.set("this", new)
            return copy

        return _aggregated(it, function, over, windowed=True)
    return node


def _aggregated(it: Tree, node: Any, over: Callable[[exp.Expr], exp.Expr], *, windowed: bool = False) -> exp.Expr:
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


def _median(it: Tree, node: exp.PercentileCont, over: Callable[[exp.Expr], exp.Expr] | None) -> exp.Expr:
    """The mean of the two middle values, found from below and from above."""
    share = node.expression
    half = share.this.name if isinstance(share, exp.Cast) else share.name
    if over is None or it.kind(node) != "NUMERIC" or half not in {"0.5", ".5", "0.50"}:
        raise it.refused(node, "only PERCENTILE_CONT(x, NUMERIC '0.5') OVER (...) of a NUMERIC is exact")
    below = cast_to("NUMERIC", node.this)
    above = exp.Neg(this=below.copy())
    middles = [over(call("QUANTILE_DISC", of, exp.Literal.number("0.5"))) for of in (below, above)]
    return call("bq_by", exp.Sub(this=middles[0], expression=middles[1]), _HALF.copy())


def _literal(it: Tree, node: exp.Literal) -> exp.Expr:
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


def _wanted(it: Tree, parent: Any) -> str:
    if isinstance(parent, _COMPARISONS):
        return common(it.kinds[id(part)] for part in parent.iter_expressions() if id(part) in it.kinds)
    return it.kinds.get(id(parent), UNKNOWN)


def _let(body: str, **values: str) -> str:
    """``body`` with its names bound to values, each computed once: a list of one struct, mapped.

    >>> _let("v.a * v.a", a="1 + 1")
    "list_transform([{'a': 1 + 1}], lambda v: v.a * v.a)[1]"
    """
    named = ", ".join(f"{name!r}: {value}" for name, value in values.items())
    return f"list_transform([{{{named}}}], lambda v: {body})[1]"


_INTEGERS_IN = (
    exp.Alias, exp.Select, exp.Add, exp.Sub, exp.Mul, exp.Coalesce, exp.If, exp.Case, exp.Nullif, exp.Greatest,
    exp.Least, exp.Array, exp.Sum, exp.Min, exp.Max, exp.AnyValue, exp.ArrayAgg,
)  # fmt: skip
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.NullSafeEQ, exp.NullSafeNEQ)
REPAIRS: dict[type[exp.Expr], Repair] = {
    exp.Div: lambda it, node: _quotient(it, node, node.expression),
    exp.SafeDivide: _safe_divide,
    exp.Mul: _mul,
    **dict.fromkeys((exp.IntDiv, exp.Mod), _whole),
    **dict.fromkeys((exp.Round, exp.Trunc, exp.Ceil, exp.Floor), _rounded),
    exp.Sign: lambda it, node: cast_to(it.kind(node), node),
    **dict.fromkeys(
        (exp.Avg, exp.Sum, exp.CountIf, exp.PercentileCont),
        lambda it, node: node if isinstance(node.parent, exp.Window) else _aggregated(it, node, lambda same: same),
    ),
    exp.Window: _window,
    exp.Literal: _literal,
}
_DIGITS = 9
_HALF = exp.cast(exp.Literal.string("0.5"), "DECIMAL(2, 1)", dialect="duckdb")
_N = "DECIMAL(38, 9)"
_G = "1000000000"
_BY_ZERO = "y = 0 AND x IS NOT NULL THEN error('division by zero')"
MACROS = {
    "bq_sign(x)": "CASE WHEN x < 0 THEN -1 ELSE 1 END",
    "bq_units(x)": f"CAST(TRUNC(x) AS HUGEINT) * {_G} + CAST((x - TRUNC(x)) * {_G} AS HUGEINT)",
    "bq_billionths(u)": f"CAST(CAST(u AS DECIMAL(18, 0)) * 0.000000001 AS {_N})",
    # Whole part, then nine decimals of the remainder; a remainder times a billion fits 128 bits below 10^20.
    "bq_quotient(u, d)": f"""CASE
        WHEN d = 0 AND u IS NOT NULL THEN error('division by zero')::{_N}
        WHEN d >= 1e29::HUGEINT THEN error('on DuckDB a NUMERIC divisor must be below 10^20')::{_N}
        ELSE CAST(u // d AS {_N}) + bq_billionths((u % d * {_G} + d // 2) // d) END""",
    "bq_signed(x, y)": "bq_sign(x) * bq_sign(y) * "
    + _let("bq_quotient(v.u, v.d)", u="bq_units(ABS(x))", d="bq_units(ABS(y))"),
    "bq_div(x, y)": _let("bq_signed(v.x, v.y)", x=f"CAST(x AS {_N})", y=f"CAST(y AS {_N})"),
    "bq_div_float(x, y)": f"CASE WHEN {_BY_ZERO}::DOUBLE ELSE x / y END",
    # NUMERIC times a small literal: whole and fraction apart, as both have room for it and are rounded the same way.
    "bq_by(x, y)": _let(
        f"CAST(CAST(TRUNC(v.x) AS DECIMAL(29, 0)) * y AS {_N})"
        f" + CAST(CAST(v.x - TRUNC(v.x) AS DECIMAL(9, 9)) * y AS {_N})",
        x=f"CAST(x AS {_N})",
    ),
    # NUMERIC * NUMERIC beyond 10^20: whole and fraction apart, so that nothing in between is larger than the result.
    "bq_whole(x)": "CAST(TRUNC(x) AS HUGEINT)",
    "bq_frac(x)": f"CAST((x - TRUNC(x)) * {_G} AS HUGEINT)",
    "bq_carry(u)": f"CAST(u // {_G} AS {_N}) + bq_billionths(u % {_G})",
    "bq_product(a, b, c, d)": f"CAST(a * c AS {_N}) + bq_carry(a * d + b * c + (b * d + 500000000) // {_G})",
    "bq_times(x, y)": f"COALESCE(TRY(CAST(x * y AS {_N})), bq_sign(x) * bq_sign(y) * "
    + _let(
        "bq_product(v.a, v.b, v.c, v.d)",
        a="bq_whole(ABS(x))",
        b="bq_frac(ABS(x))",
        c="bq_whole(ABS(y))",
        d="bq_frac(ABS(y))",
    )
    + ")",
    "bq_mul(x, y)": _let("bq_times(v.x, v.y)", x=f"CAST(x AS {_N})", y=f"CAST(y AS {_N})"),
    # DIV and MOD cut towards zero.
    "bq_mod(x, y)": f"CASE WHEN {_BY_ZERO}::{_N} ELSE CAST(x AS {_N}) % CAST(y AS {_N}) END",
    "bq_whole_quotient(x, y)": f"CASE WHEN {_BY_ZERO}::{_N} ELSE bq_sign(x) * bq_sign(y)"
    f" * CAST(bq_units(ABS(x)) // bq_units(ABS(y)) AS {_N}) END",
    "bq_cut(x, y)": _let("bq_whole_quotient(v.x, v.y)", x=f"CAST(x AS {_N})", y=f"CAST(y AS {_N})"),
    "bq_mod_int(x, y)": f"CASE WHEN {_BY_ZERO}::BIGINT ELSE x % y END",
    "bq_cut_int(x, y)": f"CASE WHEN {_BY_ZERO}::BIGINT ELSE x // y END",
}
