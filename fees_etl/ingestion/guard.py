"""What is hardly meant is refused: sample beside real files, and a place that lost most of what was known of it."""

from __future__ import annotations

import shlex
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from fees_etl.errors import GuardRefused
from fees_etl.figures import EXACT, few, shown
from fees_etl.ingestion.source import SAMPLE, SAMPLE_SCHEME

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from fees_etl.engines import Engine
    from fees_etl.ingestion.verdict import Books, Entry, Judged
    from fees_etl.types import Project


def keep_apart(books: Books, source: str, file: Path | None = None) -> None:
    """Refuse to let the sample and real files meet; ``file`` is the warehouse, where it is one.

    Raises:
        GuardRefused: with the way out.
    """
    samples = {uri for uri in books.known if uri.startswith(SAMPLE_SCHEME)}
    if source == SAMPLE and any(not uri.startswith(SAMPLE_SCHEME) for uri in books.ever):
        raise GuardRefused(
            "the warehouse holds real files, or did, which the bundled sample must not join.",
            published="Nothing was written; the published numbers are as before.",
            hint="Give your files with --source, or leave raw as it is with --skip-ingest.",
        )
    if source != SAMPLE and samples:
        raise GuardRefused(
            "the warehouse holds the bundled sample, which real files must not join.",
            published="Nothing was written; the published numbers are the sample's.",
            hint=f"Remove it: rm {shlex.quote(str(file))} && run the same command again." if file else "",
        )


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuses that less than half is left of what was ``before``: of its files, its rows or its pounds.

    What is new or renamed makes up for nothing, and neither does a known file that grew. Pounds are those of each file
    and fee date, refunds counted like fees by their distance from zero: totals that happen to be small, or zero, hide
    nothing, and a refund on a day of its own takes nothing away.
    """

    before: Mapping[str, Entry]
    source: str
    """Where they were, for people."""

    def files(self, gone: Collection[str]) -> None:
        """Judge by names alone, before anything is read; raises GuardRefused."""
        lost = sorted(gone & self.before.keys())
        if 2 * (len(self.before) - len(lost)) < len(self.before):
            named = few([shown(uri) for uri in lost])
            raise _refused(
                f"{len(lost)} of the {len(self.before)} files known under '{self.source}' are gone: {named}."
            )

    def content(self, project: Project, engine: Engine, gone: Collection[str], arrived: Iterable[Judged] = ()) -> None:
        """Judge by what is left of rows and pounds, when all is read and nothing is written; raises GuardRefused."""
        new = {one.file.uri: one for one in arrived if one.file.uri in self.before}
        if not new and not gone & self.before.keys():
            return
        rows, pounds = _Left(), _Left()
        for uri, entry in self.before.items():
            count, found = max(entry.row_count - entry.rejected_count, 0), new[uri].reading if uri in new else None
            rows.add(uri, count, 0 if uri in gone else min(count, found.rows - found.rejected) if found else count)
            if found and new[uri].version == entry.version:  # read again: its totals by date are those of now
                pounds.add(uri, entry.total_amount.copy_abs(), _common(entry.total_amount, found.amount))
        days = {(uri, one.day): one.amount for uri in new for one in new[uri].reading.totals if not one.reasons}
        asked = project.templates.ask("held", uris=sorted(new))
        for uri, version, day, net, gross in engine.query(asked.sql).rows:
            if uri in self.before and self.before[uri].version == version:
                if uri not in new:
                    pounds.add(uri, gross, 0 if uri in gone else gross)
                elif new[uri].version != version:
                    pounds.add(uri, gross, _common(net, days.get((uri, day), Decimal(0))))
        if rows.is_little() or pounds.is_little():
            lost = sorted(self.before, key=lambda uri: (pounds.lost[uri], rows.lost[uri]), reverse=True)
            raise _refused(
                f"less than half is left of what is known under '{self.source}': {rows.left:,} of {rows.known:,} rows, "
                f"{pounds.left:,.2f} of {pounds.known:,.2f} pounds; "
                f"most went from {few([shown(uri) for uri in lost if pounds.lost[uri] or rows.lost[uri]])}."
            )


class _Left:
    """What was known, what is left of it, and what each file lost."""

    def __init__(self) -> None:
        self.known = self.left = Decimal(0)
        self.lost: dict[str, Decimal] = defaultdict(Decimal)

    def add(self, uri: str, known: Decimal | int, left: Decimal | int) -> None:
        """Count something of a file."""
        self.known, self.left = EXACT.add(self.known, known), EXACT.add(self.left, left)
        self.lost[uri] += known - left

    def is_little(self) -> bool:
        """Whether it is less than half; of nothing, nothing can be lost."""
        return 2 * self.left < self.known


def _common(old: Decimal, new: Decimal) -> Decimal:
    """What two amounts have in common: nothing, where one is a fee and the other a refund."""
    return min(old.copy_abs(), new.copy_abs()) if (old > 0) == (new > 0) else Decimal(0)


def _refused(problem: str) -> GuardRefused:
    return GuardRefused(
        problem,
        published="Nothing was withdrawn; raw and the published numbers are as before.",
        hint="If they are meant to go, repeat the command with --allow-withdraw; else put them back.",
    )
