"""Where files come from: a path, a glob or a folder, here or in a bucket -> the files it means now, and might mean."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fees_etl.errors import InputRefused, UsageError
from fees_etl.figures import few, shown
from fees_etl.ingestion import globs
from fees_etl.ingestion.bytes import SIZE_LIMIT, TOO_LARGE, FileRefused
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
_BUCKET: Final = r"[a-z0-9][a-z0-9._-]*[a-z0-9]"


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
        names = (self.place.with_name(name) for name in globs.control_names(self.place.name))
        return next((name for name in names if os.path.lexists(name)), None)  # a link to nothing counts, too

    @contextmanager
    def local(self, folder: Path) -> Iterator[Path]:
        """Its bytes as stored, as a file on this machine, until the end of the block.

        Of an object that is a copy, in a new private folder inside ``folder``. It takes a few MiB of memory and as much
        disk as the object is large; where the file system is memory (Cloud Run), give a volume as the spill folder.

        Raises:
            FileRefused: it cannot be read, or is too large.
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
        if self.place.size > SIZE_LIMIT:
            raise FileRefused(TOO_LARGE)
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
    notes: tuple[str, ...] = ()
    """What else lies there, in sentences."""

    def covers(self, uri: str) -> bool:
        """Whether the source would mean this file if it were there."""
        return any(re.fullmatch(one, shown(uri)) for one in self.patterns)


def listing(source: str, known: Collection[str] = ()) -> Listing:
    """List a source: a file, a folder (its .csv and .csv.gz in any case) or a glob; control files are never data.

    In a bucket, names that end in .csv or .csv.gz are files and all others folders, whatever is there now.

    Args:
        source: what was asked for: a path, or ``gs://bucket/...``.
        known: the URIs in the books; a name among them means that file, and a folder of them that folder, also when
            they are gone and whatever pattern the name looks like.

    Raises:
        InputRefused: there is no such source, or its name is none.
        GuardRefused: some of it cannot be looked at: what cannot be seen is not gone.
        UsageError: the source is of a kind that this version cannot read, or there are no credentials for it.
        WarehouseError: the store does not answer.
    """
    if source == SAMPLE:
        bundled = sorted(Path(__file__).with_name("sample").glob("*.csv"))
        files = tuple(File(f"{SAMPLE_SCHEME}{path.name}", path) for path in bundled)
        return Listing(source, files, (f"(?s:{SAMPLE_SCHEME}.*)",))
    patterns = meant(source, known)
    if source.startswith(BUCKET_SCHEME):
        return _stored(source, patterns)
    found, others = globs.look(patterns)
    paths = {Path(path).as_uri(): Path(path) for path in found if not path.endswith(globs.CONTROL)}
    files = tuple(File(uri, path) for uri, path in sorted(paths.items()))
    return Listing(source, files, tuple(map(globs.regex, patterns)), _notes(patterns[0], found, others))


def meant(source: str, known: Collection[str]) -> list[str]:
    """The globs that a source stands for, over whole URIs as :func:`shown`; no store is asked.

    Raises what :func:`listing` raises of names.
    """
    if source.startswith(BUCKET_SCHEME):
        bucket, name = _parted(source)
        return [escape(bucket) + one for one in in_bucket(name, {uri.removeprefix(bucket) for uri in known})]
    if "://" in source and not source.startswith("file://"):
        raise _unusable(f"'{source}' cannot be read: a source is a path or begins with gs://.")
    if not source.strip() or "\0" in source:
        raise _unusable("the source is empty, or holds a NUL character.")
    where = os.path.abspath(shown(source))  # noqa: PTH100 - resolve() would follow links
    uri = Path(where).as_uri()
    try:
        if uri not in known and (Path(where).is_dir() or any(one.startswith(f"{uri}/") for one in known)):
            return _in_folder(escape(where))
        return [escape(where) if os.path.lexists(where) or uri in known else globs.in_any_case(where)]
    except PermissionError as error:
        raise globs.unseen(f"'{source}'", f"cannot be looked at: {error.strerror}") from error
    except OSError as error:
        raise unread(
            f"'{source}' is no name of a file: {error.strerror}.", "Give a path, a folder or a quoted glob."
        ) from error


