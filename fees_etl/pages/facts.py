"""What a report says: read from the ledger and from the history of published tables, as one run left them.

Nothing is read from raw or staging, where NINOs are. What a project or a warehouse does not have is named, not guessed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from fees_etl.errors import UsageError
from fees_etl.explain import bridge, diff, history
from fees_etl.figures import total
from fees_etl.runs import ledger
from fees_etl.types import REPORTING, Pending, Project, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fees_etl.engines import Engine
    from fees_etl.explain.history import Moment
    from fees_etl.results import Bridge, TableDiff
    from fees_etl.runs.ledger import Headline

RUNS, CHANGES, LEFT_OUT, TEXTS = (Table("ops", name) for name in ("runs", "changes", "left_out", "sql"))
COHORTS, ADVISERS, VALUES, CLIENTS = (
    Table(REPORTING, name) for name in ("rpt_cohort_ltv", "rpt_adviser_ltv", "rpt_client_ltv", "dim_clients")
)
MONTHS = (1, 3, 6)
MOVES = ("late", "corrected", "withdrawn")
_NEEDED = {
    COHORTS: {
        "cohort_month",
        "client_count",
        *(f"{what}_{n}_month" for n in MONTHS for what in ("avg_ltv", "is_complete")),
    },
    ADVISERS: {"adviser_id", "client_count", "total_client_ltv_6_month", "rank_by_ltv_6_month"},
    VALUES: {"client_id", "ltv_6_month", "is_complete_6_month"},
    CLIENTS: {"client_id", "cohort_month", "first_adviser_id"},
}
_CLIENTS = "Complete and incomplete clients: the project has not both dim_clients and rpt_client_ltv as needed."
_LACKING = {
    (COHORTS,): "Cohorts: this project publishes no rpt_cohort_ltv with the columns needed.",
    (ADVISERS,): "Advisers: this project publishes no rpt_adviser_ltv with the columns needed.",
    (CLIENTS, VALUES): _CLIENTS,
}


@dataclass(frozen=True, slots=True)
class Cohort:
    """Clients who began in one month: mean pounds a client by months since, and whether that is complete for all."""

    month: str
    clients: int
    means: Mapping[int, Decimal]
    is_complete: Mapping[int, bool]


@dataclass(frozen=True, slots=True)
class Adviser:
    """What the clients of one adviser were worth in six months."""

    adviser: str
    clients: int
    pounds: Decimal
    rank: int


@dataclass(frozen=True, slots=True)
class Share:
    """Clients of one cohort or adviser, and their six-month pounds, by whether the six months are complete."""

    complete: int = 0
    incomplete: int = 0
    complete_pounds: Decimal = Decimal(0)
    incomplete_pounds: Decimal = Decimal(0)


Shares: TypeAlias = "Mapping[str, Share] | None"
"""By the names of what they are of; None where the project does not publish what tells them."""


@dataclass(frozen=True, slots=True)
class Day:
    """Staged fees of one fee date; what of them arrived late, and what corrections and withdrawals have moved."""

    fee_date: date
    rows: int
    pounds: Decimal
    late: Decimal = Decimal(0)
    corrected: Decimal = Decimal(0)
    withdrawn: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. A part that could not be read is empty, and ``lacking`` says why."""

    moment: Moment
    previous: Moment | None
    is_latest: bool
    record: Mapping[str, Any]
    numbers: Headline
    arrivals: tuple[Pending, ...]
    late: frozenset[Pending]
    tables: tuple[TableDiff, ...]
    bridges: tuple[Bridge, ...]
    edited: tuple[str, ...]
    descriptions: Mapping[str, str]
    """Of assertions."""
    cohorts: tuple[Cohort, ...] = ()
    advisers: tuple[Adviser, ...] = ()
    by_cohort: Shares = None
    by_adviser: Shares = None
    days: tuple[Day, ...] = ()
    duplicates: tuple[tuple[str, date, int, Decimal], ...] = ()
    """File, fee date, records, pounds."""
    lacking: tuple[str, ...] = ()


def needed(project: Project) -> list[Table]:
    """The tables that are read."""
    kept = [made.history.table for made in diff.published(project) if made.history]
    return [one for one in (RUNS, CHANGES, LEFT_OUT, TEXTS, bridge.CAUSES) if one in project.contracts] + kept


def read(project: Project, engine: Engine, run: str) -> Facts:
    """What the run that ``run`` means (an id, ``latest``, ``previous`` or a day) has published.

    Raises:
        UsageError: no run is so called, or it did not publish.
    """
    known = history.moments(project, engine)
    if not known:
        raise UsageError("no run has published yet, so there is nothing to report.", hint="fees-etl run")
    moment = history.moment(known, run)
    place = known.index(moment)
    previous = known[place - 1] if place else None
    record, numbers, arrivals, late = ledger.recorded(project, engine, moment.run_id)
    changed = diff.of_run(project, engine, moment.run_id) if previous else ()
    cohorts, advisers = _cohorts(project, engine, moment), _advisers(project, engine, moment)
    by_cohort, by_adviser = _shares(project, engine, moment)
    lacking = [said for needs, said in _LACKING.items() if not all(_is_kept(project, table) for table in needs)]
    days = _days(project, engine, moment)
    staged = (record["rows_after"], record["amount_after"])
    if (sum(day.rows for day in days), total(day.pounds for day in days)) != staged:
        days = ()
        lacking.append("Fees by date: the ledger does not know every fee date as this run left it.")
    duplicates = _duplicates(project, engine)
    left = numbers and (numbers[2].duplicate_rows, numbers[2].duplicate_amount)
    if left != (sum(one[2] for one in duplicates), total(one[3] for one in duplicates)):
        duplicates = ()
        lacking.append(
            "Where duplicates are: the books have them as they are today, which is not as this run left them."
        )
    return Facts(
        moment, previous, place == len(known) - 1, record, numbers, arrivals, late, changed,
        bridge.between(project, engine, previous, moment) if previous else (),
        diff.edited_by(project, engine, moment.run_id) if previous else (),
        {one.name: one.description for one in project.assertions},
        cohorts, advisers, by_cohort, by_adviser, days, duplicates, tuple(lacking),
    )  # fmt: skip


