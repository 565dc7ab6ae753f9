"""The books: what a plan depends on, what readers see, and the ledger of runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from fees_etl.template import statements
from fees_etl.types import (
    AssertionResult,
    Change,
    LeftOut,
    Pending,
    Plan,
    Project,
    Published,
    Rows,
    State,
    StepResult,
    Table,
    Window,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fees_etl.engines import Engine

__all__ = ["changes", "history", "left_out", "new_run_id", "parts", "published", "record", "staged_by_date", "state"]

ByDate = dict[Any, tuple[int, Decimal]]


def new_run_id(now: datetime) -> str:
    """A name for one attempt that sorts by time: ``20250131T120000-1a2b3c``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{token_hex(3)}"


def state(project: Project, engine: Engine) -> State:
    """What is in the warehouse that a plan depends on: read from the books, not from raw."""
    (first_raw, last_raw, first_staged, last_staged, files, real), *_ = _ask(project, engine, "state").rows
    pending = tuple(Pending(*row) for row in _ask(project, engine, "pending").rows)
    refused = tuple((uri, reason) for uri, reason in _ask(project, engine, "refused").rows)
    return State(first_raw, last_raw, first_staged, last_staged, pending, refused, files, real)


def published(project: Project, engine: Engine) -> Published:
    """The headline numbers as they are now."""
    answer = _ask(project, engine, "published")
    named = dict(zip(answer.columns, answer.rows[0], strict=True))
    cohorts = tuple((named.pop("incomplete_cohorts_6_month") or "").split())
    return Published(**named, incomplete_cohorts_6_month=cohorts)


def left_out(project: Project, engine: Engine) -> LeftOut:
    """What staging leaves out of raw, by reason."""
    return LeftOut(*_ask(project, engine, "left_out").rows[0])


def staged_by_date(project: Project, engine: Engine, window: Window) -> ByDate:
    """Staged rows and pounds of each fee date of the window."""
    if not window:
        return {}
    return {day: (rows, amount) for day, rows, amount in _ask(project, engine, "staged_by_date", window=window).rows}


def changes(before: ByDate, after: ByDate) -> tuple[Change, ...]:
    """The fee dates whose staged rows or pounds differ, in order.

    >>> from datetime import date
    >>> changes({date(2025, 1, 1): (1, Decimal("2"))}, {date(2025, 1, 1): (1, Decimal("2.00"))})
    ()
    """
    nothing = (0, Decimal(0))
    days = [day for day in sorted({*before, *after}) if before.get(day, nothing) != after.get(day, nothing)]
    return tuple(Change(day, *before.get(day, nothing), *after.get(day, nothing)) for day in days)


def history(project: Project, engine: Engine, limit: int = 20, run_id: str | None = None) -> Rows:
    """The newest attempts first; or the one attempt called ``run_id``."""
    return _ask(project, engine, "history", limit=limit, run_id=run_id)


def parts(project: Project, engine: Engine, command: str) -> Rows:
    """The chunks of every backfill that was asked for in these words, oldest first."""
    return _ask(project, engine, "parts", command=command)


def record(  # noqa: PLR0913 - one argument a part of the row
    engine: Engine,
    plan: Plan,
    *,
    run_id: str,
    command: str,
    part_of: str | None,
    status: str,
    started_at: datetime,
    before: Published,
    after: Published,
    steps: Iterable[StepResult] = (),
    found: Iterable[AssertionResult] = (),
    changed: Iterable[Change] = (),
    error: str | None = None,
) -> None:
    """Write one row of ``ops.runs``."""
    row = {
        "run_id": run_id,
        "command": command,
        "part_of": part_of,
        "status": status,
        "selection": " ".join(plan.selection),
        "fee_dates": str(plan.window),
        "full_refresh": plan.full_refresh,
        "started_at": started_at,
        "finished_at": datetime.now(UTC),
        "rows_before": before.staged_rows,
        "rows_after": after.staged_rows,
        "amount_before": before.staged_amount,
        "amount_after": after.staged_amount,
        "steps": json.dumps([{"name": one.name, "rows": one.rows, "seconds": round(one.seconds, 3)} for one in steps]),
        "changes": json.dumps([_change(one) for one in changed]),
        "assertions": json.dumps([_verdict(one) for one in found]),
        "error": error,
        "fingerprint": plan.project.fingerprint,
        "git_sha": _git_sha(plan.project.root),
        "package_version": _version(),
    }
    insert(plan.project, engine, Table("ops", "runs"), list(row), [list(row.values())])


def insert(project: Project, engine: Engine, table: Table, columns: list[str], rows: list[list[Any]]) -> None:
    """Insert literal rows; for the books, which are small."""
    if rows:
        sql = project.templates.render("operations/insert.sql", table=table, columns=columns, rows=rows)
        engine.execute(sql)


def execute(project: Project, engine: Engine, operation: str, **context: Any) -> None:
    """Run the statements of one template of ``sql/operations``."""
    for sql in statements(project.templates.render(f"operations/{operation}.sql", **context)):
        engine.execute(sql)


def _ask(project: Project, engine: Engine, operation: str, **context: Any) -> Rows:
    return engine.query(project.templates.render(f"operations/{operation}.sql", **context))


def _change(change: Change) -> dict[str, Any]:
    return {
        "fee_date": change.fee_date.isoformat(),
        "rows": [change.rows_before, change.rows_after],
        "amount": [str(change.amount_before), str(change.amount_after)],
    }


def _verdict(result: AssertionResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "severity": result.severity,
        "failing": result.failing,
        "waived": result.waived,
        "waivers": result.note,
    }


def _git_sha(root: Path) -> str | None:
    git = shutil.which("git")
    if git is None or "site-packages" in root.parts:
        return None
    asked = subprocess.run(  # noqa: S603 - a fixed command
        [git, "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or None


def _version() -> str:
    try:
        return version("fees-etl")
    except PackageNotFoundError:
        return "0"
