"""The ledger as a page: every attempt, and what became of it."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.figures import change, plural
from fees_etl.pages import specs
from fees_etl.pages.chart import Chart
from fees_etl.pages.report import WITHOUT
from fees_etl.pages.sheet import Block, Section, Sheet
from fees_etl.pages.template import page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST = 40
"""Bars of a chart: the newest."""


def runs(records: Sequence[Mapping[str, Any]], *, start: str, package_version: str) -> str:
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
        "run",
        "began (UTC)",
        "command",
        "status",
        "fee dates",
        "fees",
        "net pounds",
        "seconds",
        "assertions",
        "why",
    )
    rows = [
        (one["run_id"], _moment(one["started_at"]), one["command"], one["status"], one["fee_dates"] or None,
         one["rows_after"], _net(one), f"{(one['finished_at'] - one['started_at']).total_seconds():.2f}", _verdict(one),
         one["error"] or "")
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
        package_version=package_version,
        footer=[f"fees-etl {package_version}. {WITHOUT}"],
    )


def _moment(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _net(one: Mapping[str, Any]) -> str:
    return change(Decimal(one["amount_before"]), Decimal(one["amount_after"]), "0.00")


def _verdict(one: Mapping[str, Any]) -> str:
    tests = one["assertions"]
    failing = sum(1 for test in tests if test.get("failing") and test.get("severity") == "error")
    return f"{failing} FAIL" if failing else f"{len(tests)} ok" if tests else ""
