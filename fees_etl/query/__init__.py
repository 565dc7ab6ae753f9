"""What a query reads, yields and takes. The only room that knows sqlglot."""

from fees_etl.query.duckdb import MACROS, to_duckdb
from fees_etl.query.joined import NO_LIMIT, Only
from fees_etl.query.lineage import DIRECT, Edge, lineage, revealed
from fees_etl.query.names import RESERVED, Schema
from fees_etl.query.provenance import NotAdditive, Way, operands, ways
from fees_etl.query.read import SESSION, Query, canonical, grouped, mentioned, parse, parted, with_suffix
from fees_etl.query.statements import columns
from fees_etl.query.tags import Tagged

__all__ = [
    "DIRECT",
    "MACROS",
    "NO_LIMIT",
    "RESERVED",
    "SESSION",
    "Edge",
    "NotAdditive",
    "Only",
    "Query",
    "Schema",
    "Tagged",
    "Way",
    "canonical",
    "columns",
    "grouped",
    "lineage",
    "mentioned",
    "operands",
    "parse",
    "parted",
    "revealed",
    "to_duckdb",
    "ways",
    "with_suffix",
]
