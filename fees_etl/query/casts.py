"""CAST by source and target type: the pairs that are equal on both engines, and what makes the others equal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from fees_etl.query.kinds import FLOAT_LITERAL, NULL, STRING_LITERAL, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable


_TYPES = {
    "STRING": exp.DType.TEXT,
    "INT64": exp.DType.BIGINT,
    "FLOAT64": exp.DType.DOUBLE,
    "BOOL": exp.DType.BOOLEAN,
    "BYTES": exp.DType.BINARY,
    "DATE": exp.DType.DATE,
    "TIMESTAMP": exp.DType.TIMESTAMPTZ,
    "DATETIME": exp.DType.TIMESTAMP,
    "TIME": exp.DType.TIME,
}
_PLAIN_TEXT = {
    "NUMERIC": re.compile(r"[+-]?\d{1,29}(\.\d{1,9})?"),
    "DATE": re.compile(r"[1-9]\d{3}-\d\d-\d\d"),
    "DATETIME": re.compile(r"[1-9]\d{3}-\d\d-\d\d([ T]\d\d:\d\d:\d\d(\.\d{1,6})?)?"),
    "TIMESTAMP": re.compile(r"[1-9]\d{3}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:\d\d)?)?"),
    "STRING": re.compile(r".*", re.DOTALL),
}
_SAME = {
    ("INT64", "STRING"), ("BOOL", "STRING"), ("DATE", "STRING"), ("INT64", "NUMERIC"), ("INT64", "FLOAT64"),
    ("INT64", "BOOL"), ("BOOL", "INT64"), ("NUMERIC", "INT64"), ("DATE", "TIMESTAMP"), ("TIMESTAMP", "DATE"),
    ("DATE", "DATETIME"), ("DATETIME", "DATE"), (FLOAT_LITERAL, "NUMERIC"), (FLOAT_LITERAL, "FLOAT64"),
    (FLOAT_LITERAL, "INT64"),
}  # fmt: skip


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call that sqlglot writes as it is."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def duck_type(kind: str) -> exp.DataType:
    """DuckDB's type for a GoogleSQL type name."""
    if kind == "NUMERIC":
        digits = [exp.DataTypeParam(this=exp.Literal.number(number)) for number in (38, 9)]
        return exp.DataType(this=exp.DType.DECIMAL, expressions=digits, nested=False)
    if kind.startswith("ARRAY<"):
        return exp.DataType(this=exp.DType.ARRAY, expressions=[duck_type(kind[6:-1])], nested=True)
    return exp.DataType(this=_TYPES[kind], nested=False)


def cast_to(kind: str, node: exp.Expr) -> exp.Cast:
    """CAST(node AS kind)."""
    return exp.Cast(this=node, to=duck_type(kind))


def converted(this: exp.Expr, source: str, kind: str) -> exp.Expr | None:
    """What to hand to DuckDB's CAST so that it does what BigQuery's does; None if nothing does."""
    if source in {kind, NULL, UNKNOWN} or (source, kind) in _SAME:
        return this
    if source == STRING_LITERAL:
        source = "STRING"
        if kind in _PLAIN_TEXT and _PLAIN_TEXT[kind].fullmatch(this.name):
            return this
    change = _CHANGES.get((source, kind))
    return change(this) if change else None


_CHANGES: dict[tuple[str, str], Callable[[exp.Expr], exp.Expr]] = {
    ("STRING", "NUMERIC"): lambda x: call("REPLACE", x, exp.Literal.string("_"), exp.Literal.string("?")),
    ("STRING", "INT64"): lambda x: call("bq_int_text", x),
    ("STRING", "DATE"): lambda x: call("bq_date_text", x),
    ("STRING", "BOOL"): lambda x: call("bq_bool_text", x),
    ("STRING", "BYTES"): lambda x: call("ENCODE", x),
    ("BYTES", "STRING"): lambda x: call("DECODE", x),
    ("NUMERIC", "STRING"): lambda x: call("bq_text", x),
    ("NUMERIC", "FLOAT64"): lambda x: cast_to("STRING", x),
    ("FLOAT64", "INT64"): lambda x: call("ROUND", x),
    ("TIMESTAMP", "STRING"): lambda x: call("bq_stamp", x),
}
