"""One transaction as data: what an engine does in order, whole or not at all.

A script is the seam between what is to happen and where it happens. The embedded engine walks through it statement by
statement; BigQuery gets it as one multi-statement job. Nothing in it depends on an answer, but for its :class:`Record`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal
from secrets import token_hex
from typing import TYPE_CHECKING, TypeAlias

from fees_etl.plans import Ask, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from fees_etl.results import Rows, StepResult
    from fees_etl.types import Scalar, Table


FAILING, WAIVED = "_failing_count", "_waived_count"
"""The first columns of an assertion's answer: the same in each of its rows."""


def new_run_id(now: datetime) -> str:
    """A name for one attempt that sorts by time: ``20250131T120000-1a2b3c``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{token_hex(3)}"


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


@dataclass(frozen=True, slots=True)
class Stop:
    """A query of one BOOL: where it is TRUE, everything is rolled back and the script ends with this verdict."""

    verdict: str
    sql: str


Part: TypeAlias = Write | Step | Load | Ask | Stop


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
    labels: Mapping[str, str] = field(default_factory=dict)
    """What a warehouse that labels its jobs should put on this one."""
    seen: Outcome | None = None
    """What an attempt had found before it failed, where the engine has told of it while it happened."""


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
        """The rows as a record reads them; of an assertion's only the two counts, for the others may name people."""
        rows = [row[:2] for row in self.rows.rows[:1]] if FAILING in self.rows.columns else self.rows.rows
        return json.dumps([[_text(cell) for cell in row] for row in rows])


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
