"""The report of one run: for a board, for finance and for auditors, on one page."""

from __future__ import annotations

import shlex
from decimal import Decimal
from typing import TYPE_CHECKING

from fees_etl.figures import change, count, net, plural, pounds, total
from fees_etl.ingestion.source import shown
from fees_etl.pages import specs
from fees_etl.pages.chart import Chart
from fees_etl.pages.facts import MONTHS
from fees_etl.pages.judged import assertions, changes, waivers
from fees_etl.pages.sheet import Block, Card, Noted, Section, Sheet
from fees_etl.pages.template import page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fees_etl.pages.facts import Adviser, Day, Facts

SHOWN = 20
"""Rows of a table; what the others come to is one more."""
SO_FAR = "so far"
HATCHED = "Hatched: six months have not passed for these clients, so the pounds still grow."
MOST_DAYS, MOST_MONTHS = 40, 120
"""Dates that are told day by day, and months that are told month by month."""


def report(facts: Facts, *, start: str, package_version: str, is_with_clients: bool) -> str:
    """The page as HTML; ``start`` is how commands on the same target begin.

    Client ids are only in it ``is_with_clients``.
    """
    record, at = facts.record, facts.moment
    sections = [
        *_reconciled(facts, start),
        *_duplicates(facts, start),
        *_cohorts(facts, start),
        *_advisers(facts, start),
        *_dates(facts, start),
        changes(facts, start, is_with_clients=is_with_clients),
        assertions(facts, start, is_with_clients=is_with_clients),
        waivers(facts, is_with_clients=is_with_clients),
        _signed(),
        _made(facts, start),
    ]
    return page(
        "sections.html",
        title="Fees and lifetime values",
        subtitle=[f"As run {at.run_id} published them, {at.at:%-d %B %Y} at {at.at:%H:%M} UTC.", *_reach(facts)],
        cards=list(_cards(facts, start)),
        warnings=list(_warnings(facts)),
        sections=sections,
        package_version=package_version,
        footer=[
            f"Run {at.run_id} · fingerprint of SQL, contracts and variables {at.fingerprint}",
            f"fees-etl {record['package_version']} · commit {record['git_sha'] or 'not known'} · "
            "This page has no National Insurance number and loads nothing from elsewhere.",
        ],
    )


def _reach(facts: Facts) -> Iterator[str]:
    if facts.numbers and facts.numbers[1].first_fee_date:
        after = facts.numbers[1]
        yield f"Fee dates from {after.first_fee_date} to {after.last_fee_date}. Pounds are exact; means are rounded to pennies."
    if not facts.is_latest:
        yield "Another run has published since: these are the numbers of then."


def _cards(facts: Facts, start: str) -> Iterator[Card]:
    if not facts.numbers:
        return
    before, after, _ = facts.numbers
    run = f"{start} runs show {facts.moment.run_id}"
    moved = f"{change(before.ltv_total, after.ltv_total, 'no change')} since the run before" if facts.previous else ""
    yield Card("Lifetime value, pounds", after.ltv_total, moved, run)
    yield Card("Fees", after.staged_rows, f"{pounds(after.staged_amount)} pounds staged", run)
    yield Card("Clients", after.clients, f"in {plural(after.cohorts, 'cohort')}, of {plural(after.advisers, 'adviser')}", run)
    if after.clients and (few := after.incomplete_clients_6_month):
        share = f"{100 * few / after.clients:.0f}% of clients"
        yield Card("Not complete at six months", few, share, f"{start} show rpt_client_ltv is_complete_6_month=false", is_open=True)
    failing = [one for one in facts.record["assertions"] if one["failing"]]
    note = f"{plural(len(failing), 'warning')}" if failing else "all pass"
    yield Card("Assertions", len(facts.record["assertions"]), note, run)


def _warnings(facts: Facts) -> Iterator[str]:
    if not facts.numbers or not (few := facts.numbers[1].incomplete_clients_6_month):
        return
    after = facts.numbers[1]
    months = after.incomplete_cohorts_6_month
    which = f"{months[0]} to {months[-1]}" if months[1:] else "".join(months)
    yield (
        f"{count(few)} of {plural(after.clients, 'client')} ({100 * few / (after.clients or 1):.0f}%) are not complete at six months: "
        f"those of {plural(len(months), 'cohort')}, {which}. Their averages are lower because these clients were seen for a "
        "shorter time. That is truncation, not decline: they cannot be compared with complete cohorts."
    )


