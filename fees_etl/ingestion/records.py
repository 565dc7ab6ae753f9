r"""Bytes to records: proof that a file is so plain that the native reader is safe, and a careful reader for the others.

A physical line ends with LF, CRLF or a lone CR. A record is a line, or several when a quoted field holds line ends;
a line with nothing at all is no record. Fields are split and quoted as in RFC 4180: a quote opens a field only as its
first byte, and after the closing quote the field is over. A record that breaks this is rejected alone, unless a quote
is open at the end of its line: then nobody can tell where it ends, and the whole file is refused.

>>> [record.fault for record in records([b'1,2,3,4,5\n\n1,2\na"b,2,3,4,5\n"1', b'\n",2,3,4,5'], Grammar(5))]
['', '2 fields instead of 5', 'malformed quotes', '']
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from fees_etl.ingestion.bytes import FileRefused, is_utf8, private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


RECORD_LIMIT: Final = 1 << 20
"""Bytes; a record that does not end within it refuses the file, so that memory stays bounded."""


class Grammar:
    """What a record of ``fields`` fields looks like that a ``delimiter`` separates, one ASCII character."""

    def __init__(self, fields: int, delimiter: str = ",") -> None:
        self.fields, self.delimiter = fields, delimiter.encode()
        comma, text = re.escape(self.delimiter), rb'[^"%b]' % re.escape(self.delimiter)
        quoted = rb'"[^"]*+(?:""[^"]*+)*+"'
        field = rb"(?:%b|%b*+)" % (quoted, text)
        any_field = rb"(?:%b[^%b]*+|%b[^%b]*+|)" % (quoted, comma, text, comma)
        self.quoted = re.compile(quoted)
        self.well_formed = re.compile(rb"%b(?:%b%b)*+" % (field, comma, field))
        self.open = re.compile(rb'(?:%b%b)*+"[^"]*+(?:""[^"]*+)*+' % (any_field, comma))
        inside = rb'[^"\0-\x08\x0a-\x1f\x7f]*+'  # no control characters: what is read natively is not searched for them
        plain = rb'(?:"%b(?:""%b)*+"|[^"%b\0-\x08\x0a-\x1f\x7f]*+)' % (inside, inside, comma)
        self._line = rb"%b(?:%b%b){%d}" % (plain, comma, plain, fields - 1) if fields else b""
        self._ordinary = bytes(byte for byte in (9, *range(32, 127)) if byte not in b'"' + self.delimiter)

    def plain_lines(self, block: bytes, end: bytes) -> int | None:
        """How many records a block of whole lines has that end with ``end``, None if it is not plain."""
        if b'"' not in block:
            # Without the ordinary bytes, a block of plain lines is the same few bytes over and over.
            bones, skeleton = block.translate(None, self._ordinary), self.delimiter * (self.fields - 1) + end
            count = bones.count(skeleton)
            if count * len(skeleton) == len(bones):
                return count
        lines = re.compile(rb"(?:%b%b)*+" % (self._line, end))
        return block.count(b"\n") if is_utf8(block) and lines.fullmatch(block) else None


class Plain(NamedTuple):
    """How many records a plain file has, its header included, and whether a field of it is quoted."""

    records: int
    quoted: bool


class Record(NamedTuple):
    """The bytes of one record without its line end; ``fault`` says why it is not fields of text, "" when it is."""

    content: bytes
    fault: str


class Spilled(NamedTuple):
    """Canonical copies of a file's ``rows`` records, UTF-8, without header, with LF after each.

    ``good`` holds row and fields, with the file's own delimiter; ``bad`` holds row, fault and the whole record as one
    field, with commas. Of a file that is not ``whole``, they are its first records.
    """

    good: Path
    bad: Path
    rows: int
    whole: bool = True


def plain(blocks: Iterable[bytes], grammar: Grammar) -> Plain | None:
    r"""Whether each record is one line of as many fields by the letter of RFC 4180, and all lines end in one way.

    Not so an empty line: the native reader takes a leading one for the header, and after others it has put the line
    end into the next field. Blocks begin where a line begins. None is no verdict: only the careful reader can tell.

    >>> plain([b'1;2\n"1;";2\n', b"1;2"], Grammar(2, ";")), plain([b"1,2,\n"], Grammar(2))
    (Plain(records=3, quoted=True), None)
    """
    count, quoted, whole, end = 0, False, True, b"\n"
    for number, block in enumerate(blocks):
        if number == 0 and block[: block.find(b"\n")].endswith(b"\r"):
            end = b"\r\n"
        if not whole:  # a line longer than a block
            return None
        whole = block.endswith(b"\n")
        found = grammar.plain_lines(block if whole else block + end, end)
        if found is None:
            return None
        count += found
        quoted = quoted or b'"' in block
    return Plain(count, quoted)


def records(blocks: Iterable[bytes], grammar: Grammar) -> Iterator[Record]:
    """The records of a file, its header included; raises FileRefused where a quote is never closed."""
    return (Record(content, _fault(content, grammar)) for content in _joined(_lines(blocks), grammar))


def spill(blocks: Iterable[bytes], grammar: Grammar, folder: Path, size: int, limit: float) -> Spilled:
    """Write a file's data records into two new private files of ``folder`` that the native reader cannot misread.

    It ends early where more than the share ``limit`` of them is broken, whatever the rest of its ``size`` bytes holds.
    """
    found = records(blocks, grammar)
    rows = broken = 0
    read = len(next(found, (b"", ""))[0])
    good, bad = folder / "good.csv", folder / "bad.csv"
    with private(good) as good_file, private(bad) as bad_file:
        for rows, (content, fault) in enumerate(found, start=1):
            read += len(content)
            if fault:
                # Valid UTF-8 without NUL, with U+FFFD for what is not.
                text = content.decode(errors="replace").replace("\0", "\ufffd").replace('"', '""')
                bad_file.write(b'%d,%b,"%b"\n' % (rows, fault.encode(), text.encode()))
                broken += 1
                if broken > limit * (rows + (size - read) / grammar.fields) + 1:  # a sound record has a byte a field
                    return Spilled(good, bad, rows, whole=False)
            else:
                good_file.write(b"%d%b%b\n" % (rows, grammar.delimiter, content))
    return Spilled(good, bad, rows)


def native_relation(path: Path, columns: Sequence[str], delimiter: str, options: str) -> str:
    """The records of a file whose header is one plain line, in their order and without numbers: see ``typed_sql``."""
    source = _read_csv(path, columns, delimiter, f"header = true, {options}")
    return f"SELECT *, NULL::VARCHAR AS _fault, NULL::VARCHAR AS _raw FROM {source}"  # noqa: S608 - our own SQL


def spilled_relation(spilled: Spilled, columns: Sequence[str], delimiter: str) -> str:
    """Likewise, the records of a file that was spilled, in no order, with numbers."""
    good = _read_csv(spilled.good, ("_source_row", *columns), delimiter, _SEQUENTIAL)
    bad = _read_csv(spilled.bad, ("_source_row", "_fault", "_raw"), ",", _SEQUENTIAL)
    return f"SELECT * FROM {good} UNION ALL BY NAME SELECT * FROM {bad}"  # noqa: S608 - our own SQL


def _read_csv(path: Path, columns: Iterable[str], delimiter: str, options: str) -> str:
    """A call of the native reader for this one file, whatever its name looks like, that leaves nothing to guesses."""
    types = ", ".join(f"'{name}': '{'BIGINT' if name == '_source_row' else 'VARCHAR'}'" for name in columns)
    name = re.sub(r"[*?\[]", r"[\g<0>]", str(path.absolute())).replace("'", "''")
    return (
        f"read_csv('{name}', columns = {{{types}}}, auto_detect = false, delim = '{delimiter}', quote = '\"', "
        f"escape = '\"', strict_mode = true, hive_partitioning = false, {options})"
    )


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


def _joined(lines: Iterator[bytes], grammar: Grammar) -> Iterator[bytes]:
    """The lines without their ends, joined where a quoted field spans several; those with nothing in them left out."""
    for line in lines:
        content = line.rstrip(b"\r\n")
        if b'"' in content and grammar.open.fullmatch(content):
            yield _closed(line, lines, grammar)
        elif content:
            yield content


def _closed(first: bytes, lines: Iterator[bytes], grammar: Grammar) -> bytes:
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
            if not grammar.well_formed.fullmatch(content):
                break
            return content
    raise FileRefused("a quote is not closed")


def _fault(content: bytes, grammar: Grammar) -> str:
    if b"\0" in content:
        return "a NUL character"
    if not is_utf8(content):
        return "not UTF-8"
    if b'"' in content:
        if not grammar.well_formed.fullmatch(content):
            return "malformed quotes"
        content = grammar.quoted.sub(b"", content)
    fields = content.count(grammar.delimiter) + 1
    return "" if fields == grammar.fields else f"{fields} field{'s' * (fields > 1)} instead of {grammar.fields}"


_ENDLESS = "a record does not end within 1 MiB: a quote is not closed, or this is not a CSV file"
# In parallel the native reader may begin inside of a quoted field, and then fails or misreads; left to itself it takes
# the first line end, even one inside of quotes, for that of every line. A bad record of 1 MiB may triple as text.
_SEQUENTIAL: Final = "header = false, compression = 'none', parallel = false, new_line = '\\n', max_line_size = 4194304"
