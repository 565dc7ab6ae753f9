"""One run is one transaction: models, assertions and the ledger happen together or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, TypeAlias

from fees_etl import ledger
from fees_etl.errors import FeesError, WarehouseBusy
from fees_etl.planner import check_step, matches
from fees_etl.types import (
    AssertionResult,
    Change,
    Plan,
    Project,
    Published,
    Result,
    Rows,
    RunStatus,
    Step,
    StepResult,
)  # fmt: skip

if TYPE_CHECKING:
    from fees_etl.engines import Engine

__all__ = ["check", "rehearsal", "run"]

OnStep: TypeAlias = Callable[[StepResult | AssertionResult], None]
_MARKS = ("_is_waived", "_failing_count", "_waived_count")


def run(
    plan: Plan,
    engine: Engine,
    *,
    rehearse: bool = False,
    on_step: OnStep | None = None,
    command: str = "run",
    run_id: str | None = None,
    part_of: str | None = None,
    now: datetime | None = None,
) -> Result:
    """Execute a plan in one transaction.

    A failing assertion is no exception but a verdict: the result's status is ``rejected``, all is rolled back and the
    attempt is recorded. Any other failure rolls back, is recorded as ``failed`` and is raised.

    Args:
        plan: what to do.
        engine: a prepared engine.
        rehearse: do all of it, then roll back and leave no trace.
        on_step: called with each step's result as it happens.
        command: what the ledger calls the attempt.
        run_id: the attempt's name; left out, a new one.
        part_of: the first chunk of the backfill this is a part of, which is part of itself.
        now: when it began (UTC); left out, now.

    Raises:
        WarehouseBusy: the pending fee dates changed between plan and BEGIN.
        WarehouseError: the warehouse failed.
    """
    began = time.monotonic()
    started_at = now or datetime.now(UTC)
    attempt = _Attempt(
        plan, engine, run_id or ledger.new_run_id(started_at), command, part_of, started_at, on_step or _ignore
    )
    try:
        return attempt.happen(began, rehearse=rehearse)
    except BaseException as error:
        if not rehearse and not isinstance(error, WarehouseBusy):
            attempt.record_failure(error)
        raise


def check(project: Project, engine: Engine, on_step: OnStep | None = None) -> tuple[AssertionResult, ...]:
    """Every assertion on what is published now, and for each model that its table holds what its query yields."""
    results = []
    for assertion in (*project.assertions, *matches(project)):
        results.append(_judge(check_step(project, assertion), project, engine, datetime.now(UTC).date()))
        (on_step or _ignore)(results[-1])
    return tuple(results)


@contextmanager
def rehearsal(engine: Engine) -> Iterator[None]:
    """Everything within is rolled back at the end, ingestion included."""
    with engine.transaction() as transaction:
        transaction.roll_back()
        yield


@dataclass(slots=True)
class _Attempt:
    """One run while it happens; what it has found so far is what a failure records."""

    plan: Plan
    engine: Engine
    run_id: str
    command: str
    part_of: str | None
    started_at: datetime
    on_step: OnStep
    before: Published = field(default_factory=Published)
    steps: list[StepResult] = field(default_factory=list)
    found: list[AssertionResult] = field(default_factory=list)

    def happen(self, began: float, *, rehearse: bool) -> Result:
        plan, engine = self.plan, self.engine
        with engine.transaction() as transaction:
            self._guard()
            self._log_changes()
            self.before = ledger.published(plan.project, engine)
            dates_before = ledger.staged_by_date(plan.project, engine, plan.window)
            self._execute()
            after = ledger.published(plan.project, engine)
            left_out = ledger.left_out(plan.project, engine)
            changed = ledger.changes(dates_before, ledger.staged_by_date(plan.project, engine, plan.window))
            status = self._status(rehearse=rehearse)
            if status in ("published", "staged"):
                self._record(status, after, changed)
            else:
                transaction.roll_back()
        if status == "rejected" and not rehearse:
            self._record_apart("rejected", self._failures())
        seconds = time.monotonic() - began
        return Result(
            self.run_id, status, plan, self.started_at, seconds, tuple(self.steps), tuple(self.found),
            self.before, after, left_out, changed,
        )  # fmt: skip

    def _status(self, *, rehearse: bool) -> RunStatus:
        if any(one.severity == "error" and not one.passed for one in self.found):
            return "rejected"
        if rehearse:
            return "rehearsed"
        return "published" if self.found else "staged"

    def record_failure(self, error: BaseException) -> None:
        said = str(error) if isinstance(error, FeesError) else type(error).__name__  # another's message may quote rows
        with suppress(FeesError):  # the warehouse may be what failed
            if ledger.history(self.plan.project, self.engine, run_id=self.run_id).rows:
                return  # it was committed, and what failed came after
            self._record_apart("failed", "interrupted" if isinstance(error, KeyboardInterrupt) else said)

    def _guard(self) -> None:
        if ledger.state(self.plan.project, self.engine).pending != self.plan.state.pending:
            raise WarehouseBusy(
                "an ingestion changed what is pending after this run was planned.",
                published="Nothing was published by this run; the published numbers are as before.",
                hint="Run the same command again.",
            )

    def _log_changes(self) -> None:
        if self.plan.arrivals:
            context = {"run_id": self.run_id, "window": self.plan.window, "late_before": self.plan.late_before}
            ledger.execute(self.plan.project, self.engine, "changes", **context)

    def _execute(self) -> None:
        for step in self.plan.steps:
            if step.kind == "assertion":
                self.found.append(_judge(step, self.plan.project, self.engine, self.started_at.date()))
                self.on_step(self.found[-1])
            else:
                self.steps.append(self._fill(step))
                self.on_step(self.steps[-1])

    def _fill(self, step: Step) -> StepResult:
        began = time.monotonic()
        counts = [self.engine.execute(sql) for sql in step.statements]
        rows = sum(counts[1:] if step.kind == "rebuild" else counts)  # a rebuild begins with the DELETE of all rows
        for sql in step.books:
            self.engine.execute(sql)
        return StepResult(step.name, step.kind, step.table, rows, time.monotonic() - began)

    def _failures(self) -> str:
        return ", ".join(one.name for one in self.found if one.severity == "error" and not one.passed)

    def _record(self, status: str, after: Published, changed: tuple[Change, ...], error: str | None = None) -> None:
        ledger.record(
            self.engine, self.plan, run_id=self.run_id, command=self.command, part_of=self.part_of, status=status,
            started_at=self.started_at,
            before=self.before, after=after, steps=self.steps, found=self.found, changed=changed, error=error,
        )  # fmt: skip

    def _record_apart(self, status: str, error: str) -> None:
        with self.engine.transaction():
            self._record(status, self.before, (), error)


def _judge(step: Step, project: Project, engine: Engine, today: date) -> AssertionResult:
    began = time.monotonic()
    answer = engine.query(step.statements[0])
    shown = [index for index, name in enumerate(answer.columns) if name not in _MARKS]
    hidden = {
        column.name for contract in project.contracts.values() for column in contract.columns if column.policy_tag
    }
    rows = tuple(
        tuple(_mask(row[index]) if answer.columns[index] in hidden else row[index] for index in shown)
        for row in answer.rows
        if not row[answer.columns.index("_is_waived")]
    )
    failing, waived = answer.rows[0][-2:] if answer.rows else (0, 0)
    sample = Rows(tuple(answer.columns[index] for index in shown), rows)
    seconds = time.monotonic() - began
    note = _waivers(step, project, today, failing=failing, waived=waived)
    return AssertionResult(step.name, step.severity, failing, waived, sample, seconds, step.description, note)


def _waivers(step: Step, project: Project, today: date, *, failing: int, waived: int) -> str:
    """The waivers that were used, and, where rows fail, those that have ended."""
    own = [one for one in project.waivers if one.assertion == step.name]
    used = [
        f"waived by {one.path}:{one.line}: {one.reason} (until {one.expires})" for one in own if today <= one.expires
    ]
    ended = [
        f"{one.path}:{one.line} waives nothing since {one.expires} has passed" for one in own if one.expires < today
    ]
    return "; ".join((used if waived else []) + (ended if failing else []))


def _mask(value: object) -> object:
    """A National Insurance number that can be told from another but not read: ``LE******D``.

    >>> _mask("LE220863D"), _mask(None)
    ('LE******D', None)
    """
    if not isinstance(value, str):
        return value
    return value[:2] + "*" * max(len(value) - 3, 0) + value[-1:] if len(value) <= 9 else "*" * 9  # noqa: PLR2004 - a NINO has nine characters


def _ignore(_: object) -> None:
    """Progress that nobody watches."""
