"""The two jobs as an Airflow DAG, for a platform that has Cloud Composer anyway; the Workflow has no standing cost.

    wait for the day's file  ->  fees-etl ingest  ->  fees-etl run --from stg_fees

Nothing is decided here. The jobs are those of terraform/; both are safe to repeat, and one that finds nothing new
changes nothing. Airflow does not see exit codes, so it repeats every failure, also one that needs a person: that costs
time and publishes nothing. The environment's account needs roles/run.jobsExecutor on both jobs, roles/run.viewer on the
project (operations belong to it), and roles/storage.objectViewer on the lake.

Airflow variables: fees_etl_project, fees_etl_region, fees_etl_lake (the bucket). Loaded by Airflow 3.3.2 with
apache-airflow-providers-google 22.8.0; for Airflow 2, import DAG from airflow and say retry_exponential_backoff=True.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
from airflow.providers.google.cloud.sensors.gcs import GCSObjectsWithPrefixExistenceSensor
from airflow.sdk import DAG

PLACE = {"project_id": "{{ var.value.fees_etl_project }}", "region": "{{ var.value.fees_etl_region }}"}
REPEATED = {
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2,  # a factor; True is one of 1
    "max_retry_delay": timedelta(minutes=10),
}

with DAG(
    dag_id="fees_etl",
    description="Fees from the lake to audited lifetime values.",
    schedule="30 5 * * *",
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,  # one run makes up for all that were missed
    max_active_runs=1,  # the warehouse takes one writer
    default_args=REPEATED,
    tags=["fees-etl"],
):
    wait = GCSObjectsWithPrefixExistenceSensor(
        task_id="wait_for_file",
        bucket="{{ var.value.fees_etl_lake }}",
        prefix="landing/fees/{{ data_interval_end | ds }}",
        timeout=timedelta(hours=6).total_seconds(),
        deferrable=True,
    )
    ingest = CloudRunExecuteJobOperator(task_id="ingest", job_name="fees-etl-ingest", deferrable=True, **PLACE)
    run = CloudRunExecuteJobOperator(task_id="run", job_name="fees-etl-run", deferrable=True, **PLACE)

    wait >> ingest >> run
