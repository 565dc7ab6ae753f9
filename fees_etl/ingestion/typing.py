"""One scanned file as a table of typed rows: the one definition, in the embedded engine's SQL, of what can be typed.

It is read natively where that is safe, carefully where not, and typed once, into a database in memory: unlike a
temporary table, the transaction that loads its rows, on another connection, sees it. A row is judged by a cheap test
that sound rows pass; only the others are trimmed (of space, tab, CR, LF, no-break space) and given reasons.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fees_etl.errors import WarehouseError
from fees_etl.figures import total
from fees_etl.ingestion.bytes import FileRefused, StoredFile, blocks, changed, is_gzip, opened
from fees_etl.ingestion.records import Grammar, native_relation, spill, spilled_relation
from fees_etl.ingestion.values import field

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from decimal import Decimal

    from fees_etl.ingestion.header import Form, Scan


FIELD_LIMIT: Final = 128 * 1024  # bytes
AMOUNTS_LIMIT: Final = 10**20
"""Pounds in a file, signs apart: a million such files and their mean, which multiplies by 200, fit NUMERIC(38, 9)."""
_MANY, _FEW = 100_000, 5
"""Rows from which on it pays to look at the first ones first; and how many rejected ones are named."""


@dataclass(frozen=True, slots=True)
class Total:
    """Rows and pounds of one day (None: blank), or, with ``reasons``, rows rejected for them, without pounds."""

    day: date | None
    reasons: str | None
    rows: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read once, and whose rows the embedded engine has in ``table``, or in a query for it.

    Their columns are those of :func:`typed_sql`, with numbers; ``rows`` counts all data records, those ``rejected``
    included; ``amount`` is the sum of the others; ``careful`` says which reader it took, ``first`` names a few of the
    rejected rows with their reasons. A file is not ``whole`` where so many are rejected that it was not read on.
    """

    table: str
    totals: tuple[Total, ...]
    rows: int
    rejected: int
    amount: Decimal
    careful: bool
    first: tuple[tuple[int, str], ...] = ()
    whole: bool = True


@contextmanager
def read(connection: Any, scan: Scan, folder: Path) -> Iterator[Reading]:
    """Type a file into a table that is there until the end of the ``with`` block.

    Where more of its rows are sure to be rejected than its form lets pass, it need not be read to its end.

    ``connection`` is one of the embedded engine outside of any transaction (see ``Engine.scratch``): an error of the
    native reader, which leads to the careful one, aborts any. The careful reader's copy of the file lies for a while in
    a new private folder inside ``folder``.

    Raises:
        FileRefused: nothing of it may be loaded.
        WarehouseBusy: it is not the one that was scanned, or no longer at the end of the block.
    """
    database = f"reading_{next(_NUMBERS)}"
    connection.execute(f"ATTACH ':memory:' AS {database}")
    try:
        try:
            table = f"{database}.typed"
            reading = _native(connection, scan, table) or _careful(connection, scan, table, folder)
        except FileRefused:
            if scan.still_holds():
                raise
            raise changed(str(scan.path)) from None
        yield reading
        if not scan.still_holds():
            raise changed(str(scan.path))
    finally:
        with suppress(WarehouseError):  # the error that brought us here says more
            connection.execute(f"DETACH {database}")


def typed_sql(records: str, order: Sequence[str], form: Form, *, numbered: bool = False) -> str:
    """A query for the typed rows of a relation of records.

    ``records`` gives the columns of the file VARCHAR, ``_fault`` (why the record is no such fields, else NULL), and
    ``_raw`` (the text of such a record); where it is ``numbered``, _source_row BIGINT too. ``order`` is the order of
    the columns in the file. The query gives that number, the columns that a file may have, _reasons and _record
    VARCHAR. A sound row has no reasons; the others have a record, and of values only texts, which are given as sent.
    Blank is NULL, and sound; so is a column that the file has not.
    """
    fields = [field(column, form, order, careful=numbered) for column in form.contract.file_columns]
    longest = ", ".join(f'strlen("{name}")' for name in order)
    return _SQL.format(
        records=records,
        fine=" AND ".join(one.fine for one in fields),
        sent="".join(_SENT.format(name=name) for name in order),
        **{piece: "".join(getattr(one, piece) for one in fields) for piece in ("cast", "text", "late", "reasons")},
        is_long=f"greatest({longest}) > {FIELD_LIMIT}",
        number="_source_row, " if numbered else "",
        values="".join(f'{one.value} AS "{one.name}", ' for one in fields),
        record=", ".join(_QUOTED.format(name=name, delimiter=form.layout.delimiter) for name in order),
        delimiter=form.layout.delimiter,
    )


