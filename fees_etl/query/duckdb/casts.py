"""CAST by source and target type, on which the other repairs build; and the tree that they repair."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlglot import exp

from fees_etl.query.types import FLOAT_LITERAL, NULL, STRING_LITERAL, UNKNOWN, element, named, settled

if TYPE_CHECKING:
    from fees_etl.errors import ProjectError
    from fees_etl.query.read import Query
    from fees_etl.query.types import Kinds


class Tree:
    """A tree that is rewritten in place; ``kinds`` follows each replaced node to its replacement."""

    def __init__(self, asked: Query, kinds: Kinds, tree: exp.Expr) -> None:
        self.asked = asked
        self.kinds = kinds
        self.nodes = list(tree.walk())  # an id names a node only while the node lives

    def typed(self, new: exp.Expr, kind: str) -> exp.Expr:
        """A new node, with the type that its parent's repair will ask for."""
        self.nodes.append(new)
        self.kinds[id(new)] = kind
        return new

    def kind(self, node: Any) -> str:
        """The settled type of a node; a type that cannot be known is refused where it decides the translation."""
        found = settled(self.kinds.get(id(node), UNKNOWN))
        if found == UNKNOWN:
            raise self.refused(node, "its type is not known, and DuckDB's translation depends on it; CAST it")
        return found

    def refused(self, node: Any, why: str) -> ProjectError:
        """The error for what has no exact translation."""
        name = node.meta.get("bigquery_name") or (node.name if isinstance(node, exp.Anonymous) else node.key.upper())
        return self.asked.wrong(f"{name} on DuckDB would not be exactly BigQuery's: {why}", node)


Repair: TypeAlias = Callable[[Tree, Any], exp.Expr]
"""What DuckDB is given for a GoogleSQL expression: a new node, or the node itself."""


def only(holds: Callable[[Tree, Any], bool], why: str) -> Repair:
    """The node as it is, where DuckDB is sure to do the same; elsewhere it is refused."""

    def kept(it: Tree, node: Any) -> exp.Expr:
        if not holds(it, node):
            raise it.refused(node, why)
        return node  # type: ignore[no-any-return]  # a node has no narrower type

    return kept


def call(name: str, *arguments: exp.Expr | str | int) -> exp.Anonymous:
    """A call that sqlglot writes as it is; a text or a number among the arguments is a literal."""
    return exp.Anonymous(this=name, expressions=[exp.convert(one) for one in arguments])


def cast_to(kind: str, node: exp.Expr) -> exp.Cast:
    """CAST(node AS kind)."""
    return exp.Cast(this=node, to=_duck_type(kind))


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


def _cast(it: Tree, node: exp.Cast) -> exp.Expr:
    kind, source = named(node.args["to"]), it.kinds.get(id(node.this), UNKNOWN)
    this = converted(node.this, source, kind)
    is_known = (element(kind) if kind.startswith("ARRAY<") else kind) in _TYPES
    if this is None or not is_known or node.args.get("format") or _is_sized(node.args["to"]):
        raise it.refused(node, f"CAST of {settled(source)} to {kind}{_INSTEAD.get(kind, '')}")
    if isinstance(this, exp.Anonymous) and this.name in {"ENCODE", "DECODE", "bq_text", "bq_moment", "bq_stamp"}:
        return this
    return node.__class__(this=this, to=_duck_type(kind))


def _duck_type(kind: str) -> exp.DataType:
    """DuckDB's type for the name of a GoogleSQL type."""
    if kind.startswith("ARRAY<"):
        return exp.DataType(this=exp.DType.ARRAY, expressions=[_duck_type(element(kind))], nested=True)
    digits = [exp.DataTypeParam(this=exp.Literal.number(number)) for number in (38, 9) if kind == "NUMERIC"]
    return exp.DataType(this=_TYPES[kind], expressions=digits, nested=False)


def _type(it: Tree, node: exp.DataType) -> exp.Expr:
    """NUMERIC in DDL and in ARRAY<NUMERIC>; the type of a cast is the cast's."""
    if isinstance(node.parent, exp.Cast):
        return node
    if node.this == exp.DType.BIGDECIMAL or _is_sized(node):
        raise it.refused(node, "use NUMERIC")
    return _duck_type("NUMERIC") if node.this == exp.DType.DECIMAL else node


def _is_sized(to: exp.DataType) -> bool:
    return any(isinstance(part, exp.DataTypeParam) for part in to.expressions)


_TYPES = {
    "STRING": exp.DType.TEXT,
    "INT64": exp.DType.BIGINT,
    "NUMERIC": exp.DType.DECIMAL,
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
_CHANGES: dict[tuple[str, str], Callable[[exp.Expr], exp.Expr]] = {
    ("STRING", "NUMERIC"): lambda x: call("REPLACE", x, "_", "?"),
    ("STRING", "INT64"): lambda x: call("bq_int_text", x),
    ("STRING", "DATE"): lambda x: call("bq_date_text", x),
    ("STRING", "BOOL"): lambda x: call("bq_bool_text", x),
    ("STRING", "BYTES"): lambda x: call("ENCODE", x),
    ("BYTES", "STRING"): lambda x: call("DECODE", x),
    ("NUMERIC", "STRING"): lambda x: call("bq_text", x),
    ("NUMERIC", "FLOAT64"): lambda x: cast_to("STRING", x),
    ("FLOAT64", "INT64"): lambda x: call("ROUND", x),
    ("TIMESTAMP", "STRING"): lambda x: call("bq_stamp", x),
    ("DATETIME", "STRING"): lambda x: call("bq_moment", x),
}
_INSTEAD = {
    "NUMERIC": "; money is NUMERIC from the start",
    "STRING": "; only NUMERIC, INT64, DATE, BOOL, DATETIME and TIMESTAMP",
}
REPAIRS: dict[type[exp.Expr], Repair] = {exp.Cast: _cast, exp.TryCast: _cast, exp.DataType: _type}
MACROS = {
    "bq_text(x)": r"REGEXP_REPLACE(CAST(x AS VARCHAR), '\.?0+$', '')",
    # Empty, which is no number either, where it does not match. A seal gives it all cells of a row, pasted once.
    "bq_int_text(s)": r"regexp_extract(s, '^\s*[+-]?([0-9]+|0[xX][0-9a-fA-F]+)\s*$')",
    "bq_date_text(s)": "CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') AND s[1:4] <> '0000' THEN s"
    " WHEN s IS NOT NULL THEN '?' END",
    "bq_bool_text(s)": "CASE WHEN LOWER(s) IN ('true', 'false') THEN s WHEN s IS NOT NULL THEN '?' END",
    "bq_moment(t)": """STRFTIME(t, '%Y-%m-%d %H:%M:%S') || CASE
        WHEN EPOCH_US(t) % 1000000 = 0 THEN ''
        WHEN EPOCH_US(t) % 1000 = 0 THEN STRFTIME(t, '.%g')
        ELSE STRFTIME(t, '.%f') END""",
    "bq_stamp(t)": "bq_moment(t AT TIME ZONE 'UTC') || '+00'",
}
