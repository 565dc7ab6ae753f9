"""The embedded engine: a DuckDB file, or a database in memory."""

from fees_etl.engines.duckdb.engine import DuckDB

__all__ = ["DuckDB"]
