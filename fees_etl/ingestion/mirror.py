"""Writing raw: rows first, then the books that say what they are."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from fees_etl.figures import shown
from fees_etl.ingestion.verdict import UNREAD
from fees_etl.results import FileResult
from fees_etl.script import Load, Stop, Write
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from fees_etl.ingestion.verdict import Books, Entry, Judged
    from fees_etl.script import Part
    from fees_etl.types import Project


OVERTAKEN, NOT_CONSERVED = "overtaken", "not conserved"
"""Verdicts of an ingestion that is rolled back."""
FEES, REJECTED = Table("raw", "fees"), Table("raw", "fees_rejected")
_KEPT = 1000
"""Rejected rows of a refused file, at most."""
_FILES, _TOTALS = Table("raw", "files"), Table("raw", "file_totals")


class Mirror:
    """One ingestion's changes to raw: the rows as files come, and ``settled`` the books that say what they are."""

    def __init__(self, project: Project, books: Books, run_id: str, now: datetime, *, reload: bool = False) -> None:
        self._project, self._books, self._reload = project, books, reload
        self._contract, self._run_id, self._now = project.sources[FEES], run_id, now
        self._rows: list[dict[str, Any]] = []
        self.arrived: list[Judged] = []
        """What is loaded: new files and new versions."""
        self._gone: list[tuple[str, str, str]] = []

    def settle(self, judged: Judged, gone: Collection[str]) -> FileResult:
        """What becomes of a file that was judged: it is loaded, unchanged or refused, and the books will say so.

        ``gone`` are the files that the source has no more: one of them may have been renamed to this one.
        """
        uri, version, found = judged.file.uri, judged.version, judged.reading
        again, refused, first = self._books.again(uri, version), self._books.refused.get(uri), judged.first_rejected
        if again and (judged.refusal or found is UNREAD):
            self._end(refused)  # the file is again what is loaded: a refusal of other content is over
            if not judged.refusal:
                return _told("unchanged", again)
        elif judged.refusal and not self._is_refused_again(judged):
            self._end(refused, but=version)
            self._enter(judged, "refused", judged.refusal)
        if judged.refusal:
            return FileResult(uri, version, "refused", 0, 0, Decimal(0), judged.refusal, judged.reasons, first)
        note = self._books.copy_of(uri, judged.sha256, gone) or next(
            (f"a copy of {shown(twin.file.uri)}" for twin in self.arrived if twin.sha256 == judged.sha256), ""
        )
        self._end(self._books.loaded.get(uri), but=version)
        self._end(refused, but=version)
        self.arrived.append(judged)
        self._enter(judged, "loaded", again.reason if again else note or None)
        note = "read again" if again else note
        return FileResult(uri, version, "loaded", found.rows, found.rejected, found.amount, note, judged.reasons, first)

    def loads(self, judged: Judged) -> Iterator[Part]:
        """The rows, rejects and control totals of a file that is to be loaded; its totals so far are forgotten.

        Of a file that is refused, the first rejects: so many that what is wrong with it can be seen.
        """
        reading, uri, version = judged.reading, judged.file.uri, judged.version
        stamp = {"_source_file": uri, "_source_version": version, "_ingested_at": self._now, "_run_id": self._run_id}
        rejects = "SELECT _record AS record, _reasons AS reasons, _source_row "
        rejects += f"FROM {reading.table} WHERE _reasons IS NOT NULL"
        refused = self._books.refused.get(uri)
        if judged.refusal and (self._books.again(uri, version) or self._is_refused_again(judged)):
            return  # they are there
        if refused is not None and refused.version == version:
            yield from self._writes("forget_rejected", versions=[(uri, version)])
        if judged.refusal:
            if reading.rejected:
                first = f"{rejects} ORDER BY _source_row LIMIT {_KEPT}"
                yield Load(REJECTED, first, {**stamp, "file_status": "refused"})
            return
        if self._reload:
            yield from self._writes("forget_totals", versions=[(uri, version)])
        fees = ", ".join(f'"{column.name}"' for column in self._contract.file_columns)
        yield Load(FEES, f"SELECT {fees}, _source_row FROM {reading.table} WHERE _reasons IS NULL", stamp)  # noqa: S608 - our own SQL
        if reading.rejected:
            yield Load(REJECTED, rejects, {**stamp, "file_status": "loaded"})
        totals = [total for total in reading.totals if not total.reasons]
        if totals:
            days = ((f"DATE '{total.day}'" if total.day else "NULL::DATE", total) for total in totals)
            rows = ", ".join(f"({day}, {total.rows}, {total.amount:f})" for day, total in days)
            sql = f"SELECT * FROM (VALUES {rows}) AS totals (fee_date, row_count, amount)"  # noqa: S608 - numbers and dates
            yield Load(_TOTALS, sql, {"uri": uri, "version": version}, later=("digest",))

    def withdraw(self, uri: str) -> FileResult:
        """The file is gone from the source: its rows leave raw."""
        entries = [one[uri] for one in (self._books.refused, self._books.loaded) if uri in one]
        for entry in entries:
            self._end(entry, "withdrawn")
        return _told("withdrawn", entries[-1])

    def excuse(self, uri: str) -> None:
        """A refusal is over, because the source means the file no more; what is loaded of it stays."""
        self._end(self._books.refused[uri], "withdrawn")

    def settled(self) -> Iterator[Part]:
        """Write ``raw.files``, note what is pending, let go of what is replaced or gone, and prove conservation."""
        context = {"now": self._now, "run_id": self._run_id, "contract": self._contract}
        if self._rows:
            keys = [(row["uri"], row["version"]) for row in self._rows]
            yield from self._writes("forget_files", versions=keys)
            columns = list(self._project.sources[_FILES].types)
            rows = [[row[column] for column in columns] for row in self._rows]
            yield from self._writes("insert", table=_FILES, columns=columns, rows=rows)
        versions, loaded = [(one.file.uri, one.version) for one in self.arrived], self._books.loaded
        again = [uri for uri, _ in versions if self._reload]
        if versions:
            replaced = [(uri, version) for uri, version in versions if uri in loaded]
            fresh = [(uri, version) for uri, version in versions if uri not in loaded]
            previous = [(uri, loaded[uri].version) for uri, _ in replaced]
            yield from self._writes("arrived", fresh=fresh, replaced=replaced, previous=previous, **context)
        if self._gone or again:
            ended = {
                status: [(uri, version) for uri, version, ending in self._gone if ending == status]
                for status in ("withdrawn", "superseded")
            }
            yield from self._writes("vanished", **ended, again=again, **context)
        if self._rows or self._gone or (self._books.ever and not self._books.is_sealed):
            sealed = {"is_sealed": self._books.is_sealed, "is_complete": self._books.is_complete}
            yield from self._writes("sealed", versions=versions, **sealed, **context)
        if versions:
            asked = self._project.templates.ask("conserved", uris=[uri for uri, _ in versions], run_id=self._run_id)
            yield Stop(NOT_CONSERVED, asked.sql)

    def _is_refused_again(self, judged: Judged) -> bool:
        """Whether the books have that very refusal."""
        before = self._books.refused.get(judged.file.uri)
        return before is not None and (before.version, before.reason) == (judged.version, judged.refusal)

    def _writes(self, operation: str, **context: Any) -> Iterator[Write]:
        return map(Write, self._project.templates.operation(operation, **context))

    def _end(self, entry: Entry | None, status: str = "superseded", *, but: str = "") -> None:
        """A version has no more say, unless it is the one that stays."""
        if entry is not None and entry.version != but:
            self._gone.append((entry.uri, entry.version, status))

    def _enter(self, judged: Judged, status: str, reason: str | None) -> None:
        loaded, found = status == "loaded", judged.reading
        dates = [total.day for total in found.totals if total.day and loaded]
        again = self._books.again(judged.file.uri, judged.version)
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
                "ingested_at": again.ingested_at if again else self._now,
                "ended_at": None,
                "run_id": self._run_id,
                "seal": None,
            }
        )


def _told(outcome: Literal["unchanged", "withdrawn"], entry: Entry) -> FileResult:
    return FileResult(entry.uri, entry.version, outcome, entry.row_count, entry.rejected_count, entry.total_amount)
