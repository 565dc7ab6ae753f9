"""``diff``: what differs between what two runs published, or would by a changed project."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeAlias

import typer

import fees_etl
from fees_etl.cli import completion, differences
from fees_etl.cli.logs import logger
from fees_etl.cli.session import Session, emit
from fees_etl.cli.show import RUNS, TEXTS
from fees_etl.cli.text import grid, paragraphs
from fees_etl.errors import AssertionsFailed, UsageError
from fees_etl.figures import count, plural, summed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fees_etl import Engine, Project, Result, Table
    from fees_etl.explain.history import Moment
    from fees_etl.results import Bridge, Published, TableDiff

TOTALS = {
    "Fees": "staged_rows",
    "Fees, pounds": "staged_amount",
    "Lifetime value, pounds": "ltv_total",
    "Clients": "clients",
    "Cohorts": "cohorts",
    "Advisers": "advisers",
}
PROPOSED = {"Staged rows": "staged_rows", "Staged pounds": "staged_amount", "Clients": "clients"}
RULES = "No SQL changed between the two: the same rules were applied to other data."
ROLLED_BACK = "Nothing of it: all of it was rolled back, and readers saw nothing."
Output: TypeAlias = Literal["text", "json", "md", "csv"]


class Proposal(NamedTuple):
    """What came of it: the SQL that differs from what is published, and models that could not be compared."""

    result: Result
    sql: tuple[str, ...]
    missing: tuple[Table, ...]


def diff(
    context: typer.Context,
    was: Annotated[
        str, typer.Argument(metavar="[A]", autocompletion=completion.runs, help="A run id, previous, latest or a day.")
    ] = "",
    now: Annotated[str, typer.Argument(metavar="[B]", autocompletion=completion.runs, help="The same.")] = "latest",
    *,
    changed: Annotated[
        str | None,
        typer.Option(
            "--project", metavar="DIR|REF", help="What this project would change, on the live data, rolled back."
        ),
    ] = None,
    fail: Annotated[bool, typer.Option("--fail", help="With --project: exit 1 where anything differs.")] = False,
    output: Annotated[Output, typer.Option(help="A screen, one document, a comment, or a file.")] = "text",
) -> int:
    """Show what differs between two runs, or would by a changed project.

    \b
    fees-etl diff previous latest
    fees-etl diff 2025-09-30 --output md            a restatement notice
    fees-etl --target prod diff --project . --output md   a comment for a pull request
    """
    from fees_etl.explain import bridge, history
    from fees_etl.explain import diff as compared
    from fees_etl.runs import ledger

    session: Session = context.obj
    if changed is not None:
        return _proposed(session, changed, output, fail=fail)
    if not was or fail:
        hint = f"{session.start} diff previous, or {session.start} diff --project DIR"
        raise UsageError("name what to compare: a run, or with --project a changed project.", hint=hint)
    project = session.open(proven=False)
    kept = [made.history.table for made in compared.published(project) if made.history]
    read = [RUNS, TEXTS, bridge.CAUSES, *kept]
    with session.warehouse(project, read_only=True, tables=read) as engine:
        known = history.moments(project, engine)
        first, second = history.moment(known, was), history.moment(known, now)
        found = compared.between(project, engine, first, second)
        sql = compared.edited(project, engine, first, second)
        why = bridge.between(project, engine, first, second)
        both = [ledger.left(project, engine, one.run_id) for one in (first, second)]
    match output:
        case "md":
            lines = _notice(found, sql, why, first, second, both)
        case "csv":
            lines = differences.listed(found, why)
        case _:
            lines = [
                f"From run {first.run_id} of {first.at:%Y-%m-%d %H:%M} UTC",
                f"to run {second.run_id} of {second.at:%Y-%m-%d %H:%M} UTC",
                *differences.edited(sql),
                *(differences.differing(found) or ["", differences.NOTHING]),
                *differences.bridged(why),
            ]
    emit(output, differences.as_document(found, sql, why, before=first.run_id, after=second.run_id), lines)
    return 0


def _notice(
    found: Sequence[TableDiff],
    sql: Sequence[str],
    why: Sequence[Bridge],
    was: Moment,
    now: Moment,
    totals: Sequence[Published | None],
) -> list[str]:
    """The same as Markdown: what a finance team is differences."""
    lines = [
        "# Restatement of published fee numbers",
        "",
        f"The numbers that run `{was.run_id}` published ({was.at:%Y-%m-%d %H:%M} UTC) are replaced",
        f"by those of run `{now.run_id}` ({now.at:%Y-%m-%d %H:%M} UTC).",
    ]
    changed = [one for one in found if one.rows]
    if not changed:
        nothing = "Nothing differs in any published table: no number is restated."
        return [*lines, "", nothing, *differences.bridges_noted(why)]
    before, after = totals
    if before and after:
        lines += ["", "## Totals", "", "| | before | after | change |", "|---|---:|---:|---:|"]
        lines += [f"| {' | '.join(row)} |" for row in differences.totals(TOTALS, before, after, "unchanged")]
    heads = "| Table | added | removed | changed | columns that changed, and how many cells |"
    lines += ["", "## What moved", "", heads, "|---|---:|---:|---:|---|"]
    for one in changed:
        cells = ", ".join(f"{name} {count(cells)}" for name, cells in one.columns.items())
        lines.append(f"| `{one.table}` | {' | '.join(differences.counts(one)[:3])} | {cells} |")
    lines += ["", "## Rules", ""]
    lines.append(f"The SQL of {', '.join(f'`{name}`' for name in sql)} changed between the two." if sql else RULES)
    back = f"`fees-etl show TABLE --as-of {was.run_id}`"
    lines += [*differences.rows_noted(changed), *differences.bridges_noted(why)]
    return [*lines, "", f"What was published before stays readable: {back}."]


def _proposed(session: Session, where: str, output: Output, *, fail: bool) -> int:
    """Run the project of a folder or a commit on the live data, tell what differs, and keep nothing."""
    from fees_etl.cli.report import assertions

    session.read()
    if session.file is not None and not os.path.lexists(session.file):
        raise UsageError(f"there is no warehouse at {session.file} yet.", hint=f"{session.start} run")
    if output == "csv":
        raise UsageError("a changed project is shown as text, json or md.", hint=session.without("--output"))
    with _project_of(session, where) as project:
        found = _rehearsed(session, project)
    result, failed = found.result, [one.name for one in found.result.failures]
    document = differences.as_document(result.tables, found.sql, result.bridges, before=None, after=None, project=where)
    document |= {"missing": [str(table) for table in found.missing], "failed": failed}
    show = _comment if output == "md" else _screen
    head = f"What {where} would change on {session.settings.target}"
    emit(output, document, show(head, found, assertions(result.failures) if failed else []))
    if failed:
        said = f"{plural(len(failed), 'assertion')} would fail: {', '.join(failed)}."
        raise AssertionsFailed(said, published=ROLLED_BACK, hint=f"Correct the SQL; then {session.line}")
    if fail and (changed := [one.table for one in result.tables if one.rows]):
        said = f"{plural(len(changed), 'table')} would differ: {', '.join(changed)}."
        raise AssertionsFailed(said, published=ROLLED_BACK, hint=f"Where this is meant: {session.without('--fail')}")
    return 0


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
def _project_of(session: Session, where: str) -> Iterator[Project]:
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
    return replace(project, models=kept, assertions=tuple(one for one in project.assertions if not one.reads & gone))


def _screen(head: str, found: Proposal, failed: list[str]) -> list[str]:
    result = found.result
    totals = [(f"  {name}", *cells) for name, *cells in differences.totals(PROPOSED, result.before, result.after)]
    lines = [head, "", *grid([("", "published", "proposed", "change"), *totals], "<>>>", 0)]
    lines += differences.differing(result.tables) or ["", differences.NOTHING]
    lines += [*differences.bridged(result.bridges), *failed]
    return [*lines, "", *paragraphs(_notes(found), 0)]


def _comment(head: str, found: Proposal, failed: list[str]) -> list[str]:
    """The same as Markdown, for a pull request."""
    result = found.result
    lines = [f"## {head}", "", "| | published | proposed | change |", "|---|---:|---:|---:|"]
    lines += [f"| {' | '.join(cells)} |" for cells in differences.totals(PROPOSED, result.before, result.after)]
    if changed := [one for one in result.tables if one.rows]:
        lines += ["", "| Table | added | removed | changed | cells |", "|---|---:|---:|---:|---:|"]
        lines += [f"| `{one.table}` | {' | '.join(differences.counts(one))} |" for one in changed]
    else:
        lines += ["", differences.NOTHING]
    if rows := [*differences.differing(result.tables), *failed]:
        lines += ["", "<details><summary>Rows</summary>", "", "```text", *rows[1:], "```", "", "</details>"]
    return [
        *lines,
        *differences.bridges_noted(result.bridges),
        *(line for note in _notes(found) for line in ("", note)),
    ]


def _notes(found: Proposal) -> list[str]:
    notes = [f"SQL that differs from what is published: {', '.join(found.sql) or 'none'}."]
    if waiting := len(found.result.plan.arrivals):
        notes.append(f"Fees that still have to be staged are in it, too, of {plural(waiting, 'file and fee date')}.")
    if found.missing:
        names = ", ".join(map(str, found.missing))
        notes.append(f"Not compared, for a table or a column is not there yet: {names}, and what reads them.")
    return notes
