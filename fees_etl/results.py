"""What was found and what happened: the frozen values that a warehouse, ingestion, runs and assertions give back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fees_etl.errors import UsageError
from fees_etl.figures import net, total

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    import pyarrow as pa

    from fees_etl.script import Plan, Rows, StepResult
    from fees_etl.types import Severity


CAUSES = {
    "late": "late",
    "new": "new",
    "corrected": "corrected",
    "withdrawn": "withdrawn",
    "duplicate": "another row of the fee is kept",
    "moved": "first touch moved",
    "window": "first fee moved the window",
    "rule": "the SQL changed",
}
STANDING = "a rule of the SQL"
"""The word for what SQL other than the bundled makes of a number in a run that did not change it."""


@dataclass(frozen=True, slots=True)
class AssertionResult:
    """The verdict on one assertion; at most 20 offending rows are kept, with NINOs masked."""

    name: str
    severity: Severity
    failing: int
    waived: int
    sample: Rows
    seconds: float
    description: str = ""
    note: str = ""
    """The waivers used, each with its reason and last day; and, where rows fail, those that have ended."""
    unused: str = ""
    """The waivers that cover no row."""

    @property
    def passed(self) -> bool:
        """Whether no row offends, waived ones apart."""
        return self.failing == 0


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file of the source; ``note`` names copies, renames, and why a file was refused."""

    uri: str
    version: str
    outcome: Literal["loaded", "unchanged", "refused", "withdrawn"]
    rows: int
    rejected: int
    amount: Decimal
    note: str = ""
    reasons: tuple[tuple[str, int], ...] = ()
    """Why rows were rejected, with counts."""
    first_rejected: tuple[tuple[str, str], ...] = ()
    """A few of them, as FILE:ROW (data records from 1), with the reasons of each."""


@dataclass(frozen=True, slots=True, repr=False)
class IngestResult:
    """One ingestion of a source."""

    run_id: str
    source: str
    files: tuple[FileResult, ...]
    seconds: float
    bytes_processed: int | None = None
    bytes_billed: int | None = None
    """Of its script; None where reading is free."""
    notes: tuple[str, ...] = ()
    """What the source leaves out, and what else there is to say of it."""

    @property
    def refused(self) -> tuple[FileResult, ...]:
        """The files that were refused."""
        return tuple(file for file in self.files if file.outcome == "refused")

    def __repr__(self) -> str:
        became = Counter(file.outcome for file in self.files)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in became.items()) or "no files"
        loaded = [file for file in self.files if file.outcome == "loaded"]
        rows, pounds = sum(file.rows for file in loaded), sum((file.amount for file in loaded), Decimal(0))
        return f"<IngestResult {self.run_id} of {self.source}: {counts}; {rows:,} rows, {pounds:,.2f} pounds loaded>"


