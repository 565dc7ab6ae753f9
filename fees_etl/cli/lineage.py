"""``ls --lineage``: the columns that a column depends on, as a screen, a document or a drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fees_etl.cli.session import emit
from fees_etl.cli.text import grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fees_etl.explain.lineage import Dependence
    from fees_etl.types import Project


def show(project: Project, name: str, output: Literal["text", "json", "mermaid"]) -> None:
    """Say it on stdout."""
    from fees_etl.explain.lineage import dependences

    steps = dependences(project, name)
    if output == "mermaid":
        emit("text", {}, _drawn(steps))
    else:
        emit(output, as_document(name, steps), list(_told(steps)) or [f"Nothing: {name} is a source."])


def as_document(name: str, steps: list[Dependence]) -> dict[str, Any]:
    """``fees-etl/lineage/1``: an edge for each column, and each one that it depends on."""
    document: dict[str, Any] = {"schema": "fees-etl/lineage/1", "name": name}
    document["edges"] = [
        {
            "table": step.table,
            "column": step.column,
            "from_table": str(step.edge.table),
            "from_column": step.edge.column,
            "kind": step.edge.kind,
        }
        for step in steps
    ]
    return document


def _told(steps: list[Dependence]) -> Iterator[str]:
    """A line for each column and each one that it depends on, with every way it does."""
    ways: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        ways.setdefault((f"{step.table}.{step.column}", f"{step.edge.table}.{step.edge.column}"), []).append(
            step.edge.kind
        )
    rows, last = [("column", "depends on", "how")], ""
    for (column, source), kinds in ways.items():
        rows.append(("" if column == last else column, source, ", ".join(kinds)))
        last = column
    if steps:
        yield from grid(rows, "<<<", 0)


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
