"""Files -> raw, kept as a mirror: one transaction an ingestion, atomic per file version."""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from fees_etl.engines import path_of
from fees_etl.errors import FeesError, ProjectError, WarehouseBusy, WarehouseError
from fees_etl.ingestion.folder import require_gone
from fees_etl.ingestion.globs import regex
from fees_etl.ingestion.guard import Guard, keep_apart
from fees_etl.ingestion.mirror import FEES, OVERTAKEN, Mirror
from fees_etl.ingestion.source import BUCKET_SCHEME, SAMPLE, listing, meant, opened, shown, unread, within
from fees_etl.ingestion.verdict import Rules, judge, read_books
from fees_etl.results import FileResult, IngestResult
from fees_etl.script import Script, Stop, new_run_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fees_etl.engines import Engine
    from fees_etl.ingestion.source import Listing
    from fees_etl.ingestion.verdict import Books
    from fees_etl.script import Outcome, Part
    from fees_etl.types import Project

__all__ = ["SAMPLE", "forget", "ingest"]


def ingest(
    project: Project,
    engine: Engine,
    source: str,
    *,
    run_id: str | None = None,
    now: datetime | None = None,
    allow_withdraw: bool = False,
    reload: bool | str | None = None,
) -> IngestResult:
    """Make raw hold exactly what the source holds now, in one transaction.

    A refused file is part of the result, not an error: its previous version stays, the other files are loaded.

    Args:
        project: the loaded project; its variable ``max_rejected`` bounds the rejected share of a file.
        engine: the warehouse; the tables of raw and of the books are prepared.
        source: a path, a folder, a glob, ``gs://bucket/prefix/*.csv``, or :data:`SAMPLE`.
        run_id: the attempt this belongs to; left out, a new one.
        now: when it began (UTC; left out, now): the last acceptable fee date is a day later.
        allow_withdraw: let a source lose more than half of its files, of their rows or of their pounds.
        reload: read known content of the source again, by the contract of today: all of it, or what a path, a folder,
            a glob or a URI means. Its rows are replaced; fee dates whose rows differ become pending.

    Raises:
        InputRefused: the source, or what is to be read again, means no file and never did.
        ProjectError: the contract of ``raw.fees`` does not say what is added up by which day.
        GuardRefused: mass withdrawal; something that is there cannot be listed or read; sample and real files would
            meet; or the bucket is elsewhere than the warehouse.
        WarehouseError: the warehouse failed, or there is no room for working copies.
    """
    began, now = time.monotonic(), now or datetime.now(UTC)
    run_id = run_id or new_run_id(now)
    engine.prepare(project.sources)
    results: list[FileResult] = []
    notes: list[str] = []
    contract = project.sources[FEES]
    if not contract.total or not contract.partition_by:
        raise ProjectError("a source of files needs 'total' and 'partition_by'.", path=contract.path)
    rules = Rules(contract, (now + timedelta(days=1)).date(), Decimal(str(project.variables["max_rejected"])))

    def parts() -> Iterator[Part]:
        """The transaction; files are read while the engine takes their rows."""
        if engine.location and source.startswith(BUCKET_SCHEME):
            opened(source).require_near(engine.location, source)
        books = read_books(project, engine)
        found = listing(source, books.known)
        keep_apart(books, source, path_of(engine.url))
        gone, again = _gone(found, books), _again(found, books, reload)
        guard = Guard({uri: one for uri, one in books.loaded.items() if found.covers(uri)}, source)
        if not allow_withdraw:
            guard.files(gone)
        mirror = Mirror(project, books, run_id, now, reload=reload not in {None, False})
        yield Stop(OVERTAKEN, project.templates.ask("overtaken", mark=books.mark).sql)  # are the books still those?
        for file in found.files:
            with judge(engine, file, books, rules, again=file.uri in again) as judged:
                results.append(mirror.settle(judged, gone))
                if results[-1].outcome in {"loaded", "refused"}:
                    yield from mirror.loads(judged)
        if not allow_withdraw:
            guard.content(project, engine, gone, mirror.arrived)
        results.extend(mirror.withdraw(uri) for uri in sorted(gone))
        notes.extend(found.notes)
        for uri in sorted(books.refused):
            if not found.covers(uri):
                mirror.excuse(uri)
                notes.append(f"{shown(uri)} was refused and is no file of this source: it stops no run any more")
        yield from mirror.settled()

    lock = project.templates.operation("lock", run_id=run_id)
    outcome = _settled(engine, Script(run_id, parts(), name="ingest", lock=lock))
    seconds = time.monotonic() - began
    read, billed = outcome.bytes_processed, outcome.bytes_billed
    return IngestResult(run_id, source, tuple(results), seconds, read, billed, tuple(notes))


