"""``diff --project``: what a changed project would publish, on the live data, in a transaction that is rolled back."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fees_etl
from fees_etl.cli.bridge import bridged, bridges, noted
from fees_etl.cli.diff import differing, tables
from fees_etl.cli.logs import logger
from fees_etl.cli.report import assertions
from fees_etl.cli.session import Session, emit
from fees_etl.cli.text import grid, paragraph
from fees_etl.errors import AssertionsFailed, UsageError
from fees_etl.figures import change, count, plural, pounds, summed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from fees_etl import Engine, Project, Result, Table
    from fees_etl.results import AssertionResult

_NOTHING = "Nothing of it: all of it was rolled back, and readers saw nothing."


@dataclass(frozen=True, slots=True)
class Proposal:
    """What came of it: the SQL that differs from what is published, and models that could not be compared."""

    result: Result
    sql: tuple[str, ...]
    missing: tuple[Table, ...]


def proposed(session: Session, where: str, output: Literal["text", "json", "md", "csv"], *, fail: bool) -> int:
    """Run the project of a folder or a commit on the live data, tell what differs, and keep nothing."""
    session.read()
    if session.file is not None and not os.path.lexists(session.file):
        raise UsageError(f"there is no warehouse at {session.file} yet.", hint=f"{session.start} run")
    if output == "csv":
        raise UsageError("a changed project is shown as text, json or md.", hint=session.without("--output"))
    with _changed(session, where) as project:
        found = _rehearsed(session, project)
    failed = [one for one in found.result.assertions if not one.passed and one.severity == "error"]
    head = f"What {where} would change on {session.settings.target}"
    told = _notice if output == "md" else _screen
    emit(output, as_document(found, where, failed), told(head, found, failed))
    if failed:
        said = f"{plural(len(failed), 'assertion')} would fail: {', '.join(one.name for one in failed)}."
        raise AssertionsFailed(said, published=_NOTHING, hint=f"Correct the SQL; then {session.line}")
    if fail and (changed := [one.table for one in found.result.tables if one.rows]):
        said = f"{plural(len(changed), 'table')} would differ: {', '.join(changed)}."
        raise AssertionsFailed(said, published=_NOTHING, hint=f"Where this is meant: {session.without('--fail')}")
    return 0


def as_document(found: Proposal, where: str, failed: Sequence[AssertionResult]) -> dict[str, Any]:
    """``fees-etl/diff/1`` of a project instead of a second run."""
    return {
        "schema": "fees-etl/diff/1",
        "before": None,
        "after": None,
        "project": where,
        "tables": tables(found.result.tables),
        "bridge": bridges(found.result.bridges),
        "sql": list(found.sql),
        "missing": [str(table) for table in found.missing],
        "failed": [one.name for one in failed],
    }


def _rehearsed(session: Session, project: Project) -> Proposal:
    """A run of all models that leaves nothing; what it reads is priced before."""
    from fees_etl.runs.modified import modified

    settings = session.settings
    with fees_etl.connect(settings.warehouse, settings=settings) as engine, engine.rehearsal():
        missing = _missing(project, engine) if session.is_remote else ()
        kept = _without(project, missing)
        state = fees_etl.state(kept, engine)
        if state.last_staged is None:
            raise UsageError("nothing is published there yet.", hint=f"{session.start} run")
        plan = fees_etl.plan(kept, state=state)
        statements = [sql for step in plan.steps for sql in (*step.statements, *step.books)]
        if (billed := summed(engine.estimate(statements))) is not None:
            logger.info("It reads about %s bytes, %s US dollars.", f"{billed:,}", f"{settings.price(billed):f}")
        engine.allow(statements)
        result = fees_etl.run(plan, engine, rehearse=True, command="diff", now=session.now)
        return Proposal(result, modified(project, state.built), missing)


@contextmanager
def _changed(session: Session, where: str) -> Iterator[Project]:
    """The project of a folder; of a commit where no folder is called so."""
    from fees_etl.project.load import folder
    from fees_etl.runs.modified import checked_out

    if os.path.isdir(where):  # noqa: PTH112 - Path.is_dir() raises where no disk has such a name
        yield fees_etl.load(Path(where), session.settings.vars)
        return
    own = session.settings.project_dir
    with checked_out(folder(own if (own / "sql").is_dir() else None), where) as root:
        if root is None:
            raise UsageError(f"{where} has no sql/ there.", hint="Name another commit, or a folder.")
        yield fees_etl.load(root, session.settings.vars)


def _missing(project: Project, engine: Engine) -> tuple[Table, ...]:
    """Models whose tables are not there as their contracts say: on BigQuery a transaction cannot make them."""
    found = []
    for table, model in project.models.items():
        kept = {made.table: made for made in (model.contract, model.contract.history) if made}
        try:
            engine.prepare(kept, create=False)
        except UsageError:
            found.append(table)
    return tuple(found)


def _without(project: Project, missing: tuple[Table, ...]) -> Project:
    """The project without these models, those that read them, and assertions on any of them."""
    gone = set(missing)
    for table, model in project.models.items():  # each after those it reads
        if model.reads & gone:
            gone.add(table)
    kept = {table: model for table, model in project.models.items() if table not in gone}
    return (
        replace(project, models=kept, assertions=tuple(one for one in project.assertions if not one.reads & gone))
        if gone
        else project
    )


def _totals(found: Proposal) -> list[tuple[str, ...]]:
    was, now = found.result.before, found.result.after
    rows = [(name, getattr(was, field), getattr(now, field)) for name, field in _TOTALS.items()]
    return [
        (name, *(pounds(one) if isinstance(one, Decimal) else count(one) for one in pair), change(*pair))
        for name, *pair in rows
    ]


def _notes(found: Proposal) -> list[str]:
    notes = [f"SQL that differs from what is published: {', '.join(found.sql) or 'none'}."]
    if waiting := len(found.result.plan.arrivals):
        notes.append(f"Fees that still have to be staged are in it, too, of {plural(waiting, 'file and fee date')}.")
    if found.missing:
        names = ", ".join(map(str, found.missing))
        notes.append(f"Not compared, for a table or a column is not there yet: {names}, and what reads them.")
    return notes


def _screen(head: str, found: Proposal, failed: Sequence[AssertionResult]) -> list[str]:
    rows = [("", "published", "proposed", "change"), *((f"  {name}", *cells) for name, *cells in _totals(found))]
    lines = [head, "", *grid(rows, "<>>>", 0)]
    lines += differing(found.result.tables) or ["", "Nothing differs in any published table."]
    lines += bridged(found.result.bridges)
    lines += assertions(failed) if failed else []
    return [*lines, "", *(line for note in _notes(found) for line in paragraph(note, 0))]


def _notice(head: str, found: Proposal, failed: Sequence[AssertionResult]) -> list[str]:
    """The same as Markdown, for a pull request."""
    lines = [f"## {head}", "", "| | published | proposed | change |", "|---|---:|---:|---:|"]
    lines += [f"| {' | '.join(cells)} |" for cells in _totals(found)]
    if changed := [one for one in found.result.tables if one.rows]:
        lines += ["", "| Table | added | removed | changed | cells |", "|---|---:|---:|---:|---:|"]
        for one in changed:
            counts = map(count, (one.added, one.removed, one.changed, sum(one.columns.values())))
            lines.append(f"| `{one.table}` | {' | '.join(counts)} |")
    else:
        lines += ["", "Nothing differs in any published table."]
    if told := [*differing(found.result.tables), *(assertions(failed) if failed else ())]:
        lines += ["", "<details><summary>Rows</summary>", "", "```text", *told[1:], "```", "", "</details>"]
    return [*lines, *noted(found.result.bridges), *(line for note in _notes(found) for line in ("", note))]


_TOTALS = {"Staged rows": "staged_rows", "Staged pounds": "staged_amount", "Clients": "clients"}
