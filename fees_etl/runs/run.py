"""One run is one transaction: models, assertions and the ledger happen together or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from fees_etl.engines import read
from fees_etl.errors import FeesError, GuardRefused, WarehouseBusy
from fees_etl.privacy import mask
from fees_etl.results import AssertionResult, Result, RunStatus
from fees_etl.runs import ledger
from fees_etl.runs.plan import matches, question
from fees_etl.script import (
    FAILING,
    WAIVED,
    Answer,
    Ask,
    Outcome,
    Part,
    Rows,
    Script,
    StepResult,
    Stop,
    Write,
    new_run_id,
)

if TYPE_CHECKING:
    from fees_etl.engines import Engine
    from fees_etl.script import Plan, Record
    from fees_etl.types import Project


OnStep: TypeAlias = Callable[[StepResult | AssertionResult], None]
_IS_WAIVED, _PLACE = "_is_waived", "_place"
_MARKS = (_IS_WAIVED, _PLACE, FAILING, WAIVED)
_BUSY = "busy"


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
        engine: the warehouse the plan was made for.
        rehearse: do all of it, then roll back and leave no trace.
        on_step: called with each step's result as it happens.
        command: what the ledger calls the attempt.
        run_id: the attempt's name; left out, a new one.
        part_of: the first chunk of the backfill this is a part of, which is part of itself.
        now: when it began (UTC); left out, now.

    Raises:
        WarehouseBusy: the files or the pending fee dates changed between plan and BEGIN.
        WarehouseError: the warehouse failed.
    """
    began, started_at = time.monotonic(), now or datetime.now(UTC)
    run_id = run_id or new_run_id(started_at)
    record = partial(ledger.record, plan, run_id=run_id, command=command, part_of=part_of, started_at=started_at)
    attempt = _Attempt(plan, engine, run_id, started_at, record, on_step or _ignore)
    try:
        return attempt.happen(began, rehearse=rehearse)
    except BaseException as error:
        is_attempt = not isinstance(error, (GuardRefused, WarehouseBusy))  # else refused, or overtaken
        if is_attempt and not rehearse:
            attempt.record_failure(error)
        raise


def allow(plan: Plan, engine: Engine) -> None:
    """Refuse a plan that the target's caps do not allow.

    Raises:
        GuardRefused: it would read or cost more.
    """
    engine.allow(sql for step in plan.steps for sql in step.statements)


def check(project: Project, engine: Engine, on_step: OnStep | None = None) -> tuple[AssertionResult, ...]:
    """Every assertion on what is published now, and for each model that its table holds what its query yields."""
    engine.prepare(project.contracts)
    today = datetime.now(UTC).date()
    asks = {one.name: question(project, one, today) for one in (*project.assertions, *matches(project))}

    def told(found: StepResult | Answer) -> None:
        if isinstance(found, Answer):
            (on_step or _ignore)(_judge(asks[found.name], found, project, today))

    answers = engine.answers(asks.values(), told)
    return tuple(_judge(ask, answers[name], project, today) for name, ask in asks.items())


