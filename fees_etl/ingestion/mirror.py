"""Writing raw: rows first, then the books that say what they are."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.ingestion.lake import shown
from fees_etl.results import FileResult
from fees_etl.script import Load, Stop, Write
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from fees_etl.ingestion.books import Books
    from fees_etl.ingestion.judge import Judged
    from fees_etl.script import Part
    from fees_etl.types import Project


OVERTAKEN, NOT_CONSERVED = "overtaken", "not conserved"
"""Verdicts of an ingestion that is rolled back."""
_FEES, _REJECTED = Table("raw", "fees"), Table("raw", "fees_rejected")
_FILES, _TOTALS = Table("raw", "files"), Table("raw", "file_totals")


class Mirror:
    """One ingestion's changes to raw: the rows as files come, and ``settled`` the books that say what they are."""

    def __init__(self, project: Project, books: Books, run_id: str, now: datetime) -> None:
        self._project, self._books = project, books
        self._run_id, self._now = run_id, now
        self._rows: list[dict[str, Any]] = []
        self._arrived: list[Judged] = []
        self._gone: list[tuple[str, str, str]] = []

    def guard(self) -> Stop:
        """Whether the books are still those that the files were compared with."""
        return Stop(OVERTAKEN, self._project.templates.ask("overtaken", mark=self._books.mark).sql)

    def loads(self, judged: Judged, result: FileResult) -> Iterator[Load]:
        """A version's rows, rejects and control totals; none unless it is to be loaded."""
        reading = judged.reading
        if reading is None or result.outcome != "loaded":
            return
        stamp = {
            "_source_file": judged.file.uri,
            "_source_version": judged.version,
            "_ingested_at": self._now,
            "_run_id": self._run_id,
        }
        fees = "client_id, client_nino, adviser_id, fee_date, fee_amount, source_row AS _source_row"
        yield Load(_FEES, f"SELECT {fees} FROM ({reading.sql}) WHERE reasons IS NULL", stamp)  # noqa: S608 - our own SQL
        if reading.rejected:
            rejects = "record, reasons, source_row AS _source_row"
            yield Load(_REJECTED, f"SELECT {rejects} FROM ({reading.sql}) WHERE reasons IS NOT NULL", stamp)  # noqa: S608 - our own SQL
        totals = [total for total in reading.totals if not total.reasons]
        if totals:
            rows = ", ".join(f"({_day(total.fee_date)}, {total.rows}, {total.amount:f})" for total in totals)
            sql = f"SELECT * FROM (VALUES {rows}) AS totals (fee_date, row_count, amount)"  # noqa: S608 - numbers and dates
            yield Load(_TOTALS, sql, {"uri": judged.file.uri, "version": judged.version})

    def enter(self, judged: Judged, note: str) -> None:
        """Remember a version that is loaded; the version it replaces is superseded."""
        self._supersede(judged)
        self._arrived.append(judged)
        self._enter(judged, "loaded", note or None)

    def refuse(self, judged: Judged) -> None:
        """Remember a refusal; the version that is loaded stays."""
        before = self._books.refused.get(judged.file.uri)
        if before is not None and (before.version, before.reason) == (judged.version, judged.refusal):
            return
        if before is not None and before.version != judged.version:
            self._gone.append((before.uri, before.version, "superseded"))
        self._enter(judged, "refused", judged.refusal)

    def back_to(self, judged: Judged) -> None:
        """The file is again what is loaded: a refusal of other content is over."""
        before = self._books.refused.get(judged.file.uri)
        if before is not None:
            self._gone.append((before.uri, before.version, "superseded"))

    def withdraw(self, uri: str) -> FileResult:
        """The file is gone from the source: its rows leave raw."""
        for entry in (self._books.refused.get(uri), self._books.loaded.get(uri)):
            if entry is not None:
                self._gone.append((uri, entry.version, "withdrawn"))
                result = FileResult(
                    uri, entry.version, "withdrawn", entry.row_count, entry.rejected_count, entry.total_amount
                )
        return result

    def twin(self, judged: Judged) -> str:
        """Words for a file that equals one loaded by this same ingestion."""
        twins = [other.file.uri for other in self._arrived if other.sha256 == judged.sha256 and not judged.refusal]
        return f"a copy of {shown(twins[0])}" if twins else ""

    def settled(self) -> Iterator[Part]:
        """Write ``raw.files``, note what is pending, let go of what is replaced or gone, and prove conservation."""
        context = {"now": self._now, "run_id": self._run_id}
        if self._rows:
            keys = [(row["uri"], row["version"]) for row in self._rows]
            yield from self._writes("forget_files", versions=keys)
            columns = list(self._project.sources[_FILES].types)
            rows = [[row[column] for column in columns] for row in self._rows]
            yield from self._writes("insert", table=_FILES, columns=columns, rows=rows)
        if self._arrived:
            yield from self._writes("arrived", **self._arrivals(), **context)
        if self._gone:
            ended = {
                status: [(uri, version) for uri, version, ending in self._gone if ending == status]
                for status in ("withdrawn", "superseded")
            }
            yield from self._writes("vanished", **ended, **context)
        if self._arrived:
            uris = [one.file.uri for one in self._arrived]
            asked = self._project.templates.ask("conserved", uris=uris, run_id=self._run_id)
            yield Stop(NOT_CONSERVED, asked.sql)

    def _arrivals(self) -> dict[str, list[tuple[str, str]]]:
        """New files, new versions of known files, and the versions that these replace."""
        loaded = self._books.loaded
        arrived = [(one.file.uri, one.version) for one in self._arrived]
        replaced = [(uri, version) for uri, version in arrived if uri in loaded]
        return {
            "fresh": [(uri, version) for uri, version in arrived if uri not in loaded],
            "replaced": replaced,
            "previous": [(uri, loaded[uri].version) for uri, _ in replaced],
        }

    def _writes(self, operation: str, **context: Any) -> Iterator[Write]:
        return map(Write, self._project.templates.operation(operation, **context))

    def _supersede(self, judged: Judged) -> None:
        for entry in (self._books.loaded.get(judged.file.uri), self._books.refused.get(judged.file.uri)):
            if entry is not None and entry.version != judged.version:
                self._gone.append((entry.uri, entry.version, "superseded"))

    def _enter(self, judged: Judged, status: str, reason: str | None) -> None:
        loaded = status == "loaded"
        dates = (
            [total.fee_date for total in judged.reading.totals if total.fee_date] if judged.reading and loaded else []
        )
        self._rows.append(
            {
                "uri": judged.file.uri,
                "version": judged.version,
                "sha256": judged.sha256,
                "bytes": judged.size,
                "row_count": judged.rows,
                "loaded_count": judged.rows - judged.rejected if loaded else 0,
                "rejected_count": judged.rejected,
                "total_amount": judged.amount if loaded else Decimal(0),
                "first_fee_date": min(dates, default=None),
                "last_fee_date": max(dates, default=None),
                "status": status,
                "reason": reason,
                "ingested_at": self._now,
                "ended_at": None,
                "run_id": self._run_id,
            }
        )


def _day(day: object) -> str:
    return f"DATE '{day}'" if day else "NULL::DATE"
