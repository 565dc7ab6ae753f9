"""How a command ends: one block on stderr for people, one line for machines, and one exit code.

The block answers what went wrong, what readers see now, and what to type next. Only a bug of ours (70) has a
traceback, and only with ``-v``; even then without messages of foreign exceptions, because those may quote rows.

Metrics and alerts are made of the line: its fields are fixed, and what is not known is absent, never 0. ``rows_*`` and
``new_files`` are of this command alone; ``newest_fee_date`` is the newest that readers see.
"""

from __future__ import annotations

import logging
import re
import time
import traceback
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fees_etl import errors, signals
from fees_etl.cli.logs import logger
from fees_etl.figures import exact, net, summed, total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fees_etl.cli.session import Session

NEAR = ("Did you mean", "Known are")
ROLLED_BACK = "What this command had not committed was rolled back: readers see what the last committed run published."
AGAIN = re.compile(
    r"(?i)(?:([,;](?: then)?|then) )?(?:run )?(?:the same command again|repeat the command)(?: with (--[\w-]+))?\.?"
)
"""The library knows no command line: where a hint of its says this, the command line itself is put."""
OURS = re.compile(r"\bfees-etl (?!-)")
COMMANDS = frozenset({"run", "backfill", "ingest", "assert"})
"""The commands that leave a line: those that judge or change what is in a warehouse."""
STATUSES = {1: "rejected", 2: "failed", 3: "refused", 4: "refused", 5: "failed", 70: "failed", 75: "busy"}


def guarded(act: Callable[[], int], session: Session) -> int:
    """Do it and return its exit code, whatever happens."""
    try:
        return act()
    except typer.Exit as done:
        return done.exit_code
    except errors.FeesError as error:
        message = f"{error.message} {error.hint}" if error.hint.startswith(NEAR) else error.message
        return _say(message, error.exit_code, error.published, _next(error, session))
    except typer.TyperException as error:
        return _misused(error)
    except KeyboardInterrupt as error:
        return _interrupted(error, session)
    except Exception as error:  # noqa: BLE001  (the last resort; everything expected is above)
        return _interrupted(error, session) if signals.came() else _bug(error, session)


def tell(session: Session, code: int) -> None:
    """Log the line. A command that only printed its help has not begun, and leaves none."""
    if session.command not in COMMANDS or (code == 0 and not hasattr(session, "settings")):
        return
    said = facts(session, code, datetime.now(UTC).date())
    level = logging.ERROR if code else logging.INFO
    logger.log(level, "%s ended: %s (exit %s)", session.command, said["status"], code, extra={"facts": said})


def facts(session: Session, code: int, today: date) -> dict[str, Any]:
    """The fields, as plain values; costs are of the jobs that wrote, and None where reading is free."""
    seconds = round(time.monotonic() - session.began, 3)
    said: dict[str, Any] = {"event": "finished", "command": session.command, "exit_code": code}
    said |= {"status": _status(session, code), "seconds": seconds}
    if session.ingested:
        loaded = [file for file in session.ingested.files if file.outcome == "loaded"]
        said["new_files"] = len(loaded)
        said["rows_loaded"] = sum(file.rows - file.rejected for file in loaded)
        said["rows_rejected"] = sum(file.rejected for file in loaded)
    if session.refused is not None:
        said["refused_files"] = len(session.refused)
    said |= _fees(session, today)
    if done := [one for one in (session.ingested, session.result) if one]:
        billed = summed(one.bytes_billed for one in done)
        said["bytes_processed"] = summed(one.bytes_processed for one in done)
        said["dollars"] = None if billed is None else float(session.settings.price(billed))
    return said


def _say(message: str, code: int, published: str, hint: str) -> int:
    """The block; it begins with a capital, unless with a path or a name."""
    if message.partition(" ")[0].rstrip(":.").isalpha():
        message = message[:1].upper() + message[1:]
    logger.error("%s", message, extra={"exit_code": code, "published": published, "hint": hint})
    return code


def _interrupted(error: BaseException, session: Session) -> int:
    """What was committed before the signal stays so, and is said."""
    if session.result and session.result.status == "published":
        from fees_etl.runs.run import COMMITTED

        error = errors.Interrupted(COMMITTED, "fees-etl runs show latest")
    if isinstance(error, errors.Interrupted):
        return _say("Interrupted.", 130, error.published, _next(error, session))
    return _say("Interrupted.", 130, ROLLED_BACK, session.line)


def _next(error: errors.FeesError | errors.Interrupted, session: Session) -> str:
    """The error's own hint, with this command line where it says to repeat the command, and on this target.

    A hint that is an option is put after it. A near miss of a name belongs to the message, and then all names are next.
    """
    if error.hint and not error.hint.startswith(NEAR):
        hint = OURS.sub(lambda _: f"{session.start} ", error.hint)
        if hint.startswith("--"):
            return f"{session.line} {hint}"
        return _repeated(hint, session.line)
    if isinstance(error, errors.ProjectError):
        return f"Correct {error.path}, then: {session.line}"
    if isinstance(error, errors.WarehouseError):
        return f"Put that right, then: {session.line}"
    if isinstance(error, errors.WarehouseBusy):
        return session.line
    return f"{session.start} {'ls' if error.hint else '--help'}"


