"""The DAG of examples/: its tasks, their order, how they are repeated; and that Airflow itself takes it.

Airflow is too heavy for the test environment. Here it is played by a recorder that knows as many arguments as the DAG
may use; where AIRFLOW_PYTHON names an interpreter that has the real one, DAG and arguments are held against it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from types import ModuleType

import places
import pytest

DAG = places.ROOT / "examples" / "composer" / "fees_etl_dag.py"
GOOGLE = "airflow.providers.google.cloud"
KNOWN = {
    ("airflow.sdk", "DAG"): {"dag_id", "description", "schedule", "start_date", "catchup", "max_active_runs", "default_args", "tags"},
    (f"{GOOGLE}.sensors.gcs", "GCSObjectsWithPrefixExistenceSensor"): {"task_id", "bucket", "prefix", "timeout", "deferrable"},
    (f"{GOOGLE}.operators.cloud_run", "CloudRunExecuteJobOperator"): {"task_id", "project_id", "region", "job_name", "deferrable"},
}  # fmt: skip
DEFAULTS = {"retries", "retry_delay", "retry_exponential_backoff", "max_retry_delay"}
PYTHON = os.environ.get("AIRFLOW_PYTHON", "")
REAL = """
import importlib, inspect, json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
known = {" ".join(one): sorted(_all(getattr(importlib.import_module(one[0]), one[1]))) for one in json.loads(sys.argv[2])}
shape = {name: [[task.task_id, sorted(task.downstream_task_ids), task.retries, task.retry_exponential_backoff] for task in dag.tasks] for name, dag in bag.dags.items()}
print(json.dumps([{str(key): str(text) for key, text in bag.import_errors.items()}, shape, known]))
"""
ARGUMENTS = """
def _all(kind):
    return {name for one in kind.__mro__ for name in inspect.signature(one.__init__).parameters}
"""


@dataclass(eq=False)
class Recorded:
    """A DAG or a task, as it was asked for."""

    kind: str
    args: dict
    after: list = field(default_factory=list)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __rshift__(self, other):
        self.after.append(other.args["task_id"])
        return other


@pytest.fixture
def made(monkeypatch):
    """Everything that the DAG's file makes, by its kind."""
    found = []
    for (place, kind), known in KNOWN.items():
        parts = place.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            monkeypatch.setitem(sys.modules, name, sys.modules.get(name) or ModuleType(name))
        setattr(sys.modules[place], kind, recorder(kind, known, found))
    spec = importlib.util.spec_from_file_location("fees_etl_dag", DAG)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return found


def recorder(kind, known, found):
    def record(**args):
        assert args.keys() <= known, f"{kind} has no such arguments as far as these tests know: {args.keys() - known}"
        found.append(Recorded(kind, args))
        return found[-1]

    return record


def test_the_file_is_waited_for_then_ingested_then_run(made):
    dag, wait, ingest, run = made
    assert [(one.kind, one.args["task_id"], one.after) for one in (wait, ingest, run)] == [
        ("GCSObjectsWithPrefixExistenceSensor", "wait_for_file", ["ingest"]),
        ("CloudRunExecuteJobOperator", "ingest", ["run"]),
        ("CloudRunExecuteJobOperator", "run", []),
    ]
    assert [one.args["job_name"] for one in (ingest, run)] == ["fees-etl-ingest", "fees-etl-run"]
    assert all(one.args["deferrable"] for one in (wait, ingest, run))  # no worker is held while they wait
    assert dag.args["dag_id"] == "fees_etl"


def test_one_run_at_a_time_makes_up_for_those_that_were_missed(made):
    assert (made[0].args["max_active_runs"], made[0].args["catchup"]) == (1, False)


def test_a_failure_is_repeated_three_times_after_pauses_that_grow_and_end(made):
    repeated = made[0].args["default_args"]
    assert repeated.keys() == DEFAULTS
    assert repeated["retries"] == 3
    assert repeated["retry_exponential_backoff"] > 1  # of Airflow 3 a factor, so that True would be none
    assert repeated["retry_delay"] < repeated["max_retry_delay"] <= timedelta(minutes=10)


def test_nothing_of_an_environment_is_written_into_it():
    text = DAG.read_text(encoding="utf-8")
    assert text.count("{{ var.value.fees_etl_") == 3
    assert "gs://" not in text


@pytest.mark.skipif(not PYTHON, reason="AIRFLOW_PYTHON names no environment with Airflow and its provider for Google")
def test_airflow_takes_it(tmp_path):
    """As its scheduler would, from a folder of DAGs."""
    said = subprocess.run(
        [PYTHON, "-W", "ignore", "-c", ARGUMENTS + REAL, str(DAG.parent), json.dumps(list(KNOWN))],
        env=os.environ | {"AIRFLOW_HOME": str(tmp_path)}, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    errors, dags, arguments = json.loads(said.splitlines()[-1])
    assert errors == {}
    assert dags == {"fees_etl": [["wait_for_file", ["ingest"], 3, 2], ["ingest", ["run"], 3, 2], ["run", [], 3, 2]]}
    for one, known in KNOWN.items():
        assert known <= set(arguments[" ".join(one)]), one
    assert set(arguments[f"{GOOGLE}.operators.cloud_run CloudRunExecuteJobOperator"]) >= DEFAULTS
