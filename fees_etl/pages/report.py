"""The report of one run, for a board, for finance and for auditors, on one page; and the ledger of all runs as one."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.figures import change, count, plural, pounds
from fees_etl.pages import specs
from fees_etl.pages.judged import assertions, changes, waivers
from fees_etl.pages.numbers import advisers, cohorts, dates, duplicates, reconciled
from fees_etl.pages.parts import WITHOUT, Block, Card, Chart, Section, Sheet, page
from fees_etl.runs.ledger import package_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fees_etl.pages.facts import Facts

FIELDS = (
    "run_id", "command", "started_at", "finished_at", "selection", "fee_dates", "full_refresh", "package_version",
    "git_sha", "fingerprint",
)  # fmt: skip
"""Of the ledger's row."""
MOST = 40
"""Bars of a chart: the newest."""


def report(facts: Facts, *, start: str, is_with_clients: bool) -> str:
    """The page as HTML; ``start`` is how commands on the same target begin.

    Client ids are only in it ``is_with_clients``.
    """
    at = facts.moment
    parts = (
        reconciled(facts, start),
        duplicates(facts, start),
        cohorts(facts, start),
        advisers(facts, start),
        dates(facts, start),
        changes(facts, start, is_with_clients=is_with_clients),
        assertions(facts, start, is_with_clients=is_with_clients),
        waivers(facts, is_with_clients=is_with_clients),
        _signed(),
        _made(facts, start),
    )
    return page(
        "sections.html",
        title="Fees and lifetime values",
        mark=f"Run {at.run_id} · {at.fingerprint[:16]}",
        subtitle=[f"As run {at.run_id} published them, {at.at:%-d %B %Y} at {at.at:%H:%M} UTC.", *_reach(facts)],
        cards=list(_cards(facts, start)),
        warnings=list(_warnings(facts)),
        sections=[one for one in parts if one],
        footer=[
            f"Run {at.run_id} · fingerprint of SQL, contracts and variables {at.fingerprint}",
            f"fees-etl {facts.record['package_version']} · commit {facts.record['git_sha'] or 'not known'} · {WITHOUT}",
        ],
    )


def ledger(records: Sequence[Mapping[str, Any]], *, start: str) -> str:
    """The page as HTML; the records are rows of ``ops.runs``, newest first, their JSON columns read."""
    found = Counter(one["status"] for one in records)
    said = f"{plural(len(records), 'attempt')}: {', '.join(f'{number} {status}' for status, number in found.items())}."
    kept = [one for one in reversed(records) if one["status"] == "published"][-MOST:]
    way, sections = f"{start} runs show RUN", []
    if kept:
        title = "Pounds staged after each run that published; bars begin at 0"
        bars = [(one["run_id"], Decimal(one["amount_after"])) for one in kept]
        rows: list[tuple[Any, ...]] = [
            (one["run_id"], one["rows_after"], one["amount_after"], _net(one)) for one in kept
        ]
        heads: tuple[str, ...] = ("run", "fees", "pounds", "net pounds")
        block = Block([Chart(title, title, specs.ledger(bars))], [Sheet("The same, oldest first", heads, rows, way)])
        sections.append(Section("published", "What was published", (), [block]))
    heads = (
        "run", "began (UTC)", "command", "status", "fee dates", "fees", "net pounds", "seconds", "assertions", "why",
    )  # fmt: skip
    rows = [
        (one["run_id"], f"{one['started_at']:%Y-%m-%d %H:%M:%S}", one["command"], one["status"],
         one["fee_dates"] or None, one["rows_after"], _net(one),
         f"{(one['finished_at'] - one['started_at']).total_seconds():.2f}", _verdict(one), one["error"] or "")
        for one in records
    ]  # fmt: skip
    sheet = Sheet("Attempts, newest first, and why those ended that published nothing", heads, rows, way)
    sections.append(Section("attempts", "Every attempt", (), [Block((), [sheet])]))
    return page(
        "sections.html",
        title="Ledger of runs",
        mark="Ledger of runs",
        subtitle=[said],
        cards=[],
        warnings=[],
        sections=sections,
        footer=[f"fees-etl {package_version()}. {WITHOUT}"],
    )


