"""What the books and history of a warehouse have on one run that published, for its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl import query
from fees_etl.errors import AssertionsFailed
from fees_etl.evidence.seals import chain
from fees_etl.explain import diff, levels, show
from fees_etl.explain import trace as tracing
from fees_etl.figures import total
from fees_etl.window import WHOLE

if TYPE_CHECKING:
    from fees_etl.engines import Engine
    from fees_etl.explain.history import Moment
    from fees_etl.explain.trace import Trace
    from fees_etl.script import Rows
    from fees_etl.types import Contract, Project, Table

CLIENT = "client_id"
"""The column that names a client: it is left out where nobody asked for it."""
_BOOKS = ("sealed_attempts", "sealed_changes", "files_as_of", "totals_as_of", "texts_as_of", "since")


@dataclass(frozen=True, slots=True)
class Books:
    """The rows of each book as texts, in an order of their own.

    ``attempts`` are that of the run and those before it, newest first, up to the one called ``after``. ``left_out`` and
    ``staged``, by fee date, are None where staging is not what the run left any more.
    """

    attempts: list[dict[str, Any]]
    after: dict[str, Any] | None
    changes: list[dict[str, Any]]
    files: list[dict[str, Any]]
    totals: list[dict[str, Any]]
    texts: list[dict[str, Any]]
    left_out: list[dict[str, Any]] | None
    staged: list[dict[str, Any]] | None
    pending_then: int
    pending_now: int
    later_runs: int

    @property
    def is_current(self) -> bool:
        """Whether raw and staging are still what the run read and left."""
        return not self.pending_now and not self.later_runs


def books(project: Project, engine: Engine, now: Moment, was: Moment | None) -> Books:
    """What the books have on a run, and on what came after the one before it.

    Raises:
        AssertionsFailed: the ledger does not lead from the one to the other.
    """
    context = {"now": now, "was": was, "moment": now, "run_id": now.run_id}
    asks = [project.templates.ask(name, **context) for name in _BOOKS]
    found = {name: _sorted(one.rows) for name, one in engine.answers(asks).items()}
    attempts = found["sealed_attempts"]
    first = next((one for one in attempts if was and one["run_id"] == was.run_id), None)
    since = found["since"][0]
    left_out = staged = None
    if not since["pending_now"] and not since["later_runs"]:
        later = [project.templates.ask("left_out_now"), project.templates.ask("staged_by_date", window=WHOLE)]
        left_out, staged = (_sorted(one.rows) for one in engine.answers(later).values())
    return Books(
        attempts=chain(attempts, now.run_id, first),
        after=first and {"run_id": first["run_id"], "seal": first["seal"]},
        changes=found["sealed_changes"],
        files=found["files_as_of"],
        totals=found["totals_as_of"],
        texts=found["texts_as_of"],
        left_out=left_out,
        staged=staged,
        **since,
    )


def published(project: Project, engine: Engine, now: Moment) -> dict[Table, Rows]:
    """The rows of every published table as a run left them, in the order of their keys."""
    return {one.table: show.rows(project, engine, one, at=now) for one in diff.published(project)}


def traces(project: Project, engine: Engine, made: Contract, rows: Rows) -> list[Trace]:
    """The sums of pounds in a table's leading row, each traced to its fees; none where no column is such a sum.

    Raises:
        AssertionsFailed: the fees do not add up to what is published.
    """
    model, sums = project.models[made.table], []
    for name in (name for name, kind in made.types.items() if kind == "NUMERIC"):
        try:
            levels.found_ways(project, model, name)
        except query.NotAdditive:
            continue
        sums.append(name)
    if not sums or not rows.rows:
        return []
    leading = max(rows.records, key=lambda row: total(abs(row[name] or Decimal(0)) for name in sums))
    where = {name: "NULL" if leading[name] is None else str(leading[name]) for name in made.key}
    found = [tracing.trace(project, engine, made, where, name) for name in sums]
    for one in found:
        if one.value != leading[one.column]:
            raise AssertionsFailed(
                f"{made.table}.{one.column} is {one.value} now, and the run published {leading[one.column]}.",
                published="What was published before; this changed nothing.",
                hint="fees-etl assert (has a table been written to by hand?)",
            )
    return [one for one in found if one.additive]


def _sorted(answer: Rows) -> list[dict[str, Any]]:
    return sorted(answer.records, key=lambda row: [str(cell) for cell in row.values()])
