"""The bytes of one stored file: hashed as they are read, decompressed, and handed out in blocks of whole lines."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from fees_etl.errors import WarehouseBusy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer


class FileRefused(Exception):
    """Nothing of a file may be loaded. ``reason`` is a sentence without any value of the file's records.

    ``row`` is the data record that is to blame, 0 where none is alone.
    """

    def __init__(self, reason: str, row: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.row = reason, row


class FileUnreadable(FileRefused):
    """Not its content is wrong: it cannot be had at all, which says nothing of what it holds."""


def changed(name: str) -> WarehouseBusy:
    """The error that a file, here or in a bucket, is not the one that was looked at first."""
    return WarehouseBusy(
        f"{name} changed while it was read.",
        published="Nothing of this ingestion was kept; raw and the published numbers are as before.",
        hint="Wait until the file is complete, then run the same command again.",
    )


BOM: Final = b"\xef\xbb\xbf"
LINE_LIMIT: Final = 1 << 20
"""Bytes of a block, at most; a longer line is handed out in pieces."""
SIZE_LIMIT: Final = 16 << 30
"""Bytes of a file, unpacked: what is larger is no file of fees, and would fill a disk before that is known."""
_SMALL, _RATIO = 64 << 20, 250
"""CSV of fees packs to a tenth, seldom to a fiftieth; what unpacks to more bytes than the one, and by more than that
factor, was made to."""
_CHUNK: Final = 1 << 18  # what fits the processor's cache: 1 MiB chunks take twice as long to check

Stamp: TypeAlias = tuple[int, int, int, int]
"""Device, inode, size and nanoseconds of the last change: equal as long as a file is the same one, untouched.

The time is that of the inode: the one of the content can be set back.
"""


class StoredFile(io.FileIO):
    """A file as stored, read to be hashed: ``digest`` (SHA-256) and ``size`` grow with it.

    Raises:
        FileRefused: it cannot be read.
        WarehouseBusy: it is no more.
    """

    def __init__(self, path: Path) -> None:
        try:
            # A named pipe would block in open() until somebody writes to it.
            if not stat.S_ISREG(path.stat().st_mode):
                raise FileRefused("it is not a regular file")
            super().__init__(path)
        except OSError as error:
            raise _unreadable(path, error) from None
        self.digest = hashlib.sha256()
        self.size = 0

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read at most as many bytes as the buffer holds; 0 at the end of the file."""
        try:
            count = super().readinto(buffer) or 0
        except OSError as error:
            raise _unreadable(self.name, error) from None
        self.digest.update(memoryview(buffer)[:count])
        self.size += count
        return count

    def drain(self) -> None:
        """Read what is left, so that digest and size are those of the whole file."""
        rest = bytearray(_CHUNK)
        while self.readinto(rest):
            pass


def private(path: Path) -> BinaryIO:
    """A new file that nobody else may read, from its first moment on: it holds NINOs."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=_CHUNK)


def stamp_of(file: Path | int) -> Stamp:
    """The stamp of the file that a path means now, or of one that is open; raises OSError when there is none."""
    found = os.stat(file)  # noqa: PTH116 - an open file has no path that is sure to be its own
    return found.st_dev, found.st_ino, found.st_size, found.st_ctime_ns


def is_gzip(path: Path) -> bool:
    """Whether a file is to be decompressed, by its name alone."""
    return path.name.casefold().endswith(".gz")


@contextmanager
def opened(stored: StoredFile, *, compressed: bool) -> Iterator[BinaryIO]:
    """The content of a stored file, decompressed where needed; the stored file stays open."""
    buffered = io.BufferedReader(stored, _CHUNK)
    try:
        yield gzip.GzipFile(fileobj=buffered) if compressed else buffered  # type: ignore[misc]
    finally:
        buffered.detach()


def blocks(content: BinaryIO, stored: StoredFile) -> Iterator[bytes]:
    """The content without its BOM, in blocks that end where a line ends; a line over LINE_LIMIT bytes comes in pieces.

    Raises FileRefused where the file cannot be read or decompressed, or is too large.
    """
    size = 0
    try:
        block = content.read(_CHUNK).removeprefix(BOM)
        while block:
            block += content.readline(LINE_LIMIT - _CHUNK)
            size += len(block)
            if size > SIZE_LIMIT:
                raise FileRefused(TOO_LARGE)
            if size > max(_SMALL, _RATIO * stored.size):
                raise FileRefused(f"it unpacks to more than {_RATIO} times its size, as a bomb does; send it unpacked")
            yield block
            block = content.read(_CHUNK)
    except EOFError:
        raise FileRefused("the gzip data ends too early: the file is truncated") from None
    except (gzip.BadGzipFile, zlib.error):
        raise FileRefused("the gzip data is corrupt, or the file is no gzip file") from None


def is_utf8(text: bytes) -> bool:
    """Whether the bytes are valid UTF-8, which a block or a record never cuts through."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


TOO_LARGE: Final = f"it is over {SIZE_LIMIT >> 30} GiB, unpacked: send it in parts"


def _unreadable(name: object, error: OSError) -> FileUnreadable | WarehouseBusy:
    if isinstance(error, FileNotFoundError):  # it was there when it was listed
        return changed(f"{name}")
    return FileUnreadable(f"it cannot be read: {error.strerror}")
