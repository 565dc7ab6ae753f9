"""What clients are worth: by cohort and by adviser, complete or not yet."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from fees_etl.figures import net, plural, pounds
from fees_etl.pages import specs
from fees_etl.pages.chart import Chart
from fees_etl.pages.facts import MONTHS
from fees_etl.pages.sheet import Block, Noted, Section, Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fees_etl.pages.facts import Adviser, Facts, Share

SO_FAR = "so far"
HATCHED = "Hatched: six months have not passed for these clients, so their pounds are not complete."
COHORT = (
    "A cohort is the clients whose first fee lies in one month. A window is complete when the data reaches its end for "
    "all of them."
)


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
