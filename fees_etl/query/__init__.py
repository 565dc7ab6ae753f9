"""What a query reads, yields and takes. The only room that knows sqlglot."""

from fees_etl.query.duckdb import MACROS, to_duckdb
from fees_etl.query.names import Schema
from fees_etl.query.read import SESSION, Query, parse, parted, with_suffix
from fees_etl.query.statements import columns

__all__ = ["MACROS", "SESSION", "Query", "Schema", "columns", "parse", "parted", "to_duckdb", "with_suffix"]
