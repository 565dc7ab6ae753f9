"""``files``: every version of every file that was ever seen, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from fees_etl.cli.session import Session, emit
from fees_etl.cli.show import SHOWN, as_csv
from fees_etl.cli.text import grid, paragraph
from fees_etl.figures import cell, shown
from fees_etl.types import Table

FILES = Table("raw", "files")


def files(
    context: typer.Context,
    *,
    limit: Annotated[
        int | None, typer.Option(min=1, max=10**9, metavar="N", help=f"At most so many; a screen has {SHOWN} of them.")
    ] = None,
    output: Annotated[Literal["text", "json", "csv"], typer.Option(help="A screen, one document, or a file.")] = "text",
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
    rows = found.rows[:most]
    if output == "csv":
        emit(output, {}, as_csv(found.columns, rows))
        return 0
    told = found.records[:most]
    lines = ["No file was seen yet."]
    figures = ("row_count", "rejected_count", "total_amount")
    if told:
        cells = [
            (shown(one["uri"] or "NULL"), *(cell(one[name]) for name in figures),
             cell(one["status"]), cell(one["ingested_at"]), cell(one["run_id"]))
            for one in told
        ]  # fmt: skip
        lines = grid([("file", "rows", "rejected", "pounds", "status", "seen", "run"), *cells], "<>>><<<", 0)
        said = [f"{shown(one['uri'] or 'NULL')} ({one['status']}): {one['reason']}" for one in told if one["reason"]]
        lines += [line for text in said for line in paragraph(text, 0, 2)]
    if len(found.rows) > len(rows):
        lines.append("and more: fees-etl files --limit N, or --output csv for all of them")
    document: dict[str, Any] = {"schema": "fees-etl/files/1", "files": told}
    emit(output, document, lines)
    return 0
