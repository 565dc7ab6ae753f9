"""Fee dates mirrored from raw again: in one transaction, or month by month so that a stopped one can go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, Literal, TypeAlias

from fees_etl import signals
from fees_etl import window as windows
from fees_etl.errors import FeesError, GuardRefused, Interrupted, UsageError, WarehouseGone
from fees_etl.figures import summed
from fees_etl.results import Result
from fees_etl.runs import ledger
from fees_etl.runs.plan import plan
from fees_etl.runs.run import OnStep, run
from fees_etl.script import new_run_id
from fees_etl.window import Window

if TYPE_CHECKING:
    from fees_etl.engines import Engine
    from fees_etl.script import Plan
    from fees_etl.types import Project


Chunk: TypeAlias = Literal["none", "month"]
OnChunk: TypeAlias = Callable[[int, int, Result], None]


def backfill(  # noqa: PLR0913 - one argument an option
    project: Project,
    engine: Engine,
    start: date,
    end: date,
    *,
    chunk: Chunk = "none",
    resume: bool = False,
    run_id: str | None = None,
    on_step: OnStep | None = None,
    on_chunk: OnChunk | None = None,
) -> Result:
    """Stage the fee dates from ``start`` to ``end`` again, both inclusive, then rebuild reporting and assert.

    With ``chunk="month"`` every calendar month is a transaction and a row of the ledger of its own; reporting and
    assertions come once, at the end. Months without data are left out. A table that other SQL than today's has built is
    staged again whole: then the range is all that there is.

    Args:
        project: the loaded project.
        engine: the warehouse; its tables are prepared.
        start: first fee date.
        end: last fee date.
        chunk: how to cut the range.
        resume: continue the last stopped backfill of the same range and chunks.
        run_id: the name of its first transaction; left out, a new one.
        on_step: called with each step's result.
        on_chunk: called with number, count and result of each chunk.

    Raises:
        UsageError: there is nothing to resume.
        GuardRefused: SQL, contracts or variables changed since the backfill stopped.
    """
    asked = command_line(start, end, chunk)
    if resume and chunk == "none":
        raise UsageError(
            "a backfill without chunks is one transaction: there is nothing to resume.",
            hint=f"Repeat it: fees-etl {asked}",
        )
    if chunk == "none":
        planned = plan(project, engine, window=Window.between(start, end))
        return run(planned, engine, on_step=on_step, command=asked, run_id=run_id)
    first = run_id or new_run_id(datetime.now(UTC))
    identity, done = _stopped(project, engine, asked) if resume else (first, None)
    return _in_chunks(project, engine, Window.between(start, end), asked, identity, done, on_step, on_chunk)


def command_line(start: date, end: date, chunk: Chunk) -> str:
    """What the ledger calls a backfill, and what repeats it."""
    return f"backfill --start {start} --end {end}" + (f" --chunk {chunk}" if chunk != "none" else "")


def _in_chunks(  # noqa: PLR0917 - all of one backfill
    project: Project,
    engine: Engine,
    window: Window,
    asked: str,
    identity: str,
    done: frozenset[str] | None,
    on_step: OnStep | None,
    on_chunk: OnChunk | None,
) -> Result:
    """The chunks that are not done, then the rest; where none was ever begun, the first lends the backfill its name."""
    state = ledger.state(project, engine)
    merged = [str(table) for table, model in project.models.items() if model.is_merged]
    held = windows.everything(state)
    chosen = partial(plan, project, select=merged, assertions=False)
    if chosen(state=state, window=window).restated:
        window = held
        done = done and (done if not chosen(state=state, window=window, part_of=identity).built else frozenset())
    months = windows.months(windows.clip(window, held)) if held else ()
    again = {str(pending.fee_date)[:7] for pending in state.pending if pending.fee_date in window}
    names = chain([identity] if done is None else [], repeat(None))
    done = (done or frozenset()) - again
    results: list[Result] = []

    def part(planned: Plan) -> Result:
        return run(planned, engine, on_step=on_step, command=asked, run_id=next(names), part_of=identity)

    try:
        for number, month in enumerate(months, 1):
            if str(month)[:7] in done:  # it is known by its month, whatever part of it held data at the time
                continue
            results.append(part(chosen(engine, window=month, part_of=identity)))
            if on_chunk:
                on_chunk(number, len(months), results[-1])
            signals.require_calm()
        final = part(plan(project, engine, exclude=merged, part_of=identity) if held else plan(project, engine))
    except (FeesError, KeyboardInterrupt) as error:
        count = len(done) + len(results) + isinstance(error, Interrupted)
        if isinstance(error, WarehouseGone) or not 1 <= count <= len(months):  # nothing is left, or all is done
            raise
        said = f"{count} of {len(months)} chunks are staged and stay so; reporting is as before."
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(said, f"fees-etl {asked} --resume") from error
        error.published, error.hint = said, f"fees-etl {asked} --resume"
        raise
    return _joined(results, final)


def _stopped(project: Project, engine: Engine, asked: str) -> tuple[str, frozenset[str]]:
    """The identity of the last backfill of this range if it stopped, and the chunks it has staged."""
    found = ledger.chunks(project, engine, asked)
    rows = found.records
    last = rows[-1]["part_of"] if rows else None
    parts = [row for row in rows if row["part_of"] == last]
    if last is None or any(row["status"] == "published" for row in parts):
        raise UsageError(
            f"no stopped backfill waits to be resumed: fees-etl {asked}.", hint=f"Start one: fees-etl {asked}"
        )
    if {row["fingerprint"] for row in parts} != {project.fingerprint}:
        raise GuardRefused(
            "SQL, contracts or variables changed since the backfill stopped, so its chunks would not match.",
            published="Nothing was written; the chunks staged before stay.",
            hint=f"Begin anew: fees-etl {asked}",
        )
    return last, frozenset(row["fee_dates"][:7] for row in parts if row["status"] == "staged")


def _joined(results: list[Result], final: Result) -> Result:
    """One result for all of it: before the first chunk, after the last step."""
    if not results:
        return final
    first, everything = results[0], (*results, final)
    arrivals = tuple(one for result in results for one in result.plan.arrivals)
    return replace(
        final,
        chunks=len(results),
        plan=replace(
            final.plan,
            window=Window.union(*(result.plan.window for result in results)),
            state=replace(first.plan.state, pending=arrivals),
            late_before=first.plan.late_before,
        ),
        before=first.before,
        changes=tuple(change for result in results for change in result.changes),
        steps=tuple(step for result in everything for step in result.steps),
        seconds=sum(result.seconds for result in everything),
        started_at=first.started_at,
        bytes_processed=summed(result.bytes_processed for result in everything),
        bytes_billed=summed(result.bytes_billed for result in everything),
    )
