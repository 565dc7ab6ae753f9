"""The line that the end of a command leaves for machines: metrics and alerts are made of it, so its fields are fixed.

What a command did not get to know is absent, never 0. ``rows_*`` and ``new_files`` are of this command alone;
``newest_fee_date`` is the newest that readers see.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fees_etl.cli.logs import logger
from fees_etl.cli.text import net, total
from fees_etl.results import summed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from fees_etl.plans import Plan
    from fees_etl.results import IngestResult, Result
    from fees_etl.settings import Settings
    from fees_etl.types import State


COMMANDS = frozenset({"run", "backfill", "ingest", "assert"})
"""The commands that leave the line: those that judge or change what is in a warehouse."""
STATUSES = {1: "rejected", 2: "failed", 3: "refused", 4: "refused", 5: "failed", 70: "failed", 75: "busy"}
INTERRUPTED = "interrupted"


@dataclass(slots=True)
class Findings:
    """What a command has found so far; it fills this in as it goes."""

    began: float = field(default_factory=time.monotonic)
    settings: Settings | None = None
    state: State | None = None
    ingested: IngestResult | None = None
    refused: Sequence[object] | None = None
    """Every file whose content is refused now."""
    plan: Plan | None = None
    result: Result | None = None


def tell(found: Findings, command: str, code: int) -> None:
    """Log the line. A command that only printed its help has not begun, and leaves none."""
    if command not in COMMANDS or (code == 0 and found.settings is None):
        return
    said = facts(found, command, code, datetime.now(UTC).date())
    level = logging.ERROR if code else logging.INFO
    logger.log(level, "%s ended: %s (exit %s)", command, said["status"], code, extra={"finished": said})


def facts(found: Findings, command: str, code: int, today: date) -> dict[str, Any]:
    """The fields, as plain values."""
    return {
        "event": "finished",
        "command": command,
        "exit_code": code,
        "status": _status(found, command, code),
        "seconds": round(time.monotonic() - found.began, 3),
        **_files(found),
        **_late(found),
        **_staged(found),
        **_freshness(found, today),
        **_cost(found),
    }


def _status(found: Findings, command: str, code: int) -> str:
    if code:
        return STATUSES.get(code, INTERRUPTED)
    if found.result:
        return found.result.status
    if command == "assert":
        return "passed"
    happened = found.ingested and any(file.outcome != "unchanged" for file in found.ingested.files)
    return "ingested" if happened else "nothing"


def _files(found: Findings) -> dict[str, int]:
    said: dict[str, int] = {}
    if found.ingested:
        loaded = [file for file in found.ingested.files if file.outcome == "loaded"]
        said["new_files"] = len(loaded)
        said["rows_loaded"] = sum(file.rows - file.rejected for file in loaded)
        said["rows_rejected"] = sum(file.rejected for file in loaded)
    if found.refused is not None:
        said["refused_files"] = len(found.refused)
    return said


def _late(found: Findings) -> dict[str, int | str]:
    """What the plan stages although its fee dates lie before the lookback: also where the run was then rejected."""
    plan = found.result.plan if found.result else found.plan
    if plan is None:
        return {}
    from fees_etl.cli.document import plain  # noqa: PLC0415  (a usage error is said without it)

    late = plan.late
    pounds = net(total([one.amount_removed for one in late]), total([one.amount_added for one in late]))
    return {"late_rows": sum(one.rows_added + one.rows_removed for one in late), "late_pounds": plain(pounds)}


def _staged(found: Findings) -> dict[str, int | None]:
    """Rows that staging wrote; None where the engine does not count, absent where all was rolled back."""
    if found.result is None or found.result.status not in {"published", "staged"}:
        return {}
    rows = [step.rows for step in found.result.steps if step.table and step.table.dataset == "staging"]
    return {"rows_staged": None if None in rows else sum(filter(None, rows))}


def _freshness(found: Findings, today: date) -> dict[str, str | int | None]:
    if found.result:
        kept = found.result.status in {"published", "staged"}
        newest = (found.result.after if kept else found.result.before).last_fee_date
    elif found.state:
        newest = found.state.last_staged
    else:
        return {}
    if newest is None:
        return {"newest_fee_date": None, "data_age_days": None}
    return {"newest_fee_date": newest.isoformat(), "data_age_days": (today - newest).days}


def _cost(found: Findings) -> dict[str, int | float | None]:
    """Of the jobs that wrote; None where reading is free."""
    done = [one for one in (found.ingested, found.result) if one]
    if not done or found.settings is None:
        return {}
    billed = summed(one.bytes_billed for one in done)
    return {
        "bytes_processed": summed(one.bytes_processed for one in done),
        "dollars": None if billed is None else float(found.settings.price(billed)),
    }
