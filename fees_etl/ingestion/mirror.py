"""Writing raw: rows first, then the books that say what they are."""

from __future__ import annotations

import shlex
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from fees_etl.errors import GuardRefused
from fees_etl.ingestion.source import SAMPLE, SAMPLE_SCHEME, shown
from fees_etl.ingestion.verdict import UNREAD
from fees_etl.results import FileResult
from fees_etl.script import Load, Stop, Write
from fees_etl.streams import inline
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from pathlib import Path

    from fees_etl.ingestion.source import Listing
    from fees_etl.ingestion.verdict import Books, Entry, Judged
    from fees_etl.script import Part
    from fees_etl.types import Project


OVERTAKEN, NOT_CONSERVED = "overtaken", "not conserved"
"""Verdicts of an ingestion that is rolled back."""
FEES, _REJECTED = Table("raw", "fees"), Table("raw", "fees_rejected")
_FILES, _TOTALS = Table("raw", "files"), Table("raw", "file_totals")


def guard(books: Books, found: Listing, *, allow_withdraw: bool, file: Path | None = None) -> None:
    """Refuse what is hardly meant: sample beside real files, and a source that lost most of its files at once.

    Raises:
        GuardRefused: with the way out.
    """
    samples = {uri for uri in books.known if uri.startswith(SAMPLE_SCHEME)}
    if found.source == SAMPLE and any(not uri.startswith(SAMPLE_SCHEME) for uri in books.ever):
        raise GuardRefused(
            "the warehouse holds real files, or did, which the bundled sample must not join.",
            published="Nothing was written; the published numbers are as before.",
            hint="Give your files with --source, or leave raw as it is with --skip-ingest.",
        )
    if found.source != SAMPLE and samples:
        raise GuardRefused(
            "the warehouse holds the bundled sample, which real files must not join.",
            published="Nothing was written; the published numbers are the sample's.",
            hint=f"Remove it: rm {shlex.quote(str(file))} && run the same command again." if file else "",
        )
    before = [uri for uri in books.loaded if found.covers(uri)]
    left = {file.uri for file in found.files} & set(before)
    if before and (not left or 2 * len(left) < len(before)) and not allow_withdraw:
        gone = sorted(set(before) - left)
        listed = ", ".join(inline(shown(uri)) for uri in gone[:3]) + (", ..." if len(gone) > 3 else "")  # noqa: PLR2004 - a few
        raise GuardRefused(
            f"{len(gone)} of the {len(before)} files known under '{found.source}' are gone: {listed}.",
            published="Nothing was withdrawn; raw and the published numbers are as before.",
            hint="If they are meant to go, repeat the command with --allow-withdraw; else put them back.",
        )


