"""The first look at a file: digest, size, header, and whether its bytes are so plain that the native reader is safe."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from fees_etl.ingestion.careful import records
from fees_etl.ingestion.content import Stamp, StoredFile, blocks, is_gzip, opened, stamp_of
from fees_etl.ingestion.header import FileRefused, columns_of
from fees_etl.ingestion.plain import Plain, plain

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a file's bytes says about it.

    ``sha256`` and ``size`` are those of the file as stored, compressed or not. ``columns`` are the five names in file
    order. ``plain`` counts the records when the native reader cannot misread them, and is None when only the careful
    reader can tell. ``refusal`` is why nothing of the file may be loaded, "" when it may.
    """

    path: Path
    sha256: str
    size: int
    columns: tuple[str, ...]
    plain: Plain | None
    refusal: str
    stamp: Stamp

    @property
    def compressed(self) -> bool:
        """Whether the content is gzip data."""
        return is_gzip(self.path)

    def still_holds(self) -> bool:
        """Whether the path still means the file that was scanned, unchanged."""
        try:
            return stamp_of(self.path) == self.stamp
        except OSError:
            return False


def scan(path: Path) -> Scan:
    """Stream a file once; raises FileRefused only when its bytes cannot be read at all."""
    with StoredFile(path) as stored:
        stamp = stored.stamp()
        columns, found, refusal = _content(stored, compressed=is_gzip(path))
        stored.drain()
        return Scan(path, stored.digest.hexdigest(), stored.size, columns, found, refusal, stamp)


def _content(stored: StoredFile, *, compressed: bool) -> tuple[tuple[str, ...], Plain | None, str]:
    """(columns, plain, refusal) of a file; where it is refused it need not be read to its end."""
    try:
        with opened(stored, compressed=compressed) as content:
            found = blocks(content)
            head = list(islice(found, _HEAD))
            return _header(head), plain(chain(head, found)), ""
    except FileRefused as refused:
        return (), None, refused.reason


def _header(head: list[bytes]) -> tuple[str, ...]:
    start = head[0] if head else b""
    for magic, what in _MAGIC.items():
        if start.startswith(magic):
            raise FileRefused(what)
    first = next(records(head), None)
    if first is None:
        raise FileRefused("the file is empty: not even a header")
    if b"\0" in first.content:
        raise FileRefused(_UTF16)
    return columns_of(first.content.decode(errors="replace"))


_HEAD: Final = 4
"""Blocks; a header record that is longer is none."""
_UTF16: Final = "it looks like UTF-16: export it as UTF-8"
_MAGIC: Final = {
    b"\xff\xfe": _UTF16,
    b"\xfe\xff": _UTF16,
    b"\x1f\x8b": "it is gzip data: its name must end in .gz",
    b"PK\x03\x04": "it is a zip archive or a spreadsheet, not a CSV file",
}
