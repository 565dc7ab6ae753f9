"""Writing raw: rows first, then the books that say what they are."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl import ledger
from fees_etl.errors import WarehouseError
from fees_etl.ingest.lake import shown
from fees_etl.types import FileResult, Table

if TYPE_CHECKING:
    from datetime import datetime

    from fees_etl.engines import Engine
    from fees_etl.ingest.books import Books
    from fees_etl.ingest.judge import Judged
    from fees_etl.types import Project

__all__ = ["Mirror"]

_FEES, _REJECTED = Table("raw", "fees"), Table("raw", "fees_rejected")
_FILES, _TOTALS = Table("raw", "files"), Table("raw", "file_totals")


class Mirror:
    """One ingestion's changes to raw; rows are written as files come, ``settle`` writes the books."""

    def __init__(self, project: Project, engine: Engine, books: Books, run_id: str, now: datetime) -> None:
        self._project, self._engine, self._books = project, engine, books
        self._run_id, self._now = run_id, now
        self._columns = list(project.sources[_FILES].types)
        self._rows: list[dict[str, Any]] = []
        self._arrived: list[Judged] = []
        self._gone: list[tuple[str, str, str]] = []

    def load(self, judged: Judged, note: str) -> None:
        """Write a version's rows and rejects; the version it replaces is superseded."""
        reading = judged.reading
        if reading is None:
            raise AssertionError("a file that was not read cannot be loaded")
        stamp = {
            "_source_file": judged.file.uri,
            "_source_version": judged.version,
            "_ingested_at": self._now,
            "_run_id": self._run_id,
        }
        fees = "client_id, client_nino, adviser_id, fee_date, fee_amount, source_row AS _source_row"
        self._engine.load(_FEES, f"SELECT {fees} FROM ({reading.sql}) WHERE reasons IS NULL", stamp)  # noqa: S608 - our own SQL
        if reading.rejected:
            rejects = "record, reasons, source_row AS _source_row"
            self._engine.load(_REJECTED, f"SELECT {rejects} FROM ({reading.sql}) WHERE reasons IS NOT NULL", stamp)  # noqa: S608 - our own SQL
        self._load_totals(judged)
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
        twins = [other.file.uri for other in self._arrived if other.version == judged.version and not judged.refusal]
        return f"a copy of {shown(twins[0])}" if twins else ""

    def settle(self) -> None:
        """Note what is pending, let go of what is replaced or gone, write ``raw.files``, and prove conservation."""
        context = {"now": self._now, "run_id": self._run_id}
        loaded = self._books.loaded
        fresh = [(one.file.uri, one.version) for one in self._arrived if one.file.uri not in loaded]
        replaced = [
            (one.file.uri, one.version, loaded[one.file.uri].version) for one in self._arrived if one.file.uri in loaded
        ]
        if self._arrived:
            ledger.execute(self._project, self._engine, "arrived", fresh=fresh, replaced=replaced, **context)
        if self._gone:
            ledger.execute(self._project, self._engine, "vanished", versions=self._gone, **context)
        if self._rows:
            keys = [(row["uri"], row["version"]) for row in self._rows]
            ledger.execute(self._project, self._engine, "forget_files", versions=keys)
            ledger.insert(
                self._project,
                self._engine,
                _FILES,
                self._columns,
                [[row[c] for c in self._columns] for row in self._rows],
            )
        self._prove()

    def _load_totals(self, judged: Judged) -> None:
        totals = [total for total in judged.reading.totals if not total.reasons] if judged.reading else []
        if totals:
            rows = ", ".join(f"({_day(total.fee_date)}, {total.rows}, {total.amount:f})" for total in totals)
            sql = f"SELECT * FROM (VALUES {rows}) AS totals (fee_date, row_count, amount)"  # noqa: S608 - numbers and dates
            self._engine.load(_TOTALS, sql, {"uri": judged.file.uri, "version": judged.version})

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
                "sha256": judged.version,
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

    def _prove(self) -> None:
        """Rows of a file = loaded + rejected, counted where they ended up."""
        if not self._arrived:
            return
        versions = [(one.file.uri, one.version) for one in self._arrived]
        sql = self._project.templates.render("operations/conserved.sql", versions=versions)
        found = {row[0]: tuple(row[1:]) for row in self._engine.query(sql).rows}
        for one in self._arrived:
            want = (one.rows - one.rejected, one.rejected, one.amount)
            if found.get(one.file.uri, (0, 0, Decimal(0))) != want:
                raise WarehouseError(
                    f"{shown(one.file.uri)}: of its {one.rows:,} rows, raw does not hold what was read.",
                    published="The ingestion was rolled back; raw and the published numbers are as before.",
                    hint="Run the same command again; if it happens twice, report it as a bug.",
                )


def _day(day: object) -> str:
    return f"DATE '{day}'" if day else "NULL::DATE"