def _is_kept(project: Project, table: Table) -> bool:
    """Whether history keeps it with the columns that a report needs."""
    made = project.contracts.get(table)
    return made is not None and made.history is not None and _NEEDED[table] <= made.types.keys()


def _rows(project: Project, engine: Engine, table: Table, moment: Moment) -> list[dict[str, Any]]:
    """The rows that the run left; none of a table that is not kept so."""
    if not _is_kept(project, table):
        return []
    found = engine.query(history.as_of(project, table, moment))
    required = {column.name for column in project.contracts[table].columns if column.required}
    history.whole(found, f"history.{table.name}", [one for one in enumerate(found.columns) if one[1] in required])
    return found.records


def _cohorts(project: Project, engine: Engine, moment: Moment) -> tuple[Cohort, ...]:
    rows = sorted(_rows(project, engine, COHORTS, moment), key=lambda row: row["cohort_month"])
    return tuple(
        Cohort(
            row["cohort_month"],
            row["client_count"],
            {n: row[f"avg_ltv_{n}_month"] for n in MONTHS},
            {n: row[f"is_complete_{n}_month"] for n in MONTHS},
        )
        for row in rows
    )


def _advisers(project: Project, engine: Engine, moment: Moment) -> tuple[Adviser, ...]:
    names = ("adviser_id", "client_count", "total_client_ltv_6_month", "rank_by_ltv_6_month")
    found = [Adviser(*(row[name] for name in names)) for row in _rows(project, engine, ADVISERS, moment)]
    return tuple(sorted(found, key=lambda one: (one.rank, one.adviser)))


def _shares(project: Project, engine: Engine, moment: Moment) -> tuple[Shares, Shares]:
    """By cohort and by adviser."""
    if not (_is_kept(project, CLIENTS) and _is_kept(project, VALUES)):
        return None, None
    clients, ltv = (history.as_of(project, table, moment) for table in (CLIENTS, VALUES))
    found = engine.query(project.templates.ask("completeness", clients=clients, ltv=ltv).sql)
    history.whole(found, f"history.{CLIENTS.name}", enumerate(("cohort_month", "first_adviser_id")))
    rows = history.whole(found, f"history.{VALUES.name}", ((2, "is_complete_6_month"), (4, "ltv_6_month")))
    return _summed(rows, 0), _summed(rows, 1)


def _summed(rows: Sequence[Sequence[Any]], key: int) -> dict[str, Share]:
    groups: dict[tuple[str, bool], list[Sequence[Any]]] = defaultdict(list)
    for row in rows:
        groups[row[key], row[2]].append(row)
    return {
        name: Share(
            *(sum(row[3] for row in groups.get((name, is_complete), ())) for is_complete in (True, False)),
            *(total(row[4] for row in groups.get((name, is_complete), ())) for is_complete in (True, False)),
        )
        for name in sorted({name for name, _ in groups})
    }


def _days(project: Project, engine: Engine, moment: Moment) -> tuple[Day, ...]:
    """Each fee date as the last run that changed it has left it."""
    staged: dict[date, tuple[int, Decimal]] = {}
    runs = engine.query(project.templates.ask("date_changes", moment=moment).sql).rows
    for _, _, changes in sorted(runs, key=lambda row: (row[1], row[0])):
        for one in ledger.read(changes, "changes"):
            staged[date.fromisoformat(one["fee_date"])] = (one["rows"][1], Decimal(one["amount"][1]))
    moved: dict[date, dict[str, Decimal]] = defaultdict(dict)
    if bridge.CAUSES in project.contracts:
        for day, cause, _, pounds in engine.query(project.templates.ask("causes_by_date", moment=moment).sql).rows:
            moved[day][cause] = pounds
    days = {day for day, (rows, _) in staged.items() if rows} | moved.keys()
    nothing = (0, Decimal(0))
    return tuple(
        Day(day, *staged.get(day, nothing), *(moved[day].get(cause, Decimal(0)) for cause in MOVES))
        for day in sorted(days)
    )


def _duplicates(project: Project, engine: Engine) -> tuple[tuple[str, date, int, Decimal], ...]:
    if LEFT_OUT not in project.contracts:
        return ()
    found = engine.query(project.templates.ask("duplicates_by_date").sql)
    rows = history.whole(found, str(LEFT_OUT), enumerate(("uri", "fee_date", "row_count", "amount")))
    listed = [(uri, day, count, pounds) for uri, day, count, pounds in rows]
    return tuple(sorted(listed, key=lambda row: (-abs(row[3]), row[1], row[0])))
