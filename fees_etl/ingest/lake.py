"""Where files come from: a path, a glob or a folder -> the files it means now, and whether it would mean another."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from fees_etl.errors import InputRefused, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["SAMPLE", "SAMPLE_SCHEME", "File", "Listing", "listing", "shown"]

SAMPLE = "the bundled sample"
"""The source that stands for the files the package makes itself."""
SAMPLE_SCHEME = "sample://"
_CONTROL = ".control.json"
_FOLDERS = r"(?:(?!\.)[^/]*/)*"


@dataclass(frozen=True, slots=True)
class File:
    """One file of a source: its identity in the books and where its bytes are now."""

    uri: str
    path: Path

    @property
    def control(self) -> Path | None:
        """The control file beside it: ``fees.csv.control.json`` or ``fees.control.json``."""
        stem = self.path.name.removesuffix(".gz").removesuffix(".csv")
        for name in (self.path.name, stem):
            if (found := self.path.with_name(name + _CONTROL)).is_file():
                return found
        return None


@dataclass(frozen=True, slots=True)
class Listing:
    """The files that a source means now, by URI in order."""

    source: str
    files: tuple[File, ...]
    patterns: tuple[str, ...]

    def covers(self, uri: str) -> bool:
        """Whether the source would mean this file if it were there."""
        if self.source == SAMPLE:
            return uri.startswith(SAMPLE_SCHEME)
        parts = urlsplit(uri)
        return parts.scheme == "file" and any(re.fullmatch(one, unquote(parts.path)) for one in self.patterns)


def listing(source: str, known: Collection[str] = ()) -> Listing:
    """List a source: a file, a folder (its ``*.csv`` and ``*.csv.gz``) or a glob; control files are never data.

    Args:
        source: what was asked for.
        known: the URIs in the books; a name among them means that file, and a folder of them that folder, also when
            they are gone and whatever pattern the name looks like.

    Raises:
        InputRefused: the source cannot be looked at.
        UsageError: the source is of a kind that this version cannot read.
    """
    if "://" in source and not source.startswith("file://"):
        raise UsageError(
            f"'{source}' cannot be read: this version reads local files.",
            published="Nothing was touched.",
            hint="Give a path, a folder or a glob: fees-etl run --source 'data/*.csv'.",
        )
    if not source.strip():
        raise UsageError(
            "the source is empty.",
            published="Nothing was touched.",
            hint="Give a path, a folder or a glob: --source X.",
        )
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
    return Listing(source, tuple(sorted(files, key=lambda file: file.uri)), tuple(_regex(one) for one in patterns))


def _patterns(where: str, known: Collection[str]) -> list[str]:
    uri = Path(where).as_uri()
    if Path(where).is_dir() or any(one.startswith(f"{uri}/") for one in known):
        return [glob.escape(where) + "/*.csv", glob.escape(where) + "/*.csv.gz"]
    return [glob.escape(where) if Path(where).is_file() or uri in known else where]


def shown(uri: str) -> str:
    """A URI as people write it: a local file by its path.

    >>> shown("file:///data/fees%20one.csv"), shown("sample://fees.csv")
    ('/data/fees one.csv', 'sample://fees.csv')
    """
    return unquote(urlsplit(uri).path) if uri.startswith("file://") else uri


def _is_data(path: str) -> bool:
    return Path(path).is_file() and not path.endswith(_CONTROL)


def _regex(pattern: str) -> str:
    """A glob as a regular expression over absolute paths; ``**`` is any number of folders, hidden names need a dot."""
    parts = [_FOLDERS if part == "**" else _segment(part) for part in pattern.split("/")]
    return "/".join(parts).replace(f"{_FOLDERS}/", _FOLDERS)


def _segment(pattern: str) -> str:
    translated = fnmatch.translate(pattern).removeprefix("(?s:").removesuffix(r")\Z")
    visible = r"(?!\.)" if pattern[:1] in ("*", "?", "[") else ""
    return visible + (translated.replace(".*", "[^/]*") if "*" in pattern else translated)
