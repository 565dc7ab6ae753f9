"""Files -> raw, kept as a mirror: one transaction an ingestion, atomic per file version."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fees_etl.errors import InputRefused, WarehouseBusy, WarehouseError
from fees_etl.ingestion import books as file_books
from fees_etl.ingestion.judge import Judged, judge
from fees_etl.ingestion.lake import SAMPLE, SAMPLE_SCHEME, File, Listing, listing
from fees_etl.ingestion.mirror import NOT_CONSERVED, OVERTAKEN, Mirror
from fees_etl.ingestion.residence import require_nearby
from fees_etl.ingestion.sample import write_sample
from fees_etl.results import FileResult, IngestResult
from fees_etl.script import Script, new_run_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fees_etl.engines import Engine
    from fees_etl.script import Part
    from fees_etl.types import Project

__all__ = ["SAMPLE", "ingest"]


def ingest(
    project: Project,
    engine: Engine,
    source: str,
    *,
    run_id: str | None = None,
    now: datetime | None = None,
    allow_withdraw: bool = False,
) -> IngestResult:
    """Make raw hold exactly what the source holds now, in one transaction.

    A refused file is part of the result, not an error: its previous version stays, the other files are loaded.

    Args:
        project: the loaded project; its variable ``max_rejected`` bounds the rejected share of a file.
        engine: the warehouse; the tables of raw and of the books are prepared.
        source: a path, a folder, a glob, ``gs://bucket/prefix/*.csv``, or :data:`SAMPLE`.
        run_id: the attempt this belongs to; left out, a new one.
        now: when it began (UTC; left out, now): the last acceptable fee date is a day later.
        allow_withdraw: let a source lose more than half of its files.

    Raises:
        InputRefused: the source means no file and never did, or cannot be looked at.
        GuardRefused: mass withdrawal, sample and real files would meet, or the bucket is elsewhere than the warehouse.
        WarehouseError: the warehouse failed, or there is no room for working copies.
    """
    began, now = time.monotonic(), now or datetime.now(UTC)
    run_id = run_id or new_run_id(now)
    engine.prepare(project.sources)
    results: list[FileResult] = []
    with _room():
        parts = _parts(project, engine, source, run_id, now, results, allow_withdraw=allow_withdraw)
        outcome = engine.transact(Script(run_id, parts, name="ingest"))
    if outcome.verdict != "accepted":
        error = _STOPPED[outcome.verdict]
        raise error()
    seconds = time.monotonic() - began
    return IngestResult(run_id, source, tuple(results), seconds, outcome.bytes_processed, outcome.bytes_billed)


def _parts(
    project: Project,
    engine: Engine,
    source: str,
    run_id: str,
    now: datetime,
    results: list[FileResult],
    *,
    allow_withdraw: bool,
) -> Iterator[Part]:
    """The transaction of one ingestion; files are read while the engine takes their rows."""
    require_nearby(source, engine)
    books = file_books.read(project, engine)
    with _listed(source, books.known) as found:
        file_books.guard(books, found, allow_withdraw=allow_withdraw)
        gone = _gone(found, books)
        mirror = Mirror(project, books, run_id, now)
        limit = Decimal(str(project.variables["max_rejected"]))
        latest = (now + timedelta(days=1)).date()
        yield mirror.guard()
        for file in found.files:
            with judge(engine, file, books, latest, limit) as judged:
                note = books.copy_of(file.uri, judged.sha256, gone) or mirror.twin(judged)
                results.append(_settled(mirror, judged, note, books))
                yield from mirror.loads(judged, results[-1])
        results += [mirror.withdraw(uri) for uri in sorted(gone)]
        yield from mirror.settled()


def _gone(found: Listing, books: file_books.Books) -> set[str]:
    """The files that the source has no more: those it covers, and refused ones, of which nothing was ever loaded."""
    present = {file.uri for file in found.files}
    gone = {
        uri
        for uri in books.known
        if uri not in present and (found.covers(uri) or uri not in books.loaded) and found.has_lost(uri)
    }
    if not present and not any(found.covers(uri) for uri in books.known):
        raise InputRefused(
            f"'{found.source}' matches no file.",
            published="Nothing was read and no model ran; the published numbers are as before.",
            hint="Check the path; a pattern needs quotes to reach us whole: fees-etl run --source 'data/*.csv'",
        )
    return gone


def _overtaken() -> WarehouseBusy:
    return WarehouseBusy(
        "another ingestion changed raw while this one read its files.",
        published="Nothing of this ingestion was kept; the published numbers are as before.",
        hint="Run the same command again.",
    )


def _not_conserved() -> WarehouseError:
    return WarehouseError(
        "raw does not hold what was read: rows or pounds of a file differ after loading.",
        published="The ingestion was rolled back; raw and the published numbers are as before.",
        hint="Run the same command again; if it happens twice, report it as a bug.",
    )


_STOPPED = {OVERTAKEN: _overtaken, NOT_CONSERVED: _not_conserved}


def _settled(mirror: Mirror, judged: Judged, note: str, books: file_books.Books) -> FileResult:
    known = books.loaded.get(judged.file.uri)
    if known is not None and known.version == judged.version:
        mirror.back_to(judged)
        if judged.refusal:
            return FileResult(known.uri, known.version, "refused", 0, 0, Decimal(0), judged.refusal)
        return FileResult(
            known.uri, known.version, "unchanged", known.row_count, known.rejected_count, known.total_amount
        )
    if judged.refusal:
        mirror.refuse(judged)
        return FileResult(judged.file.uri, judged.version, "refused", 0, 0, Decimal(0), judged.refusal, judged.reasons)
    mirror.enter(judged, note)
    return FileResult(
        judged.file.uri, judged.version, "loaded", judged.rows, judged.rejected, judged.amount, note, judged.reasons
    )


@contextmanager
def _listed(source: str, known: Collection[str]) -> Iterator[Listing]:
    """The files of a source; the sample's are made for the time being."""
    if source != SAMPLE:
        yield listing(source, known)
        return
    with _room(), TemporaryDirectory(prefix="fees-etl-sample-") as folder:
        paths = write_sample(Path(folder))
        yield Listing(SAMPLE, tuple(File(f"{SAMPLE_SCHEME}{path.name}", path) for path in paths), ())


@contextmanager
def _room() -> Iterator[None]:
    """Working copies need room; a file of the source that cannot be read is refused and never gets here."""
    try:
        yield
    except OSError as error:
        raise WarehouseError(
            f"a working copy of a file could not be written: {error.strerror or type(error).__name__}.",
            published="Nothing of this ingestion was kept; raw and the published numbers are as before.",
            hint="Make room on the disk, then run the same command again.",
        ) from error
