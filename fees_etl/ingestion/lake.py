"""Where files come from: a path, a glob or a folder, here or in a bucket -> the files it means now, and might mean."""

from __future__ import annotations

import glob
import os
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from fees_etl.errors import InputRefused, UsageError
from fees_etl.ingestion.header import FileRefused
from fees_etl.ingestion.patterns import CONTROL, control_names, in_bucket, in_folder, literal_part, regex

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fees_etl.ingestion.gcs import Bucket, Object


SAMPLE = "the bundled sample"
"""The source that stands for the files the package makes itself."""
SAMPLE_SCHEME = "sample://"
BUCKET_SCHEME = "gs://"
_BUCKET = r"[a-z0-9][a-z0-9._-]*[a-z0-9]"


@dataclass(frozen=True, slots=True)
class File:
    """One file of a source: its identity in the books, and where its bytes and its control file are now."""

    uri: str
    place: Path | Object
    beside: Object | None = None
    """The control file of an object."""

    @property
    def version(self) -> str:
        """What is known of its version before it is read: the generation of an object, "" for a local file."""
        return "" if isinstance(self.place, Path) else str(self.place.generation)

    @property
    def control(self) -> Path | Object | None:
        """The control file beside it: ``fees.csv.control.json`` or ``fees.control.json``."""
        if not isinstance(self.place, Path):
            return self.beside
        names = (self.place.with_name(name) for name in control_names(self.place.name))
        return next((name for name in names if name.is_file()), None)

    @contextmanager
    def local(self, folder: Path) -> Iterator[Path]:
        """Its bytes as stored, as a file on this machine, until the end of the block.

        Of an object that is a copy, in a new private folder inside ``folder``. It takes a few MiB of memory and as much
        disk as the object is large; where the file system is memory (Cloud Run), give a volume as the spill folder.

        Raises:
            FileRefused: it cannot be read.
            WarehouseBusy: the object changed since it was listed.
            WarehouseError: the store does not answer.
            OSError: there is no room for the copy.
        """
        if isinstance(self.place, Path):
            _refuse_name(self.place)
            yield self.place
            return
        with tempfile.TemporaryDirectory(dir=folder, prefix="reading-") as private:
            copy = Path(private, "object.csv.gz" if self.place.is_gzip else "object.csv")
            self.place.copy_to(copy)
            yield copy


@dataclass(frozen=True, slots=True)
class Listing:
    """The files that a source means now, by URI in order."""

    source: str
    files: tuple[File, ...]
    patterns: tuple[str, ...]
    bucket: Bucket | None = None

    def covers(self, uri: str) -> bool:
        """Whether the source would mean this file if it were there."""
        if self.source == SAMPLE:
            return uri.startswith(SAMPLE_SCHEME)
        return any(re.fullmatch(one, shown(uri)) for one in self.patterns)

    def has_lost(self, uri: str) -> bool:
        """Whether a file that is not among ``files`` left this source, or is no more at all as far as can be seen.

        Raises:
            InputRefused: it cannot be looked at: a file that cannot be seen is not gone.
        """
        if uri.startswith("file:"):
            return _is_gone(uri, covered=self.covers(uri))
        if self.covers(uri):
            return True
        return self.bucket is not None and uri.startswith(self.bucket.uri) and not self.bucket.has(uri)


