"""Dates for DuckDB: a DATE stays a DATE, within BigQuery's calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fees_etl.query.duckdb.casts import call, cast_to

if TYPE_CHECKING:
    from fees_etl.query.duckdb.casts import Repair, Tree


def _date_shift(it: Tree, node: Any) -> exp.Expr:
    """DATE_ADD and DATE_SUB."""
    function, times = _UNITS.get(node.args["unit"].name.upper(), ("", 0))
    if it.kind(node) != "DATE" or not function:
        raise it.refused(node, "write DATE_ADD or DATE_SUB of a DATE by DAY, WEEK, MONTH, QUARTER or YEAR")
    return _shifted(it, node, function, times if isinstance(node, exp.DateAdd) else -times)


def _by_days(it: Tree, node: exp.Binary) -> exp.Expr:
    """DATE + 1 and DATE - 1; a sum of numbers is left alone."""
    kind = it.kinds.get(id(node))
    if kind == "DATE" and it.kind(node.this) == "DATE":
        return _shifted(it, node, "to_days", 1 if isinstance(node, exp.Add) else -1)
    if kind in {"DATE", "DATETIME", "INTERVAL", "TIMESTAMP"}:
        raise it.refused(node, "write DATE_ADD, DATE_SUB or DATE_DIFF")
    return node


def _shifted(it: Tree, node: Any, function: str, times: int) -> exp.Expr:
    amount = node.expression
    if isinstance(amount, exp.Literal):
        span: exp.Expr = exp.Literal.number(int(amount.name) * times)
    else:
        span = exp.Mul(this=exp.Paren(this=amount), expression=exp.Literal.number(times))
        span = exp.Cast(this=span, to=exp.DataType(this=exp.DType.INT, nested=False))
    return call("bq_date", exp.Add(this=_day(it, node.this), expression=call(function, span)))


def _day(it: Tree, node: exp.Expr) -> exp.Expr:
    """A DATE as it is; anything else, a text or a TIMESTAMP, made one."""
    return node if it.kinds.get(id(node)) == "DATE" else cast_to("DATE", node)


def _unit(node: Any) -> str:
    unit = node.args.get("unit")
    return unit.name.upper() if unit is not None else "MONTH"


def _date_trunc(it: Tree, node: Any) -> exp.Expr:
    unit = _unit(node)
    if it.kind(node) != "DATE" or unit not in _PARTS:
        raise it.refused(node, "write DATE_TRUNC of a DATE to DAY, ISOWEEK, MONTH, QUARTER, YEAR or ISOYEAR")
    return cast_to("DATE", call("DATE_TRUNC", "WEEK" if unit == "ISOWEEK" else unit, _day(it, node.this)))


def _last_day(it: Tree, node: exp.LastDay) -> exp.Expr:
    if it.kind(node) != "DATE" or _unit(node) != "MONTH":
        raise it.refused(node, "write LAST_DAY of a DATE by MONTH")
    return call("LAST_DAY", _day(it, node.this))


def _date_diff(it: Tree, node: exp.DateDiff) -> exp.Expr:
    unit = _unit(node)
    if unit not in _PARTS:
        raise it.refused(node, "write DATE_DIFF by DAY, ISOWEEK, MONTH, QUARTER, YEAR or ISOYEAR")
    days = [_day(it, node.expression), _day(it, node.this)]
    if unit != "ISOWEEK":
        return call("DATE_DIFF", unit, *days)
    mondays = [call("DATE_TRUNC", "WEEK", day) for day in days]
    weeks = exp.IntDiv(this=call("DATE_DIFF", "DAY", *mondays), expression=exp.Literal.number(7))
    return exp.Paren(this=weeks)


def _formatted(it: Tree, node: exp.TimeToStr) -> exp.Expr:
    of, shape = node.this, node.args["format"]
    plain = isinstance(shape, exp.Literal) and set(shape.name) <= _FORMATS and "%-" not in shape.name
    if not isinstance(of, exp.TsOrDsToDate) or not plain:
        raise it.refused(node, "write FORMAT_DATE with %Y %m %d %b %B %a %A %j %y %F %G %V %u")
    return call("STRFTIME", call("bq_modern", _day(it, of.this)), shape)


def _extract(it: Tree, node: exp.Extract) -> exp.Expr:
    part = node.name.upper()
    if part == "DATE":
        return cast_to("DATE", node.expression)
    if part not in _EXTRACTED or it.kind(node.expression) != "DATE":
        raise it.refused(node, f"write EXTRACT of {', '.join(sorted(_EXTRACTED))} from a DATE")
    if part == "DAYOFWEEK":  # DuckDB's Sunday is 0
        return exp.Paren(this=exp.Add(this=node, expression=exp.Literal.number(1)))
    return node


def _date(it: Tree, node: exp.Date) -> exp.Expr:
    if node.expressions or node.args.get("zone"):
        raise it.refused(node, "write DATE(timestamp) or DATE(year, month, day)")
    return cast_to("DATE", node.this)


_UNITS = {
    "DAY": ("to_days", 1), "WEEK": ("to_days", 7), "MONTH": ("to_months", 1), "QUARTER": ("to_months", 3),
    "YEAR": ("to_months", 12),
}  # fmt: skip
_PARTS = {"DAY", "ISOWEEK", "MONTH", "QUARTER", "YEAR", "ISOYEAR"}
_FORMATS = set("YmdHMSbBaAjyFGVu%-/: .,T")
_EXTRACTED = {"YEAR", "QUARTER", "MONTH", "DAY", "DAYOFYEAR", "DAYOFWEEK", "ISOYEAR"}
REPAIRS: dict[type[exp.Expr], Repair] = {
    exp.DateAdd: _date_shift,
    exp.DateSub: _date_shift,
    exp.DateTrunc: _date_trunc,
    exp.LastDay: _last_day,
    exp.DateDiff: _date_diff,
    exp.TimeToStr: _formatted,
    exp.GenerateDateArray: lambda it, node: cast_to(
        "ARRAY<DATE>",
        call("GENERATE_SERIES", *(_day(it, node.args[end]) for end in ("start", "end")), node.args["step"]),
    ),
    exp.Add: _by_days,
    exp.Sub: _by_days,
    exp.Extract: _extract,
    exp.Date: _date,
}
# DuckDB's calendar has no last year, and it writes the year 99 as 0099.
MACROS = {
    "bq_modern(d)": "CASE WHEN d < DATE '1000-01-01' THEN error('year before 1000')::DATE ELSE d END",
    "bq_date(d)": "CASE WHEN d < TIMESTAMP '0001-01-01' OR d >= TIMESTAMP '10000-01-01'"
    " THEN error('date out of range')::DATE ELSE CAST(d AS DATE) END",
}
