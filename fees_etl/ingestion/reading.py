"""One scanned file as a relation of typed rows and rejects, read natively where that is safe, carefully where not."""

from __future__ import annotations

import re
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from fees_etl.ingestion.careful import Spilled, spill
from fees_etl.ingestion.content import StoredFile, blocks, opened
from fees_etl.ingestion.header import COLUMNS, FileChanged, FileRefused
from fees_etl.ingestion.typed import typed_sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from fees_etl.ingestion.scan import Scan


class _Answer(Protocol):
    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """As much of an embedded engine's connection as reading takes."""

    def execute(self, query: str, /) -> _Answer:
        """Run one statement."""


@dataclass(frozen=True, slots=True)
class Total:
    """Rows and pounds of one fee date (None: blank), or, with ``reasons``, rows rejected for them, without pounds."""

    fee_date: date | None
    reasons: str | None
    rows: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read once, to its end, and can be read again as ``SELECT ... FROM (<sql>)``.

    The columns of ``sql`` are those of ``typed_sql``; ``rows`` counts all data records, rejected ones included;
    ``amount`` is the sum of the others; ``careful`` says which reader it took.
    """

    sql: str
    totals: tuple[Total, ...]
    rows: int
    rejected: int
    amount: Decimal
    careful: bool


@contextmanager
def read(connection: Connection, scan: Scan, latest: date, folder: Path) -> Iterator[Reading]:
    """Read a file into totals, and keep what it takes to read it again until the end of the ``with`` block.

    Enter it outside of a transaction: an error of the native reader, which leads to the careful one, aborts any. The
    careful reader's copy of the file lies in a new private folder inside ``folder``. Raises FileRefused, or FileChanged
    when the file is not the one that was scanned; after the block, ``scan.still_holds()`` tells whether it still is.
    """
    with ExitStack() as stack:
        try:
            reading = _either(connection, scan, latest, folder, stack)
        except FileRefused:
            if scan.still_holds():
                raise
            raise FileChanged from None
        if not scan.still_holds():
            raise FileChanged
        yield reading


def _either(connection: Connection, scan: Scan, latest: date, folder: Path, stack: ExitStack) -> Reading:
    if scan.refusal:
        raise FileRefused(scan.refusal)
    reading = _native(connection, scan, latest)
    if reading is None:
        private = stack.enter_context(tempfile.TemporaryDirectory(dir=folder, prefix="reading-"))
        reading = _careful(connection, scan, latest, Path(private))
    # abs() would round to 28 digits.
    amounts = [reading.amount, *(total.amount for total in reading.totals)]
    if any(amount.copy_abs() >= _NUMERIC_END for amount in amounts):
        raise FileRefused(_TOO_MUCH)
    return reading


def _native(connection: Connection, scan: Scan, latest: date) -> Reading | None:
    """The file as the native reader sees it, None where it fails or finds another number of records than the scan."""
    if scan.plain is None:
        return None
    try:
        reading = _reading(connection, typed_sql(_native_records(scan), scan.columns, latest), careful=False)
    except RuntimeError:  # Ctrl-C
        raise
    except Exception:  # noqa: BLE001 - whatever the engine raised, it will come again if it was not the reader
        return None
    return reading if reading.rows == scan.plain.records - 1 else None


def _careful(connection: Connection, scan: Scan, latest: date, folder: Path) -> Reading:
    with StoredFile(scan.path) as stored, opened(stored, compressed=scan.compressed) as content:
        spilled = spill(blocks(content), folder)
    try:
        reading = _reading(connection, typed_sql(_spilled_records(scan, spilled), scan.columns, latest), careful=True)
    except Exception as error:
        if "Overflow" in str(error):
            raise FileRefused(_TOO_MUCH) from None
        raise
    if reading.rows != spilled.rows:
        raise AssertionError(f"{spilled.rows} records were written and {reading.rows} read back")
    return reading


def _reading(connection: Connection, sql: str, *, careful: bool) -> Reading:
    totals = tuple(Total(*row) for row in connection.execute(_TOTALS.format(sql=sql)).fetchall())
    rows = sum(total.rows for total in totals)
    rejected = sum(total.rows for total in totals if total.reasons)
    # The default context would round to 28 digits.
    amount = reduce(Context(prec=60).add, (total.amount for total in totals), Decimal(0))
    return Reading(sql, totals, rows, rejected, amount, careful)


_NUMERIC_END: Final = Decimal(10) ** 29
_TOO_MUCH: Final = "its amounts add up to more than NUMERIC can hold"
_TOTALS: Final = """
SELECT fee_date, reasons, COUNT(*), COALESCE(SUM(fee_amount), 0)
FROM ({sql})
GROUP BY ALL
ORDER BY ALL
"""


def _native_records(scan: Scan) -> str:
    compression = "gzip" if scan.compressed else "none"
    parallel = scan.plain is not None and not scan.plain.quoted
    options = f"header = true, compression = '{compression}', parallel = {parallel}"
    source = _read_csv(scan.path, scan.columns, options)
    return f"SELECT row_number() OVER () AS source_row, *, NULL::VARCHAR AS fault, NULL::VARCHAR AS raw FROM {source}"  # noqa: S608


def _spilled_records(scan: Scan, spilled: Spilled) -> str:
    good = _read_csv(spilled.good, ("source_row", *scan.columns), _SEQUENTIAL)
    bad = _read_csv(spilled.bad, ("source_row", "fault", "raw"), _SEQUENTIAL)
    columns = ", ".join(COLUMNS)
    return (
        f"SELECT source_row, {columns}, NULL::VARCHAR AS fault, NULL::VARCHAR AS raw FROM {good} "  # noqa: S608
        f"UNION ALL BY NAME SELECT source_row, fault, raw FROM {bad}"
    )


def _read_csv(path: Path, columns: Iterable[str], options: str) -> str:
    """A call of the native reader that leaves nothing to its guesses."""
    types = ", ".join(f"'{name}': '{'BIGINT' if name == 'source_row' else 'VARCHAR'}'" for name in columns)
    return (
        f"read_csv({_literal(path)}, columns = {{{types}}}, auto_detect = false, delim = ',', quote = '\"', "
        f"escape = '\"', strict_mode = true, hive_partitioning = false, {options})"
    )


def _literal(path: Path) -> str:
    """A path as an SQL text that stands for this one file, whatever pattern its name looks like."""
    name = re.sub(r"[*?\[]", r"[\g<0>]", str(path.absolute()))
    return "'" + name.replace("'", "''") + "'"


# In parallel the native reader may begin inside of a quoted field, and then fails or misreads; left to itself it takes
# the first line end, even one inside of quotes, for that of every line. A bad record of 1 MiB may triple as text.
_SEQUENTIAL: Final = "header = false, compression = 'none', parallel = false, new_line = '\\n', max_line_size = 4194304"
