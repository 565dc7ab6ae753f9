"""The numbers of a report: where fees are, from the files to what is published, and what clients are worth."""

from __future__ import annotations

import shlex
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.figures import net, plural, pounds, shown, total
from fees_etl.pages import specs
from fees_etl.pages.facts import MONTHS, MOVES
from fees_etl.pages.parts import Block, Chart, Noted, Section, Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fees_etl.pages.facts import Adviser, Day, Facts, Share

SHOWN = 12
"""Duplicates by file and date: the largest; what the others come to is one more row."""
MOST_DAYS, MOST_MONTHS = 40, 120
"""Dates that are told day by day, and months that are told month by month."""
MOVED = "Of the fees staged now, what arrived late, and by how much corrections and withdrawals have moved a date."
UNMOVED = "No fee was late, corrected or withdrawn since the first run that published."
SUMMED = "Each line was counted from its own rows, and they add up."
WAITING = "The lines do not add up: fee dates that wait for a run make the difference."
SO_FAR = "so far"
HATCHED = "Hatched: six months have not passed for these clients, so their pounds are not complete."
COHORT = (
    "A cohort is the clients whose first fee lies in one month. A window is complete when the data reaches its end for "
    "all of them."
)


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
    chart = Chart("Pounds at each step; bars begin at 0", said, drawn)
    run = f"{start} runs show {facts.moment.run_id}"
    sheet = Sheet("Rows and pounds of each step", ("step", "rows", "pounds"), rows, run)
    summing = SUMMED if whole == after.staged_amount else WAITING
    return Section("reconciliation", "From the files to what is published", (said, summing), [Block([chart], [sheet])])


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


def cohorts(facts: Facts, start: str) -> Section | None:
    """Curves and a heatmap of mean pounds a client, and how many clients are complete."""
    found = facts.cohorts
    if not found:
        return None
    said, blocks = [COHORT], [_means(facts, start)]
    if shares := facts.by_cohort:
        few, words = specs.newest(len(shares)), specs.said(shares)
        heads = ("cohort", "clients", "complete", "not complete", "share complete")
        rows = [
            (name, both, one.complete, one.incomplete, specs.share(one.complete, both))
            for name, one in shares.items()
            for both in [one.complete + one.incomplete]
        ]
        way = f"{start} show rpt_client_ltv is_complete_6_month=false" if facts.is_latest else ""
        sheet = Sheet("Clients by whether their six months are complete", heads, rows, way)
        chart = Chart(f"Clients by cohort{few}. {HATCHED}", f"{words}.", specs.completeness(shares))
        said.insert(0, f"{words}.")
        blocks.append(Block([chart], [sheet]))
    return Section("cohorts", "Lifetime value by cohort", said, blocks)


def advisers(facts: Facts, start: str) -> Section | None:
    """Six-month pounds of each adviser's clients, and of how much of it the six months are complete."""
    found, shares = facts.advisers, facts.by_adviser
    if not found or shares is None or any(one.adviser not in shares for one in found):
        return None
    first = found[: specs.SHOWN]
    heads = (
        "adviser_id", "rank_by_ltv_6_month", "client_count", "complete clients", "total_client_ltv_6_month",
        "of it complete", "of it not complete",
    )  # fmt: skip
    rows = [
        (one.adviser, one.rank, one.clients, share.complete, one.pounds, share.complete_pounds, share.incomplete_pounds)
        for one in first
        for share in [shares[one.adviser]]
    ]
    rest = len(found) - len(first)
    more = [f"and {plural(rest, 'more adviser')}: {start} show rpt_adviser_ltv"] if rest else []
    key = f"rpt_adviser_ltv adviser_id={shlex.quote(first[0].adviser)}"
    way = _trace(facts, start, key, "total_client_ltv_6_month")
    sheet = Sheet("Six-month pounds of each adviser's clients", heads, rows, way, [*more, _others("adviser_id")])
    said = _leaders(found, shares)
    title = f"Pounds of the first six months, by adviser of first touch. {HATCHED}"
    chart = Chart(title, " ".join(said), specs.advisers(found, shares))
    return Section("advisers", "Advisers", said, [Block([chart], [sheet])])


def _unit(days: Sequence[Day]) -> tuple[str, int]:
    """What a row is of, and how many characters of a date tell it."""
    if len(days) <= MOST_DAYS:
        return "fee date", 10
    return ("month", 7) if len({str(day.fee_date)[:7] for day in days}) <= MOST_MONTHS else ("year", 4)


def _means(facts: Facts, start: str) -> Block:
    found = facts.cohorts
    rows = [
        (one.month, one.clients, *(one.means[n] if one.is_complete[n] else Noted(one.means[n], SO_FAR) for n in MONTHS))
        for one in found
    ]
    heads = ("cohort_month", "client_count", *(f"avg_ltv_{n}_month" for n in MONTHS))
    way = _trace(facts, start, f"rpt_cohort_ltv cohort_month={found[0].month}", "avg_ltv_6_month")
    caption = "Mean pounds a client, by cohort and months since the first fee"
    few, open_ones = specs.newest(len(found)), [one.month for one in found if not one.is_complete[MONTHS[-1]]]
    words = f"Not complete at six months: {', '.join(open_ones) or 'no cohort'}."
    charts = [
        Chart(
            f"Mean pounds a client after 1, 3 and 6 months{few}; a dashed line leads to what is not complete",
            f"A panel a cohort, what is not complete dashed. {words}",
            specs.curves(found),
        ),
        Chart(
            f"The same{few}; hatched and in brackets is what is not complete",
            f"Cohorts by months, what is not complete hatched. {words}",
            specs.heatmap(found),
        ),
    ]
    return Block(charts, [Sheet(caption, heads, rows, way, [_others("cohort_month")])])


def _leaders(found: tuple[Adviser, ...], shares: Mapping[str, Share]) -> list[str]:
    """Who leads and by how much; and whether another one does where only complete clients count."""
    first, lead = found[0], ""
    if found[1:] and found[1].pounds > 0:
        ahead = net(found[1].pounds, first.pounds)
        lead = f", {pounds(ahead)} ({100 * ahead / found[1].pounds:.1f}%) ahead of adviser {found[1].adviser}"
    said = [f"Adviser {first.adviser} leads with {pounds(first.pounds)} pounds of the first six months{lead}."]
    best = max(found, key=lambda one: shares[one.adviser].complete_pounds)
    ours, theirs = (shares[one.adviser].complete_pounds for one in (first, best))
    if ours != theirs:
        said.append(
            f"Of clients whose six months are complete, adviser {best.adviser} leads with {pounds(theirs)}, and "
            f"adviser {first.adviser} has {pounds(ours)}: the order may change as the others complete."
        )
    return said


def _trace(facts: Facts, start: str, row: str, column: str) -> str:
    """The command that tells of what a number is made: of the newest one its fees, of an older one what it was."""
    if facts.is_latest:
        return f"{start} trace {row} --column {column}"
    return f"{start} show {row} --as-of {facts.moment.run_id}"


def _others(key: str) -> str:
    return f"The command tells of any number here: put another {key}, and the head of its column after --column."
