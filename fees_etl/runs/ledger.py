"""The books: what a plan depends on, what readers see, and the ledger of runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import fields
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from fees_etl.errors import FeesError
from fees_etl.explain.history import tampered, whole
from fees_etl.privacy import redact
from fees_etl.results import Change, LeftOut, Published
from fees_etl.runs.questions import waivers
from fees_etl.script import Ask, Plan, Record, Rows, Script, new_run_id
from fees_etl.types import Pending, Project, State, Table
from fees_etl.window import Window

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from fees_etl.engines import Engine


T = TypeVar("T", Published, LeftOut)
Headline: TypeAlias = tuple[Published, Published, LeftOut] | None
"""The headline numbers of an attempt before and after, and what staging left out; None where they were not kept."""
LISTS = ("steps", "changes", "assertions")
"""The columns of an attempt that are JSON, and lists."""
_OPTIONAL = {"part_of", "error", "git_sha", "bytes_processed", "headline"}
BEFORE, AFTER, LEFT_OUT = "published_before", "published_after", "left_out"
STAGED_BEFORE, STAGED_AFTER = "staged_before", "staged_after"
"""Names of what a run asks besides its assertions."""
_PLACE = attrgetter("fee_date", "source_file", "source_version", "rows_added", "rows_removed")


def state(project: Project, engine: Engine) -> State:
    """What is in the warehouse that a plan depends on: read from the books, not from raw.

    Raises:
        GuardRefused: a live table is not as its contract says.
    """
    engine.prepare(project.contracts)
    asks = [project.templates.ask(name) for name in ("state", "pending", "refused", "built", "sql_now")]
    answers = engine.answers(asks)
    found = {name: answer.rows.rows for name, answer in answers.items()}
    first_raw, last_raw, first_staged, last_staged, files, real, mark = found["state"][0]
    pending = tuple(sorted((Pending(*row) for row in whole(answers["pending"].rows, "ops.pending")), key=_PLACE))
    waits = [one.fee_date for one in pending]
    ends = ("raw.file_totals", (first_raw, last_raw)), ("staging.stg_fees", (first_staged, last_staged))
    for table, days in (*ends, ("ops.pending", (*waits[:1], *waits[-1:]))):
        if any(day and not 1 < day.year <= 9000 for day in days):  # noqa: PLR2004 - windows reckon beyond their ends
            raise tampered("fee_date", table)
    refused = tuple(sorted((uri, reason) for uri, reason in found["refused"]))
    built: dict[str, str] = dict(found["built"])
    now: dict[str, str] = dict(found["sql_now"])
    return State(first_raw, last_raw, first_staged, last_staged, pending, refused, files, real, mark, built, now)


def records(found: Rows) -> list[dict[str, Any]]:
    """Attempts as :func:`history` answers them, each by its columns; what they keep as JSON is read.

    Raises:
        WarehouseError: somebody wrote to them by hand.
    """
    whole(found, "ops.runs", [one for one in enumerate(found.columns) if one[1] not in _OPTIONAL])
    return [one | {name: read(one[name], name) for name in LISTS} for one in found.records]


def read(text: str, name: str) -> Any:
    """What a column of the ledger keeps as JSON.

    Raises:
        WarehouseError: it holds something else than a run writes.
    """
    from fees_etl.runs.shapes import SHAPES  # noqa: PLC0415 - for those who read the ledger

    try:
        found = json.loads(text)
        SHAPES[name].validate_python(found)
    except (ValueError, RecursionError):
        raise tampered(name) from None
    return found


def published(answer: Rows) -> Published:
    """The headline numbers of an answer to ``published``."""
    named = answer.records[0]
    cohorts = tuple((named.pop("incomplete_cohorts_6_month") or "").split())
    return Published(**named, incomplete_cohorts_6_month=cohorts)


def changes(before: Rows, after: Rows) -> tuple[Change, ...]:
    """The dates whose rows or pounds differ, in order; the ledger's row tells the same in SQL.

    >>> from datetime import date
    >>> day = date(2025, 1, 1)
    >>> changes(Rows(rows=((day, 1, Decimal(2)),)), Rows(rows=((day, 1, Decimal("2.00")),)))
    ()
    """
    was, now = ({day: (rows, amount) for day, rows, amount in answer.rows} for answer in (before, after))
    nothing = (0, Decimal(0))
    days = [day for day in sorted({*was, *now}) if was.get(day, nothing) != now.get(day, nothing)]
    return tuple(Change(day, *was.get(day, nothing), *now.get(day, nothing)) for day in days)


def attempts(project: Project, engine: Engine, begins: str = "", limit: int = 5) -> tuple[str, ...]:
    """The ids of the newest attempts that begin so."""
    found = engine.query(project.templates.ask("attempts", begins=begins, limit=limit).sql)
    return tuple(row[0] for row in _in_order(found, newest_first=True).rows)


def recorded(
    project: Project, engine: Engine, run_id: str
) -> tuple[dict[str, Any], Headline, tuple[Pending, ...], frozenset[Pending]]:
    """One attempt without its headline numbers, and these; what it took off the pending list, and what of it was late.

    Late is what the lookback alone would have missed.

    Raises:
        WarehouseError: somebody wrote to them by hand.
    """
    (record,) = records(history(project, engine, run_id=run_id))
    rows = whole(engine.query(project.templates.ask("changes_of", run_id=run_id).sql), "ops.changes")
    found = [(Pending(*row), is_late) for *row, is_late in rows]
    late = frozenset(one for one, is_late in found if is_late)
    return record, _headline(record.pop("headline")), tuple(sorted((one for one, _ in found), key=_PLACE)), late


def _headline(text: str | None) -> Headline:
    kept = read(text, "headline") if text else {}
    before, after, left = (kept.get(name) for name in ("before", "after", "left_out"))
    if not (before and after and left):
        return None
    try:
        (was,), (now,), (out,) = before, after, left
        return _typed(Published, was), _typed(Published, now), _typed(LeftOut, out)
    except (ValueError, TypeError, ArithmeticError):
        raise tampered("headline") from None


def left(project: Project, engine: Engine, run_id: str) -> Published | None:
    """The headline numbers that a run left; None where they were not kept."""
    found = history(project, engine, run_id=run_id)
    numbers = _headline(found.rows[0][found.columns.index("headline")])
    return numbers and numbers[1]


def _typed(noun: type[T], cells: Sequence[Any]) -> T:
    """The noun that these texts are, which stand in the order of its fields."""
    kinds: dict[str, Any] = {
        "int": int,
        "Decimal": Decimal,
        "tuple[str, ...]": lambda text: tuple((text or "").split()),
    }
    read = [kinds.get(str(one.type), lambda text: text and date.fromisoformat(text)) for one in fields(noun)]
    return noun(*(one(cell) for one, cell in zip(read, cells, strict=True)))


def history(project: Project, engine: Engine, limit: int = 20, run_id: str | None = None) -> Rows:
    """The newest attempts first; or the one attempt called ``run_id``."""
    return _in_order(engine.query(project.templates.ask("history", limit=limit, run_id=run_id).sql), newest_first=True)


def chunks(project: Project, engine: Engine, command: str) -> Rows:
    """The chunks of every backfill that was asked for in these words, oldest first."""
    return _in_order(engine.query(project.templates.ask("chunks", command=command).sql))


def _in_order(attempts: Rows, *, newest_first: bool = False) -> Rows:
    """Rows of ``ops.runs`` by their time: an engine need not keep the order of a query."""
    places = [attempts.columns.index(name) for name in ("started_at", "run_id")]
    whole(attempts, "ops.runs", [(at, attempts.columns[at]) for at in places])
    rows = sorted(attempts.rows, key=lambda row: [row[at] for at in places], reverse=newest_first)
    return Rows(attempts.columns, tuple(rows))


def record(
    plan: Plan,
    *,
    run_id: str,
    command: str,
    part_of: str | None,
    status: str,
    started_at: datetime,
    error: str | None = None,
) -> Record:
    """The row of ``ops.runs`` for a run that ends with this status; only a committed one has changed anything."""
    is_kept = status in ("published", "staged")
    last, is_compared = AFTER if is_kept else BEFORE, is_kept and bool(plan.window)
    asked = [step for step in plan.steps if isinstance(step, Ask)]
    verdicts = []
    for one in asked:
        told = [
            (place, *(json.dumps(words)[1:-1] for words in both))
            for place, *both in waivers(plan.project, one.name, started_at.date())
        ]
        verdicts.append({"name": one.name, "severity": one.severity, "waivers": told})
    sql, then = plan.project.templates.operation(
        "record", plan=plan, run_id=run_id, command=command, part_of=part_of, status=status, started_at=started_at,
        last=last, is_compared=is_compared, verdicts=verdicts, error=error, git_sha=git_sha(plan.project.root),
        package_version=package_version(),
    )  # fmt: skip
    answers = [BEFORE, AFTER, LEFT_OUT, *([STAGED_BEFORE, STAGED_AFTER] if is_compared else [])]
    return Record(Table("ops", "runs"), sql, (*answers, *(one.name for one in asked)), then)


def refused(project: Project, engine: Engine, error: FeesError, *, run_id: str, command: str, now: datetime) -> None:
    """Record an attempt that ended before it began: its input, or a guard, was refused; nothing where that fails."""
    with suppress(FeesError):
        known = project.sources.items()  # those of raw may be what is wrong; the one with _load is every job's
        engine.prepare({table: made for table, made in known if table.dataset == "ops" or "_load" in made.types})
        if history(project, engine, run_id=run_id).rows:  # a backfill that had staged some chunks
            run_id = new_run_id(now)
        nothing, said = Plan(project, (), Window(), (), State()), redact(str(error))
        found = record(
            nothing, run_id=run_id, command=command, part_of=None, status="refused", started_at=now, error=said
        )
        lock = project.templates.operation("lock", run_id=run_id)
        engine.transact(Script(run_id, (), found, name="refused", lock=lock))


def git_sha(root: Path) -> str | None:
    """The commit that an image was built from, else that of a project folder that is a git checkout.

    Where tracked files differ from it, or the folder has others besides, ``-dirty`` follows: it was not that commit.
    """
    return os.environ.get("FEES_ETL_GIT_SHA") or _checked_out(root)


@cache
def _checked_out(root: Path) -> str | None:
    head = None if "site-packages" in root.parts else git(root, "rev-parse", "HEAD")
    if head is None:
        return None
    status = git(root, "status", "--porcelain", "--untracked-files=no"), git(root, "status", "--porcelain", "--", ".")
    return head.decode().strip() + ("-dirty" if any(status) else "")


def git(root: Path, *words: str) -> bytes | None:
    """What git says; None where it refuses, or is not there."""
    program = shutil.which("git")
    if program is None:
        return None
    done = subprocess.run([program, "-C", str(root), *words], capture_output=True, check=False)  # noqa: S603 - no shell
    return done.stdout if done.returncode == 0 else None


@cache
def package_version() -> str:
    """As it is installed; 0 where it is not."""
    try:
        return version("fees-etl")
    except PackageNotFoundError:
        return "0"
