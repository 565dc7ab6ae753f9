"""GoogleSQL -> DuckDB with the same results, by type; and the dataset suffix of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, UnsupportedError

from fees_etl.query.read import Query, parse
from fees_etl.query.repairs import Repairs
from fees_etl.query.resolve import Resolver

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fees_etl.query.prove import Schema
    from fees_etl.types import Table


_DUCKDB = DuckDB()
_OPTIONS: Any = {
    "identify": True,
    "normalize_functions": False,
    "comments": False,
    "unsupported_level": ErrorLevel.RAISE,
}


def to_duckdb(
    query: Query | str, schema: Schema, suffix: str = "", partitions: Mapping[Table, str] | None = None
) -> str:
    r"""One statement for DuckDB; what DuckDB cannot do exactly is refused. It relies on ``MACROS``.

    ``partitions`` are the columns that tables are partitioned by. DuckDB has no partitions, but skips a block of rows
    whose least and greatest value lie outside a query's range: rows are inserted in that column's order.

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
        for dataset in _datasets(tree) if suffix else ():
            dataset.set("this", f"{dataset.this}{suffix}")
        return _DUCKDB.generate(tree, copy=False, **_OPTIONS)
    except UnsupportedError as error:
        raise asked.wrong(f"DuckDB cannot run this: {error}") from None
    except RecursionError:
        raise asked.too_deep() from None


def _repaired(asked: Query, schema: Schema, tree: exp.Expr) -> exp.Expr:
    """GROUP BY n of ``-n AS n`` groups by -n: DuckDB would take the column, so the expression is written out first."""
    resolver = Resolver(asked, schema)
    resolver.statement(tree)
    if resolver.edits:
        for node, other in resolver.edits:
            node.replace(other)
        resolver = Resolver(asked, schema)
        resolver.statement(tree)
    return Repairs(asked, resolver.kinds).done(tree)


def _put_in_order(tree: exp.Expr, column: str) -> None:
    query = tree.expression if isinstance(tree, exp.Insert) else None
    if isinstance(query, exp.Query) and not isinstance(query, exp.Values) and not query.args.get("limit"):
        query.set("order", exp.Order(expressions=[exp.Ordered(this=exp.column(column))]))


def with_suffix(sql: str, suffix: str, datasets: Collection[str] | None = None) -> str:
    """The same text, with a suffix on every dataset (or on ``datasets`` only); names of CTEs and aliases stay.

    >>> with_suffix("SELECT raw.fee_id FROM raw.fees AS raw -- of `raw`", "_ci")
    'SELECT raw.fee_id FROM raw_ci.fees AS raw -- of `raw`'
    """
    if not suffix:
        return sql
    places = {
        dataset.meta["start"]: dataset.this
        for dataset in _datasets(parse(sql, "query").tree)
        if datasets is None or dataset.this in datasets
    }
    for start in sorted(places, reverse=True):
        at = sql.index(places[start], start) + len(places[start])
        sql = f"{sql[:at]}{suffix}{sql[at:]}"
    return sql


def _datasets(tree: exp.Expr) -> list[exp.Identifier]:
    return [table.args["db"] for table in tree.find_all(exp.Table) if table.args.get("db")]
