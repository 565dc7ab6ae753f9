"""Proof, at nearly the speed of memory, that a file is so plain that the native reader cannot misread it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fees_etl.ingest.content import is_utf8
from fees_etl.ingest.header import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["plain_records"]


def plain_records(blocks: Iterable[bytes]) -> int | None:
    r"""How many records there are if each is one line of five fields by the letter of RFC 4180, else None.

    Every line must end in the same way. Blocks begin where a line begins. None is no verdict on the file: it means
    that only the careful reader can tell.

    >>> plain_records([b'1,2,3,4,5\n"1,",2,3,4,5\n', b"1,2,3,4,"]), plain_records([b"1,2,3,4,5,\n"])
    (3, None)
    """
    count, whole, grammar = 0, True, _LF
    for number, block in enumerate(blocks):
        if number == 0:
            grammar = _CRLF if block[: block.find(b"\n")].endswith(b"\r") else _LF
        # The native reader takes a leading empty line for the header; and a line longer than a block is not plain.
        if not whole or (number == 0 and block.startswith((b"\r", b"\n"))):
            return None
        whole = block.endswith(b"\n")
        found = grammar.records(block if whole else block + grammar.end)
        if found is None:
            return None
        count += found
    return count


class _Grammar:
    """Lines of five fields that end with ``end``."""

    def __init__(self, end: bytes) -> None:
        field = rb'(?:"[^"\r\n\0]*+(?:""[^"\r\n\0]*+)*+"|[^",\r\n\0]*+)'
        self.end = end
        self.skeleton = b"," * (len(COLUMNS) - 1) + end
        self.lines = re.compile(rb"(?:%b(?:,%b){%d}%b)*+" % (field, field, len(COLUMNS) - 1, end))
        self.empty_lines = re.compile(rb"(?:%b){2,}" % end)

    def records(self, block: bytes) -> int | None:
        if b'"' not in block:
            # Without the ordinary bytes, a block of plain lines is the same few bytes over and over.
            bones = block.translate(None, _ORDINARY)
            count = bones.count(self.skeleton)
            if count * len(self.skeleton) == len(bones):
                return count
        if not is_utf8(block):
            return None
        if not self.lines.fullmatch(block):
            block = self.empty_lines.sub(self.end, block).removeprefix(self.end)
            if not self.lines.fullmatch(block):
                return None
        return block.count(b"\n")


_ORDINARY: Final = bytes(byte for byte in range(1, 128) if byte not in b',"\r\n')
_LF = _Grammar(b"\n")
_CRLF = _Grammar(b"\r\n")
