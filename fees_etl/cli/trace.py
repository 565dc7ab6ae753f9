"""``trace``: from a published number to the lines of files it is made of, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fees_etl.cli.session import Session, emit
from fees_etl.cli.show import as_csv, pair
from fees_etl.cli.text import cell, plain, plural, pounds, table, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fees_etl.explain.trace import Line, Trace

SHOWN = 12
"""Rows below another one that a screen names."""
SOURCE = ("contribution", "source_file", "source_version", "source_row")


def trace(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TABLE|FILE:ROW", help="A published table, or a line of a file.")],
    where: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="The row of the table.")] = None,
    *,
    column: Annotated[str | None, typer.Option(help="The number; left out where the row has one only.")] = None,
    output: Annotated[
        Literal["text", "json", "csv"], typer.Option(help="A screen, one document, or a line a fee.")
    ] = "text",
) -> int:
    """Tell why a number is what it is: every fee it adds up, with its file and row.

    \b
    fees-etl trace rpt_adviser_ltv adviser_id=1 --column total_client_ltv_6_month
    fees-etl trace rpt_client_ltv client_id=C001 --column ltv_total --output csv
    """
    from fees_etl.explain import trace as explain
    from fees_etl.project.load import contract

    session: Session = context.obj
    project = session.open(proven=False)
    made, wanted = contract(project, name), dict(map(pair, where or ()))
    with session.warehouse(project, read_only=True) as engine:
        found = explain.trace(project, engine, made, wanted, column)
    if output == "csv":
        emit(output, {}, _csv(found))
    else:
        emit(output, _document(found), _told(found))
    return 0


def _fee(line: Line) -> list[Any]:
    return [*line.fee.values(), line.contribution, line.file, line.version, line.row]


def _csv(found: Trace) -> list[str]:
    if not found.additive:
        return as_csv(found.operands.columns, found.operands.rows)
    return as_csv([*(found.fees[0].fee if found.fees else ()), *SOURCE], map(_fee, found.fees))


def _document(found: Trace) -> dict[str, Any]:
    return {
        "schema": "fees-etl/trace/1",
        "table": str(found.table),
        "key": found.key,
        "column": found.column,
        "value": found.value,
        "additive": found.additive,
        "total": found.total,
        "fees": [dict(zip([*line.fee, *SOURCE], _fee(line), strict=True)) for line in found.fees],
        "operands": [dict(zip(found.operands.columns, row, strict=True)) for row in found.operands.rows],
    }


def _told(found: Trace) -> Iterator[str]:
    key = ", ".join(f"{name} {plain(value)}" for name, value in found.key.items())
    yield f"{found.table}, {key}: {found.column} is {cell(found.value)}"
    if found.additive:
        yield f"the sum of {plural(len(found.fees), 'fee')}"
        yield from _tree(list(found.fees), found, 0)
        return
    yield "It is no sum. What it is made of:"
    yield from table(found.operands.columns, found.operands.rows[:SHOWN])
    if len(found.operands.rows) > SHOWN:
        yield f"  and {len(found.operands.rows) - SHOWN:,} more: --output csv has all of them"


def _tree(lines: list[Line], found: Trace, depth: int) -> Iterator[str]:
    """The rows of one level with their pounds, and below each the rows that it adds up; at the end lines of files."""
    from fees_etl.ingestion.source import shown

    indent = "  " * (depth + 1)
    groups: dict[Any, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.way[depth], []).append(line)
    for rank, (key, inside) in enumerate(groups.items()):
        if rank == SHOWN:
            yield f"{indent}and {plural(len(groups) - SHOWN, 'row')} more: --output csv has all of them"
            return
        money = pounds(total(line.contribution for line in inside))
        if depth + 1 < len(inside[0].way):
            yield f"{indent}{found.levels[depth]} {', '.join(map(plain, key))}: {money}"
            yield from _tree(inside, found, depth + 1)
            continue
        yield from (f"{indent}{money}  {shown(line.file)}:{line.row}" for line in inside)