def _native(connection: Any, scan: Scan, table: str) -> Reading | None:
    """The file as the native reader sees it, None where it fails or finds another number of records than the scan."""
    if scan.refusal:
        raise FileRefused(scan.refusal)
    if scan.plain is None:
        return None
    compression = "gzip" if is_gzip(scan.path) else "none"
    options = f"compression = '{compression}', parallel = {not scan.plain.quoted}"
    relation = native_relation(scan.path, scan.columns, scan.form.layout.delimiter, options)
    rows, limit = scan.plain.records - 1, scan.form.limit
    some = 2 * int(limit * rows) + 1
    try:
        if _MANY < some < rows:
            reading = _typed(connection, scan, f"{relation} LIMIT {some}", table, careful=False)
            if reading.rejected > limit * rows:
                return replace(reading, whole=False)
        reading = _typed(connection, scan, relation, table, careful=False)
    except RuntimeError:  # Ctrl-C
        raise
    except Exception:  # noqa: BLE001 - whatever the engine raised, it will come again if it was not the reader
        return None
    return reading if reading.rows == rows else None


def _careful(connection: Any, scan: Scan, table: str, folder: Path) -> Reading:
    delimiter = scan.form.layout.delimiter
    with tempfile.TemporaryDirectory(dir=folder, prefix="reading-") as private:
        with StoredFile(scan.path) as stored, opened(stored, compressed=is_gzip(scan.path)) as content:
            grammar, rest = Grammar(len(scan.columns), delimiter), blocks(content, stored)
            spilled = spill(rest, grammar, Path(private), scan.content, float(scan.form.limit))
        relation = spilled_relation(spilled, scan.columns, delimiter)
        reading = _typed(connection, scan, relation, table, careful=True)
    if reading.rows != spilled.rows:
        raise AssertionError(f"{spilled.rows} records were written and {reading.rows} read back")
    return replace(reading, whole=spilled.whole)


def _typed(connection: Any, scan: Scan, relation: str, table: str, *, careful: bool) -> Reading:
    contract = scan.form.contract
    query = typed_sql(relation, scan.columns, scan.form, numbered=careful)
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS {query}")
    # The native reader's rows are in their order: a number for each would make one thread of reading and typing.
    numbered = table if careful else f"(SELECT rowid + 1 AS _source_row, * FROM {table})"  # noqa: S608 - our own SQL
    pieces = {"total": contract.total, "table": numbered, "limit": AMOUNTS_LIMIT, "few": _FEW}
    if connection.execute(_GROSS.format(**pieces)).fetchall()[0][0]:
        ((row,),) = connection.execute(_TOO_FAR.format(**pieces)).fetchall()
        raise FileRefused(_TOO_MUCH, row)
    first = connection.execute(_FIRST.format(**pieces)).fetchall()
    answer = connection.execute(_TOTALS.format(table=table, day=contract.partition_by, total=contract.total))
    totals = tuple(Total(*row) for row in answer.fetchall())
    rows = sum(one.rows for one in totals)
    rejected = sum(one.rows for one in totals if one.reasons)
    return Reading(numbered, totals, rows, rejected, total(one.amount for one in totals), careful, tuple(first))


_SENT = ", CASE WHEN NOT _is_fine THEN nullif(trim(\"{name}\", ' \t\r\n\u00a0'), '') END AS _sent_{name}"
_QUOTED = """CASE WHEN regexp_matches("{name}", '["\\r\\n\\{delimiter}]')
        THEN '"' || replace("{name}", '"', '""') || '"' ELSE coalesce("{name}", '') END"""
_NUMBERS = count()
_TOO_MUCH: Final = (
    f"amounts add up to {AMOUNTS_LIMIT:,} pounds and more, signs apart: sums of such would not fit NUMERIC"
)
_GROSS: Final = "SELECT COALESCE(SUM(ABS({total})::DOUBLE), 0) >= {limit} FROM {table}"
_TOO_FAR: Final = """SELECT MIN(_source_row)
FROM (SELECT _source_row, SUM(ABS({total})::DOUBLE) OVER (ORDER BY _source_row) AS _sum FROM {table})
WHERE _sum >= {limit}"""
_FIRST: Final = """SELECT _source_row, _reasons FROM {table} WHERE _reasons IS NOT NULL
ORDER BY _source_row LIMIT {few}"""
_TOTALS: Final = "SELECT {day}, _reasons, COUNT(*), COALESCE(SUM({total}), 0) FROM {table} GROUP BY ALL ORDER BY ALL"
_SQL = """
WITH cast_records AS (SELECT *{cast} FROM ({records})),
judged AS (SELECT *, COALESCE(_fault IS NULL AND NOT {is_long} AND {fine}, FALSE) AS _is_fine FROM cast_records),
trimmed AS (SELECT *{sent} FROM judged),
normal AS (SELECT *{text} FROM trimmed),
retyped AS (SELECT *{late} FROM normal),
reasoned AS (
    SELECT *, CASE WHEN NOT _is_fine THEN nullif(concat_ws(
        '; ', _fault, CASE WHEN {is_long} THEN 'a field is over 128 KiB' END{reasons}
    ), '') END AS _reasons
    FROM retyped
)
SELECT {number}{values}_reasons,
    CASE WHEN _reasons IS NOT NULL THEN COALESCE(_raw, concat_ws('{delimiter}', {record})) END AS _record
FROM reasoned
"""
