"""Raw against its source: the files are read again into a warehouse of their own, and the rows of both compared."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fees_etl.engines import connect
from fees_etl.errors import InputRefused
from fees_etl.figures import shown
from fees_etl.ingestion import ingest
from fees_etl.ingestion.mirror import FEES, REJECTED
from fees_etl.ingestion.source import SAMPLE, SAMPLE_SCHEME, listing
from fees_etl.ingestion.verdict import read_books
from fees_etl.privacy import mask
from fees_etl.results import AssertionResult
from fees_etl.script import Rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from fees_etl.engines import Engine
    from fees_etl.types import Project, Scalar, Table

_AT_ONCE = 500_000
"""Rows whose digests are asked for together."""
_SHOWN = 20
_ROWS = 10_000
"""Rows that are named in one query."""
_NUMBER = itemgetter(0)
_ADDED = {"_source_file", "_source_version", "_source_row", "_ingested_at", "_run_id"}


def compare(project: Project, engine: Engine, source: str) -> AssertionResult:
    """Read the source again and compare each row with what raw holds of it, of every file that still has its version.

    A failing row is one that differs, or that only one of the two has; what cannot be compared is noted.

    Raises:
        InputRefused: the source means no file and never did.
        WarehouseError: the warehouse failed, or there is no room for working copies.
    """
    began, books = time.monotonic(), read_books(project, engine)
    found = listing(source, books.known)
    here = {file.uri for file in found.files}
    lost = [uri for uri in books.loaded if uri not in here and found.covers(uri)]
    notes = [f"{shown(uri)} is not compared: it is gone from the source" for uri in lost]
    same: list[str] = []
    with _both(project, engine) as both:
        for file in ingest(project, both.again, source).files if here or not lost else ():
            known = books.loaded.get(file.uri)
            if file.outcome == "loaded" and known and known.version == file.version:
                same.append(file.uri)
            else:
                why = file.note if file.outcome == "refused" else "raw holds another version" if known else "it is new"
                notes.append(f"{shown(file.uri)} is not compared: {why}")
        differing = [one for table in (FEES, REJECTED) if same for one in both.differing(table, same)]
        cells: list[tuple[Scalar, ...]] = []
        for (table, uri), rows in groupby(differing[:_SHOWN], key=itemgetter(0, 1)):
            cells += both.cells(table, uri, [number for _, _, number in rows])
    sample = Rows(("line", "column", "in_raw", "in_file"), tuple(cells[:_SHOWN]))
    sentence = f"Raw holds what the source holds now ({len(same)} of {len(here) + len(lost)} files compared)."
    seconds = time.monotonic() - began
    return AssertionResult(
        "raw_matches_source", "error", len(differing), 0, sample, seconds, sentence, "; ".join(notes)
    )


def verify(
    project: Project, engine: Engine, lines: Mapping[tuple[str, str], Collection[int]]
) -> tuple[list[tuple[Scalar, ...]], list[str]]:
    """Read files again and compare some of their rows with what raw holds of them.

    Args:
        project: the loaded project.
        engine: the warehouse.
        lines: rows by file URI and version.

    Returns:
        What differs as FILE:ROW, column, in raw, in the file; and sentences on what cannot be had any more.
    """
    differing: list[tuple[Scalar, ...]] = []
    notes: list[str] = []
    with _both(project, engine) as both:
        for (uri, version), numbers in lines.items():
            try:
                read = ingest(project, both.again, SAMPLE if uri.startswith(SAMPLE_SCHEME) else shown(uri))
            except InputRefused as error:
                notes.append(f"{shown(uri)} is gone: {error.message}")
                continue
            file = next((one for one in read.files if one.uri == uri), None)
            if file is None or file.outcome == "refused":
                notes.append(f"{shown(uri)} is refused now: {file.note if file else 'it is no file'}")
                continue
            if file.version != version:
                notes.append(f"version {version} of {shown(uri)} is gone: its rows are compared with those of now")
            ordered = sorted(numbers)
            for start in range(0, len(ordered), _ROWS):
                differing += both.cells(FEES, uri, ordered[start : start + _ROWS])
    return differing, notes


@contextmanager
def _both(project: Project, engine: Engine) -> Iterator[_Both]:
    with (
        TemporaryDirectory(prefix="fees-etl-") as folder,
        connect(f"duckdb://{Path(folder, 'again.duckdb')}", suffix="") as again,
    ):
        yield _Both(project, engine, again)


class _Both:
    """The warehouse, and the one that the files were read into again."""

    def __init__(self, project: Project, engine: Engine, again: Engine) -> None:
        self._project, self._engine, self.again = project, engine, again

    def differing(self, table: Table, uris: Iterable[str]) -> Iterator[tuple[Table, str, int | None]]:
        """Rows of files that are not the same in both; those of a file that is, as a whole, are not looked at."""
        held, read = (
            {uri: rest for uri, *rest in rows} for rows in self._rows("contents", table=str(table), uris=uris)
        )
        for uri in sorted({*held, *read}):
            most = max(one[uri][1] for one in (held, read) if uri in one)
            parts = -(-most // _AT_ONCE) if held.get(uri) != read.get(uri) else 0
            for part in range(parts):
                ours, theirs = map(Counter, self._rows("lines", table=str(table), uri=uri, parts=parts, part=part))
                numbers = {number for number, _ in (ours - theirs) + (theirs - ours)}
                yield from ((table, uri, number) for number in sorted(numbers, key=lambda number: number or 0))

    def cells(self, table: Table, uri: str, numbers: Sequence[int | None]) -> Iterator[tuple[Scalar, ...]]:
        """What differs in some rows of a file: FILE:ROW, the column, and what each holds."""
        contract = self._project.sources[table]
        hidden = {column.name for column in contract.columns if column.policy_tag}
        names = [name for name in contract.types if name not in _ADDED]
        wanted = [number or 0 for number in numbers]
        found = self._rows("cells", table=table, uri=uri, columns=["_source_row", *names], rows=wanted)
        held, read = (
            {number: [row[1:] for row in rows] for number, rows in groupby(sorted(some, key=_NUMBER), key=_NUMBER)}
            for some in found
        )
        for number in numbers:
            line = f"{shown(uri)}:{number or 'no row'}"
            ours, theirs = held.get(number, []), read.get(number, [])
            if len(ours) != 1 or len(theirs) != 1:
                yield line, f"rows of {table}", len(ours), len(theirs)
                continue
            for name, mine, other in zip(names, ours[0], theirs[0], strict=True):
                if mine != other:
                    yield (line, name, *(mask(one) if name in hidden else one for one in (mine, other)))

    def _rows(self, operation: str, **context: object) -> list[tuple[tuple[Scalar, ...], ...]]:
        sql = self._project.templates.ask(operation, **context).sql
        return [one.query(sql).rows for one in (self._engine, self.again)]
