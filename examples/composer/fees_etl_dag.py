"""The two jobs as an Airflow DAG, for a platform that has Cloud Composer anyway; the Workflow has no standing cost.

    fees-etl ingest  ->  fees-etl run --from stg_fees

Nothing is decided here, and nothing is waited for. Files come once a month, on a day that nobody knows, and corrections
on any other: each morning takes what there is, and a morning on which nothing came changes nothing. That a month's file
is missing is told by the alert on old data, not by a task that waits. The jobs are those of terraform/.

Airflow does not see exit codes, and most failures need a person (a refused file, an assertion): so nothing is
repeated, and the next morning tries again; also after exit 75, a warehouse that another run held, which the Workflow
repeats. What failed is left where the Workflow leaves it, in the dead-letter topic, which alerts. The environment's
account needs roles/run.jobsExecutor on both jobs, roles/run.viewer on the project (operations belong to it) and
roles/pubsub.publisher on the topic fees-etl-dead-letter.

Airflow variables: fees_etl_project, fees_etl_region. Arguments are those of apache-airflow-providers-google 22.8.0; for
Airflow 2, import DAG from airflow.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from airflow.providers.google.cloud.hooks.pubsub import PubSubHook
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
from airflow.sdk import DAG, Variable

PLACE = {"project_id": "{{ var.value.fees_etl_project }}", "region": "{{ var.value.fees_etl_region }}"}


def leave_for_people(context: dict[str, Any]) -> None:
    """What failed, into the topic whose subscription alerts. The job's own log says why."""
    task = context["task_instance"]
    failure = {"error": f"The task {task.task_id} of {task.dag_id} failed.", "execution": context["run_id"]}
    PubSubHook().publish(
        project_id=Variable.get("fees_etl_project"),
        topic="fees-etl-dead-letter",
        messages=[{"data": json.dumps(failure).encode()}],
    )


with DAG(
    dag_id="fees_etl",
    description="Fees from the lake to audited lifetime values.",
    schedule="30 5 * * *",
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,  # one run makes up for all that were missed
    max_active_runs=1,  # the warehouse takes one writer
    default_args={"retries": 0, "on_failure_callback": leave_for_people},
    tags=["fees-etl"],
):
    ingest = CloudRunExecuteJobOperator(task_id="ingest", job_name="fees-etl-ingest", deferrable=True, **PLACE)
    run = CloudRunExecuteJobOperator(task_id="run", job_name="fees-etl-run", deferrable=True, **PLACE)

    ingest >> run
