"""Proof, at nearly the speed of memory, that a file is so plain that the native reader cannot misread it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from fees_etl.ingestion.content import is_utf8
from fees_etl.ingestion.header import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable


class Plain(NamedTuple):
    """How many records a plain file has, its header included, and whether a field of it is quoted."""

    records: int
    quoted: bool


def plain(blocks: Iterable[bytes]) -> Plain | None:
    r"""Whether each record is one line of five fields by the letter of RFC 4180, and all lines end in the same way.

    Not so an empty line: the native reader takes a leading one for the header, and after others it has put the line
    end into the next field. Blocks begin where a line begins. None is no verdict: only the careful reader can tell.

    >>> plain([b'1,2,3,4,5\n"1,",2,3,4,5\n', b"1,2,3,4,"]), plain([b"1,2,3,4,5,\n"])
    (Plain(records=3, quoted=True), None)
    """
    count, quoted, whole, grammar = 0, False, True, _LF
    for number, block in enumerate(blocks):
        if number == 0:
            grammar = _CRLF if block[: block.find(b"\n")].endswith(b"\r") else _LF
        if not whole:  # a line longer than a block
            return None
        whole = block.endswith(b"\n")
        found = grammar.records(block if whole else block + grammar.end)
        if found is None:
            return None
        count += found
        quoted = quoted or b'"' in block
    return Plain(count, quoted)


class _Grammar:
    """Lines of five fields that end with ``end``."""

    def __init__(self, end: bytes) -> None:
        field = rb'(?:"[^"\r\n\0]*+(?:""[^"\r\n\0]*+)*+"|[^",\r\n\0]*+)'
        self.end = end
        self.skeleton = b"," * (len(COLUMNS) - 1) + end
        self.lines = re.compile(rb"(?:%b(?:,%b){%d}%b)*+" % (field, field, len(COLUMNS) - 1, end))

    def records(self, block: bytes) -> int | None:
        """How many records a block has, None if it is not plain."""
        if b'"' not in block:
            # Without the ordinary bytes, a block of plain lines is the same few bytes over and over.
            bones = block.translate(None, _ORDINARY)
            count = bones.count(self.skeleton)
            if count * len(self.skeleton) == len(bones):
                return count
        return block.count(b"\n") if is_utf8(block) and self.lines.fullmatch(block) else None


_ORDINARY: Final = bytes(byte for byte in range(1, 128) if byte not in b',"\r\n')
_LF = _Grammar(b"\n")
_CRLF = _Grammar(b"\r\n")
