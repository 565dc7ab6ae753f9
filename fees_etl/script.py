"""What is going to happen, as data: a plan and its steps, and the one transaction that makes them happen.

A script is the seam between what is to happen and where it happens; a plan holds the very parts of it. The embedded
engine walks through it statement by statement; BigQuery gets it as one multi-statement job. Nothing in it depends on
an answer, but for its :class:`Record`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal
from os import urandom
from textwrap import shorten
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from fees_etl.types import Pending, Project, Scalar, Severity, State, Table
    from fees_etl.window import Window

StepKind: TypeAlias = Literal["merge", "rebuild", "assertion"]
FAILING, WAIVED, COVERING = "_failing_count", "_waived_count", "_covering"
"""The first columns of an assertion's answer: the same in each of its rows. The last has waivers' places."""
PLACE, TOLD = "_place", "_told"
"""Those that follow: the place of a row, and the row for the ledger, as JSON and masked; NULL of a waived one."""
TEMPORARY = "CREATE TEMP TABLE"
"""How a statement begins that keeps rows for those that follow it."""


def new_run_id(now: datetime) -> str:
    """A name for one attempt that sorts by time: ``20250131T120000-1a2b3c``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{urandom(3).hex()}"


@dataclass(frozen=True, slots=True)
class Step:
    """The finished GoogleSQL statements that fill a table; ``books`` record what the step did.

    A rebuild begins with a DELETE; before that, CREATE TEMP TABLE may keep what several statements read, and the
    books why rows change. The rows of none of these count as the step's.
    """

    name: str
    kind: StepKind
    statements: tuple[str, ...]
    table: Table | None = None
    books: tuple[str, ...] = ()

    def counts(self, sql: str) -> bool:
        """Whether the rows of one of its statements are the step's."""
        books = (TEMPORARY, "INSERT INTO ops.", "DELETE FROM ops.")
        return not sql.startswith((*books, "DELETE") if self.kind == "rebuild" else books)


@dataclass(frozen=True, slots=True)
class Ask:
    """A query whose rows are brought back. One with a severity is an assertion; ``error`` rejects when rows fail."""

    name: str
    sql: str
    severity: Severity | None = None
    description: str = ""

    kind: ClassVar[StepKind] = "assertion"
    table: ClassVar[None] = None
    books: ClassVar[tuple[str, ...]] = ()

    @property
    def statements(self) -> tuple[str, ...]:
        """The query, as a step of a plan has it."""
        return (self.sql,)


@dataclass(frozen=True, slots=True)
class Write:
    """One GoogleSQL statement that writes."""

    sql: str


@dataclass(frozen=True, slots=True)
class Load:
    """Rows of files to be appended to a table.

    ``relation`` is a query over files in the embedded engine's own SQL, ``constants`` are the columns that are the same
    in every row. The files are there until the next part is asked for.
    """

    table: Table
    relation: str
    constants: Mapping[str, Scalar]
    later: tuple[str, ...] = ()
    """Columns of the table that no file brings: another part fills them."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A query of one BOOL: where it is TRUE, everything is rolled back and the script ends with this verdict."""

    verdict: str
    sql: str


Part: TypeAlias = Write | Step | Load | Ask | Stop


@dataclass(frozen=True, slots=True)
class Text:
    """What a model, a source, an assertion or the variables are made of; ``fingerprint`` says when that has changed."""

    name: str
    kind: Literal["model", "source", "assertion", "variables"]
    fingerprint: str
    query: str | None
    contract: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """Everything a run will do, as data: printing it is the dry run.

    ``state`` is what the window was derived from; the run checks after BEGIN that it still holds.
    """

    project: Project
    selection: tuple[str, ...]
    window: Window
    steps: tuple[Step | Ask, ...]
    state: State
    full_refresh: bool = False
    restated: tuple[str, ...] = ()
    """Merged tables that not only the SQL of today has built: nothing of theirs is kept, whatever was asked for."""
    built: Mapping[str, str] = field(default_factory=dict)
    """What tables will remember of their SQL that they do not yet: their names, and the fingerprints."""
    late_before: date | None = None
    """Fee dates before this one lie outside the lookback; None when nothing was staged before."""
    texts: tuple[Text, ...] = ()
    """What has changed of the project since runs published it, or was never kept."""
    gone: tuple[str, ...] = ()
    """The names of what the project no longer has."""

    @property
    def edited(self) -> tuple[str, ...]:
        """Models and assertions whose SQL is not what the published numbers were made by; none where none was kept."""
        found = (*(one.name for one in self.texts if one.kind in ("model", "assertion")), *self.gone)
        return tuple(sorted(found)) if "variables" in self.state.sql else ()

    @property
    def arrivals(self) -> tuple[Pending, ...]:
        """What this plan takes off the pending list: files whose rows of a fee date arrived or vanished."""
        return tuple(pending for pending in self.state.pending if pending.fee_date in self.window)

    @property
    def late(self) -> tuple[Pending, ...]:
        """Those that the lookback alone would have missed."""
        return tuple(one for one in self.arrivals if self.late_before and one.fee_date < self.late_before)

    def __repr__(self) -> str:
        asked = sum(step.kind == "assertion" for step in self.steps)
        counts = f"{len(self.steps) - asked} steps, {asked} assertions"
        dates = shorten(str(self.window), 80, placeholder=" ...")
        waiting = f"; {len(self.arrivals)} pending, {len(self.late)} late" if self.arrivals else ""
        return f"<Plan of {counts}: {' '.join(self.selection)}; {dates}{waiting}>"


