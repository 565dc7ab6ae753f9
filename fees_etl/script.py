"""One transaction as data: what an engine does in order, whole or not at all.

A script is the seam between what is to happen and where it happens. The embedded engine walks through it statement by
statement; BigQuery gets it as one multi-statement job. Nothing in it depends on an answer, except through the cells of
a :class:`Record`, which each engine fills in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fees_etl.results import Rows
    from fees_etl.types import Scalar, Severity, Table


FAILING, WAIVED = "_failing_count", "_waived_count"
"""Columns of an assertion's answer: the same in each of its rows."""


@dataclass(frozen=True, slots=True)
class Write:
    """One GoogleSQL statement that writes."""

    sql: str


@dataclass(frozen=True, slots=True)
class Fill:
    """The statements of one step; ``books`` record what it did, ``clears`` first are DELETEs of a rebuild.

    The rows of neither count as the step's.
    """

    name: str
    statements: tuple[str, ...]
    books: tuple[str, ...] = ()
    clears: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """Rows of files to be appended to a table.

    ``relation`` is a query over files in the embedded engine's own SQL, ``constants`` are the columns that are the same
    in every row. The files are there until the next part is asked for.
    """

    table: Table
    relation: str
    constants: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Ask:
    """A query whose rows are brought back; a ``fatal`` one is an assertion that rejects the script when rows fail."""

    name: str
    sql: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """A query of one BOOL: where it is TRUE, everything is rolled back and the script ends with this verdict."""

    verdict: str
    sql: str


Part: TypeAlias = Write | Fill | Load | Ask | Stop


@dataclass(frozen=True, slots=True)
class Found:
    """The cell in ``column`` of the one row that answered ``ask``."""

    ask: str
    column: str


@dataclass(frozen=True, slots=True)
class Steps:
    """JSON list of the steps so far: name, rows, seconds."""


@dataclass(frozen=True, slots=True)
class Changes:
    """JSON list of the dates whose rows or pounds differ between two answers of (date, rows, pounds)."""

    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one assertion's answer is told: ``used`` if waivers were, ``ended`` if rows fail."""

    ask: str
    severity: Severity
    used: str = ""
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """JSON list of the verdicts: name, severity, failing, waived, waivers."""

    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Failures:
    """The names of those of these assertions that have failing rows, as a list in words."""

    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bytes:
    """What was read so far, where that is billed."""


@dataclass(frozen=True, slots=True)
class Now:
    """The moment the row is written."""


Cell: TypeAlias = "Scalar | Found | Steps | Changes | Verdicts | Failures | Bytes | Now"


@dataclass(frozen=True, slots=True)
class Record:
    """One row for the books, written when all else is done."""

    table: Table
    cells: Mapping[str, Cell]


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
    labels: Mapping[str, str] = field(default_factory=dict)
    """What a warehouse that labels its jobs should put on this one."""


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was executed; ``rows`` is None where the engine does not count, ``bytes_read`` where it is free."""

    name: str
    rows: int | None
    seconds: float
    bytes_read: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of an :class:`Ask`, in no particular order where the engine keeps none."""

    name: str
    rows: Rows
    seconds: float = 0.0

    def count(self, column: str) -> int:
        """What ``FAILING`` or ``WAIVED`` says; 0 when no row offends."""
        return int(self.rows.rows[0][self.rows.columns.index(column)]) if self.rows.rows else 0


@dataclass(slots=True)
class Outcome:
    """What became of a script: ``accepted``, ``rejected`` or a :class:`Stop`'s verdict, and what it brought back."""

    verdict: str = "accepted"
    steps: list[Done] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    bytes_processed: int | None = None
    bytes_billed: int | None = None
    """Of all statements together; None where reading is free."""

    def judge(self, fatal: Iterable[str]) -> None:
        """A fatal answer with failing rows rejects."""
        if any(self.answers[name].count(FAILING) for name in fatal):
            self.verdict = "rejected"