def _repeated(hint: str, line: str) -> str:
    """The hint with the command line in the place of what it calls it.

    >>> _repeated("Make room, then run the same command again.", "fees-etl run")
    'Make room, then: fees-etl run'
    >>> _repeated("If so, repeat the command with --yes; else no.", "fees-etl run")
    'If so: fees-etl run --yes; else no.'
    """

    def said(found: re.Match[str]) -> str:
        before = f"{found[1].removesuffix(',')}: " if found[1] else ""
        return f"{before}{line} {found[2] or ''}".rstrip()

    return AGAIN.sub(said, hint)


def _misused(error: typer.TyperException) -> int:
    """Typer's own sentence, with its suggestions in our words."""
    near = sorted(getattr(error, "possibilities", None) or ())
    said = (error.message if near else error.format_message()).rstrip(".").replace("Value error, ", "")
    did = f" Did you mean {' or '.join(near)}?" if near else ""
    context = getattr(error, "ctx", None)
    asked = f"{context.command_path if context else 'fees-etl'} --help"
    message = f"{said}{'' if said.endswith('?') else '.'}{did}"
    return _say(message, errors.UsageError.exit_code, errors.UsageError.usually, asked)


def _other_operations(session: Session) -> tuple[list[str], str]:
    """The operations of the project that are not those this version of the package works with, and how to compare."""
    from fees_etl.project.load import folder

    try:
        own, ours = folder(session.settings.project_dir) / "operations", folder(None) / "operations"
        both = [(path, own / path.name) for path in sorted(ours.glob("*.sql")) if (own / path.name).is_file()]
        found = [one.name for one, other in both if one.read_bytes() != other.read_bytes()]
    except (AttributeError, OSError, errors.ProjectError):  # it has not got as far as that
        return [], ""
    return found, f"See what differs: diff {own} {ours}"


def _bug(error: Exception, session: Session) -> int:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(__file__).parents[1].name in Path(frame.filename).parts] or frames
    where = f"{'/'.join(Path(ours[-1].filename).parts[-2:])}:{ours[-1].lineno or 0}"
    if verbose := logger.isEnabledFor(logging.DEBUG):
        logger.error("%s", "\n".join(_frames(error)))
    others, compare = _other_operations(session)
    if others:
        named = ", ".join(others[:3]) + (" and others" if len(others) > 3 else "")  # noqa: PLR2004 - a few
        return _say(
            f"sql/operations of this project is another than this fees-etl works with ({named}), and something of it "
            f"does not fit: {type(error).__name__} at {where}.",
            errors.UsageError.exit_code,
            ROLLED_BACK,
            compare,
        )
    return _say(
        f"this is a bug of fees-etl: {type(error).__name__} at {where}. "
        "Its message is withheld, because it may quote rows.",
        70,
        ROLLED_BACK,
        "Report the lines above." if verbose else f"See where: fees-etl -v {session.line.removeprefix('fees-etl ')}",
    )


def _frames(error: BaseException | None) -> Iterator[str]:
    """The traceback without messages: outermost cause first."""
    if error is None:
        return
    yield from _frames(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
    yield f"{type(error).__module__}.{type(error).__qualname__}, raised at (most recent call last):"
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"


def _status(session: Session, code: int) -> str:
    if code:
        return STATUSES.get(code, "interrupted")
    if session.result:
        return session.result.status
    if session.command == "assert":
        return "passed"
    happened = session.ingested and any(file.outcome != "unchanged" for file in session.ingested.files)
    return "ingested" if happened else "nothing"


def _fees(session: Session, today: date) -> dict[str, int | str | None]:
    """What was late, what staging wrote (None where the engine does not count), and the newest that readers see."""
    said: dict[str, int | str | None] = {}
    result, plan = session.result, session.result.plan if session.result else session.plan
    kept = result is not None and result.status in {"published", "staged"}
    if plan:  # also where the run was then rejected
        pounds = net(total(one.amount_removed for one in plan.late), total(one.amount_added for one in plan.late))
        said["late_rows"] = sum(one.rows_added + one.rows_removed for one in plan.late)
        said["late_pounds"] = exact(pounds)
    if result and kept:
        rows = [step.rows for step in result.steps if step.table and step.table.dataset == "staging"]
        said["rows_staged"] = None if None in rows else sum(filter(None, rows))
    if result:
        from fees_etl.project.watched import ANOMALIES, FRESHNESS, kind

        watched = [(kind(one), one.failing) for one in result.assertions if one.severity == "warn"]
        said["unusual_fees"] = sum(failing for name, failing in watched if name == ANOMALIES)
        said["overdue_fees"] = sum(failing for name, failing in watched if name == FRESHNESS)
    if result or session.state:
        staged = session.state.last_staged if session.state else None
        found = (result.after if kept else result.before).last_fee_date if result else staged
        said["newest_fee_date"] = found.isoformat() if found else None
        said["data_age_days"] = (today - found).days if found else None
    return said
