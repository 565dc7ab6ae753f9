"""Streams that take everything, and text that is safe for them.

Whatever becomes of stdout and stderr, a command does the same and ends with the same exit code. Whatever is read from a
file or a name and then shown cannot steer a terminal or forge a line.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import re
import select
import shlex
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPED = "fees_etl.escaped"
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but tab and new line, other ends of a line, and what turns the direction of text."""


class Sink(io.RawIOBase):
    """A file descriptor that takes every byte; ``lost`` says why one could not be written."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self.lost = descriptor, ""

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Any) -> int:
        """All of it, or as much as can be; a reader that has left (``| head``) is no loss."""
        left = bytes(data)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except BrokenPipeError:
                break
            except OSError as error:
                self.lost = error.strerror or type(error).__name__
                break
        return len(data)


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all: who reads it meanwhile reads the one before.

    What a link leads to is replaced, not the link. A device or a pipe (``/dev/stdout``) is written to: root could
    replace it, too.

    Raises:
        OSError: it cannot be written; what stood there is as it was.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    path = Path(os.path.realpath(path))
    if path.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    with _draft(path) as draft:
        with draft.open("x", encoding="utf-8") as whole:
            whole.write(text)
        draft.replace(path)


def create(path: Path, data: bytes) -> None:
    """Write a new file whole or not at all, its owner's alone.

    Raises:
        FileExistsError: there is one.
        OSError: it cannot be written.
    """
    with _draft(path) as draft:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as whole:
            whole.write(data)
        put(draft, path)


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A name beside the path to write to first; nothing of it is left after the block."""
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def put(draft: Path, path: Path) -> None:
    """Give a file its name unless that is taken; where the file system has no links, after a look.

    Raises:
        FileExistsError: it is.
    """
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        draft.rename(path)


def adopt() -> None:
    """Make stdout and stderr streams that never fail.

    A descriptor that is closed (``2>&-``) becomes /dev/null's: the next file opened, the warehouse perhaps, would get
    its number, and then what others write to stderr.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    codecs.register_error(_ESCAPED, _escaped)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        encoding = getattr(getattr(sys, name), "encoding", None) or "utf-8"
        stream = io.TextIOWrapper(Sink(descriptor), encoding, _ESCAPED, line_buffering=True)  # type: ignore[type-var]  # it has all that is asked of a buffer
        setattr(sys, name, stream)


def visible(text: str) -> str:
    r"""Text that steers nothing: control characters are escaped as in JSON, also in JSON itself.

    >>> print(visible("a\x1b[2Jb"), visible("two\nlines"))
    a\u001b[2Jb two
    lines
    """
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def inline(text: str) -> str:
    r"""The same of what must stay on one line, such as a name.

    >>> print(inline("a.csv\n  loaded  b.csv"))
    a.csv\n  loaded  b.csv
    """
    return visible(text.replace("\n", "\\n"))


def quoted(text: str) -> str:
    r"""A name as a shell reads it, typed from what is shown of it.

    >>> print(quoted("a b.csv"), quoted("a\x07\n.csv"))
    'a b.csv' $'a\u0007\n.csv'
    """
    if inline(text) == text and not re.search("[\udc80-\udcff]", text):
        return shlex.quote(text)
    shown = inline(text.replace("\\", "\\\\")).replace("'", "\\'")
    whole = re.sub("[\udc80-\udcff]", lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", shown)
    return f"$'{whole}'"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What a stream cannot encode, as JSON writes it: a document stays one."""
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101 - a stream that is written
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
