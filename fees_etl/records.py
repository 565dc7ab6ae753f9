"""The cells of a record when what they tell is known: the row that goes into the books."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.project.template import literal
from fees_etl.results import Change, Rows
from fees_etl.script import FAILING, WAIVED, Bytes, Changes, Failures, Found, Now, Steps, Verdicts

if TYPE_CHECKING:
    from fees_etl.script import Answer, Cell, Done, Outcome, Record, Verdict


def changes(before: Rows, after: Rows) -> tuple[Change, ...]:
    """The dates whose rows or pounds differ, in order.

    >>> from datetime import date
    >>> day = date(2025, 1, 1)
    >>> changes(Rows(rows=((day, 1, Decimal(2)),)), Rows(rows=((day, 1, Decimal("2.00")),)))
    ()
    """
    was, now = ({day: (rows, amount) for day, rows, amount in answer.rows} for answer in (before, after))
    nothing = (0, Decimal(0))
    days = [day for day in sorted({*was, *now}) if was.get(day, nothing) != now.get(day, nothing)]
    return tuple(Change(day, *was.get(day, nothing), *now.get(day, nothing)) for day in days)


def filled(record: Record, outcome: Outcome) -> str:
    """The INSERT of a record whose cells are known by now, as GoogleSQL."""
    cells = ", ".join(literal(value(cell, outcome)) for cell in record.cells.values())
    return f"INSERT INTO {record.table} ({', '.join(record.cells)})\nVALUES ({cells})"


def value(cell: Cell, outcome: Outcome) -> Any:
    """What a cell holds, as far as the outcome knows."""
    found = cell
    match cell:
        case Found(ask, column):
            answer = outcome.answers[ask].rows
            found = answer.rows[0][answer.columns.index(column)]
        case Steps():
            found = json.dumps([_step(one) for one in outcome.steps])
        case Changes(before, after):
            differing = changes(outcome.answers[before].rows, outcome.answers[after].rows) if before else ()
            found = json.dumps([_change(one) for one in differing])
        case Verdicts(verdicts):
            known = [one for one in verdicts if one.ask in outcome.answers]
            found = json.dumps([_verdict(one, outcome.answers[one.ask]) for one in known])
        case Failures(asks):
            found = ", ".join(name for name in asks if outcome.answers[name].count(FAILING))
        case Bytes():
            found = None
        case Now():
            found = datetime.now(UTC)
    return found


def _step(done: Done) -> dict[str, Any]:
    return {"name": done.name, "rows": done.rows, "seconds": round(done.seconds, 3)}


def _change(change: Change) -> dict[str, Any]:
    return {
        "fee_date": change.fee_date.isoformat(),
        "rows": [change.rows_before, change.rows_after],
        "amount": [_text(change.amount_before), _text(change.amount_after)],
    }


def _text(amount: Decimal) -> str:
    """As GoogleSQL casts a NUMERIC, so that both engines write the same ledger.

    >>> _text(Decimal("100.000000000")), _text(Decimal("1.60"))
    ('100', '1.6')
    """
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _verdict(verdict: Verdict, answer: Answer) -> dict[str, Any]:
    failing, waived = answer.count(FAILING), answer.count(WAIVED)
    return {
        "name": verdict.ask,
        "severity": verdict.severity,
        "failing": failing,
        "waived": waived,
        "waivers": note(verdict, failing=failing, waived=waived),
    }


def note(verdict: Verdict, *, failing: int, waived: int) -> str:
    """The waivers that were used, and, where rows fail, those that have ended."""
    return "; ".join(text for text in (verdict.used if waived else "", verdict.ended if failing else "") if text)