@dataclass(slots=True)
class _Attempt:
    """One run while it happens; what it has found so far is what a failure records."""

    plan: Plan
    engine: Engine
    run_id: str
    started_at: datetime
    record: Callable[..., Record]
    on_step: OnStep
    seen: Outcome = field(default_factory=Outcome)

    def happen(self, began: float, *, rehearse: bool) -> Result:
        asks = [step for step in self.plan.steps if isinstance(step, Ask)]
        kept: RunStatus = "published" if asks else "staged"
        accepted, rejected = self.record(status=kept), self.record(status="rejected") if asks else None
        labels = {"git_sha": ledger.git_sha(self.plan.project.root) or ""}
        script = Script(self.run_id, self._parts(), accepted, rejected, keep=not rehearse, labels=labels)
        outcome = self.engine.transact(script, self._watch)
        if outcome.verdict == _BUSY:
            raise WarehouseBusy(
                "an ingestion or another run changed what this run was planned on.",
                published="Nothing was published by this run; the published numbers are as before.",
                hint="Run the same command again.",
            )
        found, project = outcome.answers, self.plan.project
        staged = [found[name].rows for name in (ledger.STAGED_BEFORE, ledger.STAGED_AFTER) if self.plan.window]
        return Result(
            self.run_id,
            "rejected" if outcome.verdict == "rejected" else "rehearsed" if rehearse else kept,
            self.plan,
            self.started_at,
            time.monotonic() - began,
            tuple(outcome.steps),
            tuple(_judge(ask, found[ask.name], project, self.started_at.date()) for ask in asks),
            ledger.published(found[ledger.BEFORE]),
            ledger.published(found[ledger.AFTER]),
            ledger.left_out(found[ledger.LEFT_OUT]),
            ledger.changes(*staged) if staged else (),
            bytes_processed=outcome.bytes_processed,
            bytes_billed=outcome.bytes_billed,
            reader=partial(read, self.engine, project=project),
        )

    def _parts(self) -> Iterator[Part]:
        plan, project = self.plan, self.plan.project
        yield Stop(_BUSY, project.templates.ask("guard", mark=plan.state.mark).sql)
        if plan.arrivals:
            context = {"run_id": self.run_id, "window": plan.window, "late_before": plan.late_before}
            yield from map(Write, project.templates.operation("changes", **context))
        yield project.templates.ask("published", ledger.BEFORE)
        if plan.window:
            yield project.templates.ask("staged_by_date", ledger.STAGED_BEFORE, window=plan.window)
        yield from plan.steps
        yield project.templates.ask("published", ledger.AFTER)
        yield project.templates.ask("left_out", ledger.LEFT_OUT)
        if plan.window:
            yield project.templates.ask("staged_by_date", ledger.STAGED_AFTER, window=plan.window)

    def _watch(self, found: StepResult | Answer) -> None:
        """Keep what was found, and tell who watches."""
        if isinstance(found, StepResult):
            self.seen.steps.append(found)
            self.on_step(found)
            return
        self.seen.answers[found.name] = found
        for step in self.plan.steps:
            if isinstance(step, Ask) and step.name == found.name:
                self.on_step(_judge(step, found, self.plan.project, self.started_at.date()))

    def record_failure(self, error: BaseException) -> None:
        """A row for a run that failed; the warehouse may be what failed, and then there is none."""
        said = str(error) if isinstance(error, FeesError) else type(error).__name__  # another's message may quote rows
        said = "interrupted" if isinstance(error, KeyboardInterrupt) else said
        with suppress(FeesError):
            if ledger.history(self.plan.project, self.engine, run_id=self.run_id).rows:
                return  # it was committed, and what failed came after
            failed = self.record(status="failed", error=said)
            self.engine.transact(Script(self.run_id, (), failed, name="failed", seen=self.seen))


def _judge(ask: Ask, answer: Answer, project: Project, today: date) -> AssertionResult:
    """An assertion's answer as a verdict: what identifies a person is masked by its column's policy tag."""
    columns = answer.rows.columns
    shown = [index for index, name in enumerate(columns) if name not in _MARKS]
    hidden = {
        column.name for contract in project.contracts.values() for column in contract.columns if column.policy_tag
    }
    rows = tuple(
        tuple(mask(row[index]) if columns[index] in hidden else row[index] for index in shown)
        for row in sorted(answer.rows.rows, key=lambda row: row[columns.index(_PLACE)])
        if not row[columns.index(_IS_WAIVED)]
    )
    failing, waived = answer.count(FAILING), answer.count(WAIVED)
    used, ended = ledger.waivers(project, ask.name, today)
    said = "; ".join(words for words, count in ((used, waived), (ended, failing)) if words and count)
    sample = Rows(tuple(columns[index] for index in shown), rows)
    severity = ask.severity or "error"
    return AssertionResult(ask.name, severity, failing, waived, sample, answer.seconds, ask.description, said)


def _ignore(_: object) -> None:
    """Progress that nobody watches."""
