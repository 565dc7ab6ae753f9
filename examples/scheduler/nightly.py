"""A task for a scheduler that calls Python (cron, Airflow's PythonOperator, Prefect, Dagster): the lake into reporting.

It returns when the numbers are published or when there was nothing to do, and raises otherwise: TRANSIENT errors are
worth another try, all others need a person. What readers see is then as it was before.

    FEES_ETL_WAREHOUSE=duckdb:////srv/fees/fees.duckdb FEES_ETL_SOURCE='/srv/lake/*.csv' python nightly.py
"""

from __future__ import annotations

import os

from fees_etl import (
    AssertionsFailed,
    InputRefused,
    Result,
    WarehouseBusy,
    WarehouseError,
    connect,
    ingest,
    load,
    plan,
    run,
)

TRANSIENT = (WarehouseBusy, WarehouseError)


def publish(warehouse: str, source: str) -> Result | None:
    """Ingest the source and publish what waits; None when nothing does.

    Raises:
        InputRefused: a file was refused, or was before and still is.
        AssertionsFailed: rows fail; all was rolled back, and the ledger has the attempt.
        FeesError: a guard or the warehouse said no.
    """
    project = load()
    with connect(warehouse) as engine:
        ingest(project, engine, source)
        planned = plan(project, engine)
        if planned.state.refused:
            raise InputRefused("; ".join(f"{uri}: {reason}" for uri, reason in planned.state.refused))
        if not planned.state.pending:
            return None
        result = run(planned, engine, command="nightly")
    if result.failures:
        names = ", ".join(one.name for one in result.failures)
        raise AssertionsFailed(f"not published, for rows fail {names}: fees-etl runs show {result.run_id}")
    return result


if __name__ == "__main__":
    publish(os.environ["FEES_ETL_WAREHOUSE"], os.environ["FEES_ETL_SOURCE"])