def forget(
    project: Project,
    engine: Engine,
    place: str,
    *,
    run_id: str | None = None,
    now: datetime | None = None,
    allow_withdraw: bool = False,
) -> IngestResult:
    """Withdraw from raw what came from a place, whatever is there now: for one that was ingested by mistake.

    The next ingestion of the place brings it back. A place that was forgotten before is nothing to do.

    Args:
        project: the loaded project.
        engine: the warehouse.
        place: a path, a folder with all that is below it, a glob, or the same in a bucket (``gs://bucket/prefix``).
        run_id: the attempt this belongs to; left out, a new one.
        now: when it began (UTC; left out, now).
        allow_withdraw: let more than half of what raw holds go.

    Raises:
        InputRefused: nothing ever came from there.
        GuardRefused: less than half of all files, rows or pounds would be left.
        UsageError: it is of a kind that no source is.
        WarehouseError: the warehouse failed.
    """
    began, now = time.monotonic(), now or datetime.now(UTC)
    run_id = run_id or new_run_id(now)
    engine.prepare(project.sources)
    results: list[FileResult] = []

    def parts() -> Iterator[Part]:
        books = read_books(project, engine)
        meant = within(place, books.ever)
        if not meant:
            folders = Counter(shown(uri).rpartition("/")[0] for uri in books.known).most_common(3)
            named = ", ".join(f"{folder} ({count})" for folder, count in folders) or "nothing"
            raise unread(f"nothing that raw knows came from '{place}'.", f"Known are, with their files: {named}.")
        if not allow_withdraw:
            guard = Guard(books.loaded, "all places")
            guard.files(meant)
            guard.content(project, engine, meant)
        mirror = Mirror(project, books, run_id, now)
        yield Stop(OVERTAKEN, project.templates.ask("overtaken", mark=books.mark).sql)
        results.extend(mirror.withdraw(uri) for uri in sorted(meant & books.known))
        yield from mirror.settled()

    lock = project.templates.operation("lock", run_id=run_id)
    outcome = _settled(engine, Script(run_id, parts(), name="forget", lock=lock))
    seconds = time.monotonic() - began
    return IngestResult(run_id, place, tuple(results), seconds, outcome.bytes_processed, outcome.bytes_billed)


def _settled(engine: Engine, script: Script) -> Outcome:
    """Let it happen; what stops it becomes an error."""
    try:
        outcome = engine.transact(script)
    except OSError as error:  # of a working copy: a file of the source that cannot be read is refused
        raise WarehouseError(
            f"a working copy of a file could not be written: {error.strerror or type(error).__name__}.",
            published="Nothing of this ingestion was kept; raw and the published numbers are as before.",
            hint="Make room on the disk, then run the same command again.",
        ) from error
    if outcome.verdict != "accepted":
        raise _stopped(outcome.verdict)
    return outcome


def _gone(found: Listing, books: Books) -> set[str]:
    """The files that the source has no more."""
    present = {file.uri for file in found.files}
    gone = {uri for uri in books.known if uri not in present and found.covers(uri)}
    for uri in sorted(gone):
        if uri.startswith("file:"):  # a listing of a bucket is whole
            require_gone(shown(uri))
    if not present and not any(found.covers(uri) for uri in books.ever):
        hint = "Check the path (a pattern needs quotes to reach us whole), then run the same command again."
        raise unread(f"'{found.source}' matches no file.", hint)
    return gone


def _again(found: Listing, books: Books, reload: str | bool | None) -> set[str]:  # noqa: FBT001 - as ingest() has it
    """The known files of a source that are to be read again."""
    here = {file.uri for file in found.files} & books.known
    if not isinstance(reload, str):
        return here if reload else set()
    again = {uri for pattern in meant(reload, books.known) for uri in here if re.fullmatch(regex(pattern), shown(uri))}
    if not again:
        hint = f"Check the path, or read all of them again: fees-etl ingest {shlex.quote(found.source)} --reload"
        raise unread(f"'{reload}' is no file of '{found.source}' that was read before.", hint)
    return again


def _stopped(verdict: str) -> FeesError:
    if verdict == OVERTAKEN:
        return WarehouseBusy(
            "another ingestion changed raw while this one read its files.",
            published="Nothing of this ingestion was kept; the published numbers are as before.",
            hint="Run the same command again.",
        )
    return WarehouseError(
        "raw does not hold what was read: rows or pounds of a file differ after loading.",
        published="The ingestion was rolled back; raw and the published numbers are as before.",
        hint="Run the same command again. If it happens twice, somebody wrote to the books of raw: "
        "fees-etl ingest SOURCE --reload",
    )
