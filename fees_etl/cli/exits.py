"""How a command ends: every error becomes one block on stderr and one exit code.

The block answers what went wrong, what readers see now, and what to type next. Only a bug of ours (70) has a
traceback, and only with ``-v``; even then without messages of foreign exceptions, because those may quote rows.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fees_etl.cli.logs import logger
from fees_etl.errors import (
    FeesError,
    GuardRefused,
    InputRefused,
    ProjectError,
    UsageError,
    WarehouseBusy,
    WarehouseError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fees_etl.cli.options import Call


BUG = 70
INTERRUPTED = 130
NEAR = ("Did you mean", "Known are")
PUBLISHED: dict[type[FeesError], str] = {
    UsageError: "Nothing was touched.",
    InputRefused: "No model ran: readers see what the last committed run published.",
    GuardRefused: "Nothing was written: readers see what the last committed run published.",
    WarehouseError: "Nothing of this command: readers see what the last committed run published.",
    WarehouseBusy: "Nothing of this command; what the other one does is its own.",
}
"""What readers see when the error itself does not say."""


def guarded(act: Callable[[], int], call: Call, *, verbose: bool = False) -> int:
    """Do it and return its exit code, whatever happens."""
    try:
        return act()
    except typer.Exit as done:
        return done.exit_code
    except FeesError as error:
        return _say(_message(error), error.exit_code, error.published or _published(error), _next(error, call))
    except typer.TyperException as error:
        return _say(_usage(error), UsageError.exit_code, PUBLISHED[UsageError], _help(error))
    except KeyboardInterrupt:
        rolled = (
            "What this command had not committed was rolled back: readers see what the last committed run published."
        )
        return _say("Interrupted.", INTERRUPTED, rolled, call.line)
    except Exception as error:  # noqa: BLE001  (the last resort; everything expected is above)
        return _bug(error, call.line, verbose=verbose)


def _say(message: str, code: int, published: str, hint: str) -> int:
    logger.error("%s", _sentence(message), extra={"exit_code": code, "published": published, "hint": hint})
    return code


def _sentence(message: str) -> str:
    """Begin with a capital, unless with a path or a name."""
    first = message.partition(" ")[0].rstrip(":.")
    return message[:1].upper() + message[1:] if first.isalpha() else message


def _published(error: FeesError) -> str:
    return next((text for kind, text in PUBLISHED.items() if isinstance(error, kind)), "")


def _message(error: FeesError) -> str:
    return f"{error.message} {error.hint}" if error.hint.startswith(NEAR) else error.message


def _next(error: FeesError, call: Call) -> str:
    """The error's own hint; a near miss of a name belongs to the message, and then all names are next."""
    if error.hint and not error.hint.startswith(NEAR):
        return error.hint
    if isinstance(error, ProjectError):
        return f"Correct {error.path}, then: {call.line}"
    if isinstance(error, WarehouseError):
        return f"Put that right, then: {call.line}"
    return call.line if isinstance(error, WarehouseBusy) else f"{call.start} {'ls' if error.hint else '--help'}"


def _usage(error: typer.TyperException) -> str:
    """Typer's own sentence, with its suggestions in our words."""
    near = sorted(getattr(error, "possibilities", None) or ())
    said = (error.message if near else error.format_message()).rstrip(".").replace("Value error, ", "")
    did = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"{said}{'' if said.endswith('?') else '.'}{did}"


def _help(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'fees-etl'} --help"


def _bug(error: Exception, again: str, *, verbose: bool) -> int:
    kind, (path, line) = type(error).__name__, _where(error)
    if verbose:
        logger.error("%s", "\n".join(_frames(error)))
    return _say(
        f"this is a bug of fees-etl: {kind} at {path}:{line}. Its message is withheld, because it may quote rows.",
        BUG,
        PUBLISHED[WarehouseError],
        "Report the lines above." if verbose else f"See where: fees-etl -v {again.removeprefix('fees-etl ')}",
    )


def _where(error: Exception) -> tuple[str, int]:
    """The innermost line of our own."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{Path(__file__).parents[1].name}" in Path(frame.filename).parts] or frames
    return "/".join(Path(ours[-1].filename).parts[-2:]), ours[-1].lineno or 0


def _frames(error: BaseException | None) -> Iterator[str]:
    """The traceback without messages: outermost cause first."""
    if error is None:
        return
    yield from _frames(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
    yield f"{type(error).__module__}.{type(error).__qualname__}, raised at (most recent call last):"
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"
