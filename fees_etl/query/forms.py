"""Types, casts and statements for DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fees_etl.query.casts import call, converted, duck_type
from fees_etl.query.kinds import UNKNOWN, named, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from fees_etl.query.repairs import Repairs


def _cast(it: Repairs, node: exp.Cast) -> exp.Expr:
    kind, source = named(node.args["to"]), it.kinds.get(id(node.this), UNKNOWN)
    this = converted(node.this, source, kind)
    if this is None or node.args.get("format") or _is_sized(node.args["to"]):
        raise it.refused(node, f"CAST of {settled(source)} to {kind}{_CASTS.get(kind, '')}")
    if isinstance(this, exp.Anonymous) and this.name in {"ENCODE", "DECODE", "bq_text", "bq_stamp"}:
        return this
    return node.__class__(this=this, to=duck_type(kind))


_CASTS = {"NUMERIC": "; money is NUMERIC from the start", "STRING": "; only NUMERIC, INT64, DATE, BOOL and TIMESTAMP"}


def _is_sized(to: exp.DataType) -> bool:
    return any(isinstance(part, exp.DataTypeParam) for part in to.expressions)


def _type(it: Repairs, node: exp.DataType) -> exp.Expr:
    """NUMERIC in DDL and in ARRAY<NUMERIC>; the type of a cast is the cast's."""
    if isinstance(node.parent, exp.Cast):
        return node
    if node.this == exp.DType.BIGDECIMAL or _is_sized(node):
        raise it.refused(node, "use NUMERIC")
    return duck_type("NUMERIC") if node.this == exp.DType.DECIMAL else node


def _create(_: Repairs, node: exp.Create) -> exp.Expr:
    """PARTITION BY, CLUSTER BY and OPTIONS are storage, and keys are NOT ENFORCED: DuckDB has none of them."""
    node.set("properties", None)
    if isinstance(node.this, exp.Schema):
        node.this.set("expressions", [column for column in node.this.expressions if isinstance(column, exp.ColumnDef)])
    return node


def _column(_: Repairs, node: exp.ColumnDef) -> exp.Expr:
    """OPTIONS of a column."""
    kept = [one for one in node.constraints if not isinstance(one.args.get("kind"), exp.Properties)]
    node.set("constraints", kept)
    return node


def _delete(_: Repairs, node: exp.Delete) -> exp.Expr:
    """DELETE t without FROM."""
    if tables := node.args.get("tables"):
        node.set("this", tables[0])
        node.set("tables", None)
    return node


def _unnest(it: Repairs, node: exp.Unnest) -> exp.Expr:
    if node.args.get("offset"):
        raise it.refused(node, "WITH OFFSET counts from 0, DuckDB from 1")
    return node


def _json_value(it: Repairs, node: exp.JSONExtractScalar) -> exp.Expr:
    """JSON_VALUE(text, '$[0][1]'): the cell at these places, as text."""
    path = node.expression
    places = path.expressions[1:] if isinstance(path, exp.JSONPath) else [path]
    if it.kind(node.this) != "STRING" or not all(_is_place(place) for place in places):
        raise it.refused(node, "write JSON_VALUE of a STRING, with a path of places: '$[0][1]'")
    return call("bq_json_value", node.this, exp.Literal.string("$" + "".join(f"[{place.this}]" for place in places)))


def _is_place(part: exp.Expr) -> bool:
    return isinstance(part, exp.JSONPathSubscript) and isinstance(part.this, int)


def _json_array(it: Repairs, node: exp.JSONExtractArray) -> exp.Expr:
    """UNNEST(JSON_QUERY_ARRAY(text)): its items as texts."""
    if it.kind(node.this) != "STRING" or len(node.expression.expressions) > 1:
        raise it.refused(node, "write JSON_QUERY_ARRAY of a STRING, without a path")
    return call("bq_json_array", node.this)


def _in(_: Repairs, node: exp.In) -> exp.Expr:
    """IN UNNEST([1, 2]) is IN (1, 2), unless the list is empty."""
    unnest = node.args.get("unnest")
    listed = unnest.expressions[0] if unnest else None
    if isinstance(listed, exp.Array) and listed.expressions:
        return exp.In(this=node.this, expressions=listed.expressions)
    return node


def _limit(it: Repairs, node: exp.Limit) -> exp.Expr:
    if not isinstance(node.parent, exp.Query):
        raise it.refused(node, "LIMIT within an aggregate; use ROW_NUMBER")
    return node


def _like(_: Repairs, node: exp.Like) -> exp.Expr:
    r"""A backslash escapes in BigQuery without being asked."""
    pattern = node.expression
    if isinstance(pattern, exp.Literal) and "\\" not in pattern.name:
        return node
    return exp.Escape(this=node, expression=exp.Literal.string("\\"))


def _anonymous(it: Repairs, node: exp.Anonymous) -> exp.Expr:
    """A function sqlglot has no class for; ERROR is the same on both."""
    if node.name.upper() != "ERROR":
        raise it.refused(node, "no exact translation is known")
    return node


FORMS: dict[type[exp.Expr], Callable[[Repairs, Any], exp.Expr]] = {
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.DataType: _type,
    exp.Create: _create,
    exp.ColumnDef: _column,
    exp.Delete: _delete,
    exp.Unnest: _unnest,
    exp.JSONExtractScalar: _json_value,
    exp.JSONExtractArray: _json_array,
    exp.In: _in,
    exp.Limit: _limit,
    exp.Like: _like,
    exp.Anonymous: _anonymous,
}
