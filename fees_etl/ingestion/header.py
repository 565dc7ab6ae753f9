"""The first look at a file: digest, size, plainness, and its header against the contract of its table.

The header says which column each field is, or else why the file is refused.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from fees_etl.ingestion.bytes import (
    SIZE_LIMIT,
    TOO_LARGE,
    FileRefused,
    Stamp,
    StoredFile,
    blocks,
    is_gzip,
    opened,
    stamp_of,
)
from fees_etl.ingestion.records import Grammar, Plain, plain, records
from fees_etl.privacy import redact
from fees_etl.types import Layout, folded

if TYPE_CHECKING:
    from pathlib import Path

    from fees_etl.types import Contract


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is to be written: the contract of its table, and the layout of the folder it lies in.

    ``latest`` is the last sound day, ``limit`` the share of its rows that may be rejected.
    """

    contract: Contract
    layout: Layout = field(default_factory=Layout)
    latest: date = date.max
    limit: Decimal = Decimal(1)

    @property
    def names(self) -> dict[str, str]:
        """What a header may say, as the layout and the contract write it, to the column that it names."""
        return {column.name: column.name for column in self.contract.file_columns} | dict(self.layout.columns)

    @property
    def aliases(self) -> dict[str, str]:
        """Likewise, to be compared without case, blanks and underscores."""
        return {folded(alias): column.name for column in self.contract.file_columns for alias in column.aliases}


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a file's bytes says about it.

    ``sha256`` and ``size`` are those of the file as stored, compressed or not. ``columns`` are the columns' names in
    file order. ``plain`` counts the records when the native reader cannot misread them, and is None when only the
    careful reader can tell. ``content`` is how many bytes it unpacks to. ``refusal`` is why nothing of the file may
    be loaded, "" when it may.
    """

    path: Path
    form: Form
    sha256: str
    size: int
    columns: tuple[str, ...]
    plain: Plain | None
    content: int
    refusal: str
    stamp: Stamp

    def still_holds(self) -> bool:
        """Whether the path still means the file that was scanned, unchanged."""
        try:
            return stamp_of(self.path) == self.stamp
        except OSError:
            return False


def scan(path: Path, form: Form) -> Scan:
    """Stream a file once; raises FileRefused only when its bytes cannot be read at all, or are too many."""
    columns: tuple[str, ...] = ()
    found, refusal, size = None, "", 0
    with StoredFile(path) as stored:
        stamp = stamp_of(stored.fileno())
        if stamp[2] > SIZE_LIMIT:
            raise FileRefused(TOO_LARGE)
        try:
            with opened(stored, compressed=is_gzip(path)) as content:
                rest = blocks(content, stored)
                head = list(islice(rest, _HEAD))
                columns = _header(head, form, compressed=is_gzip(path))
                found = plain(chain(head, rest), Grammar(len(columns), form.layout.delimiter))
                for _ in rest if is_gzip(path) else ():  # what is not plain is measured before it is unpacked for good
                    pass
                size = content.tell() if is_gzip(path) else stamp[2]
        except FileRefused as refused:  # then it need not be understood to its end
            refusal = refused.reason
        stored.drain()
        return Scan(path, form, stored.digest.hexdigest(), stored.size, columns, found, size, refusal, stamp)


def columns_of(record: str, form: Form) -> tuple[str, ...]:
    """The columns in the order of the header record; white space and quotes around names are ignored.

    >>> from pathlib import Path
    >>> from fees_etl.types import Column, Contract, Table
    >>> columns = [Column(name, "STRING", required_in_file=True) for name in ("client_id", "fee_date")]
    >>> contract = Contract(Table("raw", "fees"), Path("sql/raw/fees.yml"), "", (*columns, Column("region", "STRING")))
    >>> columns_of('fee_date, "client_id"', Form(contract))
    ('fee_date', 'client_id')
    >>> columns_of("Client_ID,fee_date,fee_date", Form(contract))
    Traceback (most recent call last):
    fees_etl.ingestion.bytes.FileRefused: header drift: client_id is missing; fee_date is doubled; \
