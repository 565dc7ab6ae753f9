"""Where files come from: a path, a glob or a folder, here or in a bucket -> the files it means now, and might mean.

A ``*`` stays within a part of a path, ``**`` goes across, and a part that begins with a dot is hidden from both.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from fees_etl.errors import InputRefused, UsageError
from fees_etl.ingestion.bytes import FileRefused
from fees_etl.types import Layout

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fees_etl.ingestion.bucket import Bucket, Object
    from fees_etl.types import Contract


SAMPLE = "the bundled sample"
"""The source that stands for the files in the package: fourteen months of made-up fees, as messy as real ones.

Nothing in them is anybody's: clients are numbered, and their NINOs have the prefix QQ, which is never issued.
"""
SAMPLE_SCHEME = "sample://"
BUCKET_SCHEME = "gs://"
CONTROL: Final = ".control.json"
_BUCKET = r"[a-z0-9][a-z0-9._-]*[a-z0-9]"
_DATA: Final = (".csv", ".csv.gz")
_FOLDERS: Final = r"(?:(?!\.)[^/]*/)*"
_PIECES: Final = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


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
            try:
                str(self.place).encode()
            except UnicodeEncodeError:
                raise FileRefused("its name is not UTF-8") from None
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
        covered = self.covers(uri)
        if not uri.startswith("file:"):
            bucket = self.bucket
            return covered or (bucket is not None and uri.startswith(bucket.uri) and not bucket.has(uri))
        try:
            Path(shown(uri)).stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError as error:
            if covered:
                hint = "Make its folder readable, then run the same command again."
                raise unread(f"{shown(uri)} cannot be looked at: {error.strerror}.", hint) from error
        return covered


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
    if source == SAMPLE:
        bundled = sorted(Path(__file__).with_name("sample").glob("*.csv"))
        return Listing(source, tuple(File(f"{SAMPLE_SCHEME}{path.name}", path) for path in bundled), ())
    patterns = meant(source, known)
    if source.startswith(BUCKET_SCHEME):
        return _stored(source, patterns)
    found = {path for pattern in patterns for path in glob.glob(pattern, recursive=True)}  # noqa: PTH207 - absolute patterns
    paths = {Path(path).as_uri(): Path(path) for path in found if not path.endswith(CONTROL)}
    files = tuple(File(uri, path) for uri, path in sorted(paths.items()) if path.is_file())
    return Listing(source, files, tuple(map(regex, patterns)))


def meant(source: str, known: Collection[str]) -> list[str]:
    """The globs that a source stands for, over whole URIs as :func:`shown`; no store is asked.

    Raises:
        InputRefused: its folder cannot be looked at.
        UsageError: it is of a kind that this version cannot read.
    """
    if source.startswith(BUCKET_SCHEME):
        bucket, name = _parted(source)
        return [glob.escape(bucket) + one for one in in_bucket(name, {uri.removeprefix(bucket) for uri in known})]
    if "://" in source and not source.startswith("file://"):
        raise _unusable(f"'{source}' cannot be read: a source is a path or begins with gs://.")
    if not source.strip():
        raise _unusable("the source is empty.")
    where = os.path.abspath(shown(source))  # noqa: PTH100 - resolve() would follow links
    uri = Path(where).as_uri()
    try:
        if Path(where).is_dir() or any(one.startswith(f"{uri}/") for one in known):
            return [f"{glob.escape(where)}/*{suffix}" for suffix in _DATA]
        return [glob.escape(where) if Path(where).is_file() or uri in known else where]
    except OSError as error:
        hint = "Make it readable, then run the same command again."
        raise unread(f"'{source}' cannot be read: {error.strerror}.", hint) from error


def layout_of(contract: Contract, uri: str) -> Layout:
    """How a file is written: the first layout whose pattern is what its path ends with, or else the plain one."""
    found = (one for one in contract.layouts if re.fullmatch(f"(?s:.*/)?{regex(one.files)}", shown(uri)))
    return next(found, Layout("**"))


def opened(source: str) -> Bucket:
    """The bucket of a source that begins with gs://.

    Raises:
        UsageError: it names no bucket, or there are no credentials for it.
    """
    from fees_etl.ingestion.bucket import Bucket  # noqa: PLC0415 - late: half a second for those who need it

    return Bucket(_parted(source)[0].removeprefix(BUCKET_SCHEME).removesuffix("/"))


def shown(uri: str) -> str:
    """A URI as people write it: a local file by its path.

    >>> shown("file:///data/fees%20one.csv"), shown("gs://lake/fees%20one.csv")
    ('/data/fees one.csv', 'gs://lake/fees%20one.csv')
    """
    return unquote(urlsplit(uri).path) if uri.startswith("file://") else uri


def in_bucket(name: str, known: Collection[str]) -> list[str]:
    """The patterns of object names that one name means: two for a folder, else one.

    A name that ends in .csv or .csv.gz is an object, a pattern is a pattern, and any other name is a folder, whatever
    the bucket holds now; only what is ``known`` under a name says better.

    >>> print(in_bucket("fees", []), in_bucket("fees/2025-*.csv", []), in_bucket("a[1].csv", ["a[1].csv"]))
    ['fees/*.csv', 'fees/*.csv.gz'] ['fees/2025-*.csv'] ['a[[]1].csv']
    """
    if name in known:
        return [glob.escape(name)]
    folder = name.removesuffix("/")
    if folder and any(one.startswith(f"{folder}/") for one in known):
        return [f"{glob.escape(folder)}/*{suffix}" for suffix in _DATA]
    if folder == name != "" and (glob.escape(name) != name or name.casefold().endswith(_DATA)):
        return [name]
    return [f"{folder}/*{suffix}".removeprefix("/") for suffix in _DATA]


def control_names(name: str) -> tuple[str, str]:
    """What the control file of a data file may be called, the first choice first.

    >>> control_names("fees.csv.gz")
    ('fees.csv.gz.control.json', 'fees.control.json')
    """
    return name + CONTROL, name.removesuffix(".gz").removesuffix(".csv") + CONTROL


def regex(pattern: str) -> str:
    """A glob as a regular expression over whole names.

    >>> [bool(re.fullmatch(regex("/a/**/?.csv"), name)) for name in ("/a/b.csv", "/a/b/c/d.csv", "/a/.b/c.csv")]
    [True, True, False]
    """
    *folders, last = pattern.split("/")
    parts = [_FOLDERS if part == "**" else _segment(part) for part in folders]
    parts.append(_FOLDERS + r"(?!\.)[^/]+" if last == "**" else _segment(last))
    return "/".join(parts).replace(f"{_FOLDERS}/", _FOLDERS)


def unread(problem: str, hint: str) -> InputRefused:
    """The error that a source, or a part of it, is none."""
    published = "Nothing was read and no model ran; the published numbers are as before."
    return InputRefused(problem, published=published, hint=hint)


def _stored(source: str, patterns: list[str]) -> Listing:
    from fees_etl.ingestion.bucket import literal_part  # noqa: PLC0415 - late, as in opened()

    bucket = opened(source)
    prefix, below = literal_part(patterns[0].removeprefix(bucket.uri))
    found = {one.name: one for one in bucket.objects(prefix, below=below)}
    if _parted(source)[1] in found and len(patterns) == 1:
        patterns = [glob.escape(source)]  # a name that looks like a pattern
    wanted = tuple(map(regex, patterns))
    files = tuple(
        File(one.uri, one, next((found[name] for name in control_names(one.name) if name in found), None))
        for _, one in sorted(found.items())
        if not one.name.endswith(CONTROL) and any(re.fullmatch(pattern, one.uri) for pattern in wanted)
    )
    return Listing(source, files, wanted, bucket)


def _parted(source: str) -> tuple[str, str]:
    """The URI of a source's bucket, and the rest of its name."""
    bucket, _, name = source.removeprefix(BUCKET_SCHEME).partition("/")
    if not re.fullmatch(_BUCKET, bucket):
        raise _unusable(f"'{source}' names no bucket.")
    return f"{BUCKET_SCHEME}{bucket}/", name


def _unusable(problem: str) -> UsageError:
    return UsageError(
        problem,
        hint="Give a path, a folder or a glob: fees-etl run --source 'data/*.csv' (or 'gs://bucket/fees/*.csv').",
    )


def _segment(pattern: str) -> str:
    visible = r"(?!\.)" if pattern[:1] in ("*", "?", "[") else ""
    return visible + "".join(map(_piece, _PIECES.findall(pattern)))


def _piece(piece: str) -> str:
    if piece[0] in "*?":
        return "[^/]*" if piece[0] == "*" else "[^/]"
    if len(piece) == 1:
        return re.escape(piece)
    return "(?!/)" + fnmatch.translate(piece).removeprefix("(?s:")[:-3]  # without its end, ")\Z"
