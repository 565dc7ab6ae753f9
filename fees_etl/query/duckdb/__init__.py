"""GoogleSQL -> DuckDB with the same results, by type. What DuckDB cannot do exactly as BigQuery does is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, UnsupportedError

from fees_etl.query.duckdb import casts, dates, numbers, texts
from fees_etl.query.read import CONFUSED, SESSION, TOO_DEEP, Query, dataset_nodes, parse
from fees_etl.query.statements import Walk
from fees_etl.query.types import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fees_etl.query.duckdb.casts import Repair, Tree
    from fees_etl.query.names import Schema
    from fees_etl.types import Table

__all__ = ["MACROS", "to_duckdb"]

_BODIES = {**casts.MACROS, **numbers.MACROS, **texts.MACROS, **dates.MACROS}
MACROS: tuple[str, ...] = tuple(f"CREATE OR REPLACE TEMP MACRO {head} AS ({body})" for head, body in _BODIES.items())
"""What GoogleSQL does and DuckDB has no function for: to be executed once a connection."""
_DUCKDB = DuckDB()


def to_duckdb(
    query: Query | str, schema: Schema, suffix: str = "", partitions: Mapping[Table, str] | None = None
) -> str:
    r"""One statement for DuckDB, which relies on ``MACROS``; ``suffix`` goes on every dataset.

    ``partitions`` are the columns that tables are partitioned by. DuckDB has no partitions, but skips a block of rows
    whose least and greatest value lie outside a query's range: rows are inserted in that column's order.

    Raises:
        ProjectError: a name means nothing, or DuckDB has no exact translation.

    >>> to_duckdb("SELECT AVG(NUMERIC '1.5') AS mean", {})
    'SELECT bq_div(SUM(CAST(\'1.5\' AS DECIMAL(38, 9))), COUNT(CAST(\'1.5\' AS DECIMAL(38, 9)))) AS "mean"'
    """
    asked = query if isinstance(query, Query) else parse(query, "query")
    tree = asked.tree.copy() if asked is query else asked.tree
    try:
        tree = _repaired(asked, schema, tree)
        for table, column in (partitions or {}).items():
            if table in asked.writes:
                _put_in_order(tree, column)
        for dataset in dataset_nodes(tree):
            dataset.set("this", "temp" if dataset.this == SESSION else f"{dataset.this}{suffix}")
        exact: Any = {"identify": True, "normalize_functions": False, "unsupported_level": ErrorLevel.RAISE}
        return _DUCKDB.generate(tree, copy=False, comments=False, **exact)
    except UnsupportedError as error:
        raise asked.wrong(f"DuckDB cannot run this: {error}") from None
    except RecursionError:
        raise asked.wrong(TOO_DEEP) from None
    except CONFUSED:
        raise asked.wrong("DuckDB cannot run this: a function has arguments that it cannot have.") from None


def _repaired(asked: Query, schema: Schema, tree: exp.Expr) -> exp.Expr:
    """GROUP BY n of ``-n AS n`` groups by -n: DuckDB would take the column, so the expression is written out first."""
    walk = Walk(asked, schema)
    walk.statement(tree)
    if walk.edits:
        for node, other in walk.edits:
            node.replace(other)
        walk = Walk(asked, schema)
        walk.statement(tree)
    it = casts.Tree(asked, walk.kinds, tree)
    for node in reversed(it.nodes.copy()):  # children before parents
        if repair := _REPAIRS.get(node.__class__):
            parent, key, index = node.parent, node.arg_key, node.index
            try:
                new = repair(it, node)
            except CONFUSED:
                raise it.refused(node, "its arguments are none that it can have") from None
            if new is not node:
                it.typed(new, it.kinds.get(id(node), UNKNOWN))
                if parent is None:
                    return new
                parent.set(str(key), new, index)
        elif node.__class__ in _REFUSED:
            raise it.refused(node, _REFUSED[node.__class__])
        elif isinstance(node, exp.Func) and node.__class__ not in _TAKEN_AS_IS:
            raise it.refused(node, _UNKNOWN)
    return tree


def _put_in_order(tree: exp.Expr, column: str) -> None:
    query = tree.expression if isinstance(tree, exp.Insert) else None
    if isinstance(query, exp.Query) and not isinstance(query, exp.Values) and not query.args.get("limit"):
        query.set("order", exp.Order(expressions=[exp.Ordered(this=exp.column(column))]))


def _create(_: Tree, node: exp.Create) -> exp.Expr:
    """PARTITION BY, CLUSTER BY and OPTIONS are storage, and keys are NOT ENFORCED: DuckDB has none of them."""
    temporary = node.find(exp.TemporaryProperty)
    node.set("properties", exp.Properties(expressions=[temporary]) if temporary else None)
    if isinstance(node.this, exp.Schema):
        node.this.set("expressions", [column for column in node.this.expressions if isinstance(column, exp.ColumnDef)])
    return node


def _column(_: Tree, node: exp.ColumnDef) -> exp.Expr:
    """OPTIONS of a column."""
    kept = [one for one in node.constraints if not isinstance(one.args.get("kind"), exp.Properties)]
    node.set("constraints", kept)
    return node


def _delete(_: Tree, node: exp.Delete) -> exp.Expr:
    """DELETE t without FROM."""
    if tables := node.args.get("tables"):
        node.set("this", tables[0])
        node.set("tables", None)
    return node


def _in(_: Tree, node: exp.In) -> exp.Expr:
    """IN UNNEST([1, 2]) is IN (1, 2), unless the list is empty."""
    unnest = node.args.get("unnest")
    listed = unnest.expressions[0] if unnest else None
    if isinstance(listed, exp.Array) and listed.expressions:
        return exp.In(this=node.this, expressions=listed.expressions)
    return node


_UNKNOWN = "no exact translation is known"
_REPAIRS: dict[type[exp.Expr], Repair] = {
    **casts.REPAIRS,
    **numbers.REPAIRS,
    **texts.REPAIRS,
    **dates.REPAIRS,
    exp.Create: _create,
    exp.ColumnDef: _column,
    exp.Delete: _delete,
    exp.Unnest: casts.only(lambda _, node: not node.args.get("offset"), "WITH OFFSET counts from 0, DuckDB from 1"),
    exp.In: _in,
    exp.Limit: casts.only(
        lambda _, node: isinstance(node.parent, exp.Query), "LIMIT within an aggregate; use ROW_NUMBER"
    ),
    exp.Anonymous: casts.only(lambda _, node: node.name.upper() == "ERROR", _UNKNOWN),
}
_REFUSED: dict[type[exp.Expr], str] = {
    exp.FarmFingerprint: "use TO_HEX(MD5(...))",
    exp.ApproxQuantiles: "use PERCENTILE_CONT(x, NUMERIC '0.5') OVER (...)",
    exp.ApproxDistinct: "use COUNT(DISTINCT x)",
    exp.ApproxTopK: "use GROUP BY and ORDER BY COUNT(*)",
    exp.ApproxTopSum: "use GROUP BY and ORDER BY SUM(x)",
    exp.Format: "use CONCAT and CAST",
    exp.JSONFormat: "use CAST or CONCAT",
    exp.SafeFunc: "only SAFE_CAST and SAFE_DIVIDE are safe on both engines",
    **dict.fromkeys((exp.Rand, exp.Uuid, exp.TableSample), "a model must give the same rows twice"),
    exp.SessionUser: "a model must give the same rows for everybody",
    exp.Reverse: "DuckDB keeps combining characters together",
    exp.Initcap: "word boundaries differ",
    **dict.fromkeys(
        (exp.Sqrt, exp.Exp, exp.Ln, exp.Log, exp.Pow, exp.Stddev, exp.StddevPop, exp.Variance),
        "the last decimals differ",
    ),
    exp.StrToDate: "CAST texts like 2025-01-31 AS DATE",
    exp.StrToTime: "CAST texts AS TIMESTAMP",
    exp.CurrentDate: "a model must give the same rows tomorrow",
    exp.Pivot: "write one IF per column",
    exp.Version: "DuckDB has no time travel",
    **dict.fromkeys((exp.HavingMax, exp.ArgMax, exp.ArgMin), "use ROW_NUMBER"),
    exp.PercentileDisc: "use PERCENTILE_CONT(x, NUMERIC '0.5') OVER (...)",
}
"""Expressions, by sqlglot's class, each with what to write instead or why not."""

_TAKEN_AS_IS: frozenset[type[exp.Expr]] = frozenset((
    exp.Expr, exp.And, exp.Or, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Exists, exp.Count, exp.Min, exp.Max,
    exp.AnyValue, exp.LogicalAnd, exp.LogicalOr, exp.ArrayAgg, exp.Array, exp.ArraySize, exp.RowNumber, exp.Rank,
    exp.DenseRank, exp.Ntile, exp.PercentRank, exp.CumeDist, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
    exp.NthValue, exp.Abs, exp.Replace, exp.Left, exp.Right, exp.Repeat, exp.StartsWith, exp.EndsWith, exp.Contains,
    exp.CurrentTimestamp, exp.DateFromParts, exp.TsOrDsToDate, exp.GroupConcat, exp.Struct, exp.UnixDate,
    exp.RegexpLike, exp.WeekStart,
))  # fmt: skip
"""Functions whose arguments and results are the same on both engines, as sqlglot writes them."""
