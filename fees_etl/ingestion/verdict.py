"""One file of the source -> a verdict: what it holds, or why nothing of it may be loaded; known content is known."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fees_etl.errors import GuardRefused
from fees_etl.figures import EXACT, shown
from fees_etl.ingestion.bytes import FileRefused, FileUnreadable
from fees_etl.ingestion.globs import unseen
from fees_etl.ingestion.header import scan
from fees_etl.ingestion.source import File, layout_of
from fees_etl.ingestion.typing import Reading, read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from fees_etl.engines import Engine
    from fees_etl.ingestion.bucket import Object
    from fees_etl.ingestion.header import Form, Scan
    from fees_etl.types import Project


_BY_CONTROL = "control file"
_CONTROL_LIMIT, _LONGEST = 64 << 10, 60
"""Bytes of a control file, and digits of its total on either side of the point: 1e999999999 would fill the memory."""
_PLACE = itemgetter(0, -1, 1)
"""Of a version in the books: its file, its moment, its name."""
UNREAD = Reading("", (), 0, 0, Decimal(0), careful=False)
"""What was read of a file that was not."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of ``raw.files``."""

    uri: str
    version: str
    sha256: str
    status: str
    row_count: int
    rejected_count: int
    total_amount: Decimal
    reason: str | None
    ingested_at: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """The file versions with a say in the present, by URI."""

    loaded: dict[str, Entry]
    refused: dict[str, Entry]
    ever: frozenset[str]
    """Every URI that was ever seen."""
    mark: str = ""
    """A fingerprint of the books as they were read."""
    is_sealed: bool = False
    """Whether an ingestion ever sealed any of them."""
    is_complete: bool = True
    """Whether they have the very versions that the last ingestion left."""

    @property
    def known(self) -> frozenset[str]:
        """The URIs with something in the books now."""
        return frozenset({*self.loaded, *self.refused})

    def again(self, uri: str, version: str) -> Entry | None:
        """What is loaded of a file, where that is this very version."""
        known = self.loaded.get(uri)
        return known if known and known.version == version else None

    def copy_of(self, uri: str, sha256: str, gone: Collection[str]) -> str:
        """Words for a file whose content another one had: renamed when that one is gone, else a copy."""
        twins = sorted(entry.uri for entry in self.loaded.values() if entry.sha256 == sha256 and entry.uri != uri)
        if not twins:
            return ""
        here = [twin for twin in twins if twin not in gone]
        return f"a copy of {shown(here[0])}" if here else f"renamed from {shown(twins[0])}"


@dataclass(frozen=True, slots=True)
class Judged:
    """A file version and what was found; ``reading`` is UNREAD when it is unreadable or known.

    ``version`` is the generation of an object, and of a local file its SHA-256; ``sha256`` is that of the content as
    stored, ``size`` its bytes (0 where it was not read).
    """

    file: File
    version: str
    sha256: str
    size: int = 0
    refusal: str = ""
    reading: Reading = UNREAD

    @property
    def reasons(self) -> tuple[tuple[str, int], ...]:
        """Why rows are rejected, the most frequent first."""
        found = [(total.reasons, total.rows) for total in self.reading.totals if total.reasons]
        return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))

    @property
    def first_rejected(self) -> tuple[tuple[str, str], ...]:
        """A few of them, as FILE:ROW with the reasons."""
        return tuple((f"{_name(self.file)}:{row}", reasons) for row, reasons in self.reading.first)


def read_books(project: Project, engine: Engine) -> Books:
    """The books as they are now.

    Raises:
        GuardRefused: a version in them cannot be one.
    """
    answers = engine.answers(project.templates.ask(name) for name in ("known_files", "files_mark"))
    found = answers["known_files"].rows.rows
    if any(None in (*row[:2], row[-1]) for row in found):
        raise GuardRefused(
            "raw.files has a version without a name or a moment: somebody wrote to it by hand.",
            hint="Tell all that was written by hand: fees-etl assert",
        )
    # Figures that somebody took out count nothing until the file is read again.
    entries = [
        Entry(uri, version, sha256, status, rows or 0, rejected or 0, amount or Decimal(0), reason, at)
        for uri, version, sha256, status, rows, rejected, amount, reason, at in sorted(found, key=_PLACE)
    ]
    return Books(
        {entry.uri: entry for entry in entries if entry.status == "loaded"},
        {entry.uri: entry for entry in entries if entry.status == "refused"},
        frozenset(entry.uri for entry in entries),
        *answers["files_mark"].rows.rows[0],
    )


