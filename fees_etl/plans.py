"""What is going to happen, as data: a plan holds the very parts that a script makes happen."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import date

    from fees_etl.types import Pending, Project, Severity, State, Table, Window


StepKind: TypeAlias = Literal["merge", "rebuild", "assertion"]


@dataclass(frozen=True, slots=True)
class Step:
    """The finished GoogleSQL statements that fill a table; of a rebuild the first one is a DELETE.

    ``books`` record what the step did. The rows of neither count as the step's.
    """

    name: str
    kind: StepKind
    statements: tuple[str, ...]
    table: Table | None = None
    books: tuple[str, ...] = ()


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
    late_before: date | None = None
    """Fee dates before this one lie outside the lookback; None when nothing was staged before."""

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
