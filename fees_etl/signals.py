"""Signals that stop a command: neither too early to be told, nor lost.

Importing this imports next to nothing: until :func:`hold` is called, Ctrl-C is a traceback of Python's.
"""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False  # of typing, which takes twenty milliseconds
if TYPE_CHECKING:
    from types import FrameType

_STOPS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_caught: list[int] = []
"""The signals that came."""


def hold() -> None:
    """Let signals that stop a command wait until it can say what they stopped: until :func:`release`.

    SIGTERM (Cloud Run's timeout) and SIGHUP (a terminal that went) are Ctrl-C. What is ignored stays so (``nohup``).
    """
    for one in _STOPS:
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, _wait)
    sys.unraisablehook = _unraisable


def release() -> None:
    """From now on they interrupt, and those that waited do so now; nothing where :func:`hold` was not called.

    Raises:
        KeyboardInterrupt: one came.
    """
    for one in _STOPS:
        if signal.getsignal(one) is _wait:
            signal.signal(one, _interrupt)
    require_calm()


def came() -> bool:
    """Whether one came: what it raised may have been swallowed, or become another error."""
    return bool(_caught)


def require_calm() -> None:
    """Nothing, unless one came.

    Raises:
        KeyboardInterrupt: it did.
    """
    if _caught:
        raise KeyboardInterrupt


def finish() -> None:
    """All is said: what comes now is too late."""
    for one in _STOPS:
        if signal.getsignal(one) in (_wait, _interrupt):
            signal.signal(one, signal.SIG_IGN)


def _unraisable(told: sys.UnraisableHookArgs) -> None:
    """An interrupt that came while something was thrown away is noted already; Python would print a traceback."""
    if not isinstance(told.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(told)


def _wait(number: int, _: FrameType | None) -> None:
    _caught.append(number)


def _interrupt(number: int, _: FrameType | None) -> None:
    _caught.append(number)
    raise KeyboardInterrupt
