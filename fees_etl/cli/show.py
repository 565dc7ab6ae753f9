"""``show`` and ``files``: rows of a table, now or as a run left them. No SQL is taken from the command line."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from fees_etl.cli import completion
from fees_etl.cli import options as opt
from fees_etl.cli.session import Session, emit
from fees_etl.cli.text import grid, paragraphs, table
from fees_etl.errors import UsageError
from fees_etl.figures import cell, plain, shown
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


RUNS, TEXTS, FILES = Table("ops", "runs"), Table("ops", "sql"), Table("raw", "files")
SHOWN = 50
"""Rows of a screen, unless asked for more."""
_limit = partial(typer.Option, min=1, max=10**9, metavar="N")
Output: TypeAlias = Annotated[Literal["text", "json", "csv"], typer.Option(help="A screen, one document, or a file.")]


def show(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="TABLE", autocompletion=completion.tables, help="With or without its dataset.")
    ],
    where: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Rows with these values.")] = None,
    *,
    column: Annotated[
        list[str] | None,
        typer.Option(autocompletion=completion.columns, help="This column beside the key; repeatable."),
    ] = None,
    as_of: Annotated[str | None, opt.run(help="As that run left it: an id, latest, previous or a day.")] = None,
    limit: Annotated[int | None, _limit(help=f"At most so many rows; a screen has {SHOWN} of them.")] = None,
    output: Output = "text",
) -> int:
    """Show the rows of a table, exact; what has a policy tag is masked.

    \b
    fees-etl show rpt_adviser_ltv
    fees-etl show rpt_client_ltv client_id=C001 --column ltv_6_month
    fees-etl show rpt_cohort_ltv --as-of previous --output csv
    """
    from fees_etl.explain import history
    from fees_etl.explain.show import rows
    from fees_etl.project.load import contract

    session: Session = context.obj
    project = session.open(proven=False)
    made, wanted = contract(project, name), dict(map(pair, where or ()))
    versions = history.published(project, made.table).history if as_of else None
    needed = [RUNS, versions.table] if versions else [made.table]
    most = limit or (SHOWN if output == "text" else None)
    with session.warehouse(project, read_only=True, tables=needed) as engine:
        at = history.moment(history.moments(project, engine), as_of) if as_of else None
        found = rows(project, engine, made, where=wanted, columns=column or (), at=at, limit=most and most + 1)
    few = found.rows[:most]
    document: dict[str, Any] = {"schema": "fees-etl/show/1", "table": str(made.table)}
    document |= {"as_of": at.run_id if at else None, "rows": found.records[:most]}
    if output == "csv":
        lines = as_csv(found.columns, few)
    else:
        keys = next((at for at, name in enumerate(found.columns) if name not in made.key), 0) or 1
        lines = table(found.columns, few, 0, keys=keys) if few else [f"No row of {made.table} is so."]
        lines += _more(f"show {name}", found.rows[len(few) :])
    emit(output, document, lines)
    return 0


def files(
    context: typer.Context,
    *,
    limit: Annotated[int | None, _limit(help=f"At most so many; a screen has {SHOWN} of them.")] = None,
    output: Output = "text",
) -> int:
    """List every file version, newest first: rows, rejects, pounds, and what became of it.

    \b
    fees-etl files
    fees-etl files --limit 10 --output json
    """
    session: Session = context.obj
    project = session.open(proven=False)
    most = limit or (SHOWN if output == "text" else None)
    with session.warehouse(project, read_only=True, tables=[FILES]) as engine:
        found = engine.query(project.templates.ask("file_versions", limit=most and most + 1).sql)
    told = found.records[:most]
    if output == "csv":
        lines = as_csv(found.columns, found.rows[:most])
    elif told:
        figures = ("row_count", "rejected_count", "total_amount")
        cells = [
            (shown(one["uri"] or "NULL"), *(cell(one[name]) for name in figures),
             cell(one["status"]), cell(one["ingested_at"]), cell(one["run_id"]))
            for one in told
        ]  # fmt: skip
        lines = grid([("file", "rows", "rejected", "pounds", "status", "seen", "run"), *cells], "<>>><<<", 0)
        said = [f"{shown(one['uri'] or 'NULL')} ({one['status']}): {one['reason']}" for one in told if one["reason"]]
        lines += paragraphs(said, 0, 2)
        lines += _more("files", found.rows[len(told) :])
    else:
        lines = ["No file was seen yet."]
    emit(output, {"schema": "fees-etl/files/1", "files": told}, lines)
    return 0


def _more(command: str, rest: Sequence[object]) -> list[str]:
    return [f"and more: fees-etl {command} --limit N, or --output csv for all of them"] if rest else []


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    r"""Rows as lines of CSV: money exact, dates ISO, NULL empty.

    >>> as_csv(["id", "note"], [("a", "x, y"), ("b", None)])
    ['id,note', 'a,"x, y"', 'b,']
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if one is None else plain(one) for one in row] for row in rows])
    return out.getvalue().rstrip("\n").split("\n")


def pair(text: str) -> tuple[str, str]:
    """The column and the value of KEY=VALUE."""
    name, found, value = text.partition("=")
    if not found or not name:
        raise UsageError(f"{text!r} is no KEY=VALUE.", hint="Write adviser_id=1, or client_id='C 001'.")
    return name, value
