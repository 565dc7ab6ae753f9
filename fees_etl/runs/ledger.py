"""The books: what a plan depends on, what readers see, and the ledger of runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from fees_etl.results import LeftOut, Published, Rows
from fees_etl.script import Bytes, Changes, Failures, Found, Now, Record, Steps, Verdict, Verdicts
from fees_etl.types import Pending, Plan, Project, State, Table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fees_etl.engines import Engine
    from fees_etl.script import Answer


BEFORE, AFTER, LEFT_OUT = "published_before", "published_after", "left_out"
STAGED_BEFORE, STAGED_AFTER = "staged_before", "staged_after"
"""Names of what a run asks besides its assertions."""


def new_run_id(now: datetime) -> str:
    """A name for one attempt that sorts by time: ``20250131T120000-1a2b3c``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{token_hex(3)}"


def state(project: Project, engine: Engine) -> State:
    """What is in the warehouse that a plan depends on: read from the books, not from raw."""
    asks = [project.templates.ask(name) for name in ("state", "pending", "refused")]
    found = {name: answer.rows.rows for name, answer in engine.answers(asks).items()}
    first_raw, last_raw, first_staged, last_staged, files, real, mark = found["state"][0]
    pending = tuple(sorted((Pending(*row) for row in found["pending"]), key=_place))
    refused = tuple(sorted((uri, reason) for uri, reason in found["refused"]))
    return State(first_raw, last_raw, first_staged, last_staged, pending, refused, files, real, mark)


def _place(one: Pending) -> tuple[Any, ...]:
    return one.fee_date, one.source_file, one.source_version, one.rows_added, one.rows_removed


def published(answer: Answer) -> Published:
    """The headline numbers of an answer to ``published``."""
    named = dict(zip(answer.rows.columns, answer.rows.rows[0], strict=True))
    cohorts = tuple((named.pop("incomplete_cohorts_6_month") or "").split())
    return Published(**named, incomplete_cohorts_6_month=cohorts)


def left_out(answer: Answer) -> LeftOut:
    """What staging leaves out of raw, by reason."""
    return LeftOut(*answer.rows.rows[0])


def history(project: Project, engine: Engine, limit: int = 20, run_id: str | None = None) -> Rows:
    """The newest attempts first; or the one attempt called ``run_id``."""
    return _in_order(_ask(project, engine, "history", limit=limit, run_id=run_id), newest_first=True)


def parts(project: Project, engine: Engine, command: str) -> Rows:
    """The chunks of every backfill that was asked for in these words, oldest first."""
    return _in_order(_ask(project, engine, "parts", command=command))


def _in_order(attempts: Rows, *, newest_first: bool = False) -> Rows:
    """Rows of ``ops.runs`` by their time: an engine need not keep the order of a query."""
    places = [attempts.columns.index(name) for name in ("started_at", "run_id")]
    rows = sorted(attempts.rows, key=lambda row: [row[at] for at in places], reverse=newest_first)
    return Rows(attempts.columns, tuple(rows))


def record(
    plan: Plan,
    *,
    run_id: str,
    command: str,
    part_of: str | None,
    status: str,
    started_at: datetime,
    verdicts: Iterable[Verdict] = (),
    error: str | Failures | None = None,
) -> Record:
    """The row of ``ops.runs`` for a run that ends with this status; only a committed one has changed anything."""
    kept = status in ("published", "staged")
    last = AFTER if kept else BEFORE
    cells = {
        "run_id": run_id,
        "command": command,
        "part_of": part_of,
        "status": status,
        "selection": " ".join(plan.selection),
        "fee_dates": str(plan.window),
        "full_refresh": plan.full_refresh,
        "started_at": started_at,
        "finished_at": Now(),
        "rows_before": Found(BEFORE, "staged_rows"),
        "rows_after": Found(last, "staged_rows"),
        "amount_before": Found(BEFORE, "staged_amount"),
        "amount_after": Found(last, "staged_amount"),
        "steps": Steps(),
        "changes": Changes(STAGED_BEFORE, STAGED_AFTER) if kept and plan.window else Changes(),
        "assertions": Verdicts(tuple(verdicts)),
        "error": error,
        "fingerprint": plan.project.fingerprint,
        "git_sha": git_sha(plan.project.root),
        "package_version": _version(),
        "bytes_processed": Bytes(),
    }
    return Record(Table("ops", "runs"), cells)


def _ask(project: Project, engine: Engine, name: str, **context: Any) -> Rows:
    return engine.query(project.templates.ask(name, **context).sql)


def git_sha(root: Path) -> str | None:
    """The commit that an image was built from, else that of a project folder that is a git checkout."""
    return os.environ.get("FEES_ETL_GIT_SHA") or _checked_out(root)


@cache
def _checked_out(root: Path) -> str | None:
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
