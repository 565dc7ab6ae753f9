"""The fee pipeline you can audit to the penny: CSV -> raw -> staging -> reporting, on DuckDB or BigQuery, without dbt.

    files --load--> Project --plan(selection, window)--> Plan --run(engine)--> Result

``ingest`` comes before, ``backfill`` instead, ``check`` and ``read`` after; each prepares the tables it needs.
Importing this package imports nothing; database, SQL parser and Google's libraries are loaded by what needs them.

>>> from fees_etl import connect, ingest, load, plan, run
>>> from fees_etl.ingestion import SAMPLE
>>> project = load()
>>> with connect("duckdb://") as engine:
...     ingested = ingest(project, engine, SAMPLE)
...     result = run(plan(project, engine), engine)
...     cohorts = result.frame("rpt_cohort_ltv")
>>> result.status, len(result.steps), len(result.failures), cohorts.num_rows
('published', 5, 0, 15)
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # of typing, which takes twenty milliseconds
if TYPE_CHECKING:
    from typing import Any

    from fees_etl.engines import Engine, connect, read
    from fees_etl.errors import (
        AssertionsFailed,
        FeesError,
        GuardRefused,
        InputRefused,
        ProjectError,
        UsageError,
        WarehouseBusy,
        WarehouseError,
    )
    from fees_etl.ingestion import forget, ingest
    from fees_etl.project.load import load
    from fees_etl.results import IngestResult, Result
    from fees_etl.runs.backfill import backfill
    from fees_etl.runs.ledger import state
    from fees_etl.runs.plan import plan
    from fees_etl.runs.questions import check
    from fees_etl.runs.run import run
    from fees_etl.script import Plan
    from fees_etl.types import Project, State, Table
    from fees_etl.window import Window

_LATE = {
    "AssertionsFailed": "fees_etl.errors",
    "Engine": "fees_etl.engines",
    "FeesError": "fees_etl.errors",
    "GuardRefused": "fees_etl.errors",
    "IngestResult": "fees_etl.results",
    "InputRefused": "fees_etl.errors",
    "Plan": "fees_etl.script",
    "Project": "fees_etl.types",
    "ProjectError": "fees_etl.errors",
    "Result": "fees_etl.results",
    "State": "fees_etl.types",
    "Table": "fees_etl.types",
    "UsageError": "fees_etl.errors",
    "WarehouseBusy": "fees_etl.errors",
    "WarehouseError": "fees_etl.errors",
    "Window": "fees_etl.window",
    "backfill": "fees_etl.runs.backfill",
    "check": "fees_etl.runs.questions",
    "connect": "fees_etl.engines",
    "forget": "fees_etl.ingestion",
    "ingest": "fees_etl.ingestion",
    "load": "fees_etl.project.load",
    "plan": "fees_etl.runs.plan",
    "read": "fees_etl.engines",
    "run": "fees_etl.runs.run",
    "state": "fees_etl.runs.ledger",
}

__all__ = [
    "AssertionsFailed",
    "Engine",
    "FeesError",
    "GuardRefused",
    "IngestResult",
    "InputRefused",
    "Plan",
    "Project",
    "ProjectError",
    "Result",
    "State",
    "Table",
    "UsageError",
    "WarehouseBusy",
    "WarehouseError",
    "Window",
    "backfill",
    "check",
    "connect",
    "forget",
    "ingest",
    "load",
    "plan",
    "read",
    "run",
    "state",
]


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)


def __dir__() -> list[str]:
    return __all__
