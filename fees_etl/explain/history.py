"""Published numbers are kept: each version of each row, with the run that published it and the run that replaced it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fees_etl.errors import UsageError, WarehouseError
from fees_etl.project.graph import did_you_mean
from fees_etl.project.template import statements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fees_etl.engines import Engine
    from fees_etl.script import Rows
    from fees_etl.types import Contract, Project, Table

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
NEWEST, BEFORE = "latest", "previous"


@dataclass(frozen=True, slots=True)
class Moment:
    """What readers saw once a run had published; ``at`` is when it ended (UTC)."""

    run_id: str
    at: datetime
    fingerprint: str = ""


def kept(project: Project, table: Table, run_id: str) -> tuple[str, ...]:
    """The statements that keep what a run has changed in a table; none for one that readers do not see."""
    made = project.contracts[table]
    if made.history is None:
        return ()
    columns = list(made.types)
    text = project.templates.render(
        "materializations/history.sql", run_id=run_id, table=table, history=made.history.table, columns=columns,
        key=made.key, values=[name for name in columns if name not in made.key],
    )  # fmt: skip
    return statements(text)


def moments(project: Project, engine: Engine) -> tuple[Moment, ...]:
    """Every run that published, oldest first.

    Raises:
        WarehouseError: somebody wrote to the ledger by hand.
    """
    found = engine.query(project.templates.ask("moments").sql).rows
    if any(at is None for _, _, at, _ in found):
        raise tampered("finished_at")
    return tuple(sorted((Moment(run, at, mark) for run, _, at, mark in found), key=lambda one: (one.at, one.run_id)))


def tampered(column: str, table: str = "ops.runs") -> WarehouseError:
    """What to say of a ledger, or another book, that holds what no run writes."""
    return WarehouseError(
        f"{table}.{column} holds what no run writes: somebody wrote to it by hand.",
        published="What was published before; this changed nothing.",
        hint="Tell all that was written by hand: fees-etl assert",
    )


def whole(found: Rows, table: str, cells: Iterable[tuple[int, str]] | None = None) -> tuple[tuple[Any, ...], ...]:
    """The rows of a book, in which no cell is NULL that a run writes.

    ``cells`` are the places that are looked at, each with the name of its column in ``table``; left out, all of them.

    Raises:
        WarehouseError: one is NULL.
    """
    for place, name in enumerate(found.columns) if cells is None else cells:
        if any(row[place] is None for row in found.rows):
            raise tampered(name, table)
    return found.rows


def moment(known: tuple[Moment, ...], text: str) -> Moment:
    """The run that is meant: by its id, as ``latest`` or ``previous``, or the last one that had ended by a day's end.

    Raises:
        UsageError: there is none.
    """
    wanted = {NEWEST: 1, BEFORE: 2}.get(text)
    if wanted:
        if len(known) >= wanted:
            return known[-wanted]
        raise UsageError(f"only {len(known)} runs have published, so there is no {text!r} one.", hint="fees-etl runs")
    if _DAY.fullmatch(text):
        try:
            end = datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), UTC)
        except (ValueError, OverflowError):
            raise UsageError(f"{text!r} is no day of the calendar.", hint="Write a day as 2025-09-30.") from None
        if found := [one for one in known if one.at < end]:
            return found[-1]
        raise UsageError(f"nothing was published by {text}.", hint="fees-etl runs")
    for one in known:
        if one.run_id == text:
            return one
    near = did_you_mean(text, {one.run_id for one in known})
    raise UsageError(f"no run {text!r} has published. {near}".rstrip(), hint="fees-etl runs")


def published(project: Project, table: Table) -> Contract:
    """The contract of a reporting table, for its history.

    Raises:
        UsageError: the project publishes no such table.
    """
    made = project.contracts.get(table)
    if made is None or made.history is None:
        raise UsageError(f"{table} has no history: only tables of reporting are kept.", hint="fees-etl ls")
    return made


def as_of(project: Project, table: Table, at: Moment) -> str:
    """The query for a reporting table as that run left it, in the contract's columns."""
    return versions(project, published(project, table), "as_of", moment=at)


def versions(project: Project, made: Contract, template: str, **context: Any) -> str:
    """The query that a template makes of the history of a table that readers see, in the contract's columns."""
    assert made.history  # noqa: S101 - only of such tables there is one
    sql = project.templates.ask(template, columns=list(made.types), history=made.history.table, **context).sql
    return str(sql)