def _reach(facts: Facts) -> Iterator[str]:
    if facts.numbers and facts.numbers[1].first_fee_date:
        after = facts.numbers[1]
        yield f"Fee dates from {after.first_fee_date} to {after.last_fee_date}. Pounds are exact, means rounded."
    if not facts.is_latest:
        yield "Another run has published since: these are the numbers of then."


def _cards(facts: Facts, start: str) -> Iterator[Card]:
    run, judged = f"{start} runs show {facts.moment.run_id}", facts.record["assertions"]
    if facts.numbers:
        before, after, _ = facts.numbers
        moved = f"{change(before.ltv_total, after.ltv_total, 'no change')} since the run before" * bool(facts.previous)
        whose = f"in {plural(after.cohorts, 'cohort')}, of {plural(after.advisers, 'adviser')}"
        yield Card("Lifetime value, pounds", after.ltv_total, moved, run)
        yield Card("Fees", after.staged_rows, f"{pounds(after.staged_amount)} pounds staged", run)
        yield Card("Clients", after.clients, whose, run)
        if few := after.incomplete_clients_6_month:
            share, way = f"{_share(facts)} of clients", f"{start} show rpt_client_ltv is_complete_6_month=false"
            yield Card("Not complete at six months", few, share, way if facts.is_latest else run, is_open=True)
    failing = sum(1 for one in judged if one["failing"])
    yield Card("Assertions", len(judged), plural(failing, "warning") if failing else "all pass", run)


def _warnings(facts: Facts) -> Iterator[str]:
    if not facts.numbers or not (few := facts.numbers[1].incomplete_clients_6_month):
        return
    after = facts.numbers[1]
    months = after.incomplete_cohorts_6_month
    which = f"{months[0]} to {months[-1]}" if months[1:] else "".join(months)
    yield (
        f"{count(few)} of {plural(after.clients, 'client')} ({_share(facts)}) are not complete at six months, in "
        f"{plural(len(months), 'cohort')}, {which}. Their averages are of clients seen for a shorter time. That is "
        "truncation, not decline: they cannot be compared with those of complete cohorts."
    )


def _share(facts: Facts) -> str:
    assert facts.numbers  # noqa: S101 - asked for where they are
    return specs.share(facts.numbers[1].incomplete_clients_6_month, facts.numbers[1].clients)


def _signed() -> Section:
    rows = [(who, "", "", "", "") for who in ("Prepared by", "Reviewed by", "Approved by")]
    heads = ("sign-off", "name", "role", "date", "signature")
    sheet = Sheet("To be signed on paper, or beside the evidence", heads, rows, is_form=True)
    return Section("sign-off", "Sign-off", (), [Block((), [sheet])])


def _made(facts: Facts, start: str) -> Section:
    rows = [(name, _plain(facts.record[name])) for name in FIELDS]
    sheet = Sheet(
        "What the ledger keeps of the run", ("field", "value"), rows, f"{start} runs show {facts.moment.run_id}"
    )
    return Section("made", "How this was made", [f"Left out: {text}" for text in facts.lacking], [Block((), [sheet])])


def _plain(value: object) -> object:
    """A value of the ledger; a moment to its second."""
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else value


def _net(one: Mapping[str, Any]) -> str:
    return change(Decimal(one["amount_before"]), Decimal(one["amount_after"]), "0.00")


def _verdict(one: Mapping[str, Any]) -> str:
    tests = one["assertions"]
    failing = sum(1 for test in tests if test.get("failing") and test.get("severity") == "error")
    return f"{failing} FAIL" if failing else f"{len(tests)} ok" if tests else ""
