"""The same as JSON: a versioned document a command. Money is a string, a date is ISO, nothing is rounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.cli.text import net

if TYPE_CHECKING:
    from fees_etl.settings import Settings
    from fees_etl.types import (
        Assertion,
        AssertionResult,
        Change,
        IngestResult,
        LeftOut,
        Model,
        Pending,
        Plan,
        Project,
        Published,
        Result,
        Rows,
        Window,
    )

__all__ = ["assertions", "ingest", "listing", "plain", "plan", "rows", "run"]


def run(result: Result, ingested: IngestResult | None, settings: Settings, command: str) -> dict[str, Any]:
    """``fees-etl/run/1``, described by run.schema.json beside this file."""
    return _document(
        {
            "schema": "fees-etl/run/1",
            "run_id": result.run_id,
            "command": command,
            "status": result.status,
            "target": settings.target,
            "warehouse": settings.warehouse,
            "started_at": result.started_at,
            "seconds": round(result.seconds, 3),
            "selection": result.plan.selection,
            "window": _window(result.plan.window),
            "full_refresh": result.plan.full_refresh,
            "pending": [_pending(one) for one in result.plan.state.pending],
            "ingest": _files(ingested) if ingested else None,
            "left_out": _left_out(result.left_out),
            "published": {"before": _published(result.before), "after": _published(result.after)},
            "changes": [_change(one) for one in result.changes],
            "steps": [
                {
                    "name": one.name,
                    "kind": one.kind,
                    "table": str(one.table) if one.table else None,
                    "rows": one.rows,
                    "seconds": round(one.seconds, 3),
                }
                for one in result.steps
            ],
            "assertions": [_assertion(one) for one in result.assertions],
        }
    )


def ingest(ingested: IngestResult | None, settings: Settings, command: str, run_id: str) -> dict[str, Any]:
    """``fees-etl/ingest/1``: also what ``run`` prints when a file is refused and no model ran."""
    return _document(
        {
            "schema": "fees-etl/ingest/1",
            "run_id": run_id,
            "command": command,
            "status": "refused" if ingested and ingested.refused else "ingested",
            "target": settings.target,
            "warehouse": settings.warehouse,
            "ingest": _files(ingested) if ingested else None,
        }
    )


def assertions(results: Sequence[AssertionResult], settings: Settings) -> dict[str, Any]:
    """``fees-etl/assert/1``."""
    return _document(
        {
            "schema": "fees-etl/assert/1",
            "target": settings.target,
            "warehouse": settings.warehouse,
            "assertions": [_assertion(one) for one in results],
        }
    )


def plan(found: Plan, settings: Settings) -> dict[str, Any]:
    """``fees-etl/plan/1``."""
    return _document(
        {
            "schema": "fees-etl/plan/1",
            "target": settings.target,
            "warehouse": settings.warehouse,
            "selection": found.selection,
            "window": _window(found.window),
            "full_refresh": found.full_refresh,
            "pending": [_pending(one) for one in found.state.pending],
            "refused": [{"uri": uri, "reason": reason} for uri, reason in found.state.refused],
            "steps": [
                {
                    "name": step.name,
                    "kind": step.kind,
                    "table": str(step.table) if step.table else None,
                    "severity": step.severity if step.kind == "assertion" else None,
                    "window": _window(step.window) if step.window else None,
                    "statements": len(step.statements),
                    "estimated_bytes": None,
                }
                for step in found.steps
            ],
        }
    )


def listing(project: Project, models: Sequence[Model], tests: Sequence[Assertion], *, sources: bool) -> dict[str, Any]:
    """``fees-etl/ls/1``."""
    tables = [{"name": str(table), "kind": "source", "reads": []} for table in project.sources if sources]
    made = [
        {"name": str(model.table), "kind": model.contract.materialized, "reads": sorted(map(str, model.reads))}
        for model in models
    ]
    asserted = [{"name": one.name, "kind": "assertion", "reads": sorted(map(str, one.reads))} for one in tests]
    return {"schema": "fees-etl/ls/1", "nodes": [*tables, *made, *asserted]}


def rows(schema: str, name: str, found: Rows) -> dict[str, Any]:
    """One object a row."""
    return _document({"schema": schema, name: [dict(zip(found.columns, row, strict=True)) for row in found.rows]})


def plain(value: Any) -> Any:  # noqa: ANN401  (any value of a result)
    """What JSON can carry without losing a penny.

    >>> plain({"amount": Decimal("1E+3"), "day": date(2025, 9, 1), "of": (Decimal("0.10"),)})
    {'amount': '1000.00', 'day': '2025-09-01', 'of': ['0.10']}
    """
    if isinstance(value, Decimal):
        whole, _, decimals = f"{value or Decimal(0):f}".partition(".")
        return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def _document(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in fields.items()}


def _window(window: Window) -> list[dict[str, date]]:
    return [{"start": start, "end": end} for start, end in window.ranges]


def _files(ingested: IngestResult) -> dict[str, Any]:
    return {
        "source": ingested.source,
        "seconds": round(ingested.seconds, 3),
        "files": [
            {
                "uri": file.uri,
                "version": file.version,
                "outcome": file.outcome,
                "rows": file.rows,
                "rejected": file.rejected,
                "amount": file.amount,
                "note": file.note,
                "reasons": [{"reason": reason, "rows": count} for reason, count in file.reasons],
            }
            for file in ingested.files
        ],
    }


def _pending(one: Pending) -> dict[str, Any]:
    return {
        "fee_date": one.fee_date,
        "file": one.source_file,
        "version": one.source_version,
        "rows_added": one.rows_added,
        "amount_added": one.amount_added,
        "rows_removed": one.rows_removed,
        "amount_removed": one.amount_removed,
    }


def _left_out(one: LeftOut) -> dict[str, Any]:
    return {
        "raw": {"rows": one.raw_rows, "amount": one.raw_amount},
        "duplicates": {"rows": one.duplicate_rows, "amount": one.duplicate_amount},
        "blanks": {"rows": one.blank_rows, "amount": one.blank_amount},
        "quarantine": {"rows": one.rejected_rows},
    }


def _published(one: Published) -> dict[str, Any]:
    return {
        "staged_rows": one.staged_rows,
        "staged_amount": one.staged_amount,
        "ltv_total": one.ltv_total,
        "clients": one.clients,
        "cohorts": one.cohorts,
        "advisers": one.advisers,
        "first_fee_date": one.first_fee_date,
        "last_fee_date": one.last_fee_date,
        "incomplete_clients_6_month": one.incomplete_clients_6_month,
        "incomplete_cohorts_6_month": one.incomplete_cohorts_6_month,
    }


def _change(one: Change) -> dict[str, Any]:
    return {
        "fee_date": one.fee_date,
        "rows_before": one.rows_before,
        "rows_after": one.rows_after,
        "amount_before": one.amount_before,
        "amount_after": one.amount_after,
        "amount_net": net(one.amount_before, one.amount_after),
    }


def _assertion(one: AssertionResult) -> dict[str, Any]:
    return {
        "name": one.name,
        "description": one.description,
        "severity": one.severity,
        "verdict": "pass" if one.passed else "fail" if one.severity == "error" else "warn",
        "failing": one.failing,
        "waived": one.waived,
        "waivers": one.note,
        "seconds": round(one.seconds, 3),
        "sample": [dict(zip(one.sample.columns, row, strict=True)) for row in one.sample.rows],
    }
