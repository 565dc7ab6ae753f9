"""One scanned file as a relation of typed rows and rejects, read natively where that is safe, carefully where not."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fees_etl.ingest.careful import Spilled, spill
from fees_etl.ingest.content import StoredFile, blocks, opened
from fees_etl.ingest.header import COLUMNS, FileRefused
from fees_etl.ingest.typed import typed_sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from fees_etl.ingest.scan import Scan

__all__ = ["Connection", "Reading", "Total", "read"]


class _Answer(Protocol):
    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """As much of an embedded engine's connection as reading takes."""

    def execute(self, query: str, /) -> _Answer: ...


@dataclass(frozen=True, slots=True)
class Total:
    """Rows of one fee date, or rejected rows of one set of reasons: those have no date and no amount."""

    fee_date: date | None
    reasons: str | None
    rows: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read once, to its end, and can be read again as ``SELECT ... FROM (<sql>)``.

    The columns of ``sql`` are those of ``typed_sql``. ``rows`` counts all data records, rejected ones included.
    ``careful`` says which reader it took.
    """

    sql: str
    totals: tuple[Total, ...]
    rows: int
    careful: bool

    @property
    def rejected(self) -> int:
        return sum(total.rows for total in self.totals if total.reasons)

    @property
    def amount(self) -> Decimal:
        return sum((total.amount for total in self.totals), Decimal(0))


@contextmanager
def read(connection: Connection, scan: Scan, latest: date, folder: Path) -> Iterator[Reading]:
    """Read a file into totals, and keep what is needed to read it again until the end of the block.

    Raises FileRefused. Must be called outside of a transaction: the native reader's errors, which lead to the careful
    reader, abort one. The careful reader's copy of the file lies in a new private folder inside ``folder``.
    """
    if scan.refusal:
        raise FileRefused(scan.refusal)
    reading = _native(connection, scan, latest)
    if reading:
        yield reading
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix="reading-") as private:
        yield _careful(connection, scan, latest, Path(private))


def _native(connection: Connection, scan: Scan, latest: date) -> Reading | None:
    """The file as the native reader sees it, None where it fails or finds another number of records than the scan."""
    if scan.plain_rows is None:
        return None
    sql = typed_sql(_native_records(scan), scan.columns, latest)
    try:
        totals = _totals(connection, sql)
    except Exception:  # noqa: BLE001 - the engine's errors cannot be named here; whatever else it was will come again
        return None
    rows = sum(total.rows for total in totals)
    return Reading(sql, totals, rows, careful=False) if rows == scan.plain_rows else None


def _careful(connection: Connection, scan: Scan, latest: date, folder: Path) -> Reading:
    with StoredFile(scan.path) as stored, opened(stored, compressed=scan.compressed) as content:
        spilled = spill(blocks(content), folder)
    sql = typed_sql(_spilled_records(scan, spilled), scan.columns, latest)
    totals = _totals(connection, sql)
    rows = sum(total.rows for total in totals)
    if rows != spilled.rows:
        raise AssertionError(f"{spilled.rows} records were written and {rows} read back")
    return Reading(sql, totals, rows, careful=True)


def _totals(connection: Connection, sql: str) -> tuple[Total, ...]:
    found = connection.execute(_TOTALS.format(sql=sql)).fetchall()
    return tuple(Total(*row) for row in found)


_TOTALS = """
SELECT
    CASE WHEN reasons IS NULL THEN fee_date END AS fee_date,
    reasons,
    COUNT(*) AS row_count,
    COALESCE(SUM(fee_amount) FILTER (WHERE reasons IS NULL), 0) AS amount
FROM ({sql})
GROUP BY ALL
ORDER BY ALL
"""  # noqa: S608


def _native_records(scan: Scan) -> str:
    source = _read_csv(
        scan.path, scan.columns, f"header = true, compression = '{'gzip' if scan.compressed else 'none'}'"
    )
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
        f"escape = '\"', strict_mode = true, hive_partitioning = false, max_line_size = {_MAX_LINE}, {options})"
    )


def _literal(path: Path) -> str:
    """A path as an SQL text that stands for this one file, whatever pattern its name looks like."""
    name = re.sub(r"[*?\[]", r"[\g<0>]", str(path.absolute()))
    return "'" + name.replace("'", "''") + "'"


# In parallel the native reader may begin inside of a quoted field, and then misreads or refuses what spans lines; left
# to itself it takes the first line end for every one's, even one inside of quotes.
_SEQUENTIAL = "header = false, compression = 'none', parallel = false, new_line = '\\n'"
_MAX_LINE = 4 << 20