def listing(source: str, known: Collection[str] = ()) -> Listing:
    """List a source: a file, a folder (its ``*.csv`` and ``*.csv.gz``) or a glob; control files are never data.

    In a bucket, names that end in .csv or .csv.gz are files and all others folders, whatever is there now.

    Args:
        source: what was asked for: a path, or ``gs://bucket/...``.
        known: the URIs in the books; a name among them means that file, and a folder of them that folder, also when
            they are gone and whatever pattern the name looks like.

    Raises:
        InputRefused: the source cannot be looked at.
        UsageError: the source is of a kind that this version cannot read, or there are no credentials for it.
        WarehouseError: the store does not answer.
    """
    if source.startswith(BUCKET_SCHEME):
        return _stored(source, known)
    if "://" in source and not source.startswith("file://"):
        raise _unusable(f"'{source}' cannot be read: a source is a path or begins with gs://.")
    if not source.strip():
        raise _unusable("the source is empty.")
    where = os.path.abspath(unquote(urlsplit(source).path) if source.startswith("file://") else source)  # noqa: PTH100 - resolve() would follow links
    try:
        patterns = _patterns(where, known)
    except OSError as error:
        raise InputRefused(
            f"'{source}' cannot be read: {error.strerror}.",
            published="Nothing was read and no model ran; the published numbers are as before.",
            hint="Make it readable, then run the same command again.",
        ) from error
    found = {path for pattern in patterns for path in glob.glob(pattern, recursive=True)}  # noqa: PTH207 - absolute patterns
    files = [File(Path(path).as_uri(), Path(path)) for path in found if _is_data(path)]
    return Listing(source, tuple(sorted(files, key=lambda file: file.uri)), tuple(regex(one) for one in patterns))


def bucket_location(source: str) -> str:
    """Where the bucket of a source lies ("EU", "EUROPE-WEST2"); "" where that may not be seen, and for other sources.

    Raises what :func:`listing` raises.
    """
    return _opened(source)[0].location() if source.startswith(BUCKET_SCHEME) else ""


def shown(uri: str) -> str:
    """A URI as people write it: a local file by its path.

    >>> shown("file:///data/fees%20one.csv"), shown("gs://lake/fees%20one.csv")
    ('/data/fees one.csv', 'gs://lake/fees%20one.csv')
    """
    return unquote(urlsplit(uri).path) if uri.startswith("file://") else uri


def _patterns(where: str, known: Collection[str]) -> list[str]:
    uri = Path(where).as_uri()
    if Path(where).is_dir() or any(one.startswith(f"{uri}/") for one in known):
        return in_folder(glob.escape(where))
    return [glob.escape(where) if Path(where).is_file() or uri in known else where]


def _is_data(path: str) -> bool:
    return Path(path).is_file() and not path.endswith(CONTROL)


def _is_gone(uri: str, *, covered: bool) -> bool:
    try:
        Path(shown(uri)).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as error:
        if covered:
            raise InputRefused(
                f"{shown(uri)} cannot be looked at: {error.strerror}.",
                published="Nothing was read and no model ran; the published numbers are as before.",
                hint="Make its folder readable, then run the same command again.",
            ) from error
    return covered


def _stored(source: str, known: Collection[str]) -> Listing:
    bucket, name = _opened(source)
    patterns = in_bucket(name, {uri.removeprefix(bucket.uri) for uri in known if uri.startswith(bucket.uri)})
    prefix, below = literal_part(patterns[0])
    found = {one.name: one for one in bucket.objects(prefix, below=below)}
    if name in found and len(patterns) == 1:
        patterns = [glob.escape(name)]  # a name that looks like a pattern
    meant = tuple(regex(glob.escape(bucket.uri) + pattern) for pattern in patterns)
    files = [
        File(one.uri, one, next((found[name] for name in control_names(one.name) if name in found), None))
        for one in found.values()
        if not one.name.endswith(CONTROL) and any(re.fullmatch(pattern, one.uri) for pattern in meant)
    ]
    return Listing(source, tuple(sorted(files, key=lambda file: file.uri)), meant, bucket)


def _opened(source: str) -> tuple[Bucket, str]:
    """The bucket of a source, and the rest of its name."""
    bucket, _, name = source.removeprefix(BUCKET_SCHEME).partition("/")
    if not re.fullmatch(_BUCKET, bucket):
        raise _unusable(f"'{source}' names no bucket.")
    from fees_etl.ingestion.gcs import Bucket  # noqa: PLC0415 - late: half a second for those who need it

    return Bucket(bucket), name


def _refuse_name(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise FileRefused("its name is not UTF-8") from None


def _unusable(problem: str) -> UsageError:
    return UsageError(
        problem,
        published="Nothing was touched.",
        hint="Give a path, a folder or a glob: fees-etl run --source 'data/*.csv' (or 'gs://bucket/fees/*.csv').",
    )