@contextmanager
def judge(engine: Engine, file: File, books: Books, form: Form, *, again: bool = False) -> Iterator[Judged]:
    """The verdict on one file; its reading can be loaded until the end of the block. Its layout is that of its place.

    A version is judged once: one that is loaded is not read again, one that was refused stays so, unless it is asked
    for ``again``. Only what a control file refused is judged anew, because the control file may be what was corrected.
    An object whose version is known is not even copied.

    Raises:
        WarehouseBusy: the file changed while it was read.
        GuardRefused: it is there and cannot be read.
        InputRefused, WarehouseError: the store of the file failed.
    """
    judged = None if again else _judged_before(file, file.version, books)
    if judged is not None:
        yield judged
        return
    with ExitStack() as stack:
        engine.scratch()  # it makes the folder that a copy lies in
        try:
            path = stack.enter_context(file.local(engine.spill))
            scanned = scan(path, replace(form, layout=layout_of(form.contract, file.uri)))
        except FileUnreadable as closed:
            raise unseen(shown(file.uri), f"is there, but {closed.reason.removeprefix('it ')}") from closed
        except FileRefused as refused:
            yield Judged(file, "unreadable", "unreadable", refusal=refused.reason)
            return
        version = file.version or scanned.sha256
        judged = None if again else _judged_before(file, version, books)
        if judged is not None:
            yield judged
        else:
            yield from _read(engine, file, version, scanned)


def _judged_before(file: File, version: str, books: Books) -> Judged | None:
    known, before = books.again(file.uri, version), books.refused.get(file.uri)
    if known:
        return Judged(file, version, known.sha256, refusal=_against_control(file, known.row_count, known.total_amount))
    if before and before.version == version and not (before.reason or "").startswith(_BY_CONTROL):
        return Judged(file, version, before.sha256, refusal=before.reason or "refused before")
    return None


def _read(engine: Engine, file: File, version: str, scanned: Scan) -> Iterator[Judged]:
    digest, size, form = scanned.sha256, scanned.size, scanned.form
    try:
        with read(engine.scratch(), scanned, engine.spill) as reading:
            refusal = _too_many_rejected(file, reading, form) or _against_control(file, reading.rows, reading.amount)
            yield Judged(file, version, digest, size, refusal, reading)
    except FileRefused as refused:
        where = f"{_name(file)}:{refused.row}: from here on its " if refused.row else ""
        yield Judged(file, version, digest, size, where + refused.reason)


def _name(file: File) -> str:
    return shown(file.uri).rpartition("/")[2]


def _too_many_rejected(file: File, reading: Reading, form: Form) -> str:
    if reading.rejected <= form.limit * reading.rows:
        return ""
    worst = max((total for total in reading.totals if total.reasons), key=lambda total: total.rows)
    rows = f"{reading.rows:,}" if reading.whole else f"its first {reading.rows:,}"
    is_late = "more than a day after ingestion" in (worst.reasons or "")
    clock = f" (by the clock of this machine today is {form.latest - timedelta(days=1)})" if is_late else ""
    return (
        f"{reading.rejected:,} of {rows} rows cannot be typed, more than {form.limit:.0%} (max_rejected); most often: "
        f"{worst.reasons}{clock}; the first: {', '.join(f'{_name(file)}:{row}' for row, _ in reading.first)}"
    )


def _against_control(file: File, rows: int, amount: Decimal) -> str:
    """Why the control file beside it does not agree, "" when it does or there is none."""
    control = file.control
    if control is None:
        return ""
    name = control.name.rpartition("/")[2]
    expected = _control(control)
    if isinstance(expected, str):
        return f"{_BY_CONTROL} {name}: {expected}"
    wrong = []
    if expected[0] != rows:
        wrong.append(f"it says {expected[0]:,} rows, the file has {rows:,}")
    if expected[1] != amount:
        wrong.append(
            f"it says a total of {expected[1]:,f}, the rows that can be typed have {EXACT.normalize(amount):,f}"
        )
    return f"{_BY_CONTROL} {name}: {'; '.join(wrong)}" if wrong else ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are there once; a ValueError where one could be meant or the other."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError
    return found


def _control(control: Path | Object) -> tuple[int, Decimal] | str:
    try:
        if isinstance(control, Path) and not control.is_file():  # a pipe would be waited for
            return "it is there, and no file that can be read"
        if (control.stat().st_size if isinstance(control, Path) else control.size) > _CONTROL_LIMIT:
            return f"it is over {_CONTROL_LIMIT >> 10} KiB"
        found: Any = json.loads(control.read_bytes().decode("utf-8-sig"), parse_float=Decimal, object_pairs_hook=_once)
        rows, total = found["rows"], Decimal(str(found["total"]))
        if (
            type(rows) is int
            and total.is_finite()
            and abs(total.adjusted()) < _LONGEST
            and len(total.as_tuple().digits) < _LONGEST
        ):
            return rows, total
    except FileRefused as refused:
        return refused.reason
    except (OSError, ValueError, KeyError, TypeError, InvalidOperation, RecursionError):
        pass
    return 'it is not {"rows": n, "total": "x"}'
