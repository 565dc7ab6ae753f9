"""``ls``, also of columns, and ``render``: what the project's files say, without a warehouse."""

from __future__ import annotations

import textwrap
from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fees_etl.cli import completion
from fees_etl.cli import options as opt
from fees_etl.cli.session import Session, emit
from fees_etl.cli.text import LEAST, grid, width
from fees_etl.errors import UsageError
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fees_etl.explain.lineage import Dependence


def listing(
    context: typer.Context,
    select: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EXPR",
            autocompletion=completion.selectors,
            help="Selectors, as many as you like; all when left out.",
        ),
    ] = None,
    *,
    selected: opt.Select = None,
    exclude: opt.Exclude = None,
    since: opt.State = None,
    lineage: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE[.COLUMN]",
            autocompletion=completion.models,
            help="The columns that its columns depend on, instead.",
        ),
    ] = None,
    output: Annotated[
        Literal["text", "json", "mermaid", "odcs"],
        typer.Option(help="A screen, one document, a drawing of --lineage, or the contracts in the standard ODCS."),
    ] = "text",
) -> int:
    """List tables, models and assertions in order; or what a column is made of.

    \b
    fees-etl ls
    fees-etl ls stg_fees+ 'layer:reporting'
    fees-etl ls --select state:modified+ --state origin/main
    fees-etl ls --lineage rpt_client_ltv.ltv_6_month
    fees-etl ls 'layer:reporting' --output odcs
    """
    session: Session = context.obj
    project = session.open(proven=False)
    words, without = opt.stated(session, project, since, [*(select or ()), *(selected or ())], exclude)
    if lineage is not None:
        if words or without:
            raise UsageError("--lineage names what it lists: selectors have no say in it.")
        if output == "odcs":
            hint = f"{session.start} ls --output odcs"
            raise UsageError("--output odcs writes contracts, which have no lineage.", hint=hint)
        from fees_etl.explain.lineage import dependences

        steps = dependences(project, lineage)
        if output == "mermaid":
            emit("text", {}, _drawn(steps))
        else:
            emit(output, lineage_document(lineage, steps), _ways(steps) or [f"Nothing: {lineage} is a source."])
        return 0
    if output == "mermaid":
        hint = f"{session.start} ls --lineage rpt_client_ltv --output mermaid"
        raise UsageError("only --lineage is drawn.", hint=hint)
    models = [project.models[Table.parse(name)] for name in opt.chosen(project, words, without)]
    tables: list[tuple[Table, str | None, Iterable[Table]]]
    tables = [] if words or without else [(table, "source", ()) for table in project.sources]
    tables += [(model.table, model.contract.materialized, model.reads) for model in models]
    if output == "odcs":
        from fees_etl.watch import odcs

        emit("json", odcs.document(project, [table for table, *_ in tables], session.settings), ())
        return 0
    chosen = {model.table for model in models}
    tests = [one for one in project.assertions if not (words or without) or one.reads & chosen]
    nodes = [{"name": str(table), "kind": kind, "reads": sorted(map(str, reads))} for table, kind, reads in tables]
    nodes += [{"name": one.name, "kind": "assertion", "reads": sorted(map(str, one.reads))} for one in tests]
    rows = [("Layer", "name", "kind"), *((table.dataset, table.name, kind or "") for table, kind, _ in tables)]
    rows += [("assertion", one.name, one.severity) for one in tests]
    emit(output, {"schema": "fees-etl/ls/1", "nodes": nodes}, _beside(rows, nodes))
    return 0


def render(
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", autocompletion=completion.rendered, help="A model or an assertion.")
    ],
    *,
    dialect: Annotated[Literal["bigquery", "duckdb"], typer.Option(help="Whose SQL.")] = "bigquery",
    start: opt.OptionalStart = None,
    end: opt.OptionalEnd = None,
) -> int:
    """Print the finished SQL of one model.

    \b
    fees-etl render rpt_client_ltv
    fees-etl render stg_fees --dialect duckdb --start 2025-09-01 --end 2025-09-30
    """
    from fees_etl import query
    from fees_etl.runs.plan import render as rendered

    session: Session = context.obj
    window = opt.window(f"{session.start} render {model}", start, end)
    project = session.open(proven=False)
    sql = rendered(project, model, window)
    if dialect == "duckdb":
        sql = query.to_duckdb(sql, project.schema, session.settings.dataset_suffix)
    emit("text", {}, [sql.rstrip()])
    return 0


def lineage_document(name: str, steps: list[Dependence]) -> dict[str, Any]:
    """``fees-etl/lineage/1``: an edge for each column, and each one that it depends on."""
    edges = [
        {
            "table": step.table,
            "column": step.column,
            "from_table": str(step.edge.table),
            "from_column": step.edge.column,
            "kind": step.edge.kind,
        }
        for step in steps
    ]
    return {"schema": "fees-etl/lineage/1", "name": name, "edges": edges}


def _beside(rows: list[tuple[str, str, str]], nodes: list[dict[str, Any]]) -> list[str]:
    """A grid, and what each reads beside it: wrapped, or where there is no room for that, a column that is cut."""
    texts = ["reads", *(", ".join(node["reads"]) for node in nodes)]
    lines = grid(rows, "<<<", 0, keys=0)
    room = width() - max(map(len, lines)) - 2
    if room < LEAST:
        return grid([(*row, text) for row, text in zip(rows, texts, strict=True)], "<<<<", 0, keys=0)
    return [
        f"{start:<{width() - room}}{text}".rstrip()
        for line, some in zip(lines, texts, strict=True)
        for start, text in zip_longest([line], textwrap.wrap(some, room), fillvalue="")
    ]


def _ways(steps: list[Dependence]) -> list[str]:
    """A line for each column and each one that it depends on, with every way it does."""
    ways: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        ends = f"{step.table}.{step.column}", f"{step.edge.table}.{step.edge.column}"
        ways.setdefault(ends, []).append(step.edge.kind)
    rows, last = [("column", "depends on", "how")], ""
    for (column, source), kinds in ways.items():
        rows.append(("" if column == last else column, source, ", ".join(kinds)))
        last = column
    return grid(rows, "<<<", 0) if steps else []


def _drawn(steps: list[Dependence]) -> Iterator[str]:
    """A flowchart: full arrows for values, dotted ones for what decides the rows."""
    from fees_etl.query import DIRECT

    yield "flowchart LR"
    places: dict[str, int] = {}
    for step in steps:
        ends = f"{step.edge.table}.{step.edge.column}", f"{step.table}.{step.column}"
        for end in ends:
            if end not in places:
                places[end] = len(places)
                yield f'  c{places[end]}["{end}"]'
        arrow = "-->" if step.edge.kind in DIRECT else "-.->"
        yield f"  c{places[ends[0]]} {arrow}|{step.edge.kind}| c{places[ends[1]]}"
