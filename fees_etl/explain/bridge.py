"""From an old total to the new one, as lines of cause that add up to the penny: what arrived, moved, or was a rule."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from fees_etl.figures import EXACT
from fees_etl.project import files, load
from fees_etl.results import Bridge, Line
from fees_etl.types import HISTORY, REPORTING, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fees_etl.engines import Engine
    from fees_etl.explain.history import Moment
    from fees_etl.script import Ask, Rows
    from fees_etl.types import Project

NAME = "bridge"
MOST = 2_000
"""Lines that a run brings back, at most: those of whole numbers, the largest changes of each table first."""
CAUSES = Table("ops", "causes")
_FEES = Table("staging", "stg_fees")
_CLIENTS, _VALUES = Table(REPORTING, "dim_clients"), Table(REPORTING, "rpt_client_ltv")
_MONTHS = {"ltv_1_month": 1, "ltv_3_month": 3, "ltv_6_month": 6, "ltv_total": None}
"""A client's values, each with the months from the first fee in which a fee counts."""
_TOTALS: tuple[tuple[Table, str | None, dict[str, str]], ...] = (
    (_VALUES, None, {"ltv_total": "ltv_total"}),
    (
        Table(REPORTING, "rpt_adviser_ltv"),
        "first_adviser_id",
        {f"total_client_{name}": name for name in _MONTHS if name != "ltv_total"}
        | {"total_client_ltv_all_time": "ltv_total"},
    ),
    (
        Table(REPORTING, "rpt_cohort_ltv"),
        "cohort_month",
        {f"total_{name}": name for name in _MONTHS if name != "ltv_total"},
    ),
)
"""Tables of sums, the column of ``dim_clients`` that says to which row a client belongs, and what each sum adds up."""


def by_run(project: Project, run_id: str) -> tuple[Ask, ...]:
    """What asks, within the transaction of a run, why totals have moved since the last one that published."""
    return _asks(project, now=run_id, most=MOST)


def between(project: Project, engine: Engine, was: Moment, now: Moment) -> tuple[Bridge, ...]:
    """From what one run left to what another left, every number that moved; none of before there was a history."""
    first, last = sorted((was, now), key=lambda one: (one.at, one.run_id))
    asks = _asks(project, first=first.run_id, last=last.run_id)
    found = tuple(one for answer in engine.answers(asks).values() for one in told(project, answer.rows))
    return found if first == was else tuple(map(_back, found))


def told(project: Project, answer: Rows, staged: Decimal = Decimal(0)) -> tuple[Bridge, ...]:
    """The answer as bridges; ``staged`` are the pounds of a run that is not in the ledger yet."""
    found = []
    for (place, table, key, column), rows in groupby(sorted(answer.rows, key=_order), key=itemgetter(0, 1, 2, 3)):
        lines = list(rows)
        before, after = (staged if cell is None else cell for cell in lines[0][4:6])
        of = dict(zip(project.contracts[Table.parse(table)].key, [key], strict=False)) if key else {}
        one = Bridge(table, of, column, before, after, tuple(Line(*line[6:]) for line in lines if line[6]))
        if one.lines or before != after:
            found.append((place, one))
    found.sort(key=lambda pair: (pair[0], -abs(EXACT.subtract(pair[1].after, pair[1].before))))
    return tuple(one for _, one in found)


def totals() -> dict[Table, tuple[str, dict[str, str]]]:
    """Tables of sums over clients, whose rows are advisers and cohorts, never a client.

    Each with the column of ``dim_clients`` that says to which row a client belongs, and what each sum adds up.
    """
    return {at: (by, columns) for at, by, columns in _TOTALS if by}


def _asks(
    project: Project, *, now: str | None = None, first: str = "", last: str = "", most: int | None = None
) -> tuple[Ask, ...]:
    """Of a project whose tables are others, nothing."""
    kept = {at: model.contract for at, model in project.models.items() if model.contract.history}
    totals = [
        (at, by, columns) for at, by, columns in _TOTALS if at in kept and columns.keys() <= kept[at].types.keys()
    ]
    needed = {_CLIENTS: {"client_id", "first_fee_date", *(by for _, by, _ in totals if by)}, _VALUES: {*_MONTHS}}
    if CAUSES not in project.contracts or any(at not in kept or not needed[at] <= {*kept[at].types} for at in needed):
        return ()
    names = {at: "ltv" if at == _VALUES else at.name for at, _, _ in totals} | {_CLIENTS: "dim", _VALUES: "ltv"}
    tables = [
        {"table": str(at), "name": names[at], "key": kept[at].key[0], "by": by, "columns": columns}
        for at, by, columns in totals
    ]
    histories = {name: Table(HISTORY, at.name) for at, name in names.items()}
    return (project.templates.ask(
        "bridge", NAME, now=now, first=first, last=last, most=most, tables=tables, months=_MONTHS, staged=str(_FEES),
        pounds="fee_amount", values=[str(_CLIENTS), str(_VALUES)], own=_own(project, names),
        histories=histories,
    ),)  # fmt: skip


def _own(project: Project, tables: Iterable[Table]) -> list[str]:
    """Those of the tables whose SQL is not the bundled project's, nor perhaps what it makes of a fee."""
    bundled = load.folder(None)
    if project.root == bundled:
        return []
    here, there = (
        {name: files.read(root, name) for name in files.listed(root) if name.startswith(("macros/", f"{REPORTING}/"))}
        for root in (project.root, bundled)
    )
    macros = {name for name in {*here, *there} if name.startswith("macros/") and here.get(name) != there.get(name)}
    return [str(at) for at in tables if macros or here.get(name := f"{at.dataset}/{at.name}.sql") != there.get(name)]


def _order(row: Any) -> tuple[Any, ...]:
    """Its place; a key is NULL where somebody took it out of history: after the commit is no time to refuse that."""
    place, table, key, column, _, _, cause, uri, day, *_ = row
    return place, table, key or "", column, cause or "", uri or "", str(day or "")


def _back(one: Bridge) -> Bridge:
    """The same way in the other direction."""
    lines = tuple(replace(line, pounds=EXACT.minus(line.pounds)) for line in one.lines)
    return replace(one, before=one.after, after=one.before, lines=lines)