class Mirror:
    """One ingestion's changes to raw: the rows as files come, and ``settled`` the books that say what they are."""

    def __init__(self, project: Project, books: Books, run_id: str, now: datetime) -> None:
        self._project, self._books = project, books
        self._contract, self._run_id, self._now = project.sources[FEES], run_id, now
        self._rows: list[dict[str, Any]] = []
        self._arrived: list[Judged] = []
        self._gone: list[tuple[str, str, str]] = []

    def settle(self, judged: Judged, gone: Collection[str]) -> FileResult:
        """What becomes of a file that was judged: it is loaded, unchanged or refused, and the books will say so.

        ``gone`` are the files that the source has no more: one of them may have been renamed to this one.
        """
        uri, version, found = judged.file.uri, judged.version, judged.reading
        known, refused = self._books.loaded.get(uri), self._books.refused.get(uri)
        is_known = known is not None and known.version == version
        if known and is_known and (judged.refusal or judged.reading is UNREAD):
            self._end(refused)  # the file is again what is loaded: a refusal of other content is over
            if not judged.refusal:
                return _told("unchanged", known)
        elif judged.refusal and (refused is None or (refused.version, refused.reason) != (version, judged.refusal)):
            self._end(refused, but=version)
            self._enter(judged, "refused", judged.refusal)
        if judged.refusal:
            return FileResult(uri, version, "refused", 0, 0, Decimal(0), judged.refusal, judged.reasons)
        note = self._books.copy_of(uri, judged.sha256, gone) or next(
            (f"a copy of {shown(twin.file.uri)}" for twin in self._arrived if twin.sha256 == judged.sha256), ""
        )
        self._end(known, but=version)
        self._end(refused, but=version)
        self._arrived.append(judged)
        self._enter(judged, "loaded", known.reason if known and is_known else note or None)
        note = "read again" if is_known else note
        return FileResult(uri, version, "loaded", found.rows, found.rejected, found.amount, note, judged.reasons)

    def loads(self, judged: Judged) -> Iterator[Part]:
        """The rows, rejects and control totals of a file that is to be loaded; its totals so far are forgotten."""
        reading, uri, version = judged.reading, judged.file.uri, judged.version
        stamp = {"_source_file": uri, "_source_version": version, "_ingested_at": self._now, "_run_id": self._run_id}
        if self._is_read_again(judged):
            yield from self._writes("forget_totals", versions=[(uri, version)])
        fees = ", ".join(f'"{column.name}"' for column in self._contract.file_columns)
        yield Load(FEES, f"SELECT {fees}, _source_row FROM {reading.table} WHERE _reasons IS NULL", stamp)  # noqa: S608 - our own SQL
        if reading.rejected:
            rejects = "_record AS record, _reasons AS reasons, _source_row"
            yield Load(_REJECTED, f"SELECT {rejects} FROM {reading.table} WHERE _reasons IS NOT NULL", stamp)  # noqa: S608 - our own SQL
        totals = [total for total in reading.totals if not total.reasons]
        if totals:
            days = ((f"DATE '{total.day}'" if total.day else "NULL::DATE", total) for total in totals)
            rows = ", ".join(f"({day}, {total.rows}, {total.amount:f})" for day, total in days)
            sql = f"SELECT * FROM (VALUES {rows}) AS totals (fee_date, row_count, amount)"  # noqa: S608 - numbers and dates
            yield Load(_TOTALS, sql, {"uri": uri, "version": version})

    def withdraw(self, uri: str) -> FileResult:
        """The file is gone from the source: its rows leave raw."""
        entries = [one[uri] for one in (self._books.refused, self._books.loaded) if uri in one]
        for entry in entries:
            self._end(entry, "withdrawn")
        return _told("withdrawn", entries[-1])

    def settled(self) -> Iterator[Part]:
        """Write ``raw.files``, note what is pending, let go of what is replaced or gone, and prove conservation."""
        context = {"now": self._now, "run_id": self._run_id, "contract": self._contract}
        if self._rows:
            keys = [(row["uri"], row["version"]) for row in self._rows]
            yield from self._writes("forget_files", versions=keys)
            columns = list(self._project.sources[_FILES].types)
            rows = [[row[column] for column in columns] for row in self._rows]
            yield from self._writes("insert", table=_FILES, columns=columns, rows=rows)
        again = [(one.file.uri, one.version) for one in self._arrived if self._is_read_again(one)]
        if self._arrived:
            loaded = self._books.loaded
            replaced = [(one.file.uri, one.version) for one in self._arrived if one.file.uri in loaded]
            fresh = [(one.file.uri, one.version) for one in self._arrived if one.file.uri not in loaded]
            previous = [(uri, loaded[uri].version) for uri, _ in replaced]
            yield from self._writes("arrived", fresh=fresh, replaced=replaced, previous=previous, **context)
        if self._gone or again:
            ended = {
                status: [(uri, version) for uri, version, ending in self._gone if ending == status]
                for status in ("withdrawn", "superseded")
            }
            yield from self._writes("vanished", **ended, again=again, **context)
        if self._arrived:
            uris = [one.file.uri for one in self._arrived]
            asked = self._project.templates.ask("conserved", uris=uris, run_id=self._run_id)
            yield Stop(NOT_CONSERVED, asked.sql)

    def _is_read_again(self, judged: Judged) -> bool:
        """Whether the very version is loaded already, so that only the run tells its new rows from the old."""
        known = self._books.loaded.get(judged.file.uri)
        return known is not None and known.version == judged.version

    def _writes(self, operation: str, **context: Any) -> Iterator[Write]:
        return map(Write, self._project.templates.operation(operation, **context))

    def _end(self, entry: Entry | None, status: str = "superseded", *, but: str = "") -> None:
        """A version has no more say, unless it is the one that stays."""
        if entry is not None and entry.version != but:
            self._gone.append((entry.uri, entry.version, status))

    def _enter(self, judged: Judged, status: str, reason: str | None) -> None:
        loaded, found = status == "loaded", judged.reading
        dates = [total.day for total in found.totals if total.day and loaded]
        known = self._books.loaded.get(judged.file.uri) if self._is_read_again(judged) else None
        self._rows.append(
            {
                "uri": judged.file.uri,
                "version": judged.version,
                "sha256": judged.sha256,
                "bytes": judged.size,
                "row_count": found.rows,
                "loaded_count": found.rows - found.rejected if loaded else 0,
                "rejected_count": found.rejected,
                "total_amount": found.amount if loaded else Decimal(0),
                "first_fee_date": min(dates, default=None),
                "last_fee_date": max(dates, default=None),
                "status": status,
                "reason": reason,
                "ingested_at": known.ingested_at if known else self._now,
                "ended_at": None,
                "run_id": self._run_id,
            }
        )


def _told(outcome: Literal["unchanged", "withdrawn"], entry: Entry) -> FileResult:
    return FileResult(entry.uri, entry.version, outcome, entry.row_count, entry.rejected_count, entry.total_amount)
