"""One task of any scheduler (cron, Airflow's PythonOperator, Prefect, Dagster): files in, numbers out, or a clear no.

    python task.py duckdb:////srv/fees/fees.duckdb '/srv/fees/lake/*.csv'
    python task.py 'bigquery://my-project?location=EU' 'gs://my-lake/fees/*.csv'

Safe to repeat: a second call finds nothing new. Exit codes are those of the command line, 75 means: try again later.
"""

from __future__ import annotations

import sys

from fees_etl import AssertionsFailed, FeesError, InputRefused, Result, connect, ingest, load, plan, run


def publish(warehouse: str, source: str) -> Result:
    """Mirror the source, stage what is new, publish what passes every assertion.

    Raises:
        FeesError: nothing was published; ``exit_code``, ``published`` and ``hint`` say what to do.
    """
    project = load()
    with connect(warehouse) as engine:
        files = ingest(project, engine, source)
        if files.refused:
            raise InputRefused(f"refused: {', '.join(file.uri for file in files.refused)}")
        result = run(plan(project, engine), engine)
    if result.failures:
        raise AssertionsFailed(f"failed: {', '.join(one.name for one in result.failures)}")
    return result


if __name__ == "__main__":
    try:
        print(publish(*sys.argv[1:]))
    except FeesError as error:
        print(error.message, error.published, error.hint, sep="\n", file=sys.stderr)
        sys.exit(error.exit_code)