@dataclass(frozen=True, slots=True)
class Record:
    """One row for the books, written when all else is done, as an INSERT in GoogleSQL.

    ``@script`` stands in it for a query of one row, which is what the engine knows by then: ``answer_x`` for each of
    ``answers``, the rows as a JSON list of lists of texts (NULL: not asked); ``steps``, a JSON list; ``finished_at``;
    and ``bytes_processed``, an INT64 that is NULL where reading is free.
    """

    table: Table
    sql: str
    answers: tuple[str, ...] = ()
    then: str = ""
    """The statement that follows it in its transaction."""

    def of(self, script: str) -> str:
        """The statement, once it is known what happened."""
        return self.sql.replace("@script", script, 1)


@dataclass(frozen=True, slots=True)
class Script:
    """One transaction.

    ``parts`` may be a generator: files are read while they are asked for, and an error of theirs rolls all back.
    Without ``keep`` everything happens and is rolled back. ``accepted`` is written before the commit, ``rejected``
    after the rollback that a fatal answer brings. ``run_id`` and ``name`` together are never used twice.
    """

    run_id: str
    parts: Iterable[Part]
    accepted: Record | None = None
    rejected: Record | None = None
    keep: bool = True
    name: str = "run"
    lock: tuple[str, ...] = ()
    """The first statement, by which of two at once one is refused, and a query for the job that was last; for a
    warehouse that has no lock of its own. ``@job`` stands for the job."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What a warehouse that labels its jobs should put on this one."""
    seen: Outcome | None = None
    """What an attempt had found before it failed, where the engine has told of it while it happened."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer of one query."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Scalar, ...], ...] = ()

    @property
    def records(self) -> list[dict[str, Any]]:
        """Each row by the names of its columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of an :class:`Ask`, in no particular order where the engine keeps none."""

    name: str
    rows: Rows
    seconds: float = 0.0

    def count(self, column: str) -> int:
        """What ``FAILING`` or ``WAIVED`` says; 0 when no row offends."""
        return int(self.rows.rows[0][self.rows.columns.index(column)]) if self.rows.rows else 0

    def text(self) -> str:
        """The rows as a record reads them; of an assertion's only the first columns, for the others may name people."""
        rows = [row[:5] for row in self.rows.rows] if FAILING in self.rows.columns else self.rows.rows
        return json.dumps([[_text(cell) for cell in row] for row in rows])


@dataclass(frozen=True, slots=True)
class StepResult:
    """One executed step: rows written (inserted + updated + deleted; None: not counted) and wall-clock seconds."""

    name: str
    kind: StepKind
    table: Table | None
    rows: int | None
    seconds: float
    bytes_read: int | None = None


@dataclass(slots=True)
class Outcome:
    """What became of a script: ``accepted``, ``rejected`` or a :class:`Stop`'s verdict, and what it brought back."""

    verdict: str = "accepted"
    steps: list[StepResult] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    bytes_processed: int | None = None
    bytes_billed: int | None = None
    """Of all statements together; None where reading is free."""

    def judge(self, fatal: Iterable[str]) -> None:
        """A fatal answer with failing rows rejects."""
        if any(self.answers[name].count(FAILING) for name in fatal):
            self.verdict = "rejected"


def _text(cell: Scalar) -> str | None:
    """As GoogleSQL casts a NUMERIC, so that both engines write the same ledger.

    >>> _text(Decimal("100.000000000")), _text(Decimal("1.60"))
    ('100', '1.6')
    """
    if not isinstance(cell, Decimal):
        return None if cell is None else str(cell)
    text = f"{cell:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
