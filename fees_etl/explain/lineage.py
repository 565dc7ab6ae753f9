"""Columns and the columns they depend on, from the reports back to the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fees_etl import query
from fees_etl.errors import UsageError
from fees_etl.project.graph import did_you_mean
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fees_etl.query import Edge
    from fees_etl.types import Project


class Dependence(NamedTuple):
    """One step: ``column`` of ``table`` depends on a column of ``edge.table``; an assertion has no dataset."""

    table: str
    column: str
    edge: Edge


def dependences(project: Project, name: str) -> list[Dependence]:
    """Every step from a table, an assertion or one column of it back to the sources; its own steps come first.

    ``name`` is with or without the dataset; a column follows after a dot.

    Raises:
        UsageError: there is no such table, assertion or column.
    """
    texts = {str(table): (model.sql, str(model.path)) for table, model in project.models.items()}
    texts |= {one.name: (one.sql, str(one.path or one.name)) for one in project.assertions}
    texts |= {str(table): ("", "") for table in project.sources}
    schema = project.schema
    first, column = _meant(name, texts)
    found: dict[str, dict[str, frozenset[Edge]]] = {}
    steps = list[Dependence]()
    waiting = [(first, column)]
    for at, wanted in waiting:  # it grows as it is read
        sql, path = texts[at]
        if at not in found:
            found[at] = query.lineage(query.parse(sql, path), schema) if sql else {}
        made = project.contracts.get(Table.parse(at))
        known = {one.lower(): one for one in (made.types if made else found[at])}
        if wanted and wanted.lower() not in known:
            near = did_you_mean(wanted, set(known))
            raise UsageError(f"{at} has no column {wanted!r}.", hint=near or f"It has: {', '.join(known.values())}")
        for low, edges in found[at].items():
            if not wanted or low == wanted.lower():
                steps += [Dependence(at, known.get(low, low), edge) for edge in sorted(edges)]
                news = {(str(edge.table), edge.column) for edge in edges}
                waiting += sorted(new for new in news if new not in waiting)
    return list(dict.fromkeys(steps))


def all_dependences(project: Project) -> list[Dependence]:
    """Every step of every model, each once."""
    return list(dict.fromkeys(step for table in project.models for step in dependences(project, str(table))))


def _meant(name: str, known: Iterable[str]) -> tuple[str, str]:
    """The table or assertion, and the column, that a name means."""
    for at in known:
        for written in (at, at.rpartition(".")[2]):
            if name == written:
                return at, ""
            if name.startswith(f"{written}."):
                return at, name[len(written) + 1 :]
    near = did_you_mean(name.rpartition(".")[0] or name, {at.rpartition(".")[2] for at in known})
    raise UsageError(f"no table or assertion is called '{name}'.", hint=near or "See their names: fees-etl ls")
