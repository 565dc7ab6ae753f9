"""What type a GoogleSQL function yields, as data: one line a rule.

Types are GoogleSQL's names. Three more exist while an expression is read: a literal may still become something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    left = {kind for kind in kinds if kind != NULL}
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
    return kind[6:-1] if kind.startswith("ARRAY<") else UNKNOWN


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
