"""One command line: the words typed, the project and warehouse they mean, what was found so far, and stdout."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import fees_etl
from fees_etl.cli.logs import bind, logger
from fees_etl.errors import FeesError, GuardRefused, InputRefused, Interrupted, UsageError
from fees_etl.privacy import redact_lines
from fees_etl.streams import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fees_etl import Engine, IngestResult, Plan, Project, Result, State
    from fees_etl.settings import Settings
    from fees_etl.types import Table

PAINT = (
    (r"\b(FAIL|REFUSED|NOT PUBLISHED)\b", "31"),
    (r"(?m)^(PUBLISHED|REHEARSED)\b", "32"),
    (r"(?m)^  (warn) ", "33"),
    (r"(?m)(?<=  )\+[\d,]+(\.\d+)?$", "32"),
    (r"(?m)(?<=  )-[\d,]+(\.\d+)?$", "31"),
)
"""On a terminal: verdicts red, green and yellow, and what a line ends with, where that is a difference."""


@dataclass
class Session:
    """What the parts of a command share; it fills this in as it goes, so that its end can tell how far it came."""

    line: str
    """All of the command line, to be repeated."""
    start: str
    """Its beginning with the global options, for another command on the same target."""
    command: str = ""
    target: str | None = None
    project_dir: Path | None = None
    vars: dict[str, Any] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    run_id: str = ""
    settings: Settings = field(init=False, repr=False)
    """Read by :meth:`open`; a command that ended before has none."""
    state: State | None = None
    ingested: IngestResult | None = None
    refused: Sequence[object] | None = None
    """Every file whose content is refused now."""
    plan: Plan | None = None
    result: Result | None = None

    def without(self, *options: str) -> str:
        """The command line without these options and their values, to be repeated with others.

        >>> Session("fees-etl run --select a --exclude=b --source 'x y'", "").without("--select", "--exclude")
        "fees-etl run --source 'x y'"
        """
        words, kept = iter(shlex.split(self.line)), list[str]()
        for word in words:
            if word in options:
                next(words, None)
            elif word.partition("=")[0] not in options:
                kept.append(word)
        return shlex.join(kept)

    @property
    def is_remote(self) -> bool:
        """Whether the warehouse is BigQuery."""
        return self.settings.warehouse.startswith("bigquery:")

    @property
    def file(self) -> Path | None:
        """The file that the warehouse is; None for one elsewhere."""
        from fees_etl.engines import path_of

        return path_of(self.settings.warehouse)

    def open(self, *, source: str | None = None, writes: bool = False, proven: bool = True) -> Project:
        """Read the settings and load the project; a folder without sql/ means the bundled one.

        Where a setting or a file is wrong, that is a UsageError.
        """
        found = self.read(source=source, writes=writes)
        return fees_etl.load(
            found.project_dir if os.path.lexists(found.project_dir / "sql") else None, found.vars, proven=proven
        )

    def read(self, *, source: str | None = None, writes: bool = False) -> Settings:
        """The settings; their names are on every log record from then on."""
        from fees_etl.script import new_run_id
        from fees_etl.settings import read

        if self.project_dir and not self.project_dir.is_dir():  # typer lets devices pass
            raise UsageError(f"--project-dir {self.project_dir} is no folder.")
        self.run_id = new_run_id(self.now) if writes else ""
        self.settings = found = read(
            self.project_dir or Path(), target=self.target, source=source, vars=self.vars or None
        )
        bind(run_id=self.run_id, command=self.command, target=found.target)
        logger.debug("target %s, warehouse %s, dataset suffix %r", found.target, found.warehouse, found.dataset_suffix)
        return found

    @contextmanager
    def warehouse(
        self,
        project: Project,
        *,
        read_only: bool = False,
        rehearse: bool = False,
        tables: Iterable[Table] = (),
    ) -> Iterator[Engine]:
        """The target's engine, opened and prepared; of a rehearsal nothing is kept, not even a file.

        With ``tables`` only these are looked at: who reads one of them may see no more.
        """
        found, path = self.settings, self.file and Path(os.path.realpath(self.file))
        fresh = path if rehearse and path and not os.path.lexists(path) else None
        known = project.contracts
        try:
            with fees_etl.connect(found.warehouse, read_only=read_only, settings=found) as engine:
                try:
                    engine.prepare({table: known[table] for table in tables} or known, create=not read_only)
                    with engine.rehearsal() if rehearse else nullcontext():
                        yield engine
                except (InputRefused, GuardRefused) as error:
                    if self.run_id and not rehearse:
                        from fees_etl.runs.ledger import refused

                        refused(project, engine, error, run_id=self.run_id, command=self.command, now=self.now)
                    raise
        except (FeesError, Interrupted) as error:
            if rehearse:
                error.published = "Nothing of it: a rehearsal is rolled back, whatever it came to."
                error.hint = error.hint.removesuffix(" --resume")
            raise
        finally:
            for leftover in (fresh, fresh.with_name(f"{fresh.name}.wal")) if fresh else ():
                with suppress(OSError):  # it could not be made, either
                    leftover.unlink()


def emit(output: Literal["text", "json", "csv", "md"], document: dict[str, Any], lines: Iterable[str]) -> None:
    """Say on stdout what a command found: as one JSON document and nothing else, or as a screen.

    What becomes of it changes nothing.
    """
    if output == "json":
        from fees_etl.cli.document import written

        lines = [written(document)]
    text = visible(redact_lines("\n".join(lines)))
    is_terminal = sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    write(_painted(text) if output == "text" and is_terminal and not os.environ.get("NO_COLOR") else text)


def write(text: str) -> None:
    """Text that is safe to be shown, or a page; where stdout cannot be written, that is a warning."""
    print(text, flush=True)  # noqa: T201  (the one door to stdout)
    if lost := getattr(getattr(sys.stdout, "buffer", None), "lost", ""):
        logger.warning("stdout cannot be written (%s). What this command did is done; only its report is lost.", lost)


def _painted(text: str) -> str:
    """The same with colours, and with headings bold: lines of their own above a table, or above lines set in."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        begins, below = at == 0 or not lines[at - 1], lines[at + 1] if at + 1 < len(lines) else ""
        if begins and line[:1].strip() and (below.startswith("  ") or ("  " in line and below)):
            name, blanks, rest = line.partition("  ")
            lines[at] = f"\x1b[1m{name}\x1b[0m{blanks}{rest}"
    text = "\n".join(lines)
    for pattern, code in PAINT:
        text = re.sub(pattern, f"\x1b[{code}m\\g<0>\x1b[0m", text)
    return text
