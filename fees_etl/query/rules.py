"""The type of every expression GoogleSQL has, as a table: a name is the type itself, a function works it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlglot import exp

from fees_etl.query.kinds import FLOAT_LITERAL, NULL, STRING_LITERAL, UNKNOWN, common, element, named, settled
from fees_etl.query.scopes import fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from fees_etl.query.resolve import Resolver
    from fees_etl.query.scopes import Scope


Rule: TypeAlias = "str | Callable[[Resolver, Any, Scope], str]"


def _each(resolver: Resolver, node: Any, scope: Scope) -> list[str]:
    return [resolver.kind(child, scope) for child in node.iter_expressions()]


def _first(resolver: Resolver, node: Any, scope: Scope) -> str:
    """The type of the argument, literal or not: parentheses, minus, DISTINCT."""
    this = node.args.get("this")
    kinds = [resolver.kind(child, scope) for child in node.iter_expressions() if child is not this]
    return resolver.kind(this, scope) if this is not None else kinds[0]


def _same(resolver: Resolver, node: Any, scope: Scope) -> str:
    return settled(_first(resolver, node, scope))


def _common(resolver: Resolver, node: Any, scope: Scope) -> str:
    return common(_each(resolver, node, scope))


def _connected(resolver: Resolver, node: exp.Connector, scope: Scope) -> str:
    """AND and OR, without a frame for each: a window of many dates is a long OR."""
    waiting: list[Any] = [node]
    while waiting:
        for side in waiting.pop().iter_expressions():
            if isinstance(side, exp.Connector):
                resolver.kinds[id(side)] = "BOOL"
                waiting.append(side)
            else:
                resolver.kind(side, scope)
    return "BOOL"


def _fraction(resolver: Resolver, node: Any, scope: Scope) -> str:
    """AVG, ROUND, SQRT: of integers FLOAT64."""
    return _float(_same(resolver, node, scope))


def _divided(resolver: Resolver, node: Any, scope: Scope) -> str:
    return _float(_common(resolver, node, scope))


def _float(kind: str) -> str:
    return "FLOAT64" if kind == "INT64" else kind


def _added(resolver: Resolver, node: Any, scope: Scope) -> str:
    """`+` and `-`: numbers, or dates."""
    left, right = resolver.kind(node.this, scope), resolver.kind(node.expression, scope)
    if right == "INTERVAL":
        return "DATETIME" if left == "DATE" else left
    if left == "DATE":
        return "INTERVAL" if right in {"DATE", STRING_LITERAL} else "DATE"
    return common((left, right))


def _joined(resolver: Resolver, node: Any, scope: Scope) -> str:
    """CONCAT and ||: a text, unless bytes or arrays are joined."""
    kinds = _each(resolver, node, scope)
    return next((kind for kind in kinds if kind == "BYTES" or kind.startswith("ARRAY<")), "STRING")


def _dated(resolver: Resolver, node: Any, scope: Scope) -> str:
    """DATE_ADD, DATE_TRUNC: as the argument; a text is a DATE."""
    kind = _first(resolver, node, scope)
    return "DATE" if kind == STRING_LITERAL else kind


def _branches(resolver: Resolver, node: exp.If, scope: Scope) -> str:
    args = node.args
    resolver.kind(args["this"], scope)
    return common(resolver.kind(args[arm], scope) if args.get(arm) else NULL for arm in ("true", "false"))


def _case(resolver: Resolver, node: exp.Case, scope: Scope) -> str:
    if node.this:
        resolver.kind(node.this, scope)
    arms, default = node.args["ifs"], node.args.get("default")
    for arm in arms:
        resolver.kind(arm.this, scope)
    kinds = [resolver.kind(arm.args["true"], scope) for arm in arms]
    return common([*kinds, resolver.kind(default, scope) if default else NULL])


def _literal(_: Resolver, node: exp.Literal, __: Scope) -> str:
    if node.args["is_string"]:
        return STRING_LITERAL
    return "INT64" if node.args["this"].isdigit() else FLOAT_LITERAL


def _cast(resolver: Resolver, node: exp.Cast, scope: Scope) -> str:
    resolver.kind(node.args["this"], scope)
    return named(node.args["to"])


def _column(resolver: Resolver, node: exp.Column, scope: Scope) -> str:
    return resolver.column(node, scope)


def _window(resolver: Resolver, node: exp.Window, scope: Scope) -> str:
    """A call with OVER, or one definition of the WINDOW clause."""
    args = node.args
    for part in (*(args.get("partition_by") or ()), *(order.expressions if (order := args.get("order")) else ())):
        resolver.kind(part, scope)
    this = args["this"]
    return UNKNOWN if isinstance(this, exp.Identifier) else resolver.kind(this, scope)


def _query(resolver: Resolver, node: exp.Query, scope: Scope) -> str:
    """A subquery where a value is expected."""
    columns = resolver.query(node, scope)
    inner = node.unnest()
    if isinstance(inner, exp.Select) and inner.args.get("kind") == "STRUCT":
        return f"STRUCT<{', '.join(f'{name} {settled(kind)}'.strip() for name, kind in columns)}>"
    return settled(columns[0][1]) if len(columns) == 1 else UNKNOWN


def _array(resolver: Resolver, node: Any, scope: Scope) -> str:
    return f"ARRAY<{settled(common(_each(resolver, node, scope)))}>"


def _collected(resolver: Resolver, node: Any, scope: Scope) -> str:
    return f"ARRAY<{_same(resolver, node, scope)}>"


def _struct(resolver: Resolver, node: exp.Struct, scope: Scope) -> str:
    found = []
    for item in node.expressions:
        value = item.expression if isinstance(item, exp.PropertyEQ) else item
        found.append(f"{item.output_name or item.name} {settled(resolver.kind(value, scope))}".strip())
    return f"STRUCT<{', '.join(found)}>"


def _item(resolver: Resolver, node: exp.Bracket, scope: Scope) -> str:
    for place in node.expressions:
        resolver.kind(place, scope)
    return element(resolver.kind(node.this, scope))


def _dot(resolver: Resolver, node: exp.Dot, scope: Scope) -> str:
    if not isinstance(node.expression, exp.Identifier):
        return UNKNOWN
    held = fields(resolver.kind(node.this, scope)) or {}
    return held.get(node.expression.name.lower(), ("", UNKNOWN))[1]


def _percentile(resolver: Resolver, node: exp.PercentileCont, scope: Scope) -> str:
    kinds = {resolver.kind(node.this, scope), resolver.kind(node.expression, scope)}
    return "NUMERIC" if "NUMERIC" in kinds and kinds <= {"NUMERIC", "INT64"} else "FLOAT64"


def _unnested(resolver: Resolver, node: exp.Unnest, scope: Scope) -> str:
    return element(resolver.kind(node.expressions[0], scope))


def _extracted(resolver: Resolver, node: exp.Extract, scope: Scope) -> str:
    resolver.kind(node.expression, scope)
    return {"DATE": "DATE", "TIME": "TIME", "DATETIME": "DATETIME"}.get(node.name.upper(), "INT64")


def _anonymous(resolver: Resolver, node: exp.Anonymous, scope: Scope) -> str:
    _each(resolver, node, scope)
    return {"ERROR": NULL, "IEEE_DIVIDE": "FLOAT64"}.get(node.name.upper(), UNKNOWN)


_GROUPS: dict[Rule, tuple[type[exp.Expr], ...]] = {
    "BOOL": (
        exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between,
        exp.Like, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Boolean, exp.LogicalAnd, exp.LogicalOr,
        exp.Exists, exp.StartsWith, exp.EndsWith, exp.Contains, exp.RegexpLike, exp.IsNan, exp.IsInf,
    ),
    "INT64": (
        exp.Count, exp.CountIf, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.Length, exp.ByteLength,
        exp.DateDiff, exp.DatetimeDiff, exp.TimestampDiff, exp.UnixDate, exp.UnixSeconds, exp.UnixMillis,
        exp.UnixMicros, exp.StrPosition, exp.ArraySize, exp.FarmFingerprint, exp.Ascii, exp.Unicode, exp.Grouping,
        exp.ApproxDistinct, exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot, exp.BitwiseLeftShift,
        exp.BitwiseRightShift, exp.BitwiseCount, exp.BitwiseAndAgg, exp.BitwiseOrAgg, exp.BitwiseXorAgg,
        exp.HexString, exp.RangeBucket, exp.Levenshtein,
    ),
    "FLOAT64": (
        exp.PercentRank, exp.CumeDist, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop,
        exp.Corr, exp.CovarPop, exp.CovarSamp, exp.Rand,
    ),
    "STRING": (
        exp.MD5, exp.LowerHex, exp.TimeToStr, exp.GroupConcat, exp.Chr, exp.CodePointsToString, exp.ToBase64,
        exp.JSONExtractScalar, exp.JSONFormat, exp.Format, exp.Uuid, exp.SessionUser, exp.Normalize, exp.RawString,
        exp.ArrayToString, exp.Initcap, exp.Soundex, exp.Typeof, exp.SafeConvertBytesToString,
    ),
    "BYTES": (exp.MD5Digest, exp.SHA1Digest, exp.SHA2Digest, exp.Unhex, exp.FromBase64, exp.ByteString),
    "DATE": (exp.Date, exp.DateFromParts, exp.TsOrDsToDate, exp.CurrentDate, exp.StrToDate, exp.DateFromUnixDate),
    "TIMESTAMP": (
        exp.CurrentTimestamp, exp.Timestamp, exp.TsOrDsToTimestamp, exp.StrToTime, exp.UnixToTime, exp.TimestampAdd,
        exp.TimestampSub, exp.TimestampTrunc,
    ),
    "DATETIME": (exp.CurrentDatetime, exp.TsOrDsToDatetime, exp.DatetimeAdd, exp.DatetimeSub, exp.DatetimeTrunc),
    "INTERVAL": (exp.Interval,),
    "NUMERIC": (exp.ParseNumeric,),
    "JSON": (exp.ParseJSON,),
    "ARRAY<DATE>": (exp.GenerateDateArray,),
    "ARRAY<INT64>": (exp.ToCodePoints,),
    "ARRAY<STRING>": (exp.JSONExtractArray,),
    NULL: (exp.Null,),
    UNKNOWN: (exp.Star, exp.Var, exp.Identifier, exp.WeekStart, exp.Parameter),
    _first: (
        exp.Paren, exp.Neg, exp.Distinct, exp.Alias, exp.IgnoreNulls, exp.RespectNulls, exp.HavingMax, exp.Ordered,
        exp.Order, exp.Limit,
    ),
    _same: (
        exp.Abs, exp.Sign, exp.Sum, exp.Min, exp.Max, exp.AnyValue, exp.ArgMax, exp.ArgMin, exp.Nullif, exp.Lower,
        exp.Upper, exp.Trim, exp.Replace, exp.Translate, exp.Substring, exp.Left, exp.Right, exp.Pad, exp.Repeat,
        exp.Reverse, exp.RegexpReplace, exp.RegexpExtract, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
        exp.NthValue, exp.PercentileDisc, exp.LastDay, exp.ArrayReverse, exp.ArrayConcat, exp.SafeNegate, exp.SafeFunc,
        exp.Collate,
    ),
    _connected: (exp.And, exp.Or),
    _fraction: (exp.Avg, exp.Round, exp.Ceil, exp.Floor, exp.Trunc, exp.Sqrt, exp.Exp, exp.Ln),
    _divided: (exp.Div, exp.SafeDivide, exp.Pow),
    _common: (
        exp.Mul, exp.Mod, exp.IntDiv, exp.Coalesce, exp.Greatest, exp.Least,
        exp.SafeAdd, exp.SafeSubtract, exp.SafeMultiply,
    ),
    _joined: (exp.Concat, exp.DPipe),
    _added: (exp.Add, exp.Sub),
    _dated: (exp.DateAdd, exp.DateSub, exp.DateTrunc),
    _branches: (exp.If,),
    _case: (exp.Case,),
    _literal: (exp.Literal,),
    _cast: (exp.Cast, exp.TryCast),
    _column: (exp.Column,),
    _window: (exp.Window,),
    _query: (exp.Select, exp.Subquery, exp.Union, exp.Except, exp.Intersect),
    _array: (exp.Array, exp.GenerateSeries),
    _collected: (exp.ArrayAgg, exp.Split, exp.RegexpExtractAll),
    _struct: (exp.Struct,),
    _item: (exp.Bracket,),
    _dot: (exp.Dot,),
    _percentile: (exp.PercentileCont,),
    _unnested: (exp.Unnest,),
    _extracted: (exp.Extract,),
    _anonymous: (exp.Anonymous,),
}  # fmt: skip
RULES: dict[type[exp.Expr], Rule] = {kind: rule for rule, group in _GROUPS.items() for kind in group}
