"""What goes to stderr: log records as text, as JSON lines, or as Google Cloud Logging reads them.

The library logs to ``fees_etl`` and configures nothing; this is where its records become lines. A NINO never leaves:
tables are masked by column before they get here, and whatever still looks like one is masked by pattern.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fees_etl.cli.text import paragraph
from fees_etl.privacy import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


logger = logging.getLogger("fees_etl")
SEVERITIES = {logging.DEBUG: "DEBUG", logging.INFO: "INFO", logging.WARNING: "WARNING", logging.ERROR: "ERROR"}
NAMES = {"published": "Published", "hint": "Next"}
"""The two things every error says beside what went wrong: attributes of the record, and their labels."""
EXECUTION = {"execution": "CLOUD_RUN_EXECUTION", "task_attempt": "CLOUD_RUN_TASK_ATTEMPT"}


def configure(layout: str, verbosity: int, environ: Mapping[str, str] = os.environ) -> None:
    """Send the library's records to stderr. ``auto`` is Google's layout on Cloud Run, and text elsewhere."""
    if layout == "auto":
        layout = "gcp" if environ.get("CLOUD_RUN_JOB") or environ.get("K_SERVICE") else "text"
    handler = _Stderr()
    layouts: dict[str, Callable[[], logging.Formatter]]
    layouts = {"text": _Text, "json": _Json, "gcp": lambda: _Google(_execution(environ))}
    handler.setFormatter(layouts[layout]())
    if layout == "text":
        handler.addFilter(_for_people)
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel({-1: logging.ERROR, 0: logging.INFO}.get(verbosity, logging.DEBUG))


def bind(**labels: str) -> None:
    """Put these labels (run id, command, target) on every record from now on."""
    for handler in logger.handlers:
        others = [one for one in handler.filters if not isinstance(one, _Labels)]
        handler.filters[:] = [*others, _Labels(labels)]


def _for_people(record: logging.LogRecord) -> bool:
    """The line of figures that ends a command is for machines: people have the report."""
    return not hasattr(record, "finished")


def _execution(environ: Mapping[str, str]) -> dict[str, str]:
    """Which execution of a Cloud Run job this is, and which attempt of its task."""
    return {name: environ[variable] for name, variable in EXECUTION.items() if environ.get(variable)}


class _Labels(logging.Filter):
    def __init__(self, labels: dict[str, str]) -> None:
        super().__init__()
        self.labels = labels

    def filter(self, record: logging.LogRecord) -> bool:
        record.labels = self.labels
        return True


class _Stderr(logging.Handler):
    """Looks stderr up at each line, so that a spinner or a test that replaces it is respected."""

    def emit(self, record: logging.LogRecord) -> None:
        print(redact(self.format(record)), file=sys.stderr, flush=True)  # noqa: T201  (the one door to stderr)


class _Text(logging.Formatter):
    """``warning: ...`` and plain lines; an error is a block that says what is published and what to do next."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        code = getattr(record, "exit_code", None)
        if code is None:
            level = f"{record.levelname.lower()}: "
            return message if record.levelno == logging.INFO else level + message
        first, *more = f"Error (exit {code}): {message}".splitlines()
        lines = [*paragraph(first, 0, 2), *more]
        for name, label in NAMES.items():
            if said := getattr(record, name, ""):
                lines += [f"  {label + ':':<11}{said}"] if name == "hint" else paragraph(f"{label}: {said}", 2, 11)
        return "\n".join(lines)


class _Json(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.fields(record), ensure_ascii=False)

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        said = {name: getattr(record, name) for name in ("exit_code", *NAMES) if getattr(record, name, "")}
        return {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": SEVERITIES.get(record.levelno, "CRITICAL"),
            "message": record.getMessage(),
            **said,
            **getattr(record, "labels", {}),
            **getattr(record, "finished", {}),
        }


class _Google(_Json):
    """The special fields of Cloud Logging: labels, and the run as the operation that groups its lines."""

    def __init__(self, execution: dict[str, str]) -> None:
        super().__init__()
        self.execution = execution
        self.begun: set[str] = set()
        """Operations that have had their first line."""

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        bound, finished = getattr(record, "labels", {}), getattr(record, "finished", {})
        fields = {
            name: value for name, value in super().fields(record).items() if name not in bound or name in finished
        }
        if labels := {**bound, **self.execution}:
            fields["logging.googleapis.com/labels"] = labels
        if run_id := bound.get("run_id"):
            operation: dict[str, Any] = {"id": run_id, "producer": "fees-etl"}
            operation |= {"first": True} if run_id not in self.begun else {}
            operation |= {"last": True} if finished else {}
            self.begun.add(run_id)
            fields["logging.googleapis.com/operation"] = operation
        return fields