def within(place: str, known: Collection[str]) -> set[str]:
    """Of the known URIs those of a place: the file of that name, all that is below such a folder, or what a glob means.

    Raises:
        UsageError: it is of a kind that no source is.
    """
    if place.startswith(BUCKET_SCHEME):
        bucket, name = _parted(place)
        where = (bucket + name).rstrip("/")
    elif "://" in place and not place.startswith("file://"):
        raise _unusable(f"'{place}' is no place of files: those are paths or begin with gs://.")
    elif not place.strip():
        raise _unusable("the place is empty.")
    else:
        where = os.path.abspath(shown(place)).rstrip("/")  # noqa: PTH100 - resolve() would follow links
    names = {uri: shown(uri) for uri in known}
    found = {uri for uri, name in names.items() if name == where or name.startswith(f"{where}/")}
    return found or {uri for uri, name in names.items() if re.fullmatch(globs.regex(where), name)}


def layout_of(contract: Contract, uri: str) -> Layout:
    """How a file is written: the first layout whose pattern is what its path ends with, or else the plain one."""
    found = (one for one in contract.layouts if re.fullmatch(f"(?s:.*/)?{globs.regex(one.files)}", shown(uri)))
    return next(found, Layout())


def opened(source: str) -> Bucket:
    """The bucket of a source that begins with gs://.

    Raises:
        UsageError: it names no bucket, or there are no credentials for it.
    """
    from fees_etl.ingestion.bucket import Bucket  # noqa: PLC0415 - late: half a second for those who need it

    return Bucket(_parted(source)[0].removeprefix(BUCKET_SCHEME).removesuffix("/"))


def in_bucket(name: str, known: Collection[str]) -> list[str]:
    """The patterns of object names that one name means: two for a folder, else one.

    A name that ends in .csv or .csv.gz is an object, a pattern is a pattern, and any other name is a folder, whatever
    the bucket holds now; only what is ``known`` under a name says better.

    >>> print(in_bucket("fees/a.csv", []), in_bucket("fees/2025-*", []), in_bucket("a[1].csv", ["a[1].csv"]))
    ['fees/a.csv'] ['fees/2025-*'] ['a[[]1].csv']
    """
    if name in known:
        return [escape(name)]
    below = name.removesuffix("/")
    if below and any(one.startswith(f"{below}/") for one in known):
        return _in_folder(escape(below))
    if below == name != "" and (escape(name) != name or globs.parted(name)[1]):
        return [globs.in_any_case(name)]
    return [one.removeprefix("/") for one in _in_folder(below)]


def unread(problem: str, hint: str) -> InputRefused:
    """The error that a source, or a part of it, is none."""
    published = "Nothing was read and no model ran; the published numbers are as before."
    return InputRefused(problem, published=published, hint=hint)


def _stored(source: str, patterns: list[str]) -> Listing:
    bucket = opened(source)
    prefix, below = globs.literal_part(patterns[0].removeprefix(bucket.uri))
    found = {one.name: one for one in bucket.objects(prefix, below=below)}
    if _parted(source)[1] in found and len(patterns) == 1:
        patterns = [escape(source)]  # a name that looks like a pattern
    wanted = tuple(map(globs.regex, patterns))
    files = tuple(
        File(one.uri, one, next((found[name] for name in globs.control_names(one.name) if name in found), None))
        for _, one in sorted(found.items())
        if not one.name.endswith(globs.CONTROL) and any(re.fullmatch(pattern, one.uri) for pattern in wanted)
    )
    meant = {file.uri for file in files}
    others = {one.uri for name, one in found.items() if not name.endswith("/")} - meant
    return Listing(source, files, wanted, _notes(patterns[0], meant, others))


def _in_folder(folder: str) -> list[str]:
    """The globs of the data files of a folder."""
    return [globs.in_any_case(f"{folder}/*{suffix}") for suffix in (".csv", ".csv.gz")]


def _notes(pattern: str, meant: set[str], others: set[str]) -> tuple[str, ...]:
    """What there is to say of what was seen below the folder in which a pattern looks; one name leaves nothing out.

    >>> _notes("/*.csv", {"/a.csv"}, {"/notes.txt", "/old/", "/b.csv.control.json", "/a.control.json"})
    ('left out: 2 names that the source does not mean (notes.txt, old/)', \
'b.csv.control.json belongs to no data file that is there')
    """
    if globs.literal(pattern) is not None:
        return ()
    base = globs.literal_part(pattern)[0].rfind("/") + 1
    names = {one[base:] for one in meant | others}
    controls = {name for name in names if name.endswith(globs.CONTROL)}
    served = {one for name in names - controls for one in globs.control_names(name)}
    left = sorted(names - {one[base:] for one in meant} - controls)
    told = [f"{name} belongs to no data file that is there" for name in sorted(controls - served)]
    if left:
        words = "name" if len(left) == 1 else "names"
        told.insert(0, f"left out: {len(left):,} {words} that the source does not mean ({few(left)})")
    return tuple(told)


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
