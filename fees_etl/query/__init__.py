"""What a query reads, yields and takes. The only room that knows sqlglot."""

from fees_etl.query.macros import MACROS
from fees_etl.query.prove import Schema, columns
from fees_etl.query.read import Query, parse
from fees_etl.query.translate import to_duckdb, with_suffix

__all__ = ["MACROS", "Query", "Schema", "columns", "parse", "to_duckdb", "with_suffix"]
