"""One scanned file as a table of typed rows, read natively where that is safe, carefully where not.

Each file is typed once, into a database in memory: unlike a temporary table, the transaction that loads its rows, on
another connection, sees it.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import reduce
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fees_etl.errors import WarehouseError
from fees_etl.ingestion.bytes import FileChanged, FileRefused, StoredFile, blocks, is_gzip, opened
from fees_etl.ingestion.records import Grammar, native_relation, spill, spilled_relation
from fees_etl.ingestion.typed import typed_sql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from fees_etl.ingestion.header import Scan


@dataclass(frozen=True, slots=True)
class Total:
    """Rows and pounds of one day (None: blank), or, with ``reasons``, rows rejected for them, without pounds."""

    day: date | None
    reasons: str | None
    rows: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read once, to its end, and whose rows the embedded engine has in ``table``, or in a query for it.

    Their columns are those of :func:`typed_sql`, with numbers; ``rows`` counts all data records, those ``rejected``
    included; ``amount`` is the sum of the others; ``careful`` says which reader it took.
    """

    table: str
    totals: tuple[Total, ...]
    rows: int
    rejected: int
    amount: Decimal
    careful: bool


@contextmanager
def read(connection: Any, scan: Scan, latest: date, folder: Path) -> Iterator[Reading]:
    """Type a file into a table that is there until the end of the ``with`` block; ``latest`` is the last sound day.

    ``connection`` is one of the embedded engine outside of any transaction (see ``Engine.scratch``): an error of the
    native reader, which leads to the careful one, aborts any. The careful reader's copy of the file lies for a while in
    a new private folder inside ``folder``.

    Raises:
        FileRefused: nothing of it may be loaded.
        FileChanged: it is not the one that was scanned; after the block, ``scan.still_holds()`` tells whether it is.
    """
    database = f"reading_{next(_NUMBERS)}"
    connection.execute(f"ATTACH ':memory:' AS {database}")
    try:
        try:
            reading = _either(connection, scan, latest, folder, f"{database}.typed")
        except FileRefused:
            if scan.still_holds():
                raise
            raise FileChanged from None
        if not scan.still_holds():
            raise FileChanged
        yield reading
    finally:
        with suppress(WarehouseError):  # the error that brought us here says more
            connection.execute(f"DETACH {database}")


def _either(connection: Any, scan: Scan, latest: date, folder: Path, table: str) -> Reading:
    if scan.refusal:
        raise FileRefused(scan.refusal)
    reading = _native(connection, scan, latest, table) or _careful(connection, scan, latest, folder, table)
    # abs() would round to 28 digits.
    amounts = [reading.amount, *(total.amount for total in reading.totals)]
    if any(amount.copy_abs() >= _NUMERIC_END for amount in amounts):
        raise FileRefused(_TOO_MUCH)
    return reading


def _native(connection: Any, scan: Scan, latest: date, table: str) -> Reading | None:
    """The file as the native reader sees it, None where it fails or finds another number of records than the scan."""
    if scan.plain is None:
        return None
    compression = "gzip" if is_gzip(scan.path) else "none"
    options = f"compression = '{compression}', parallel = {not scan.plain.quoted}"
    relation = native_relation(scan.path, scan.columns, scan.form.layout.delimiter, options)
    try:
        reading = _typed(connection, scan, relation, latest, table, careful=False)
    except RuntimeError:  # Ctrl-C
        raise
    except Exception:  # noqa: BLE001 - whatever the engine raised, it will come again if it was not the reader
        return None
    return reading if reading.rows == scan.plain.records - 1 else None


def _careful(connection: Any, scan: Scan, latest: date, folder: Path, table: str) -> Reading:
    delimiter = scan.form.layout.delimiter
    with tempfile.TemporaryDirectory(dir=folder, prefix="reading-") as private:
        with StoredFile(scan.path) as stored, opened(stored, compressed=is_gzip(scan.path)) as content:
            spilled = spill(blocks(content), Grammar(len(scan.columns), delimiter), Path(private))
        relation = spilled_relation(spilled, scan.columns, delimiter)
        try:
            reading = _typed(connection, scan, relation, latest, table, careful=True)
        except Exception as error:
            if "Overflow" in str(error):
                raise FileRefused(_TOO_MUCH) from None
            raise
    if reading.rows != spilled.rows:
        raise AssertionError(f"{spilled.rows} records were written and {reading.rows} read back")
    return reading


def _typed(connection: Any, scan: Scan, relation: str, latest: date, table: str, *, careful: bool) -> Reading:
    contract = scan.form.contract
    typed = typed_sql(relation, scan.columns, scan.form, latest, numbered=careful)
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS {typed}")
    answer = connection.execute(_TOTALS.format(table=table, day=contract.partition_by, total=contract.total))
    totals = tuple(Total(*row) for row in answer.fetchall())
    rows = sum(total.rows for total in totals)
    rejected = sum(total.rows for total in totals if total.reasons)
    # The default context would round to 28 digits.
    amount = reduce(Context(prec=60).add, (total.amount for total in totals), Decimal(0))
    # The native reader's rows are in their order: a number for each would make one thread of reading and typing.
    numbered = table if careful else f"(SELECT rowid + 1 AS _source_row, * FROM {table})"  # noqa: S608 - our own SQL
    return Reading(numbered, totals, rows, rejected, amount, careful)


_NUMBERS = count()
_NUMERIC_END: Final = Decimal(10) ** 29
_TOO_MUCH: Final = "its amounts add up to more than NUMERIC can hold"
_TOTALS: Final = """
SELECT {day}, _reasons, COUNT(*), COALESCE(SUM({total}), 0)
FROM {table}
GROUP BY ALL
ORDER BY ALL
"""
