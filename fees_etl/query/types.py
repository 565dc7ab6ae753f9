"""The types of GoogleSQL by name, and the type of every expression by the types of its parts.

Three more types exist while an expression is read: a literal may still become something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlglot import exp

from fees_etl.query.tags import branches, like

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


Kinds: TypeAlias = dict[int, str]
"""The type of each node by its ``id``; it names a node only while the node lives."""
Rule: TypeAlias = "str | Callable[[Kinds, Any], str]"

UNKNOWN = "UNKNOWN"
NULL = "NULL"
FLOAT_LITERAL = "1.5"
STRING_LITERAL = "'text'"
_SETTLED = {NULL: "INT64", FLOAT_LITERAL: "FLOAT64", STRING_LITERAL: "STRING"}
_RANK = {"INT64": 0, FLOAT_LITERAL: 1, "NUMERIC": 2, "BIGNUMERIC": 3, "FLOAT64": 4}
_BY_NAME = {
    exp.DType.TEXT: "STRING",
    exp.DType.VARCHAR: "STRING",
    exp.DType.BIGINT: "INT64",
    exp.DType.INT: "INT64",
    exp.DType.DECIMAL: "NUMERIC",
    exp.DType.BIGDECIMAL: "BIGNUMERIC",
    exp.DType.DOUBLE: "FLOAT64",
    exp.DType.BOOLEAN: "BOOL",
    exp.DType.BINARY: "BYTES",
    exp.DType.TIMESTAMPTZ: "TIMESTAMP",
    exp.DType.DATETIME: "DATETIME",
    exp.DType.TIMESTAMP: "DATETIME",
    exp.DType.DATE: "DATE",
    exp.DType.TIME: "TIME",
    exp.DType.JSON: "JSON",
    exp.DType.INTERVAL: "INTERVAL",
}


def settled(kind: str) -> str:
    """What a literal is when nothing asks for another type.

    >>> settled(NULL), settled("DATE")
    ('INT64', 'DATE')
    """
    return _SETTLED.get(kind, kind)


def common(kinds: Iterable[str]) -> str:
    """The supertype of the branches of IF, COALESCE, IN, UNION.

    >>> common(["INT64", "NUMERIC"]), common(["NUMERIC", "1.5"]), common(["INT64", "1.5"]), common(["DATE", "'text'"])
    ('NUMERIC', 'NUMERIC', 'FLOAT64', 'DATE')
    """
    of = tuple(kinds)
    return like(_supertype({str(kind) for kind in of if kind != NULL}), *of)


def _supertype(left: set[str]) -> str:
    if len(left) <= 1:
        return settled(left.pop()) if left else NULL
    if UNKNOWN in left:
        return UNKNOWN
    if left <= _RANK.keys():
        return settled(max(left, key=_RANK.__getitem__))
    left.discard(STRING_LITERAL)
    if left == {"DATE", "DATETIME"}:
        return "DATETIME"
    return left.pop() if len(left) == 1 else UNKNOWN


def element(kind: str) -> str:
    """The type of what is in an array.

    >>> element("ARRAY<DATE>")
    'DATE'
    """
    return like(kind[6:-1] if kind.startswith("ARRAY<") else UNKNOWN, kind)


def named(to: exp.DataType) -> str:
    """The GoogleSQL name of a written type; precision is not part of a type."""
    this = to.this
    if this == exp.DType.ARRAY and to.expressions:
        return f"ARRAY<{named(to.expressions[0])}>"
    if this == exp.DType.STRUCT:
        fields = (
            f"{f.name} {named(f.args['kind'])}" if isinstance(f, exp.ColumnDef) else named(f) for f in to.expressions
        )
        return f"STRUCT<{', '.join(fields)}>"
    return _BY_NAME.get(this, UNKNOWN)


def _literal(_: Kinds, node: exp.Literal) -> str:
    """The type of a text or a number as long as nothing asks for another."""
    if node.args["is_string"]:
        return STRING_LITERAL
    return "INT64" if node.args["this"].isdigit() else FLOAT_LITERAL


def _first(kinds: Kinds, node: Any) -> str:
    """The type of the argument, literal or not: parentheses, minus, DISTINCT."""
    this = node.args.get("this")
    return kinds[id(this if this is not None else next(node.iter_expressions()))]


def _same(kinds: Kinds, node: Any) -> str:
    return settled(_first(kinds, node))


def _common(kinds: Kinds, node: Any) -> str:
    return common(kinds[id(part)] for part in node.iter_expressions())


def _fraction(kind: str) -> str:
    """AVG, ROUND, SQRT and quotients: of integers FLOAT64."""
    return "FLOAT64" if kind == "INT64" else kind


def _added(kinds: Kinds, node: Any) -> str:
    """`+` and `-`: numbers, or dates."""
    left, right = kinds[id(node.this)], kinds[id(node.expression)]
    if right == "INTERVAL":
        return "DATETIME" if left == "DATE" else left
    if left == "DATE":
        return "INTERVAL" if right in {"DATE", STRING_LITERAL} else "DATE"
    return common((left, right))


def _joined(kinds: Kinds, node: Any) -> str:
    """CONCAT and ||: a text, unless bytes or arrays are joined."""
    parts = (kinds[id(part)] for part in node.iter_expressions())
    return next((kind for kind in parts if kind == "BYTES" or kind.startswith("ARRAY<")), "STRING")


def _dated(kinds: Kinds, node: Any) -> str:
    """DATE_ADD, DATE_TRUNC: as the argument; a text is a DATE."""
    kind = _first(kinds, node)
    return "DATE" if kind == STRING_LITERAL else kind


def _struct(kinds: Kinds, node: exp.Struct) -> str:
    found = []
    for item in node.expressions:
        value = item.expression if isinstance(item, exp.PropertyEQ) else item
        found.append(f"{item.output_name or item.name} {settled(kinds[id(value)])}".strip())
    return f"STRUCT<{', '.join(found)}>"


def _percentile(kinds: Kinds, node: exp.PercentileCont) -> str:
    found = {kinds[id(node.this)], kinds[id(node.expression)]}
    return "NUMERIC" if "NUMERIC" in found and found <= {"NUMERIC", "INT64"} else "FLOAT64"


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
    _first: (
        exp.Paren, exp.Neg, exp.Distinct, exp.Alias, exp.IgnoreNulls, exp.RespectNulls, exp.HavingMax, exp.Ordered,
        exp.Order, exp.Limit, exp.Window,
    ),
    _same: (
        exp.Abs, exp.Sign, exp.Sum, exp.Min, exp.Max, exp.AnyValue, exp.ArgMax, exp.ArgMin, exp.Nullif, exp.Lower,
        exp.Upper, exp.Trim, exp.Replace, exp.Translate, exp.Substring, exp.Left, exp.Right, exp.Pad, exp.Repeat,
        exp.Reverse, exp.RegexpReplace, exp.RegexpExtract, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
        exp.NthValue, exp.PercentileDisc, exp.LastDay, exp.ArrayReverse, exp.ArrayConcat, exp.SafeNegate, exp.SafeFunc,
        exp.Collate,
    ),
    lambda kinds, node: f"ARRAY<{settled(_common(kinds, node))}>": (exp.Array, exp.GenerateSeries),
    lambda kinds, node: f"ARRAY<{_same(kinds, node)}>": (exp.ArrayAgg, exp.Split, exp.RegexpExtractAll),
    lambda kinds, node: _fraction(_same(kinds, node)): (
        exp.Avg, exp.Round, exp.Ceil, exp.Floor, exp.Trunc, exp.Sqrt, exp.Exp, exp.Ln,
    ),
    lambda kinds, node: _fraction(_common(kinds, node)): (exp.Div, exp.SafeDivide, exp.Pow),
    _common: (
        exp.Mul, exp.Mod, exp.IntDiv, exp.Coalesce, exp.Greatest, exp.Least,
        exp.SafeAdd, exp.SafeSubtract, exp.SafeMultiply,
    ),
    lambda kinds, node: common(kinds[id(one)] for one in branches(node)): (exp.If, exp.Case),
    lambda _, node: named(node.args["to"]): (exp.Cast, exp.TryCast),
    _joined: (exp.Concat, exp.DPipe),
    _added: (exp.Add, exp.Sub),
    _dated: (exp.DateAdd, exp.DateSub, exp.DateTrunc),
}  # fmt: skip
RULES: dict[type[exp.Expr], Rule] = {kind: rule for rule, group in _GROUPS.items() for kind in group} | {
    exp.Interval: "INTERVAL",
    exp.ParseNumeric: "NUMERIC",
    exp.ParseJSON: "JSON",
    exp.GenerateDateArray: "ARRAY<DATE>",
    exp.ToCodePoints: "ARRAY<INT64>",
    exp.JSONExtractArray: "ARRAY<STRING>",
    exp.Null: NULL,
    exp.Literal: _literal,
    exp.Struct: _struct,
    exp.PercentileCont: _percentile,
    exp.Bracket: lambda kinds, node: element(kinds[id(node.this)]),
    exp.Unnest: lambda kinds, node: element(kinds[id(node.expressions[0])]),
    exp.Extract: lambda _, node: {"DATE": "DATE", "TIME": "TIME", "DATETIME": "DATETIME"}.get(
        node.name.upper(), "INT64"
    ),
    exp.Anonymous: lambda _, node: {"ERROR": NULL, "IEEE_DIVIDE": "FLOAT64"}.get(node.name.upper(), UNKNOWN),
}
"""A name is the type itself; a function works it out, when the parts have theirs."""
