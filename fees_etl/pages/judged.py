"""What a run has changed and why, and what its assertions said: the sections of a report that auditors begin with."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fees_etl.explain.bridge import totals
from fees_etl.figures import change, count, plain, plural, pounds, shown, total
from fees_etl.pages import specs
from fees_etl.pages.parts import Block, Chart, Section, Sheet
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from fees_etl.pages.facts import Facts
    from fees_etl.results import Bridge, TableDiff

MOST_LINES, MOST_CELLS = 40, 20
_KEY = re.compile(r"(?<=covers no row): .*?(?=; \S+:\d+ |$)")
"""Of an unused waiver the row's key, which may be a client."""
WITHOUT = "Rows of clients are left out; with them: add --clients."


def changes(facts: Facts, start: str, *, is_with_clients: bool) -> Section:
    """What differs from what the run before had published, table by table, and the lines of cause."""
    anchor, title = "changes", "What changed since the run before"
    was, now = facts.previous, facts.moment
    if was is None:
        return Section(anchor, title, ["This run was the first that published: nothing was published before."])
    again = f"{start} diff {was.run_id} {now.run_id}"
    differing = [one for one in facts.tables if one.rows]
    said = [f"Compared with run {was.run_id}, which published on {was.at:%-d %B %Y} at {was.at:%H:%M} UTC."]
    if not differing:
        return Section(anchor, title, [*said, "Nothing differs in any published table."])
    said.append(
        f"The SQL of {', '.join(facts.edited)} changed."
        if facts.edited
        else "No SQL changed: the same rules were applied to other data."
    )
    blocks = list(_moved(facts.bridges, again))
    heads = ("table", "added", "removed", "changed", "columns that changed, and how many cells")
    rows = [
        (one.table, one.added, one.removed, one.changed,
         ", ".join(f"{name} {count(cells)}" for name, cells in one.columns.items()))
        for one in differing
    ]  # fmt: skip
    hidden = [WITHOUT] if not is_with_clients and any(not _is_public(one) for one in differing) else []
    blocks.append(Block((), [Sheet("Rows that differ in published tables", heads, rows, again, hidden)]))
    blocks += [Block((), [_cells(one, again)]) for one in differing if is_with_clients or _is_public(one)]
    return Section(anchor, title, said, blocks)


def assertions(facts: Facts, start: str, *, is_with_clients: bool) -> Section:
    """Every assertion with its verdict; the rows that one names may be clients."""
    found = facts.record["assertions"]
    words = {"error": "FAIL", "warn": "warn"}
    heads = ("assertion", "verdict", "failing rows", "waived rows", "what should be true")
    rows = [
        (one["name"], words[one["severity"]] if one["failing"] else "pass", one["failing"], one["waived"],
         facts.descriptions.get(one["name"], ""))
        for one in found
    ]  # fmt: skip
    sheet = Sheet(
        "Assertions of this run, in the same transaction", heads, rows, f"{start} runs show {facts.moment.run_id}"
    )
    failing = [one for one in found if one["failing"]]
    passed = f"{plural(len(found), 'assertion')}: {len(found) - len(failing)} pass, {len(failing)} warn"
    said = [f"{passed}. A run that fails one of severity error publishes nothing."]
    blocks = [Block((), [sheet])]
    for one in failing:
        if is_with_clients and one.get("rows"):
            named = [tuple(row.values()) for row in one["rows"]]
            blocks.append(Block((), [Sheet(f"Rows that {one['name']} names", tuple(one["rows"][0]), named)]))
    return Section("assertions", "Assertions", said, blocks)


def waivers(facts: Facts, *, is_with_clients: bool) -> Section:
    """The waivers used, with their reasons and last days, and those that cover nothing."""
    rows = []
    for one in facts.record["assertions"]:
        unused = one.get("unused", "")
        rows += [(one["name"], "used", one["waived"], one["waivers"])] if one["waivers"] else []
        rows += [(one["name"], "unused", None, unused if is_with_clients else _KEY.sub("", unused))] if unused else []
    if not rows:
        return Section("waivers", "Waivers", ["No exception was waived in this run."])
    sheet = Sheet(
        "Reviewed exceptions, from sql/waivers.yml", ("assertion", "waiver", "rows", "where, why and until when"), rows
    )
    return Section("waivers", "Waivers", (), [Block((), [sheet])])


def _moved(bridges: Sequence[Bridge], again: str) -> Iterator[Block]:
    """The bridge of the total lifetime value with its chart, then every other number that moved, a line each."""
    if not bridges:
        return
    main = next((one for one in bridges if not one.key and one.column == "ltv_total"), bridges[0])
    rows: list[tuple[Any, ...]] = [("before", "", "", None, None, main.before)]
    rows += [
        (line.due_to, line.kind, shown(line.file or ""), line.fee_date, line.rows, line.pounds)
        for line in main.lines[:MOST_LINES]
    ]
    if rest := main.lines[MOST_LINES:]:
        rows.append((f"{len(rest):,} more", "", "", None, None, total(line.pounds for line in rest)))
    rows += [("not explained", "", "", None, None, main.residual), ("now", "", "", None, None, main.after)]
    heads = ("cause", "kind (IAS 8)", "file", "fee date", "fees or clients", "pounds")
    yield Block([_chart(main)] * bool(main.lines), [Sheet(f"Why {_named(main)} moved", heads, rows, again)])
    if others := [one for one in bridges if one is not main]:
        heads = ("number", "column", "before", "now", "change", "of it")
        rows = [
            (_named(one).rpartition(" ")[0], one.column, one.before, one.after, change(one.before, one.after, "0.00"),
             "; ".join(f"{label} {_signed(amount)}" for label, amount in _sums(one).items()))
            for one in others[:MOST_LINES]
        ]  # fmt: skip
        notes = [f"and {plural(len(others) - MOST_LINES, 'more number')}"] if others[MOST_LINES:] else []
        yield Block((), [Sheet("Other numbers that moved, those of totals first", heads, rows, again, notes)])


def _named(one: Bridge) -> str:
    return " ".join(
        [one.table.partition(".")[2], *(f"{key} {plain(value)}" for key, value in one.key.items()), one.column]
    )


def _sums(one: Bridge) -> dict[str, Decimal]:
    sums: dict[str, list[Decimal]] = defaultdict(list)
    for line in one.lines:
        sums[f"{line.due_to} ({line.kind})"].append(line.pounds)
    return {label: total(amounts) for label, amounts in sums.items()}


def _signed(amount: Decimal) -> str:
    return f"{'+' if amount > 0 else ''}{pounds(amount)}"


def _chart(one: Bridge) -> Chart:
    sums = _sums(one)
    words = f"{_named(one)}: from {pounds(one.before)} to {pounds(one.after)}"
    said = ", ".join(f"{label} {_signed(amount)}" for label, amount in sums.items())
    return Chart(
        f"{words}. What moved it, in pounds; bars begin at 0", f"{words}: {said}.", specs.moved(list(sums.items()))
    )


def _is_public(one: TableDiff) -> bool:
    """Whether its rows are of cohorts or advisers; of any other table they may be clients."""
    return Table.parse(one.table) in totals()


def _cells(one: TableDiff, again: str) -> Sheet:
    heads = (", ".join(one.key), "column", "before", "after")
    rows = [
        (", ".join(map(plain, cells.key)), cells.column, cells.before, cells.after)
        for cells in one.samples[:MOST_CELLS]
    ]
    return Sheet(f"Cells of {one.table} that moved most", heads, rows, again)
