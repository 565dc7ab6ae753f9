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
from types import ModuleType, SimpleNamespace

import places
import pytest

DAG = places.ROOT / "examples" / "composer" / "fees_etl_dag.py"
GOOGLE = "airflow.providers.google.cloud"
KNOWN = {
    ("airflow.sdk", "DAG"): {"dag_id", "description", "schedule", "start_date", "catchup", "max_active_runs", "default_args", "tags"},
    (f"{GOOGLE}.operators.cloud_run", "CloudRunExecuteJobOperator"): {"task_id", "project_id", "region", "job_name", "deferrable"},
}  # fmt: skip
DEFAULTS = {"retries", "on_failure_callback"}
PYTHON = os.environ.get("AIRFLOW_PYTHON", "")
REAL = """
import importlib, inspect, json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
known = {" ".join(one): sorted(_all(getattr(importlib.import_module(one[0]), one[1]))) for one in json.loads(sys.argv[2])}
shape = {name: [[task.task_id, sorted(task.downstream_task_ids), task.retries] for task in dag.tasks] for name, dag in bag.dags.items()}
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


class Hook:
    """Pub/Sub's hook, as much of it as is used."""

    published = ()

    def publish(self, project_id, topic, messages):
        Hook.published = ((project_id, topic, messages),)


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
    hooks = ModuleType(f"{GOOGLE}.hooks.pubsub")
    hooks.PubSubHook = Hook
    monkeypatch.setitem(sys.modules, f"{GOOGLE}.hooks", ModuleType(f"{GOOGLE}.hooks"))
    monkeypatch.setitem(sys.modules, hooks.__name__, hooks)
    sys.modules["airflow.sdk"].Variable = SimpleNamespace(get=lambda name: f"the {name}")
    spec = importlib.util.spec_from_file_location("fees_etl_dag", DAG)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return found


def recorder(kind, known, found):
    def record(**args):
        assert args.keys() <= known, f"{kind} has no such arguments as far as these tests know: {args.keys() - known}"
        found.append(Recorded(kind, args))
        return found[-1]

    return record


def test_what_there_is_is_ingested_then_run_and_nothing_is_waited_for(made):
    """Files come once a month and corrections on any day: a task that waits for one would time out on all the others."""
    dag, ingest, run = made
    assert [(one.kind, one.args["task_id"], one.after) for one in (ingest, run)] == [
        ("CloudRunExecuteJobOperator", "ingest", ["run"]),
        ("CloudRunExecuteJobOperator", "run", []),
    ]
    assert [one.args["job_name"] for one in (ingest, run)] == ["fees-etl-ingest", "fees-etl-run"]
    assert all(one.args["deferrable"] for one in (ingest, run))  # no worker is held while they run
    assert dag.args["dag_id"] == "fees_etl"


def test_one_run_at_a_time_makes_up_for_those_that_were_missed(made):
    assert (made[0].args["max_active_runs"], made[0].args["catchup"]) == (1, False)


def test_a_failure_is_left_for_people_and_not_repeated(made):
    """Airflow sees no exit code, so a repetition would repeat refused files and failed assertions."""
    defaults = made[0].args["default_args"]
    assert defaults.keys() == DEFAULTS
    assert defaults["retries"] == 0
    task = SimpleNamespace(task_id="ingest", dag_id="fees_etl")
    defaults["on_failure_callback"]({"task_instance": task, "run_id": "scheduled__2025-10-01"})
    ((project, topic, (message,)),) = Hook.published
    assert (project, topic) == ("the fees_etl_project", "fees-etl-dead-letter")
    assert json.loads(message["data"]) == {
        "error": "The task ingest of fees_etl failed.",
        "execution": "scheduled__2025-10-01",
    }
    topics = (places.ROOT / "terraform" / "dead_letter.tf").read_text(encoding="utf-8")
    assert f'"{topic}"' in topics


def test_nothing_of_an_environment_is_written_into_it():
    text = DAG.read_text(encoding="utf-8")
    assert text.count("{{ var.value.fees_etl_") == 2
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
    assert dags == {"fees_etl": [["ingest", ["run"], 0], ["run", [], 0]]}
    for one, known in KNOWN.items():
        assert known <= set(arguments[" ".join(one)]), one
    assert set(arguments[f"{GOOGLE}.operators.cloud_run CloudRunExecuteJobOperator"]) >= DEFAULTS
