"""What Google's analyzer accepts, but BigQuery refuses or this project does without. Needs sqlglot only.

For a script, ask statement by statement (`Reference.statements`): sqlglot understands no control flow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["house_rules"]

MOST_CLUSTERING_COLUMNS = 4
PARTITIONABLE = {"DATE", "DATETIME", "INT64", "TIMESTAMP"}
FLOATS = (exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT)
UNREPEATABLE = {
    exp.CurrentDate: "CURRENT_DATE",
    exp.CurrentDatetime: "CURRENT_DATETIME",
    exp.CurrentTime: "CURRENT_TIME",
    exp.CurrentTimestamp: "CURRENT_TIMESTAMP",
    exp.Rand: "RAND",
    exp.SessionUser: "SESSION_USER",
    exp.Uuid: "GENERATE_UUID",
}


def house_rules(sql: str) -> list[str]:
    """A sentence for each offence; a statement that cannot be judged is one."""
    trees = [tree for tree in sqlglot.parse(sql, dialect="bigquery") if tree]
    return [offence for tree in trees for rule in RULES for offence in rule(tree)]


def _unknown_statement(tree: exp.Expression) -> Iterator[str]:
    for command in tree.find_all(exp.Command):
        yield f"{command.name.upper()}: a statement that sqlglot does not understand, hence no rule can judge"


def _percentile_without_over(tree: exp.Expression) -> Iterator[str]:
    for call in tree.find_all(exp.PercentileCont, exp.PercentileDisc):
        outer = call.parent.parent if isinstance(call.parent, exp.IgnoreNulls | exp.RespectNulls) else call.parent
        if not isinstance(outer, exp.Window):
            yield f"{call.sql_name()} without OVER: BigQuery has it as a window function only"


def _partition_type(tree: exp.Expression) -> Iterator[str]:
    kinds = {column.name: column.kind.sql("bigquery") for column in tree.find_all(exp.ColumnDef) if column.kind}
    for by in tree.find_all(exp.PartitionedByProperty):
        bare = isinstance(by.this, exp.Identifier | exp.Column)
        for name in {part.name for part in by.find_all(exp.Identifier)} & kinds.keys():
            if kinds[name] not in ({"DATE"} if bare else PARTITIONABLE):
                yield f"PARTITION BY {by.this.sql('bigquery')}: {name} is a {kinds[name]}"


def _too_many_clusters(tree: exp.Expression) -> Iterator[str]:
    for cluster in tree.find_all(exp.Cluster, exp.ClusterProperty):
        if len(cluster.expressions) > MOST_CLUSTERING_COLUMNS:
            yield f"CLUSTER BY {len(cluster.expressions)} columns: BigQuery takes {MOST_CLUSTERING_COLUMNS} at most"


def _unpruned_merge(tree: exp.Expression) -> Iterator[str]:
    for merge in tree.find_all(exp.Merge):
        sides = {bool(when.args.get("source")) for when in merge.find_all(exp.When) if not when.args["matched"]}
        if len(sides) > 1:
            yield "MERGE with both kinds of NOT MATCHED is a full outer join, never pruned: use MERGE, then DELETE"


def _float(tree: exp.Expression) -> Iterator[str]:
    for kind in tree.find_all(exp.DataType):
        if kind.this in FLOATS:
            yield "FLOAT64: money is NUMERIC"
    for literal in tree.find_all(exp.Literal):
        if not literal.is_string and not literal.is_int:
            yield f"{literal.name} is a FLOAT64: write NUMERIC '{literal.name}'"


def _create_or_replace(tree: exp.Expression) -> Iterator[str]:
    for create in tree.find_all(exp.Create):
        if create.args.get("replace"):
            yield "CREATE OR REPLACE loses the table's policy tags and grants"


def _unrepeatable(tree: exp.Expression) -> Iterator[str]:
    for call in tree.find_all(*UNREPEATABLE):
        yield f"{UNREPEATABLE[type(call)]}: the same run would not give the same rows twice"


RULES = (
    _unknown_statement,
    _percentile_without_over,
    _partition_type,
    _too_many_clusters,
    _unpruned_merge,
    _float,
    _create_or_replace,
    _unrepeatable,
)
