"""The same as JSON: a versioned document a command. Money is a string, a date is ISO, nothing is rounded.

The nouns of :mod:`fees_etl.types` go out under their own field names; run.schema.json is what keeps them from drifting.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.results import Rows, summed
from fees_etl.types import Table, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fees_etl.plans import Plan
    from fees_etl.results import AssertionResult, IngestResult, Result
    from fees_etl.settings import Settings
    from fees_etl.types import Assertion, Model, Project


def run(result: Result, ingested: IngestResult | None, settings: Settings, command: str) -> dict[str, Any]:
    """``fees-etl/run/1``, described by run.schema.json beside this file."""
    return {
        **_head("run", settings, command=command, run_id=result.run_id, status=result.status),
        "started_at": plain(result.started_at),
        "seconds": result.seconds,
        **_planned(result.plan),
        "ingest": _ingest(ingested),
        "left_out": plain(result.left_out),
        "published": {"before": plain(result.before), "after": plain(result.after)},
        "changes": plain(result.changes),
        "steps": plain(result.steps),
        "assertions": [_verdict(one) for one in result.assertions],
    }


def ingest(ingested: IngestResult | None, settings: Settings, command: str, run_id: str) -> dict[str, Any]:
    """``fees-etl/ingest/1``: also what ``run`` prints when a file is refused and no model ran."""
    status = "refused" if ingested is None or ingested.refused else "ingested"
    return _head("ingest", settings, command=command, run_id=run_id, status=status) | {"ingest": _ingest(ingested)}


def assertions(results: Sequence[AssertionResult], settings: Settings) -> dict[str, Any]:
    """``fees-etl/assert/1``."""
    return _head("assert", settings) | {"assertions": [_verdict(one) for one in results]}


def plan(found: Plan, settings: Settings, billed: Sequence[int | None]) -> dict[str, Any]:
    """``fees-etl/plan/1``: what the screen says; ``render`` has the SQL. Where reading is free, bytes are null."""
    steps = [
        {
            "name": step.name,
            "kind": step.kind,
            "table": plain(step.table),
            "statements": len(step.statements),
            "estimated_bytes": read,
        }
        for step, read in zip(found.steps, billed, strict=True)
    ]
    total = summed(billed)
    dollars = None if total is None else f"{settings.price(total):f}"
    refused = [{"uri": uri, "reason": reason} for uri, reason in found.state.refused]
    return (
        _head("plan", settings)
        | _planned(found)
        | {"refused": refused, "steps": steps}
        | {
            "estimated_bytes": total,
            "estimated_dollars": dollars,
        }
    )


def listing(project: Project, models: Sequence[Model], tests: Sequence[Assertion], *, sources: bool) -> dict[str, Any]:
    """``fees-etl/ls/1``."""
    nodes: list[tuple[object, str | None, Iterable[Table]]]
    nodes = [(table, "source", ()) for table in project.sources if sources]
    nodes += [(model.table, model.contract.materialized, model.reads) for model in models]
    nodes += [(one.name, "assertion", one.reads) for one in tests]
    shown = [{"name": str(name), "kind": kind, "reads": sorted(map(str, reads))} for name, kind, reads in nodes]
    return {"schema": "fees-etl/ls/1", "nodes": shown}


def runs(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``fees-etl/runs/1``: the columns of ``ops.runs``."""
    return {"schema": "fees-etl/runs/1", "runs": plain(records)}


def plain(value: Any) -> Any:  # noqa: PLR0911  (any value of a result; one line a kind)
    """What JSON can carry without losing a penny.

    >>> plain({"amount": Decimal("1E+3"), "day": date(2025, 9, 1), "of": (Table("raw", "fees"), Decimal("0.10"))})
    {'amount': '1000.00', 'day': '2025-09-01', 'of': ['raw.fees', '0.10']}
    """
    if isinstance(value, Decimal):
        whole, _, decimals = f"{value or Decimal(0):f}".partition(".")
        return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Table):
        return str(value)
    if isinstance(value, Window):
        return [{"start": plain(start), "end": plain(end)} for start, end in value.ranges]
    if isinstance(value, Rows):
        return [dict(zip(value.columns, plain(row), strict=True)) for row in value.rows]
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def _head(schema: str, settings: Settings, **names: str) -> dict[str, Any]:
    return {"schema": f"fees-etl/{schema}/1", **names, "target": settings.target, "warehouse": settings.warehouse}


def _planned(found: Plan) -> dict[str, Any]:
    return {
        "selection": plain(found.selection),
        "window": plain(found.window),
        "full_refresh": found.full_refresh,
        "pending": plain(found.state.pending),
        "late": plain(found.late),
    }


def _ingest(ingested: IngestResult | None) -> dict[str, Any] | None:
    if ingested is None:
        return None
    files = [plain(one) | {"reasons": dict(one.reasons)} for one in ingested.files]
    return {"source": ingested.source, "seconds": ingested.seconds, "files": files}


def _verdict(one: AssertionResult) -> dict[str, Any]:
    return {"verdict": "pass" if one.passed else "fail" if one.severity == "error" else "warn", **plain(one)}
