"""One transaction as data: what an engine does in order, whole or not at all.

A script is the seam between what is to happen and where it happens. The embedded engine walks through it statement by
statement; BigQuery gets it as one multi-statement job. Nothing in it depends on an answer, except through the cells of
a :class:`Record`, which each engine fills in its own way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from fees_etl.template import literal
from fees_etl.types import Change, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fees_etl.types import Scalar, Severity, Table

__all__ = [
    "Answer",
    "Ask",
    "Cell",
    "Changes",
    "Done",
    "Failures",
    "Fill",
    "Found",
    "Load",
    "Now",
    "Outcome",
    "Part",
    "Record",
    "Script",
    "Steps",
    "Stop",
    "Verdict",
    "Verdicts",
    "Write",
    "changes",
    "filled",
    "note",
    "value",
]

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
class Now:
    """The moment the row is written."""


Cell: TypeAlias = "Scalar | Found | Steps | Changes | Verdicts | Failures | Now"


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

    def judge(self, fatal: Iterable[str]) -> None:
        """A fatal answer with failing rows rejects."""
        if any(self.answers[name].count(FAILING) for name in fatal):
            self.verdict = "rejected"


def changes(before: Rows, after: Rows) -> tuple[Change, ...]:
    """The dates whose rows or pounds differ, in order.

    >>> day = date(2025, 1, 1)
    >>> changes(Rows(rows=((day, 1, Decimal(2)),)), Rows(rows=((day, 1, Decimal("2.00")),)))
    ()
    """
    was, now = ({day: (rows, amount) for day, rows, amount in answer.rows} for answer in (before, after))
    nothing = (0, Decimal(0))
    days = [day for day in sorted({*was, *now}) if was.get(day, nothing) != now.get(day, nothing)]
    return tuple(Change(day, *was.get(day, nothing), *now.get(day, nothing)) for day in days)


def filled(record: Record, outcome: Outcome) -> str:
    """The INSERT of a record whose cells are known by now, as GoogleSQL."""
    cells = ", ".join(literal(value(cell, outcome)) for cell in record.cells.values())
    return f"INSERT INTO {record.table} ({', '.join(record.cells)})\nVALUES ({cells})"


def value(cell: Cell, outcome: Outcome) -> Any:
    """What a cell holds, as far as the outcome knows."""
    found = cell
    match cell:
        case Found(ask, column):
            answer = outcome.answers[ask].rows
            found = answer.rows[0][answer.columns.index(column)]
        case Steps():
            found = json.dumps(
                [{"name": one.name, "rows": one.rows, "seconds": round(one.seconds, 3)} for one in outcome.steps]
            )
        case Changes(before, after):
            differing = changes(outcome.answers[before].rows, outcome.answers[after].rows) if before else ()
            found = json.dumps([_change(one) for one in differing])
        case Verdicts(verdicts):
            known = [one for one in verdicts if one.ask in outcome.answers]
            found = json.dumps([_verdict(one, outcome.answers[one.ask]) for one in known])
        case Failures(asks):
            found = ", ".join(name for name in asks if outcome.answers[name].count(FAILING))
        case Now():
            found = datetime.now(UTC)
    return found


def _step(done: Done) -> dict[str, Any]:
    return {"name": done.name, "rows": done.rows, "seconds": round(done.seconds, 3)}


def _change(change: Change) -> dict[str, Any]:
    return {
        "fee_date": change.fee_date.isoformat(),
        "rows": [change.rows_before, change.rows_after],
        "amount": [str(change.amount_before), str(change.amount_after)],
    }


def _verdict(verdict: Verdict, answer: Answer) -> dict[str, Any]:
    failing, waived = answer.count(FAILING), answer.count(WAIVED)
    return {
        "name": verdict.ask,
        "severity": verdict.severity,
        "failing": failing,
        "waived": waived,
        "waivers": note(verdict, failing=failing, waived=waived),
    }


def note(verdict: Verdict, *, failing: int, waived: int) -> str:
    """The waivers that were used, and, where rows fail, those that have ended."""
    return "; ".join(text for text in (verdict.used if waived else "", verdict.ended if failing else "") if text)
