"""Where fees are: from the files to what is published, the duplicates, and fees by date."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.figures import net, plural, pounds, shown, total
from fees_etl.pages import specs
from fees_etl.pages.chart import Chart
from fees_etl.pages.facts import MOVES
from fees_etl.pages.sheet import Block, Section, Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fees_etl.pages.facts import Day, Facts

SHOWN = 12
"""Duplicates by file and date: the largest; what the others come to is one more row."""
MOST_DAYS, MOST_MONTHS = 40, 120
"""Dates that are told day by day, and months that are told month by month."""
MOVED = "Of the fees staged now, what arrived late, and by how much corrections and withdrawals have moved a date."
UNMOVED = "No fee was late, corrected or withdrawn since the first run that published."
SUMMED = "Each line was counted from its own rows, and they add up."
WAITING = "The lines do not add up: fee dates that wait for a run make the difference."


def reconciled(facts: Facts, start: str) -> Section | None:
    """The sum that a reader can check by adding up."""
    if not facts.numbers:
        return None
    _, after, left = facts.numbers
    zero = Decimal(0)
    unique = net(left.duplicate_amount, left.raw_amount)
    whole = net(left.blank_amount, unique)
    rows = [
        ("in the files", left.raw_rows + left.rejected_rows, None),
        ("unreadable, kept in raw.fees_rejected", -left.rejected_rows, None),
        ("in raw", left.raw_rows, left.raw_amount),
        ("the same fee again", -left.duplicate_rows, -left.duplicate_amount),
        ("a field is blank", -left.blank_rows, -left.blank_amount),
        ("staged", after.staged_rows, after.staged_amount),
        ("published as lifetime value", None, after.ltv_total),
    ]
    steps = [
        ("in raw", zero, left.raw_amount),
        ("the same fee again", unique, left.raw_amount),
        ("a field is blank", whole, unique),
        ("staged", zero, after.staged_amount),
        ("published", zero, after.ltv_total),
    ]
    said = (
        f"Of {pounds(left.raw_amount)} pounds in raw, {pounds(left.duplicate_amount)} are fees that came again and "
        f"{pounds(left.blank_amount)} have a blank field; {pounds(after.staged_amount)} are staged, and "
        f"{pounds(after.ltv_total)} are published as lifetime value."
    )
    drawn = specs.reconciliation([(label, begin, end) for label, begin, end in steps if not begin or begin != end])
    run = f"{start} runs show {facts.moment.run_id}"
    return Section(
        "reconciliation",
        "From the files to what is published",
        (said, SUMMED if whole == after.staged_amount else WAITING),
        [
            Block(
                [Chart("Pounds at each step; bars begin at 0", said, drawn)],
                [Sheet("Rows and pounds of each step", ("step", "rows", "pounds"), rows, run)],
            )
        ],
    )


def duplicates(facts: Facts, start: str) -> Section | None:
    """Which files and fee dates have records that repeat a staged fee."""
    found = facts.duplicates
    if not found:
        return None
    rows: list[tuple[Any, ...]] = [(shown(uri), day, number, amount) for uri, day, number, amount in found[:SHOWN]]

    def summed(label: str, some: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
        return (label, None, sum(one[2] for one in some), total(one[3] for one in some))

    rows += [summed(f"{len(rest):,} more", rest)] if (rest := found[SHOWN:]) else []
    rows.append(summed("all", found))
    repeated = f"{plural(rows[-1][2], 'record')} of {pounds(rows[-1][3])} pounds repeat a fee that is staged: the same"
    said = f"{repeated} client, adviser, date and amount. One of each is kept; none is left out without a record."
    heads = ("file", "fee date", "records", "pounds")
    way = f"{start} show ops.left_out reason=duplicate"
    sheet = Sheet("Records left out as duplicates, the largest first", heads, rows, way)
    return Section("duplicates", "Where duplicates are", (said,), [Block((), [sheet])])


def dates(facts: Facts, start: str) -> Section | None:
    """Staged fees by date, by month or year where there are many, with what came late or was corrected."""
    if not facts.days:
        return None
    unit, size = _unit(facts.days)
    groups: dict[str, list[Day]] = {}
    for day in facts.days:
        groups.setdefault(str(day.fee_date)[:size], []).append(day)
    sums = {name: [total(getattr(day, one) for day in some) for one in MOVES] for name, some in groups.items()}
    has_moved = any(any(one) for one in sums.values())
    rows = [
        (name, sum(day.rows for day in some), total(day.pounds for day in some), *(sums[name] if has_moved else ()))
        for name, some in groups.items()
    ]
    heads = (unit, "fees", "pounds", *(("arrived late", "corrected", "withdrawn") if has_moved else ()))
    words = f"Pounds staged by {unit}"
    charts = [Chart(f"{words}; bars begin at 0", words, specs.by_date([(row[0], row[2]) for row in rows]))]
    if has_moved:
        pairs = [(name, zip(MOVES, some, strict=True)) for name, some in sums.items()]
        moved = [(name, one, amount) for name, some in pairs for one, amount in some if amount]
        words = f"Pounds that late, corrected and withdrawn fees moved, by {unit}"
        charts.append(Chart(words, words, specs.late(moved)))
    # Of an older run staging no longer has the fees, and the ledger does.
    way = f"show stg_fees fee_date={facts.days[0].fee_date}" if facts.is_latest else f"runs show {facts.moment.run_id}"
    sheet = Sheet(f"Staged fees by {unit}", heads, rows, f"{start} {way}")
    return Section("dates", f"Fees by {unit}", [MOVED if has_moved else UNMOVED], [Block(charts, [sheet])])


def _unit(days: Sequence[Day]) -> tuple[str, int]:
    """What a row is of, and how many characters of a date tell it."""
    if len(days) <= MOST_DAYS:
        return "fee date", 10
    return ("month", 7) if len({str(day.fee_date)[:7] for day in days}) <= MOST_MONTHS else ("year", 4)
