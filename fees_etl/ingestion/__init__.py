"""Files -> raw, kept as a mirror: one transaction an ingestion, atomic per file version."""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from fees_etl.engines import path_of
from fees_etl.errors import FeesError, ProjectError, WarehouseBusy, WarehouseError
from fees_etl.figures import shown, summed
from fees_etl.ingestion.globs import regex, require_gone
from fees_etl.ingestion.guard import Guard, keep_apart
from fees_etl.ingestion.header import Form
from fees_etl.ingestion.mirror import FEES, OVERTAKEN, Mirror
from fees_etl.ingestion.source import BUCKET_SCHEME, SAMPLE, listing, meant, opened, unread, within
from fees_etl.ingestion.verdict import judge, read_books
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
    contract = project.sources[FEES]
    if not contract.total or not contract.partition_by:
        raise ProjectError("a source of files needs 'total' and 'partition_by'.", path=contract.path)
    limit = Decimal(str(project.variables["max_rejected"]))
    form = Form(contract, latest=(now + timedelta(days=1)).date(), limit=limit)
    told = _Ingestion(project, engine, source, form, run_id, now, allow_withdraw, reload)
    outcomes: list[Outcome] = []
    while not told.is_whole:
        name, known = f"ingest-{len(outcomes) + 1}" if outcomes else "ingest", len(told.results)
        try:
            outcomes.append(_settled(project, engine, run_id, name, told.parts()))
        except FeesError as error:
            if outcomes:
                error.published = "Many new files come in parts: those before this one are in raw, and wait for a run."
            raise
        if not told.is_whole and len(told.results) == known:
            raise WarehouseError(f"of {known:,} files that were loaded the warehouse knows none; nothing more is read.")
    read, billed = (summed(getattr(one, kind) for one in outcomes) for kind in ("bytes_processed", "bytes_billed"))
    files = tuple(sorted(told.results.values(), key=lambda one: (one.outcome == "withdrawn", one.uri)))
    return IngestResult(run_id, source, files, time.monotonic() - began, read, billed, tuple(told.notes))


@dataclass
class _Ingestion:
    """One ingestion, in as many transactions as its new files take; all else happens in the last one."""

    project: Project
    engine: Engine
    source: str
    form: Form
    run_id: str
    now: datetime
    allow_withdraw: bool
    reload: str | bool | None
    results: dict[str, FileResult] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    is_whole: bool = False

    def parts(self) -> Iterator[Part]:
        """The next transaction; files are read while the engine takes their rows."""
        if self.engine.location and self.source.startswith(BUCKET_SCHEME):
            opened(self.source).require_near(self.engine.location, self.source)
        books = read_books(self.project, self.engine)
        found = listing(self.source, books.known)
        if self.reload is True:  # who reads all again says what there is
            books = replace(books, is_complete=True)
        keep_apart(books, self.source, path_of(self.engine.url))
        gone, again = _gone(found, books), _again(found, books, self.reload)
        guard = Guard({uri: one for uri, one in books.loaded.items() if found.covers(uri)}, self.source)
        if not self.allow_withdraw:
            guard.files(gone)
        mirror = Mirror(self.project, books, self.run_id, self.now, reload=self.reload not in {None, False})
        # Are the books still those?
        yield Stop(OVERTAKEN, self.project.templates.ask("overtaken", mark=books.mark).sql)
        yield from self._read(found, books, mirror, gone, again)
        if self.is_whole:
            if not self.allow_withdraw:
                guard.content(self.project, self.engine, gone, mirror.arrived)
            self.results.update((uri, mirror.withdraw(uri)) for uri in sorted(gone))
            self.notes.extend(found.notes)
            for uri in sorted(books.refused):
                if not found.covers(uri):
                    mirror.excuse(uri)
                    note = f"{shown(uri)} was refused and is no file of this source: it stops no run any more"
                    self.notes.append(note)
        yield from mirror.settled()

    def _read(self, found: Listing, books: Books, mirror: Mirror, gone: set[str], again: set[str]) -> Iterator[Part]:
        """Read the files, new ones first, until the transaction takes no more of these."""
        size = 0
        for taken, file in enumerate(sorted(found.files, key=lambda file: file.uri in books.ever)):
            is_full = taken >= self.engine.most_files or size >= self.engine.most_bytes
            if is_full and file.uri not in books.ever:
                return
            with judge(self.engine, file, books, self.form, again=file.uri in again) as judged:
                one = mirror.settle(judged, gone)
                self.results.setdefault(file.uri, one)  # what an earlier transaction loaded is as it was
                size += judged.size
                if one.outcome in {"loaded", "refused"}:
                    yield from mirror.loads(judged)
        self.is_whole = True


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

    outcome = _settled(project, engine, run_id, "forget", parts())
    seconds = time.monotonic() - began
    return IngestResult(run_id, place, tuple(results), seconds, outcome.bytes_processed, outcome.bytes_billed)


def _settled(project: Project, engine: Engine, run_id: str, name: str, parts: Iterator[Part]) -> Outcome:
    """Let it happen; what stops it becomes an error."""
    script = Script(run_id, parts, name=name, lock=project.templates.operation("lock", run_id=run_id))
    try:
        outcome = engine.transact(script)
    except OSError as error:  # of a working copy: a file of the source that cannot be read is refused
        raise WarehouseError(
            f"a working copy of a file could not be written: {error.strerror or type(error).__name__}.",
            published="Nothing of this ingestion was kept; raw and the published numbers are as before.",
            hint="Make room on the disk, then run the same command again.",
        ) from error
    if outcome.verdict == OVERTAKEN:
        raise WarehouseBusy(
            "another ingestion changed raw while this one read its files.",
            published="Nothing of this ingestion was kept; the published numbers are as before.",
            hint="Run the same command again.",
        )
    if outcome.verdict != "accepted":
        raise WarehouseError(
            "raw does not hold what was read: rows or pounds of a file differ after loading.",
            published="The ingestion was rolled back; raw and the published numbers are as before.",
            hint="Run the same command again. If it happens twice, somebody wrote to the books of raw: "
            "fees-etl ingest SOURCE --reload",
        )
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
