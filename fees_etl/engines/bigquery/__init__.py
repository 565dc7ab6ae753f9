"""BigQuery: a transaction is one job. The only door to google.cloud.bigquery."""

from fees_etl.engines.bigquery.engine import BigQuery

__all__ = ["BigQuery"]