@dataclass(frozen=True, slots=True)
class Published:
    """The headline numbers readers see: counts, pounds, and windows that are not complete yet."""

    staged_rows: int = 0
    staged_amount: Decimal = Decimal(0)
    clients: int = 0
    ltv_total: Decimal = Decimal(0)
    cohorts: int = 0
    advisers: int = 0
    first_fee_date: date | None = None
    last_fee_date: date | None = None
    incomplete_clients_6_month: int = 0
    incomplete_cohorts_6_month: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows of raw that are not staged, each kind counted from its own rows."""

    raw_rows: int = 0
    raw_amount: Decimal = Decimal(0)
    duplicate_rows: int = 0
    duplicate_amount: Decimal = Decimal(0)
    blank_rows: int = 0
    blank_amount: Decimal = Decimal(0)
    rejected_rows: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Staged rows and pounds of one fee date, before and after a run; only dates that differ are kept."""

    fee_date: date
    rows_before: int
    amount_before: Decimal
    rows_after: int
    amount_after: Decimal


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell that differs; a row that was added has no ``before``, one that was removed no ``after``."""

    key: tuple[Any, ...]
    column: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class TableDiff:
    """How two versions of one table differ. ``columns``: how many cells of rows that both have; none of the others."""

    table: str
    key: tuple[str, ...]
    added: int
    removed: int
    changed: int
    columns: Mapping[str, int]
    samples: tuple[Cell, ...]

    @property
    def rows(self) -> int:
        """Rows that differ."""
        return self.added + self.removed + self.changed


@dataclass(frozen=True, slots=True)
class Line:
    """A part of what a number has moved by. ``rows`` are fees; clients, of what moved, of a window and of a rule.

    ``is_error``: it puts right what had been wrong, as IAS 8 tells errors from new information.
    """

    cause: str
    file: str | None
    fee_date: date | None
    rows: int
    pounds: Decimal
    is_error: bool = False

    @property
    def due_to(self) -> str:
        """The cause in words."""
        return STANDING if self.cause == "rule" and not self.is_error else CAUSES[self.cause]

    @property
    def kind(self) -> str:
        """As IAS 8 tells errors from new information."""
        return "error" if self.is_error else "new information"


@dataclass(frozen=True, slots=True)
class Bridge:
    """From what a number was to what it is, by lines of cause; ``residual`` is what they leave unexplained: 0."""

    table: str
    key: Mapping[str, str]
    column: str
    before: Decimal
    after: Decimal
    lines: tuple[Line, ...]

    @property
    def residual(self) -> Decimal:
        """Exactly."""
        return net(total((self.before, *(line.pounds for line in self.lines))), self.after)


RunStatus: TypeAlias = Literal["published", "staged", "rehearsed", "rejected"]


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """What a run did. ``rejected``: an assertion failed and all was rolled back; ``staged``: a chunk of a backfill."""

    run_id: str
    status: RunStatus
    plan: Plan
    started_at: datetime
    seconds: float
    steps: tuple[StepResult, ...]
    assertions: tuple[AssertionResult, ...]
    before: Published
    after: Published
    left_out: LeftOut
    changes: tuple[Change, ...]
    tables: tuple[TableDiff, ...] = ()
    """What it changed in each table of reporting that it rebuilt; none on a first build, which adds every row."""
    bridges: tuple[Bridge, ...] = ()
    """Why its totals moved: those of the fees and of all lifetime values, then the largest of advisers and cohorts."""
    chunks: int = 0
    """Chunks of a backfill that were committed before; they stay, whatever the status."""
    bytes_processed: int | None = None
    bytes_billed: int | None = None
    """Of all its statements; None where reading is free."""
    reader: Callable[[str], pa.Table] | None = field(default=None, compare=False)
    """How a table of its warehouse is read, while that is open."""

    def frame(self, table: str) -> pa.Table:
        """A table as the warehouse holds it now, without columns that have a policy tag (:func:`fees_etl.read`).

        Raises:
            UsageError: there is no such table, or pyarrow is not installed.
        """
        if self.reader is None:
            raise UsageError("this result is of no warehouse.", hint="fees_etl.read(engine, table)")
        return self.reader(table)

    def __repr__(self) -> str:
        failed = f", {len(self.failures)} fail: {' '.join(one.name for one in self.failures)}" if self.failures else ""
        dates = shorten(str(self.plan.window), 80, placeholder=" ...")
        return (
            f"<Result {self.run_id}: {self.status} in {self.seconds:.1f} s, {len(self.assertions)} assertions{failed}\n"
            f"  {' '.join(self.plan.selection)}; {dates}\n"
            f"  staged {self.before.staged_amount:,.2f} -> {self.after.staged_amount:,.2f} pounds, "
            f"{self.before.staged_rows:,} -> {self.after.staged_rows:,} rows; {self.after.clients:,} clients>"
        )

    @property
    def failures(self) -> tuple[AssertionResult, ...]:
        """Assertions of severity ``error`` with rows that no waiver covers."""
        return tuple(found for found in self.assertions if found.severity == "error" and not found.passed)
