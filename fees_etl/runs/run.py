"""One run is one transaction: models, assertions and the ledger happen together or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from fees_etl.errors import FeesError, GuardRefused, WarehouseBusy
from fees_etl.records import changes, note, value
from fees_etl.results import AssertionResult, Result, Rows, RunStatus, StepResult
from fees_etl.runs import ledger
from fees_etl.runs.plan import check_step, matches
from fees_etl.script import (
    FAILING,
    WAIVED,
    Answer,
    Ask,
    Done,
    Failures,
    Fill,
    Outcome,
    Part,
    Record,
    Script,
    Stop,
    Verdict,
    Write,
)

if TYPE_CHECKING:
    from fees_etl.engines import Engine
    from fees_etl.types import Plan, Project, Step


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
        engine: a prepared engine.
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
    began = time.monotonic()
    started_at = now or datetime.now(UTC)
    attempt = _Attempt(
        plan, engine, run_id or ledger.new_run_id(started_at), command, part_of, started_at, on_step or _ignore
    )
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
    today = datetime.now(UTC).date()
    steps = {one.name: check_step(project, one, today) for one in (*project.assertions, *matches(project))}

    def told(found: Done | Answer) -> None:
        if isinstance(found, Answer):
            (on_step or _ignore)(_judge(steps[found.name], found, project, today))

    answers = engine.answers(map(_question, steps.values()), told)
    return tuple(_judge(step, answers[name], project, today) for name, step in steps.items())


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
    seen: Outcome = field(default_factory=Outcome)

    def happen(self, began: float, *, rehearse: bool) -> Result:
        outcome = self.engine.transact(self._script(keep=not rehearse), self._watch)
        if outcome.verdict == _BUSY:
            raise WarehouseBusy(
                "an ingestion or another run changed what this run was planned on.",
                published="Nothing was published by this run; the published numbers are as before.",
                hint="Run the same command again.",
            )
        found, plan = outcome.answers, self.plan
        judged = [self._judged(step, found[step.name]) for step in self._assertions]
        changed = changes(found[ledger.STAGED_BEFORE].rows, found[ledger.STAGED_AFTER].rows) if plan.window else ()
        status = "rejected" if outcome.verdict == "rejected" else "rehearsed" if rehearse else self._kept
        return Result(
            self.run_id, status, plan, self.started_at, time.monotonic() - began,
            tuple(self._filled(done) for done in outcome.steps), tuple(judged),
            ledger.published(found[ledger.BEFORE]), ledger.published(found[ledger.AFTER]),
            ledger.left_out(found[ledger.LEFT_OUT]), changed,
            bytes_processed=outcome.bytes_processed, bytes_billed=outcome.bytes_billed,
        )  # fmt: skip

    @property
    def _assertions(self) -> list[Step]:
        return [step for step in self.plan.steps if step.kind == "assertion"]

    @property
    def _kept(self) -> RunStatus:
        return "published" if self._assertions else "staged"

    def _script(self, *, keep: bool) -> Script:
        failures = Failures(tuple(step.name for step in self._assertions if step.severity == "error"))
        accepted, rejected = self._record(self._kept), self._record("rejected", failures)
        labels = {"git_sha": ledger.git_sha(self.plan.project.root) or ""}
        return Script(self.run_id, self._parts(), accepted, rejected, keep=keep, labels=labels)

    def _parts(self) -> Iterator[Part]:
        plan, project = self.plan, self.plan.project
        yield Stop(_BUSY, project.templates.ask("guard", mark=plan.state.mark).sql)
        if plan.arrivals:
            context = {"run_id": self.run_id, "window": plan.window, "late_before": plan.late_before}
            yield from map(Write, project.templates.operation("changes", **context))
        yield project.templates.ask("published", ledger.BEFORE)
        if plan.window:
            yield project.templates.ask("staged_by_date", ledger.STAGED_BEFORE, window=plan.window)
        for step in plan.steps:
            yield self._part(step)
        yield project.templates.ask("published", ledger.AFTER)
        yield project.templates.ask("left_out", ledger.LEFT_OUT)
        if plan.window:
            yield project.templates.ask("staged_by_date", ledger.STAGED_AFTER, window=plan.window)

    def _part(self, step: Step) -> Part:
        if step.kind == "assertion":
            return _question(step)
        return Fill(step.name, step.statements, step.books, clears=int(step.kind == "rebuild"))

    def _record(self, status: str, error: str | Failures | None = None) -> Record:
        today = self.started_at.date()
        verdicts = [_verdict(step, self.plan.project, today) for step in self._assertions]
        return ledger.record(
            self.plan, run_id=self.run_id, command=self.command, part_of=self.part_of, status=status,
            started_at=self.started_at, verdicts=verdicts, error=error,
        )  # fmt: skip

    def _watch(self, found: Done | Answer) -> None:
        """Keep what was found, and tell who watches."""
        if isinstance(found, Done):
            self.seen.steps.append(found)
            self.on_step(self._filled(found))
            return
        self.seen.answers[found.name] = found
        step = next((step for step in self._assertions if step.name == found.name), None)
        if step is not None:
            self.on_step(self._judged(step, found))

    def _filled(self, done: Done) -> StepResult:
        step = next(step for step in self.plan.steps if step.name == done.name)
        return StepResult(step.name, step.kind, step.table, done.rows, done.seconds, done.bytes_read)

    def _judged(self, step: Step, answer: Answer) -> AssertionResult:
        return _judge(step, answer, self.plan.project, self.started_at.date())

    def record_failure(self, error: BaseException) -> None:
        """A row for a run that failed; the warehouse may be what failed, and then there is none."""
        said = str(error) if isinstance(error, FeesError) else type(error).__name__  # another's message may quote rows
        said = "interrupted" if isinstance(error, KeyboardInterrupt) else said
        with suppress(FeesError):
            if ledger.history(self.plan.project, self.engine, run_id=self.run_id).rows:
                return  # it was committed, and what failed came after
            self.engine.transact(
                Script(self.run_id, (), _known(self._record("failed", said), self.seen), name="failed")
            )


def _known(record: Record, seen: Outcome) -> Record:
    """The record with what is known of its cells; what was never asked is 0."""
    unknown = {"rows_before": 0, "rows_after": 0, "amount_before": Decimal(0), "amount_after": Decimal(0)}
    given = {} if ledger.BEFORE in seen.answers else unknown
    return Record(record.table, {name: value(given.get(name, cell), seen) for name, cell in record.cells.items()})


def _question(step: Step) -> Ask:
    return Ask(step.name, step.statements[0], fatal=step.severity == "error")


def _judge(step: Step, answer: Answer, project: Project, today: date) -> AssertionResult:
    """An assertion's answer as a verdict: what identifies a person is masked by its column's policy tag."""
    columns = answer.rows.columns
    shown = [index for index, name in enumerate(columns) if name not in _MARKS]
    hidden = {
        column.name for contract in project.contracts.values() for column in contract.columns if column.policy_tag
    }
    rows = tuple(
        tuple(_mask(row[index]) if columns[index] in hidden else row[index] for index in shown)
        for row in sorted(answer.rows.rows, key=lambda row: row[columns.index(_PLACE)])
        if not row[columns.index(_IS_WAIVED)]
    )
    failing, waived = answer.count(FAILING), answer.count(WAIVED)
    sample = Rows(tuple(columns[index] for index in shown), rows)
    said = note(_verdict(step, project, today), failing=failing, waived=waived)
    return AssertionResult(step.name, step.severity, failing, waived, sample, answer.seconds, step.description, said)


def _verdict(step: Step, project: Project, today: date) -> Verdict:
    """How an assertion's answer is told: which waivers stand for it, and which have ended."""
    own = [one for one in project.waivers if one.assertion == step.name]
    used = [
        f"waived by {one.path}:{one.line}: {one.reason} (until {one.expires})" for one in own if today <= one.expires
    ]
    ended = [
        f"{one.path}:{one.line} waives nothing since {one.expires} has passed" for one in own if one.expires < today
    ]
    return Verdict(step.name, step.severity, "; ".join(used), "; ".join(ended))


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
