"""What differs between two runs: rows and cells of every published table, and samples of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fees_etl.explain.history import versions
from fees_etl.results import Cell, TableDiff

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fees_etl.engines import Engine
    from fees_etl.explain.history import Moment
    from fees_etl.script import Answer, Ask
    from fees_etl.types import Contract, Project

SHOWN = 20
"""Rows of a table that are brought back as samples."""
_PREFIX = "diff_"


def published(project: Project) -> tuple[Contract, ...]:
    """The contracts of every table that readers see, in the order they are built."""
    return tuple(model.contract for model in project.models.values() if model.contract.history)


def by_run(project: Project, tables: Iterable[Contract], run_id: str) -> tuple[Ask, ...]:
    """What asks, within the transaction of a run, what it has changed in these tables."""
    return tuple(
        _ask(
            project, made,
            was=versions(project, made, "versions_of", boundary="_to_run_id", run_id=run_id),
            now=versions(project, made, "versions_of", boundary="_from_run_id", run_id=run_id),
        )
        for made in tables
    )  # fmt: skip


def of_run(project: Project, engine: Engine, run_id: str) -> tuple[TableDiff, ...]:
    """What a run has changed in every table, read from history."""
    tables = published(project)
    asks = by_run(project, tables, run_id)
    return told(tables, engine.answers(asks)) if asks else ()


def between(project: Project, engine: Engine, was: Moment, now: Moment) -> tuple[TableDiff, ...]:
    """What differs between what two runs left, of every table, in order; read from history, not from the tables."""
    tables = published(project)
    asks = [
        _ask(
            project, made,
            was=versions(project, made, "versions_between", moment=was, other=now),
            now=versions(project, made, "versions_between", moment=now, other=was),
        )
        for made in tables
    ]  # fmt: skip
    return told(tables, engine.answers(asks))


def edited(project: Project, engine: Engine, was: Moment, now: Moment) -> tuple[str, ...]:
    """Models and assertions whose SQL two runs published differently; none where that of either was not kept."""
    asks = [project.templates.ask("sql_as_of", name, moment=at) for name, at in (("was", was), ("now", now))]
    before, after = ({str(name): mark for name, mark in one.rows.rows} for one in engine.answers(asks).values())
    names = sorted({*before, *after}) if before and after else ()
    return tuple(name for name in names if before.get(name) != after.get(name))


def edited_by(project: Project, engine: Engine, run_id: str) -> tuple[str, ...]:
    """Those whose SQL a run has changed; none where it was the first to keep any."""
    found = engine.query(project.templates.ask("sql_of", run_id=run_id).sql).rows
    if {is_ended for name, _, is_ended in found if name == "variables"} == {False}:
        return ()
    return tuple(sorted({name for name, kind, _ in found if kind != "variables"}))


def told(tables: Iterable[Contract], answers: Mapping[str, Answer]) -> tuple[TableDiff, ...]:
    """The answers of a run's, or of two runs', questions about these tables."""
    return tuple(_told(made, answers[name]) for made in tables if (name := f"{_PREFIX}{made.table.name}") in answers)


def _ask(project: Project, made: Contract, *, was: str, now: str) -> Ask:
    values = _values(made)
    pounds = [name for name in values if made.types[name] == "NUMERIC"]
    name = f"{_PREFIX}{made.table.name}"
    context = {"key": made.key, "values": values, "pounds": pounds[:1], "shown": SHOWN}
    found: Ask = project.templates.ask("difference", name, was=was, now=now, **context)
    return found


def _values(made: Contract) -> list[str]:
    return [name for name in made.types if name not in made.key]


def _told(made: Contract, answer: Answer) -> TableDiff:
    rows = answer.rows.records
    if not rows:
        return TableDiff(str(made.table), made.key, 0, 0, 0, {}, ())
    values, first = _values(made), rows[0]
    cells = {name: first[f"cells_{name}"] for name in values if first[f"cells_{name}"]}
    samples = tuple(
        Cell(tuple(row[f"key_{name}"] for name in made.key), name, row[f"was_{name}"], row[f"now_{name}"])
        for row in sorted(rows, key=lambda row: row["place"])
        for name in values
        if row["is_added"] or row["is_removed"] or row[f"was_{name}"] != row[f"now_{name}"]
    )
    counts = (first["added_rows"], first["removed_rows"], first["changed_rows"])
    return TableDiff(str(made.table), made.key, *counts, cells, samples)