def _reconciled(facts: Facts, start: str) -> Iterator[Section]:
    if not facts.numbers:
        return
    _, after, left = facts.numbers
    zero = Decimal(0)
    unique = net(left.duplicate_amount, left.raw_amount)
    adds_up = net(left.blank_amount, unique) == after.staged_amount
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
        ("a field is blank", net(left.blank_amount, unique), unique),
        ("staged", zero, after.staged_amount),
        ("published", zero, after.ltv_total),
    ]
    steps = [(label, begin, end) for label, begin, end in steps if not begin or begin != end]
    said = (
        f"Of {pounds(left.raw_amount)} pounds in raw, {pounds(left.duplicate_amount)} are fees that came again and "
        f"{pounds(left.blank_amount)} have a blank field; {pounds(after.staged_amount)} are staged, and "
        f"{pounds(after.ltv_total)} are published as lifetime value."
    )
    open_end = "Fee dates that wait for a run make the difference." if not adds_up else "Each line was counted from its own rows, and they add up."
    sheet = Sheet("From the files to what is published", ("step", "rows", "pounds"), rows, f"{start} runs show {facts.moment.run_id}")
    yield Section(
        "reconciliation", "From the files to what is published", (said, open_end),
        [Block([Chart("Pounds at each step; bars begin at 0", said, specs.reconciliation(steps))], [sheet])],
    )  # fmt: skip


def _duplicates(facts: Facts, start: str) -> Iterator[Section]:
    found = facts.duplicates
    if not found:
        return
    rows = [(shown(uri), day, number, amount) for uri, day, number, amount in found[:SHOWN]]
    rest = found[SHOWN:]
    if rest:
        rows.append((f"{plural(len(rest), 'more file and date')}", None, sum(one[2] for one in rest), total(one[3] for one in rest)))  # type: ignore[arg-type]  # a row of others has no date
    rows.append(("all", None, sum(one[2] for one in found), total(one[3] for one in found)))  # type: ignore[arg-type]
    said = (
        f"{plural(sum(one[2] for one in found), 'record')} of {pounds(total(one[3] for one in found))} pounds repeat a fee that is "
        "staged already: the same client, adviser, date and amount. One is kept, these are not; none is lost without a record."
    )
    sheet = Sheet("Records left out as duplicates", ("file", "fee date", "records", "pounds"), rows, f"{start} show ops.left_out reason=duplicate")
    yield Section("duplicates", "Where duplicates are", (said,), [Block((), [sheet])])


def _cohorts(facts: Facts, start: str) -> Iterator[Section]:
    cohorts = facts.cohorts
    if not cohorts:
        return
    rows = [
        (one.month, one.clients, *(one.means[n] if one.is_complete[n] else Noted(one.means[n], SO_FAR) for n in MONTHS))
        for one in cohorts
    ]
    heads = ("cohort_month", "client_count", *(f"avg_ltv_{n}_month" for n in MONTHS))
    means = Sheet("Mean pounds a client, by cohort and months since the first fee", heads, rows, _trace(facts, start, f"rpt_cohort_ltv cohort_month={cohorts[0].month}", "avg_ltv_6_month"), _others("cohort_month"))
    open_ones = [one.month for one in cohorts if not one.is_complete[MONTHS[-1]]]
    few = f" of the newest {specs.SHOWN} cohorts" if len(cohorts) > specs.SHOWN else ""
    words = f"Cohorts {', '.join(open_ones)} are not complete at six months: what is not complete is" if open_ones else "All are complete; what would not be is"
    charts = [
        Chart(f"Mean pounds a client after 1, 3 and 6 months{few}; a dashed line leads to what is not complete", f"A panel a cohort. {words} dashed.", specs.curves(cohorts)),
        Chart(f"The same{few}; hatched and in brackets is what is not complete", f"Cohorts by months. {words} hatched.", specs.heatmap(cohorts)),
    ]
    blocks = [Block(charts, [means])]
    said = ["A cohort is the clients whose first fee lies in one month. A window is complete when the data reaches its end for all of them."]
    if shares := facts.by_cohort:
        told = specs.said(shares)
        heads = ("cohort", "clients", "complete", "not complete", "share complete")
        rows = [(name, one.complete + one.incomplete, one.complete, one.incomplete, f"{100 * one.complete / (one.complete + one.incomplete):.0f}%") for name, one in shares.items()]
        sheet = Sheet("Clients by whether their six months are complete", heads, rows, f"{start} show rpt_client_ltv is_complete_6_month=false")
        blocks.append(Block([Chart(f"Clients by cohort{few}. {HATCHED}", told, specs.completeness(shares))], [sheet]))
        said.insert(0, f"{told}.")
    yield Section("cohorts", "Lifetime value by cohort", said, blocks)


def _advisers(facts: Facts, start: str) -> Iterator[Section]:
    found, shares = facts.advisers, facts.by_adviser
    if not found or shares is None or any(one.adviser not in shares for one in found):
        return
    heads = ("adviser_id", "rank_by_ltv_6_month", "client_count", "complete clients", "total_client_ltv_6_month", "of it complete", "of it not complete")
    rows = [
        (one.adviser, one.rank, one.clients, share.complete, one.pounds, share.complete_pounds, share.incomplete_pounds)
        for one in found[: specs.SHOWN]
        for share in [shares[one.adviser]]
    ]
    more = [f"and {plural(len(found) - specs.SHOWN, 'more adviser')}: {start} show rpt_adviser_ltv"] if found[specs.SHOWN :] else []
    sheet = Sheet(
        "Six-month pounds of each adviser's clients", heads, rows,
        _trace(facts, start, f"rpt_adviser_ltv adviser_id={shlex.quote(found[0].adviser)}", "total_client_ltv_6_month"), [*more, *_others("adviser_id")],
    )  # fmt: skip
    said = _leaders(found, facts)
    chart = Chart(f"Pounds of the first six months, by adviser of first touch. {HATCHED}", said[0], specs.advisers(found, shares))
    yield Section("advisers", "Advisers", said, [Block([chart], [sheet])])


