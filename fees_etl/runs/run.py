"""One run is one transaction: models, assertions and the ledger happen together or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from fees_etl.engines import read
from fees_etl.errors import FeesError, GuardRefused, Interrupted, UsageError, WarehouseBusy
from fees_etl.explain import bridge, diff, history
from fees_etl.results import AssertionResult, LeftOut, Result, RunStatus
from fees_etl.runs import ledger
from fees_etl.runs.plan import explained, is_first
from fees_etl.runs.questions import judge
from fees_etl.script import Answer, Ask, Outcome, Rows, Script, Step, StepResult, Stop, Write, new_run_id
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fees_etl.engines import Engine
    from fees_etl.script import Part, Plan
    from fees_etl.types import Contract


OnStep: TypeAlias = Callable[[StepResult | AssertionResult], object]
COMMITTED = "All of this command: it was committed before the signal came."
_LEDGER = Table("ops", "runs")
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
    started_at, began = now or datetime.now(UTC), time.monotonic()
    run_id, project = run_id or new_run_id(started_at), plan.project
    lock = project.templates.operation("lock", run_id=run_id)
    asks = {step.name: step for step in plan.steps if isinstance(step, Ask)}
    kept: RunStatus = "published" if asks else "staged"
    record = partial(ledger.record, plan, run_id=run_id, command=command, part_of=part_of, started_at=started_at)
    judged = partial(judge, project=project, today=started_at.date())
    seen = Outcome()

    def watch(found: StepResult | Answer) -> None:
        """Keep what was found, for a failure's record, and tell who watches."""
        told: StepResult | AssertionResult | None = None
        if isinstance(found, StepResult):
            seen.steps.append(told := found)
        else:
            seen.answers[found.name] = found
            told = judged(asks[found.name], found) if found.name in asks else None
        if on_step and told:
            on_step(told)

    try:
        labels = {"git_sha": ledger.git_sha(project.root) or ""}
        accepted, rejected = record(status=kept), record(status="rejected")
        parts = _parts(plan, run_id, started_at)
        script = Script(run_id, parts, accepted, rejected, keep=not rehearse, lock=lock, labels=labels)
        outcome = engine.transact(script, watch)
        status = "rejected" if outcome.verdict == "rejected" else "rehearsed" if rehearse else kept
        return _result(plan, engine, outcome, judged, run_id=run_id, status=status, started_at=started_at, began=began)
    except BaseException as error:
        if isinstance(error, UsageError) and error.published == UsageError.usually:  # files are in raw by now
            error.published = "Nothing of this run: readers see what the last committed run published."
        if not rehearse and not isinstance(error, (GuardRefused, WarehouseBusy)):  # else refused, or overtaken
            said = str(error) if isinstance(error, FeesError) else type(error).__name__  # others' words may quote rows
            said = "interrupted" if isinstance(error, KeyboardInterrupt) else said
            with suppress(FeesError):  # the warehouse may be what failed, and then there is no row
                found = ledger.history(project, engine, run_id=run_id)
                if not found.rows:  # else what failed came after the commit
                    failed = record(status="failed", error=said)
                    engine.transact(Script(run_id, (), failed, name="failed", lock=lock, seen=seen))
                elif isinstance(error, KeyboardInterrupt) and kept in found.rows[0]:
                    raise Interrupted(COMMITTED, "fees-etl runs show latest") from error
        raise


def _parts(plan: Plan, run_id: str, started_at: datetime) -> Iterator[Part]:
    ask, window = plan.project.templates.ask, plan.window
    yield Stop(_BUSY, ask("guard", mark=plan.state.mark).sql)
    # Of the books as they were before this run, whose row of the ledger comes last.
    early = {one.name for one in plan.project.assertions if _LEDGER in one.reads}
    yield from (step for step in plan.steps if step.name in early)
    if plan.arrivals:
        context = {"run_id": run_id, "window": window, "late_before": plan.late_before}
        yield from map(Write, plan.project.templates.operation("changes", **context))
    yield ask("published", ledger.BEFORE)
    if window:
        yield ask("staged_by_date", ledger.STAGED_BEFORE, window=window)
    for step in plan.steps:
        if step.name not in early:
            yield explained(plan, step, run_id) if isinstance(step, Step) else step
    yield from map(Write, _remembered(plan, run_id, started_at))
    rebuilt = _rebuilt(plan)
    yield from diff.by_run(plan.project, rebuilt, run_id)
    yield from bridge.by_run(plan.project, run_id) if rebuilt else ()
    yield ask("published", ledger.AFTER)
    yield ask("left_out", ledger.LEFT_OUT)
    if window:
        yield ask("staged_by_date", ledger.STAGED_AFTER, window=window)


def _remembered(plan: Plan, run_id: str, started_at: datetime) -> Iterator[str]:
    """What is kept of a run besides its causes: the SQL that built the tables, and every version of published rows."""
    operation, was = plan.project.templates.operation, plan.state.built  # of a warehouse of before it was kept, nothing
    known = () if is_first(plan) else was or plan.built
    if other := [name for name, mark in plan.built.items() if mark and name in known]:
        yield from operation("rebuilt", tables=other, run_id=run_id)
    if plan.built:
        yield from operation("remember", built=plan.built, run_id=run_id, now=started_at)
    if names := [*(one.name for one in plan.texts), *plan.gone]:
        yield from operation("keep_sql", names=names, texts=plan.texts, run_id=run_id)
    for step in plan.steps:
        if step.table:
            yield from history.kept(plan.project, step.table, run_id)


def _rebuilt(plan: Plan) -> tuple[Contract, ...]:
    """The tables that readers see and that this plan may change; of a first build there is nothing to compare."""
    tables = {step.table for step in plan.steps}
    return tuple(one for one in diff.published(plan.project) if one.table in tables and plan.state.last_staged)


def _result(
    plan: Plan,
    engine: Engine,
    outcome: Outcome,
    judge: Callable[[Ask, Answer], AssertionResult],
    *,
    run_id: str,
    status: RunStatus,
    started_at: datetime,
    began: float,
) -> Result:
    if outcome.verdict == _BUSY:
        raise WarehouseBusy(
            "an ingestion or another run changed what this run was planned on.",
            published="Nothing was published by this run; the published numbers are as before.",
            hint="Run the same command again.",
        )
    found = {name: answer.rows for name, answer in outcome.answers.items()}
    judged = [judge(step, outcome.answers[step.name]) for step in plan.steps if isinstance(step, Ask)]
    changed = ledger.changes(found[ledger.STAGED_BEFORE], found[ledger.STAGED_AFTER]) if plan.window else ()
    after = ledger.published(found[ledger.AFTER])
    return Result(
        run_id, status, plan, started_at, time.monotonic() - began, tuple(outcome.steps), tuple(judged),
        ledger.published(found[ledger.BEFORE]), after,
        LeftOut(*found[ledger.LEFT_OUT].rows[0]), changed, diff.told(_rebuilt(plan), outcome.answers),
        bridge.told(plan.project, found.get(bridge.NAME, Rows()), after.staged_amount),
        bytes_processed=outcome.bytes_processed, bytes_billed=outcome.bytes_billed,
        reader=partial(read, engine, project=plan.project),
    )  # fmt: skip
