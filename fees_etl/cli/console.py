"""What a person sees: lines and documents on stdout, progress on stderr."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from fees_etl.cli.logs import logger
from fees_etl.cli.text import count, plural
from fees_etl.errors import UsageError
from fees_etl.privacy import redact
from fees_etl.results import AssertionResult, StepResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


PAINT = (
    (re.compile(r"^(?=\S)(?!NOT |PUBLISHED|REHEARSED)(.+?)(?=  |$)"), "1"),
    (re.compile(r"\b(FAIL|REFUSED|NOT PUBLISHED)\b"), "31"),
    (re.compile(r"^(PUBLISHED|REHEARSED)\b"), "32"),
    (re.compile(r"^  (warn) "), "33"),
)
"""On a terminal: headings bold, verdicts red, green and yellow."""


def show(lines: Iterable[str]) -> None:
    """Print a screen."""
    colour = (
        sys.stdout is not None
        and sys.stdout.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )
    _out("\n".join(_painted(line) if colour else line for line in lines))


def show_json(document: dict[str, Any]) -> None:
    """Print one document, and nothing else."""
    _out(json.dumps(document, indent=2, ensure_ascii=False))


def _out(text: str) -> None:
    """A reader that has left (``| head``) is no error, and changes nothing of what was done."""
    try:
        print(redact(text), flush=True)  # noqa: T201  (the one door to stdout)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter fails on it once more
        raise UsageError(
            f"stdout cannot be written: {error.strerror}.",
            published="What this command did is done and stays; only its report is lost.",
            hint="See what was done: fees-etl runs",
        ) from error


def _painted(line: str) -> str:
    for pattern, code in PAINT:
        line = pattern.sub(lambda found, code=code: f"\x1b[{code}m{found[0]}\x1b[0m", line)  # type: ignore[misc]
    return line


class Progress(Protocol):
    """How a command says where it is."""

    def say(self, text: str) -> None:
        """What begins now."""

    def step(self, found: StepResult | AssertionResult) -> None:
        """What was done."""


@contextmanager
def progress(total: int = 0) -> Iterator[Progress]:
    """A spinner on a terminal, a line a step elsewhere, nothing with ``-q``."""
    if not sys.stderr.isatty() or not logger.isEnabledFor(20) or os.environ.get("TERM") == "dumb":
        yield _Lines(total)
        return
    from rich.console import Console  # noqa: PLC0415  (a tenth of a second, for terminals only)
    from rich.text import Text  # noqa: PLC0415

    with Console(stderr=True).status("") as status:
        yield _Spinner(total, lambda text: status.update(Text(text)))


class _Lines:
    def __init__(self, total: int) -> None:
        self.done, self.total = 0, total

    def say(self, text: str) -> None:
        logger.info(text)

    def step(self, found: StepResult | AssertionResult) -> None:
        self.done += 1
        if isinstance(found, AssertionResult):
            logger.debug("%s %s: %s failing, %.2f s", self._at(), found.name, count(found.failing), found.seconds)
        elif found.kind != "assertion":
            logger.info("%s %s: %s, %.2f s", self._at(), found.name, plural(found.rows, "row"), found.seconds)

    def _at(self) -> str:
        return f"{self.done}/{self.total}" if self.total else f"{self.done}"


class _Spinner(_Lines):
    """The same words, in one line that disappears."""

    def __init__(self, total: int, update: Callable[[str], None]) -> None:
        super().__init__(total)
        self.update = update

    def say(self, text: str) -> None:
        self.update(text)

    def step(self, found: StepResult | AssertionResult) -> None:
        self.done += 1
        self.update(f"{self._at()} {found.name}")
