"""What raw knows of files: which are loaded, which refused, what is a copy of what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fees_etl.errors import GuardRefused
from fees_etl.ingestion.lake import SAMPLE, SAMPLE_SCHEME, Listing, shown

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from decimal import Decimal

    from fees_etl.engines import Engine
    from fees_etl.types import Project


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of ``raw.files``."""

    uri: str
    version: str
    sha256: str
    status: str
    row_count: int
    rejected_count: int
    total_amount: Decimal
    reason: str | None
    ingested_at: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """The file versions with a say in the present, by URI."""

    loaded: dict[str, Entry]
    refused: dict[str, Entry]
    ever: frozenset[str]
    """Every URI that was ever seen."""
    mark: str = ""
    """A fingerprint of the books as they were read."""

    @property
    def known(self) -> frozenset[str]:
        """The URIs with something in the books now."""
        return frozenset({*self.loaded, *self.refused})

    def copy_of(self, uri: str, sha256: str, gone: Collection[str]) -> str:
        """Words for a file whose content another one had: renamed when that one is gone, else a copy."""
        twins = sorted(entry.uri for entry in self.loaded.values() if entry.sha256 == sha256 and entry.uri != uri)
        if not twins:
            return ""
        here = [twin for twin in twins if twin not in gone]
        return f"a copy of {shown(here[0])}" if here else f"renamed from {shown(twins[0])}"


def read(project: Project, engine: Engine) -> Books:
    """The books as they are now."""
    found = engine.answers(project.templates.ask(name) for name in ("known_files", "files_mark"))
    rows = sorted(found["known_files"].rows.rows, key=lambda row: (row[0], row[-1], row[1]))
    entries = [Entry(*row) for row in rows]
    return Books(
        {entry.uri: entry for entry in entries if entry.status == "loaded"},
        {entry.uri: entry for entry in entries if entry.status == "refused"},
        frozenset(entry.uri for entry in entries),
        str(found["files_mark"].rows.rows[0][0]),
    )


def guard(books: Books, found: Listing, *, allow_withdraw: bool) -> None:
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
            hint="Remove the sample's fees.duckdb, or name another warehouse: "
            "FEES_ETL_WAREHOUSE=duckdb:///absolute/path/fees.duckdb.",
        )
    before = [uri for uri in books.loaded if found.covers(uri)]
    left = {file.uri for file in found.files} & set(before)
    if before and (not left or 2 * len(left) < len(before)) and not allow_withdraw:
        gone = sorted(set(before) - left)
        listed = ", ".join(shown(uri) for uri in gone[:3]) + (", ..." if len(gone) > 3 else "")  # noqa: PLR2004 - a few
        raise GuardRefused(
            f"{len(gone)} of the {len(before)} files known under '{found.source}' are gone: {listed}.",
            published="Nothing was withdrawn; raw and the published numbers are as before.",
            hint="If they are meant to go, repeat the command with --allow-withdraw; else put them back.",
        )
