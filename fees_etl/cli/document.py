"""The same as JSON: a versioned document a command. Money is a string, a date is ISO, nothing is rounded.

The nouns of :mod:`fees_etl.types` go out under their own field names; run.schema.json is what keeps them from drifting.
A run keeps its own for others where the target says so, and sends it as OpenLineage events where their client is set
up; a failure of either is said, and no more.
"""

from __future__ import annotations

import json
import os
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fees_etl.cli.differences import bridges, tables
from fees_etl.cli.logs import logger
from fees_etl.errors import FeesError
from fees_etl.figures import plain
from fees_etl.privacy import redacted
from fees_etl.script import Rows
from fees_etl.types import Table
from fees_etl.window import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fees_etl.cli.session import Session
    from fees_etl.results import AssertionResult, IngestResult, Result
    from fees_etl.script import Plan
    from fees_etl.settings import Settings

_EXTRAS = "its client's extras have what each transport takes: pip install 'openlineage-python[gcplineage]' is Google's"


def run(result: Result, ingested: IngestResult | None, settings: Settings, command: str) -> dict[str, Any]:
    """``fees-etl/run/1``, described by run.schema.json beside this file."""
    return {
        **head("run", settings, command=command, run_id=result.run_id, status=result.status),
        "started_at": result.started_at,
        "seconds": result.seconds,
        **planned(result.plan),
        "ingest": _ingest(ingested),
        "left_out": result.left_out,
        "published": {"before": result.before, "after": result.after},
        "changes": result.changes,
        "tables": tables(result.tables),
        "sql": result.plan.edited,
        "bridge": bridges(result.bridges),
        "steps": result.steps,
        "assertions": verdicts(result.assertions),
    }


def ingest(ingested: IngestResult | None, settings: Settings, command: str, run_id: str) -> dict[str, Any]:
    """``fees-etl/ingest/1``: also what ``run`` prints when a file is refused and no model ran."""
    status = "refused" if ingested is None or ingested.refused else "ingested"
    return head("ingest", settings, command=command, run_id=run_id, status=status) | {"ingest": _ingest(ingested)}


def verdicts(results: Sequence[AssertionResult]) -> list[dict[str, Any]]:
    """Assertions, each with what it comes to."""
    said = {"error": "fail", "warn": "warn"}
    return [{"verdict": "pass" if one.passed else said[one.severity], **_plain(one)} for one in results]


def head(schema: str, settings: Settings, **names: str) -> dict[str, Any]:
    """What a document is, and what it is about."""
    return {"schema": f"fees-etl/{schema}/1", **names, "target": settings.target, "warehouse": settings.warehouse}


def planned(found: Plan) -> dict[str, Any]:
    """What a plan and the run of it have in common."""
    return {
        "selection": found.selection,
        "window": found.window,
        "full_refresh": found.full_refresh,
        "restated": found.restated,
        "pending": found.state.pending,
        "late": found.late,
    }


def written(document: dict[str, Any]) -> str:
    """The document as text.

    >>> written({"day": date(2025, 9, 1), "of": (Table("raw", "fees"), Decimal("1E+3"))}).split()
    ['{', '"day":', '"2025-09-01",', '"of":', '[', '"raw.fees",', '"1000.00"', ']', '}']
    """
    return json.dumps(redacted(json.loads(json.dumps(document, default=_plain))), indent=2, ensure_ascii=False)


def keep(session: Session, result: Result, told: dict[str, Any]) -> None:
    """Write the run's document, its lineage and the two files of dbt."""
    place = session.settings.artifacts
    if place is None:
        return
    from fees_etl.cli.ls import lineage_document
    from fees_etl.explain.lineage import all_dependences
    from fees_etl.watch import dbt, write

    try:
        documents = {
            "run.json": told,
            "lineage.json": lineage_document("all models", all_dependences(result.plan.project)),
            "manifest.json": dbt.manifest(result, session.settings),
            "run_results.json": dbt.run_results(result, session.settings),
        }
        write(place, result.run_id, {name: written(one) for name, one in documents.items()})
    except Exception as error:  # noqa: BLE001 - whatever it is, the run is over, and its exit code stands
        logger.warning("The artifacts of this run are not in %s: %s. What it did stands.", place, _why(error))


def send(session: Session, result: Result) -> None:
    """Send OpenLineage events, where the environment or the working folder sets up its client."""
    is_set_up = any(name.startswith("OPENLINEAGE_") for name in os.environ) or Path("openlineage.yml").exists()
    if not is_set_up or os.environ.get("OPENLINEAGE_DISABLED", "").casefold() == "true":
        return
    try:
        from fees_etl.watch import events

        events.send(result, session.settings)
    except ModuleNotFoundError as error:
        ours = (error.name or "").partition(".")[0] == "openlineage"
        lacking = "pip install 'fees-etl[openlineage]'" if ours else f"its transport takes {error.name}; {_EXTRAS}"
        logger.warning("OpenLineage was not told of this run: %s. What it did stands.", lacking)
    except Exception as error:  # noqa: BLE001 - as above
        logger.warning("OpenLineage was not told of this run: %s. What it did stands.", _why(error))


def _plain(value: Any) -> Any:
    """What JSON can carry of a value that it does not know, without losing a penny."""
    if isinstance(value, Decimal | date | Table):
        return plain(value)
    if isinstance(value, Window):
        return [{"start": start, "end": end} for start, end in value.ranges]
    if isinstance(value, Rows):
        return value.records
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _ingest(ingested: IngestResult | None) -> dict[str, Any] | None:
    if ingested is None:
        return None
    files = [
        _plain(one) | {"reasons": dict(one.reasons), "first_rejected": dict(one.first_rejected)}
        for one in ingested.files
    ]
    return {"source": ingested.source, "seconds": ingested.seconds, "files": files, "notes": ingested.notes}


def _why(error: Exception) -> str:
    """In our words, or the system's; another library's may quote what it was given."""
    said = error.message if isinstance(error, FeesError) else getattr(error, "strerror", None)
    return (said or type(error).__name__).rstrip(".")
