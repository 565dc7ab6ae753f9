"""What goes to stderr: progress, and log records as text, as JSON lines, or as Google Cloud Logging reads them.

The library logs to ``fees_etl`` and configures nothing; this is where its records become lines. A NINO never leaves:
tables are masked by column before they get here, and whatever still looks like one is masked by pattern.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fees_etl.cli.text import paragraph
from fees_etl.figures import count, plural
from fees_etl.privacy import redact, redact_lines
from fees_etl.streams import inline, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fees_etl.results import AssertionResult
    from fees_etl.script import StepResult

logger = logging.getLogger("fees_etl")
NAMES = {"published": "Published", "hint": "Next"}
"""The two things every error says beside what went wrong: attributes of the record, and their labels."""
EXECUTION = {"execution": "CLOUD_RUN_EXECUTION", "task_attempt": "CLOUD_RUN_TASK_ATTEMPT"}
"""Which execution of a Cloud Run job this is, and which attempt of its task."""


def configure(layout: str, verbosity: int, environ: Mapping[str, str] = os.environ) -> None:
    """Send the library's records to stderr. ``auto`` is Google's layout on Cloud Run, and text elsewhere."""
    if layout == "auto":
        layout = "gcp" if environ.get("CLOUD_RUN_JOB") or environ.get("K_SERVICE") else "text"
    handler = _Stderr()
    execution = {name: environ[variable] for name, variable in EXECUTION.items() if environ.get(variable)}
    handler.setFormatter({"text": _Text(), "json": _Json(), "gcp": _Google(execution)}[layout])
    if layout == "text":
        handler.addFilter(lambda record: not hasattr(record, "facts"))  # people have the report
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel({-1: logging.ERROR, 0: logging.INFO}.get(verbosity, logging.DEBUG))


def bind(**labels: str) -> None:
    """Put these labels (run id, command, target) on every record from now on."""
    for handler in logger.handlers:
        if isinstance(handler, _Stderr):
            handler.labels = {name: text for name, text in labels.items() if text}


@contextmanager
def progress(total: int = 0) -> Iterator[Progress]:
    """A spinner on a terminal, a line a step elsewhere, nothing with ``-q``."""
    if not sys.stderr.isatty() or not logger.isEnabledFor(logging.INFO) or os.environ.get("TERM") == "dumb":
        yield Progress(total)
        return
    from rich.console import Console  # a tenth of a second, for terminals only
    from rich.text import Text

    with Console(stderr=True).status("") as status:
        yield Progress(total, lambda text: status.update(Text(text)))


class Progress:
    """Where a command is: a line a step, or with ``update`` the one line of a spinner, which disappears."""

    def __init__(self, total: int, update: Callable[[str], None] | None = None) -> None:
        self.done, self.total, self.update = 0, total, update

    def say(self, text: str) -> None:
        """What begins now."""
        self.update(inline(text)) if self.update else logger.info("%s", text)

    def step(self, found: StepResult | AssertionResult) -> None:
        """What was done; what is not as usual is a warning, said before anything is published."""
        from fees_etl.results import AssertionResult

        self.done += 1
        if isinstance(found, AssertionResult):
            from fees_etl.cli.report import sentences

            for sentence in sentences(found):
                logger.warning("%s", sentence)
        at = f"{self.done}/{self.total}" if self.total else f"{self.done}"
        if self.update:
            self.update(f"{at} {found.name}")
        elif isinstance(found, AssertionResult):
            logger.debug("%s %s: %s failing, %.2f s", at, found.name, count(found.failing), found.seconds)
        else:
            logger.info("%s %s: %s, %.2f s", at, found.name, plural(found.rows, "row"), found.seconds)


class _Stderr(logging.Handler):
    """Looks stderr up at each line, so that a spinner or a test that replaces it is respected."""

    labels: Mapping[str, str] = MappingProxyType({})

    def emit(self, record: logging.LogRecord) -> None:
        record.labels = self.labels
        print(visible(redact_lines(self.format(record))), file=sys.stderr, flush=True)  # noqa: T201  (the one door to stderr)


class _Text(logging.Formatter):
    """``warning: ...`` and plain lines; an error is a block that says what is published and what to do next."""

    def format(self, record: logging.LogRecord) -> str:
        message = redact(record.getMessage())
        code = getattr(record, "exit_code", None)
        if code is None:
            if record.levelno in {logging.INFO, logging.WARNING}:
                message = inline(message)
            return message if record.levelno == logging.INFO else f"{record.levelname.lower()}: {message}"
        first, *more = f"Error (exit {code}): {message}".splitlines()
        lines = [*paragraph(first, 0, 2), *more]
        for name, label in NAMES.items():
            if said := redact(getattr(record, name, "")):
                lines += [f"  {label + ':':<11}{said}"] if name == "hint" else paragraph(f"{label}: {said}", 2, 11)
        return "\n".join(lines)


class _Json(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.fields(record), ensure_ascii=False)

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        said = {name: redact(getattr(record, name)) for name in NAMES if getattr(record, name, "")}
        if code := getattr(record, "exit_code", None):
            said["exit_code"] = code
        return {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "message": redact(record.getMessage()),
            **said,
            **getattr(record, "labels", {}),
            **getattr(record, "facts", {}),
        }


class _Google(_Json):
    """The special fields of Cloud Logging: labels, and the run as the operation that groups its lines."""

    def __init__(self, execution: dict[str, str]) -> None:
        super().__init__()
        self.execution = execution
        self.begun: set[str] = set()
        """Operations that have had their first line."""

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        bound, facts = getattr(record, "labels", {}), getattr(record, "facts", {})
        fields = {name: value for name, value in super().fields(record).items() if name not in bound or name in facts}
        if labels := {**bound, **self.execution}:
            fields["logging.googleapis.com/labels"] = labels
        if run_id := bound.get("run_id"):
            operation: dict[str, Any] = {"id": run_id, "producer": "fees-etl"}
            operation |= {"first": True} if run_id not in self.begun else {}
            operation |= {"last": True} if facts else {}
            self.begun.add(run_id)
            fields["logging.googleapis.com/operation"] = operation
        return fields
