"""``trace``: from a published number to the lines of files it is made of, and back."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from fees_etl.cli import completion
from fees_etl.cli.logs import logger
from fees_etl.cli.session import Session, emit
from fees_etl.cli.show import as_csv, pair
from fees_etl.cli.text import keyed, table
from fees_etl.errors import AssertionsFailed, UsageError
from fees_etl.figures import cell, plain, plural, pounds, shown, total
from fees_etl.streams import quoted
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fees_etl.explain.fate import Fate
    from fees_etl.explain.levels import Closed
    from fees_etl.explain.trace import Line, Trace
    from fees_etl.types import Project

SHOWN = 12
"""Rows below another one that a screen names."""
_LINE = re.compile(r"(.+):(\d{1,18})", re.DOTALL)
SOURCE = ("contribution", "source_file", "source_version", "source_row")


def trace(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="TABLE|FILE:ROW", autocompletion=completion.models, help="A published table, or a line of a file."
        ),
    ],
    where: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="The row of the table.")] = None,
    *,
    column: Annotated[
        str | None,
        typer.Option(autocompletion=completion.columns, help="The number; left out where the row has one only."),
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read those lines of the files again, and compare.")] = False,
    output: Annotated[
        Literal["text", "json", "csv"], typer.Option(help="A screen, one document, or a line a fee.")
    ] = "text",
) -> int:
    """Tell which fees and lines a number is made of, or what became of a line.

    \b
    fees-etl trace rpt_adviser_ltv adviser_id=1 --column total_client_ltv_6_month
    fees-etl trace rpt_client_ltv client_id=C001 --column ltv_total --output csv
    fees-etl trace lake/fees_2025_09.csv:17
    """
    from fees_etl.explain.fate import IN_RAW, fate
    from fees_etl.explain.trace import trace as explain
    from fees_etl.ingestion import compare
    from fees_etl.project.load import contract

    session: Session = context.obj
    project = session.open(proven=False)
    line = _LINE.fullmatch(name)
    if line and not where:
        if column or output == "csv":
            raise UsageError("a line of a file has no --column, and its fate is no CSV.")
        with session.warehouse(project, read_only=True) as engine:
            end = fate(project, engine, line[1], int(line[2]))
            checked = {(end.file, end.version): [end.row]} if end.fate in IN_RAW else {}
            proof = compare.verify(project, engine, checked) if verify else None
        emit(output, {"schema": "fees-etl/line/1", **asdict(end), **_proven(proof)}, [*_ended(end), *_proof(proof)])
        return _judged(proof)
    if "/" in name or ".csv" in name.lower():
        raise UsageError(
            f"{name} is a file, and its lines are traced one by one.", hint=f"{session.start} trace {quoted(name)}:1"
        )
    made, wanted = contract(project, name), dict(map(pair, where or ()))
    with session.warehouse(project, read_only=True, tables=[made.table]) as engine:
        found = explain(project, engine, made, wanted, column, partly=not verify)
        if verify:
            engine.prepare(project.contracts, create=False)
        lines: dict[tuple[str, str], list[int]] = {}
        for one in found.fees:
            lines.setdefault((one.file, one.version), []).append(one.row)
        proof = compare.verify(project, engine, lines) if verify else None
    if output == "csv":
        emit(output, {}, _csv(found, project))
        if found.closed:
            logger.warning("%s", _sentence(found.closed))
    else:
        emit(output, {**_document(found, project), **_proven(proof)}, [*_told(found), *_proof(proof)])
    return _judged(proof)


Proof: TypeAlias = "tuple[list[tuple[Any, ...]], list[str]]"


def _proven(proof: Proof | None) -> dict[str, Any]:
    if proof is None:
        return {}
    names = ("line", "column", "in_raw", "in_file")
    return {"differing": [dict(zip(names, one, strict=True)) for one in proof[0]], "gone": proof[1]}


def _proof(proof: Proof | None) -> list[str]:
    if proof is None:
        return []
    if not any(proof):
        return ["Verified: the files say the same."]
    said = [
        f"{line}: {column} is {plain(ours)} in raw and {plain(theirs)} in the file"
        for line, column, ours, theirs in proof[0]
    ]
    return [*said[:SHOWN], *proof[1]]


def _judged(proof: Proof | None) -> int:
    """0, unless what was to be verified differs or is gone."""
    if proof is None or not any(proof):
        return 0
    first = "; ".join(_proof(proof)[:3])
    raise AssertionsFailed(
        f"the source does not say the same any more: {first.rstrip(chr(46))}.",
        published="What was published before; this changed nothing.",
        hint="fees-etl assert --source",
    )


def _ended(end: Fate) -> Iterator[str]:
    yield f"{shown(end.file)}:{end.row} is {end.fate}{f': {end.why}' if end.why else ''}"
    if end.kept:
        yield f"  kept is {end.kept}"
    if end.fee:
        yield f"  as {keyed(end.fee)}"
    for one in end.numbers:
        yield f"  {pounds(one.pounds)} in {one.table}.{one.column} of {keyed(one.key)}"
    if end.numbers:
        yield "  and in the means, medians and ranks that are worked out from these"


def _sentence(closed: Closed) -> str:
    """What this account may not read, and who sees more."""
    also = f" and are Fine-Grained Readers of its policy tag {closed.tag}" if closed.tag else ""
    return (
        f"This account may not read {closed.table}; those who read the dataset {closed.table.dataset}{also} see more."
    )


def _fee(line: Line) -> list[Any]:
    return [*line.fee.values(), line.contribution, line.file or None, line.version or None, line.row or None]


def _row(line: Line, project: Project) -> dict[str, Any]:
    """A row that is no fee: what is below it is closed."""
    at, key = line.way[-1]
    names = project.contracts[Table.parse(at)].key
    return {"table": at, "key": dict(zip(names, key, strict=True)), "contribution": line.contribution}


def _csv(found: Trace, project: Project) -> list[str]:
    if not found.additive:
        return as_csv(found.operands.columns, found.operands.rows)
    if all(line.fee for line in found.fees):
        return as_csv([*(found.fees[0].fee if found.fees else ()), *SOURCE], map(_fee, found.fees))
    rows = [_row(line, project) for line in found.fees]
    names = list(dict.fromkeys(name for one in rows for name in one["key"]))
    cells = ([one["table"], *map(one["key"].get, names), one["contribution"]] for one in rows)
    return as_csv(["table", *names, "contribution"], cells)


def _document(found: Trace, project: Project) -> dict[str, Any]:
    return {
        "schema": "fees-etl/trace/1",
        "table": str(found.table),
        "key": found.key,
        "column": found.column,
        "value": found.value,
        "additive": found.additive,
        "total": found.total,
        "fees": [dict(zip([*line.fee, *SOURCE], _fee(line), strict=True)) for line in found.fees if line.fee],
        "rows": [_row(line, project) for line in found.fees if not line.fee],
        "operands": found.operands.records,
        "closed": {"table": str(found.closed.table), "policy_tag": found.closed.tag} if found.closed else None,
    }


def _told(found: Trace) -> Iterator[str]:
    yield f"{found.table}, {keyed(found.key)}: {found.column} is {cell(found.value)}"
    if found.additive:
        if found.fees or not found.closed:
            kind = "fee" if all(line.fee for line in found.fees) else "row"
            yield f"the sum of {plural(len(found.fees), kind)}"
        yield from _tree(list(found.fees), 0)
    elif not found.closed:
        yield "It is no sum. What it is made of:"
        yield from table(found.operands.columns, found.operands.rows[:SHOWN])
        if len(found.operands.rows) > SHOWN:
            yield f"  and {len(found.operands.rows) - SHOWN:,} more: --output csv has all of them"
    if found.closed:
        yield _sentence(found.closed)


def _tree(lines: list[Line], depth: int) -> Iterator[str]:
    """The rows of one level with their pounds, and below each the rows that it adds up; at the end lines of files."""
    indent = "  " * (depth + 1)
    groups: dict[Any, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.way[depth], []).append(line)
    for rank, ((at, key), inside) in enumerate(groups.items()):
        if rank == SHOWN:
            yield f"{indent}and {plural(len(groups) - SHOWN, 'row')} more: --output csv has all of them"
            return
        money = pounds(total(line.contribution for line in inside))
        if depth + 1 < len(inside[0].way):
            yield f"{indent}{at} {', '.join(map(plain, key))}: {money}"
            yield from _tree(inside, depth + 1)
            continue
        if inside[0].file:
            yield from (f"{indent}{money}  {shown(line.file)}:{line.row}" for line in inside)
        else:
            yield f"{indent}{at} {', '.join(map(plain, key))}: {money}"
