"""What a query reads, yields and takes. The only room that knows sqlglot."""

from fees_etl.query.duckdb import MACROS, to_duckdb
from fees_etl.query.names import RESERVED, Schema
from fees_etl.query.read import SESSION, Query, canonical, grouped, mentioned, parse, parted, with_suffix
from fees_etl.query.statements import columns
from fees_etl.query.tags import Tagged

__all__ = [
    "MACROS",
    "RESERVED",
    "SESSION",
    "Query",
    "Schema",
    "Tagged",
    "canonical",
    "columns",
    "grouped",
    "mentioned",
    "parse",
    "parted",
    "to_duckdb",
    "with_suffix",
]
