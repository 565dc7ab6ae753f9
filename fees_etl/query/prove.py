"""The proof ``load`` asks for: the columns a query yields, and that every name in it exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from fees_etl.query.kinds import settled
from fees_etl.query.resolve import Resolver
from fees_etl.types import Column, Table

if TYPE_CHECKING:
    from fees_etl.query.read import Query


Schema: TypeAlias = Mapping[Table, Mapping[str, str]]


def columns(query: Query, schema: Schema) -> tuple[Column, ...]:
    """The output columns of a query, by name, order and inferred type.

    >>> from fees_etl.query import parse
    >>> fees = {Table("raw", "fees"): {"client_id": "STRING", "fee_amount": "NUMERIC"}}
    >>> query = parse("SELECT client_id, AVG(fee_amount) AS mean FROM raw.fees GROUP BY client_id", "mean.sql")
    >>> [(column.name, column.type) for column in columns(query, fees)]
    [('client_id', 'STRING'), ('mean', 'NUMERIC')]
    """
    try:
        found = Resolver(query, schema).statement(query.tree)
    except RecursionError:
        raise query.too_deep() from None
    return tuple([Column(name, settled(kind)) for name, kind in found])