'Client_ID' is unknown (did you mean client_id?)
    """
    names, known, aliases = _split(record, form.layout.delimiter), form.names, form.aliases
    found = [known.get(name) or aliases.get(folded(name)) for name in names]
    if not any(found):
        raise FileRefused(_what_it_is(record, form))
    drift = _drift(names, found, form)
    if drift:
        raise FileRefused(f"header drift: {'; '.join(drift)}")
    return tuple(name for name in found if name)


def _header(head: list[bytes], form: Form, *, compressed: bool) -> tuple[str, ...]:
    start = head[0] if head else b""
    if compressed and start.startswith(_GZIP):
        raise FileRefused("it is gzip data within gzip data: it was packed twice, so unpack it once")
    for magic, what in _MAGIC.items():
        if start.startswith(magic):
            raise FileRefused(what)
    first = next(records(head, Grammar(0, form.layout.delimiter)), None)
    if first is None:
        raise FileRefused("the file is empty: not even a header")
    if b"\0" in first.content:
        raise FileRefused(_UTF16)
    return columns_of(first.content.decode(errors="replace"), form)


def _split(record: str, delimiter: str) -> tuple[str, ...]:
    """The names in a header record; some tools put the BOM inside of the first one's quotes."""
    try:
        fields = next(csv.reader([record], delimiter=delimiter, skipinitialspace=delimiter != " "), [])
    except csv.Error:
        raise FileRefused("no header: the first record has a field of over 128 KiB, or a line end in it") from None
    return tuple(name.strip().removeprefix("\ufeff").strip() for name in fields)


def _what_it_is(record: str, form: Form) -> str:
    """Why no column is named. The first record may well be data, so nothing of it may be repeated."""
    written, path = form.layout.delimiter, form.contract.path
    if record.casefold().lstrip('"').startswith("sep="):
        return "its first line begins with 'sep=', which only spreadsheets read: delete that line"
    meant = {folded(name): column for name, column in form.names.items()} | form.aliases
    for delimiter, called in _DELIMITERS.items():
        if delimiter != written and any(folded(name) in meant for name in _split(record, delimiter)):
            wanted = _DELIMITERS.get(written, repr(written))
            layout = f"files: FOLDER/**, delimiter: {delimiter!r}" if written == "," else f"files: {form.layout.files}"
            return (
                f"the header is separated by {called}, not by {wanted}: write {wanted}, "
                f"or say so in a layout of {path}: {{{layout}}}"
            )
    found = [meant.get(folded(name)) for name in _split(record, written)]
    if any(found):
        how = "in upper case" if record.isupper() else "not written as the contract has them"
        return f"the names in the header are {how}: write {written.join(name or '...' for name in found)}"
    needed = ", ".join(column.name for column in form.contract.file_columns if column.required_in_file)
    return f"no header: the first record names none of {needed or ', '.join(form.names)}"


def _drift(names: tuple[str, ...], found: list[str | None], form: Form) -> list[str]:
    """What is wrong with a header, one clause each for missing, doubled and unknown names."""
    missing = [
        column.name for column in form.contract.file_columns if column.required_in_file and column.name not in found
    ]
    doubled = [column for column, count in Counter(found).items() if column and count > 1]
    unknown = [name for name, column in dict.fromkeys(zip(names, found, strict=True)) if not column]
    absent = [name for name, column in form.names.items() if column not in found]
    clauses = [_are(some, state) for state, some in (("missing", missing), ("doubled", doubled)) if some]
    clauses += [_unknown(name, absent) for name in unknown[:_SHOWN]]
    return clauses + ([f"{len(unknown) - _SHOWN} more are unknown"] if len(unknown) > _SHOWN else [])


def _are(found: list[str], state: str) -> str:
    *others, last = found
    return f"{', '.join(others)} and {last} are {state}" if others else f"{last} is {state}"


def _unknown(name: str, absent: list[str]) -> str:
    """The clause on an unknown name; data that slipped into a header is described, never repeated."""
    if not name:
        return "a column has no name"
    if not _NAME.fullmatch(name):
        return "a column has a name that is none"
    close = difflib.get_close_matches(name.casefold(), absent, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"'{redact(name)[:40]}' is unknown{hint}"


_HEAD: Final = 4
"""Blocks; a header record that is longer is none."""
_UTF16: Final = "it looks like UTF-16: export it as UTF-8"
_GZIP: Final = b"\x1f\x8b"
_MAGIC: Final = {
    b"\xff\xfe": _UTF16,
    b"\xfe\xff": _UTF16,
    _GZIP: "it is gzip data: its name must end in .gz",
    b"PK\x03\x04": "it is a zip archive or a spreadsheet, not a CSV file",
}
_DELIMITERS: Final = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}
_SHOWN = 5
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ .-]*")
