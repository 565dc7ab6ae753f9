"""The embedded engine: a DuckDB file, or a database in memory."""

from __future__ import annotations

from fees_etl.engines.duckdb.engine import DuckDB

__all__ = ["DuckDB"]
