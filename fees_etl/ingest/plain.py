"""Proof, at nearly the speed of memory, that a file is so plain that the native reader cannot misread it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fees_etl.ingest.content import LINE_LIMIT, is_utf8
from fees_etl.ingest.header import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["plain_records"]


def plain_records(blocks: Iterable[bytes]) -> int | None:
    r"""How many records there are if each is five fields by the letter of RFC 4180, with one kind of line end; or None.

    Blocks begin where a line begins. A None is no verdict: it means that only the careful reader can tell.

    >>> plain_records([b'1,2,3,4,5\n"1,\n', b'1",2,3,4,5']), plain_records([b"1,2,3,4,5,\n"])
    (2, None)
    """
    count, rest, whole, grammar = 0, b"", True, _LF
    for number, block in enumerate(blocks):
        if number == 0:
            grammar = _CRLF if block[: block.find(b"\n")].endswith(b"\r") else _LF
        # The native reader takes a leading empty line for the header; and a line longer than a block is not plain.
        if not whole or (number == 0 and block.startswith((b"\r", b"\n"))):
            return None
        whole = block.endswith(b"\n")
        found = grammar.records(rest, block if whole else block + grammar.end)
        if found is None:
            return None
        count, rest = count + found[0], found[1]
    return None if rest else count


class _Grammar:
    """Records of five fields that end with ``end``."""

    def __init__(self, end: bytes) -> None:
        field = rb'(?:"[^"\0]*+(?:""[^"\0]*+)*+"|[^",\r\n\0]*+)'
        record = rb"%b(?:,%b){%d}%b" % (field, field, len(COLUMNS) - 1, end)
        self.end = end
        self.bare = b"," * (len(COLUMNS) - 1) + end
        self.lines = re.compile(rb"(?:%b)*+" % record.replace(rb'[^"\0]', rb'[^"\0\r\n]'))
        self.record = re.compile(record)
        self.anything = re.compile(rb"(?:%b|%b)*+" % (record, end))

    def records(self, rest: bytes, block: bytes) -> tuple[int, bytes] | None:
        """The number of records in rest + block, and the start of one that goes on after it; None if it is not plain."""
        if not rest and b'"' not in block:
            # Without the ordinary bytes, a block of plain lines is the same few bytes over and over.
            bare = block.translate(None, _ORDINARY)
            count = bare.count(self.bare)
            if count * len(self.bare) == len(bare):
                return count, b""
        if not is_utf8(block):
            return None
        text = rest + block
        if self.lines.fullmatch(text):
            return text.count(b"\n"), b""
        match = self.anything.match(text)
        end = match.end() if match else 0
        rest = text[end:]
        if rest and (b'"' not in rest or len(rest) > LINE_LIMIT):
            return None
        return len(self.record.findall(text, 0, end)), rest


_ORDINARY: Final = bytes(byte for byte in range(1, 128) if byte not in b',"\r\n')
_LF = _Grammar(b"\n")
_CRLF = _Grammar(b"\r\n")
