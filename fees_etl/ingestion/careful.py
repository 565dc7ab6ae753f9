r"""The careful reader: bytes to records in Python, one at a time, for files the native reader refuses or misreads.

A physical line ends with LF, CRLF or a lone CR. A record is a line, or several when a quoted field holds line ends;
a line with nothing at all is no record. Fields are split and quoted as in RFC 4180: a quote opens a field only as its
first byte, and after the closing quote the field is over. A record that breaks this is rejected alone, unless a quote
is open at the end of its line: then nobody can tell where it ends, and the whole file is refused.

>>> [record.fault for record in records([b'1,2,3,4,5\n\n1,2\na"b,2,3,4,5\n"1', b'\n",2,3,4,5'])]
['', '2 fields instead of 5', 'malformed quotes', '']
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from fees_etl.ingestion.content import is_utf8
from fees_etl.ingestion.header import COLUMNS, FileRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


RECORD_LIMIT: Final = 1 << 20
"""Bytes; a record that does not end within it refuses the file, so that memory stays bounded."""


class Record(NamedTuple):
    """The bytes of one record without its line end; ``fault`` says why it is not five fields of text, "" when it is."""

    content: bytes
    fault: str


class Spilled(NamedTuple):
    """Canonical copies of a file's ``rows`` records, UTF-8, without header, with LF after each.

    ``good`` holds row and fields, ``bad`` holds row, fault and the whole record as one field.
    """

    good: Path
    bad: Path
    rows: int


def records(blocks: Iterable[bytes]) -> Iterator[Record]:
    """The records of a file, its header included; raises FileRefused where a quote is never closed."""
    return (Record(content, _fault(content)) for content in _joined(_lines(blocks)))


def spill(blocks: Iterable[bytes], folder: Path) -> Spilled:
    """Write a file's data records into two new private files of ``folder`` that the native reader cannot misread."""
    found = records(blocks)
    next(found, None)
    rows = 0
    good, bad = folder / "good.csv", folder / "bad.csv"
    with _private(good) as good_file, _private(bad) as bad_file:
        for rows, (content, fault) in enumerate(found, start=1):
            if fault:
                bad_file.write(b'%d,%b,"%b"\n' % (rows, fault.encode(), _quotable(content)))
            else:
                good_file.write(b"%d,%b\n" % (rows, content))
    return Spilled(good, bad, rows)


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Physical lines with their ends, wherever the blocks are cut; only the last may have none."""
    rest = b""
    for block in blocks:
        lines = (rest + block).splitlines(keepends=True)
        # A CR at the end of a block may be half of a CRLF: the last line waits for what follows.
        rest = lines.pop()
        if len(rest) > RECORD_LIMIT:
            raise FileRefused(_ENDLESS)
        yield from lines
    if rest:
        yield rest


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines without their ends, joined where a quoted field spans several; those with nothing in them left out."""
    for line in lines:
        content = line.rstrip(b"\r\n")
        if b'"' in content and _OPEN.fullmatch(content):
            yield _closed(line, lines)
        elif content:
            yield content


def _closed(first: bytes, lines: Iterator[bytes]) -> bytes:
    """The record that begins with a line at whose end a quote is open."""
    parts, size, quotes = [first], len(first), first.count(b'"')
    for line in lines:
        parts.append(line)
        size += len(line)
        quotes += line.count(b'"')
        if size > RECORD_LIMIT:
            raise FileRefused(_ENDLESS)
        if quotes % 2 == 0:
            content = b"".join(parts).rstrip(b"\r\n")
            if not _WELL_FORMED.fullmatch(content):
                break
            return content
    raise FileRefused("a quote is not closed")


def _fault(content: bytes) -> str:
    if b"\0" in content:
        return "a NUL character"
    if not is_utf8(content):
        return "not UTF-8"
    if b'"' in content:
        if not _WELL_FORMED.fullmatch(content):
            return "malformed quotes"
        content = _QUOTED.sub(b"", content)
    fields = content.count(b",") + 1
    if fields != len(COLUMNS):
        return f"{fields} field{'s' * (fields > 1)} instead of {len(COLUMNS)}"
    return ""


def _quotable(content: bytes) -> bytes:
    """A faulty record as the inside of a quoted field: valid UTF-8 without NUL, U+FFFD for what is not."""
    return content.decode(errors="replace").replace("\0", "\ufffd").replace('"', '""').encode()


def _private(path: Path) -> BinaryIO:
    """A new file that nobody else may read, from its first moment on: it holds NINOs."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=1 << 18)


_ENDLESS = "a record does not end within 1 MiB: a quote is not closed, or this is not a CSV file"
_QUOTED_FIELD = rb'"[^"]*+(?:""[^"]*+)*+"'
_FIELD = rb'(?:%b|[^",]*+)' % _QUOTED_FIELD
_QUOTED = re.compile(_QUOTED_FIELD)
_WELL_FORMED = re.compile(rb"%b(?:,%b)*+" % (_FIELD, _FIELD))
_ANY_FIELD = rb'(?:%b[^,]*+|[^",][^,]*+|)' % _QUOTED_FIELD
_OPEN = re.compile(rb'(?:%b,)*+"[^"]*+(?:""[^"]*+)*+' % _ANY_FIELD)