def _leaders(found: Sequence[Adviser], facts: Facts) -> list[str]:
    assert facts.by_adviser is not None  # noqa: S101 - the section is left out without
    first, shares = found[0], facts.by_adviser
    lead = ""
    if found[1:]:
        ahead = net(found[1].pounds, first.pounds)
        lead = f", {pounds(ahead)} ({100 * ahead / found[1].pounds:.1f}%) ahead of {found[1].adviser}" if found[1].pounds > 0 else ""
    said = [f"Adviser {first.adviser} leads with {pounds(first.pounds)} pounds of the first six months{lead}."]
    best = max(found, key=lambda one: shares[one.adviser].complete_pounds)
    if best.adviser != first.adviser and any(one.incomplete for one in shares.values()):
        ours, theirs = shares[first.adviser].complete_pounds, shares[best.adviser].complete_pounds
        said.append(
            f"Of clients whose six months are complete, adviser {best.adviser} leads with {pounds(theirs)}, and {first.adviser} has "
            f"{pounds(ours)}: the order may change as the others complete."
        )
    return said


def _dates(facts: Facts, start: str) -> Iterator[Section]:
    days = facts.days
    if not days:
        return
    unit, size = _unit(days)
    groups: dict[str, list[Day]] = {}
    for day in days:
        groups.setdefault(str(day.fee_date)[:size], []).append(day)
    has_moved = any(day.late or day.corrected or day.withdrawn for day in days)
    heads = (unit, "fees", "pounds", *(("arrived late", "corrected", "withdrawn") if has_moved else ()))
    rows = [
        (name, sum(day.rows for day in some), total(day.pounds for day in some),
         *((total(day.late for day in some), total(day.corrected for day in some), total(day.withdrawn for day in some)) if has_moved else ()))
        for name, some in groups.items()
    ]  # fmt: skip
    sheet = Sheet(f"Staged fees by {unit}", heads, rows, f"{start} show stg_fees fee_date={days[0].fee_date}")
    words = "Of the fees staged now, what arrived late, and by how much corrections and withdrawals have moved a date; a first build has none."
    said = [words] if has_moved else ["No fee was late, corrected or withdrawn since the first run that published."]
    charts = [Chart(f"Pounds staged by {unit}; bars begin at 0", f"Pounds staged by {unit}, as in the table.", specs.by_date([(row[0], row[2]) for row in rows]))]  # type: ignore[arg-type]
    if has_moved:
        moved = [(name, what, amount) for name, *cells in rows for what, amount in zip(("late", "corrected", "withdrawn"), cells[2:], strict=True) if amount]
        charts.append(Chart(f"Pounds that late, corrected and withdrawn fees moved, by {unit}", "As in the table.", specs.late(moved)))  # type: ignore[arg-type]
    yield Section("dates", f"Fees by {unit}", said, [Block(charts, [sheet])])


def _unit(days: Sequence[Day]) -> tuple[str, int]:
    if len(days) <= MOST_DAYS:
        return "fee date", 10
    return ("month", 7) if len({(day.fee_date.year, day.fee_date.month) for day in days}) <= MOST_MONTHS else ("year", 4)


def _signed() -> Section:
    rows = [(who, "", "", "", "") for who in ("Prepared by", "Reviewed by", "Approved by")]
    sheet = Sheet("To be signed on paper, or beside the evidence", ("", "name", "role", "date", "signature"), rows, is_form=True)
    return Section("sign-off", "Sign-off", (), [Block((), [sheet])])


def _made(facts: Facts, start: str) -> Section:
    names = ("run_id", "command", "started_at", "finished_at", "selection", "fee_dates", "full_refresh", "package_version", "git_sha", "fingerprint")
    rows = [(name, Noted(facts.record[name], "") if False else str(facts.record[name] or "–")) for name in names]
    sheet = Sheet("What the ledger keeps of the run", ("field", "value"), rows, f"{start} runs show {facts.moment.run_id}")
    return Section("made", "How this was made", [f"Left out: {text}" for text in facts.lacking], [Block((), [sheet])])


def _trace(facts: Facts, start: str, row: str, column: str) -> str:
    """The command that tells of what a number is made: of the newest one its fees, of an older one what it was."""
    if facts.is_latest:
        return f"{start} trace {row} --column {column}"
    return f"{start} show {row} --as-of {facts.moment.run_id}"


def _others(key: str) -> tuple[str, ...]:
    return (f"The same command tells of any number here: put another {key}, and the head of its column after --column.",)
