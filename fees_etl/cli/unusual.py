"""What watching found, as sentences: the file, the pounds, and what is usual."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.figures import count, plural, pounds, shown
from fees_etl.project.watched import ANOMALIES, FRESHNESS, kind

if TYPE_CHECKING:
    from fees_etl.results import AssertionResult


def sentences(found: AssertionResult) -> list[str]:
    """One for each row of a warning of watching; none of another assertion, whose rows speak for themselves."""
    told = {ANOMALIES: _unusual, FRESHNESS: _late}.get(kind(found) or "")
    return [told(row) for row in found.sample.records] if told else []


def _unusual(row: dict[str, Any]) -> str:
    """Not as usual: 2025-09-01, lake/fees.csv: 46 rows, usually 81 to 151; 570.40 pounds, usually 1,351.60."""
    value, low, high = (_measured(row["measure"], row[name]) for name in ("found", "usual_from", "usual_to"))
    number = int(row["other_files"])
    others = f" and {plural(number, 'other file')}" if number else ""
    money = f"; {_money(row['pounds'])} pounds, usually {_money(row['usual_pounds'])}"
    said = {
        "rows": f"{value} rows, usually {low} to {high}{money}",
        "pounds": f"{value} pounds, usually {low} to {high}",
        "mean fee": f"a mean fee of {value} pounds, usually {low} to {high}{money}",
        "share of rejects": f"{value} of its records are rejected, usually {low} to {high}{money}",
    }[row["measure"]]
    return f"Not as usual: {row['fee_date']}, {shown(row['file'])}{others}: {said}."


def _measured(measure: str, value: Any) -> str:
    if measure == "rows":
        return count(round(Decimal(value)))
    return f"{100 * Decimal(value):.2f}%" if measure == "share of rejects" else _money(value)


def _money(value: Any) -> str:
    """Rounded, and from the ledger, which has texts, too."""
    return pounds(round(Decimal(value), 2))


def _late(row: dict[str, Any]) -> str:
    """Not on time: the fees of 2025-10-01 came on 2025-10-13; they were due by 2025-10-06, 7 days before."""
    came = f"came on {row['arrived_on']}" if row["arrived_on"] else "have not come"
    newest = f"the newest fee date is {row['newest_fee_date']}, the newest arrival {row['newest_arrival']}"
    due = f"they were due by {row['deadline']}, {plural(int(row['days_late']), 'day')} before"
    return f"Not on time: the fees of {row['due_date']} {came}; {due}; {newest}."
