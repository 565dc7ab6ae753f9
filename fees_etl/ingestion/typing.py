"""One scanned file as a table of typed rows: the one definition, in the embedded engine's SQL, of what can be typed.

It is read natively where that is safe, carefully where not, and typed once, into a database in memory: unlike a
temporary table, the transaction that loads its rows, on another connection, sees it. A row is judged by a cheap test
that sound rows pass; only the others are trimmed (of space, tab, CR, LF, no-break space) and given reasons.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import reduce
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fees_etl.errors import WarehouseError
from fees_etl.ingestion.bytes import FileChanged, FileRefused, StoredFile, blocks, is_gzip, opened
from fees_etl.ingestion.records import Grammar, native_relation, spill, spilled_relation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from fees_etl.ingestion.header import Form, Scan
    from fees_etl.types import Column


FIELD_LIMIT: Final = 128 * 1024  # bytes
FIRST_DATE: Final = "1990-01-01"


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
            table = f"{database}.typed"
            reading = _native(connection, scan, latest, table) or _careful(connection, scan, latest, folder, table)
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


def typed_sql(records: str, order: Sequence[str], form: Form, latest: date, *, numbered: bool = False) -> str:
    """A query for the typed rows of a relation of records.

    ``records`` gives the columns of the file VARCHAR, ``_fault`` (why the record is no such fields, else NULL), and
    ``_raw`` (the text of such a record); where it is ``numbered``, _source_row BIGINT too. ``order`` is the order of
    the columns in the file, ``latest`` the last sound day. The query gives that number, the columns that a file may
    have, _reasons and _record VARCHAR. A sound row has no reasons; the others have a record, and of values only texts,
    which are given as sent. Blank is NULL, and sound; so is a column that the file has not.
    """
    fields = [_field(column, form, latest, order) for column in form.contract.file_columns]
    longest = ", ".join(f'strlen("{name}")' for name in order)
    return _SQL.format(
        records=records,
        fine=" AND ".join(field.fine for field in fields),
        sent="".join(_SENT.format(name=name) for name in order),
        **{piece: "".join(getattr(field, piece) for field in fields) for piece in ("cast", "text", "late", "reasons")},
        is_long=f"greatest({longest}) > {FIELD_LIMIT}",
        number="_source_row, " if numbered else "",
        values="".join(f'{field.value} AS "{field.name}", ' for field in fields),
        record=", ".join(_QUOTED.format(name=name, delimiter=form.layout.delimiter) for name in order),
        delimiter=form.layout.delimiter,
    )


def _native(connection: Any, scan: Scan, latest: date, table: str) -> Reading | None:
    """The file as the native reader sees it, None where it fails or finds another number of records than the scan."""
    if scan.refusal:
        raise FileRefused(scan.refusal)
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
    query = typed_sql(relation, scan.columns, scan.form, latest, numbered=careful)
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS {query}")
    answer = connection.execute(_TOTALS.format(table=table, day=contract.partition_by, total=contract.total))
    totals = tuple(Total(*row) for row in answer.fetchall())
    rows = sum(total.rows for total in totals)
    rejected = sum(total.rows for total in totals if total.reasons)
    # The default context would round to 28 digits, and so would abs().
    amount = reduce(Context(prec=60).add, (total.amount for total in totals), Decimal(0))
    if any(one.copy_abs() >= _NUMERIC_END for one in (amount, *(total.amount for total in totals))):
        raise FileRefused(_TOO_MUCH)
    # The native reader's rows are in their order: a number for each would make one thread of reading and typing.
    numbered = table if careful else f"(SELECT rowid + 1 AS _source_row, * FROM {table})"  # noqa: S608 - our own SQL
    return Reading(numbered, totals, rows, rejected, amount, careful)


class _Field(NamedTuple):
    """One column as pieces of the query; ``reasons`` say what is wrong where the row is not ``fine``."""

    name: str
    value: str
    fine: str = "TRUE"
    reasons: str = ""
    cast: str = ""
    text: str = ""
    late: str = ""


def _field(column: Column, form: Form, latest: date, order: Sequence[str]) -> _Field:
    name, kind, quoted = column.name, _kind(column, form, latest), f'"{column.name}"'
    if name not in order:
        return _Field(name, f"NULL::{kind.type}")
    if column.type == "STRING":
        value = f"CASE WHEN _is_fine OR _sent_{name} IS NOT NULL THEN {quoted} END"
        fine = f"{quoted} >= '!' AND {quoted} < chr(127)"  # so begins no blank text
        if column.policy_tag != "nino":
            return _Field(name, value, fine)
        fine += f" AND strlen({quoted}) = length({quoted})"
        foreign = f"regexp_matches({quoted}, '[^\\x00-\\x7F\\xA0]')"
        return _Field(name, value, fine, f", CASE WHEN {foreign} THEN '{name} has a character outside ASCII' END")
    checks = " ".join(f"WHEN {check} THEN '{name} {problem}'" for check, problem in kind.checks)
    return _Field(
        name,
        value=f"CASE WHEN _is_fine THEN _cast_{name} WHEN _reasons IS NULL THEN _late_{name} END",
        fine=f"regexp_full_match({quoted}, '{kind.quick or kind.shape}') AND _cast_{name} {kind.bounds}",
        reasons=f", CASE WHEN _sent_{name} IS NULL THEN NULL {checks.replace('@', name)} END",
        cast=f", TRY_CAST({kind.cast.format(quoted)} AS {kind.type}) AS _cast_{name}",
        text=f", CASE WHEN regexp_full_match(_sent_{name}, '{kind.shape}') "
        f"THEN {(kind.normal or kind.cast).format(f'_sent_{name}')} END AS _text_{name}",
        late=f", TRY_CAST(_text_{name} AS {kind.type}) AS _late_{name}",
    )


class _Kind(NamedTuple):
    """How values of a type are written and judged: SQL in which ``{0}`` is the text, and ``@`` the column.

    A text of the ``shape`` becomes what ``normal`` makes of it, and then a value. Sound texts are ``quick`` already:
    ``cast`` is all they need, and the value must keep the ``bounds``. Of the ``checks`` the first that holds is named.
    """

    type: str
    shape: str = ""
    checks: tuple[tuple[str, str], ...] = ()
    quick: str = ""
    cast: str = "{0}"
    normal: str = ""
    bounds: str = "IS NOT NULL"


def _kind(column: Column, form: Form, latest: date) -> _Kind:  # noqa: PLR0911 - one return a type
    # TRY_CAST alone would take 2024/1/1, 24:00, 1e3, 1_000 or .5 and round 0.0000000001.
    match column.type:
        case "NUMERIC":
            checks = (
                ("_text_@ IS NULL", "is not a number"),
                (r"regexp_matches(_text_@, '\.[0-9]{10}')", "has more than 9 decimals"),
                ("_late_@ IS NULL", "is out of the range of NUMERIC"),
            )
            normal = r"regexp_replace({0}, '^([+-]?)0*([0-9]+)(\.[0-9]*[1-9])?(\.?0*)$', '\1\2\3')"
            quick = r"[+-]?[0-9]{1,29}(\.[0-9]{1,9})?"
            return _Kind("DECIMAL(38, 9)", r"[+-]?[0-9]+(\.[0-9]+)?", checks, quick, normal=normal)
        case "INT64":
            whole = ("_text_@ IS NULL", "is not a whole number"), ("_late_@ IS NULL", "is out of the range of INT64")
            normal = r"regexp_replace({0}, '^([+-]?)0*([0-9]+)$', '\1\2')"
            return _Kind("BIGINT", "[+-]?[0-9]+", whole, "[+-]?[0-9]{1,18}", normal=normal)
        case "BOOL":
            return _Kind("BOOLEAN", "(?i:true|false)", (("_late_@ IS NULL", "is not true or false"),))
        case "DATE":
            return _date(form, latest, is_day=column.name == form.contract.partition_by)
        case "DATETIME":
            return _moment("TIMESTAMP", _MOMENT, "is not a date and time (YYYY-MM-DD HH:MM:SS)")
        case "TIMESTAMP":
            wrong = "is not a moment (YYYY-MM-DD HH:MM:SSZ, or +01:00 instead of Z)"
            return _moment("TIMESTAMPTZ", _MOMENT + _OFFSET, wrong, zone="+00")
    return _Kind("VARCHAR")


def _date(form: Form, latest: date, *, is_day: bool) -> _Kind:
    """A date as the layout writes it; the column that a table is partitioned by ``is_day``, and has a range."""
    written = form.layout.date_format
    shape = re.sub("[YMD]", "[0-9]", written.replace(".", r"\."))
    parts = [f"substr({{0}}, {written.index(letters) + 1}, {len(letters)})" for letters in ("YYYY", "MM", "DD")]
    cast = "{0}" if written == "YYYY-MM-DD" else f"concat_ws('-', {', '.join(parts)})"
    wrong = f"is not a date ({written})"
    if not is_day:
        return _moment("DATE", shape, wrong, cast=cast)
    checks = (
        ("_late_@ IS NULL", wrong),
        (f"_late_@ < DATE '{FIRST_DATE}'", f"is before {FIRST_DATE}"),
        (f"_late_@ > DATE '{latest}'", "is more than a day after ingestion"),
    )
    return _Kind("DATE", shape, checks, cast=cast, bounds=f"BETWEEN DATE '{FIRST_DATE}' AND DATE '{latest}'")


def _moment(kind: str, shape: str, wrong: str, *, cast: str = "{0}", zone: str = "") -> _Kind:
    """A day or a moment within what GoogleSQL has of them: the years 1 to 9999."""
    bounds = f"BETWEEN {kind} '0001-01-01 00:00:00{zone}' AND {kind} '9999-12-31 23:59:59.999999{zone}'"
    return _Kind(kind, shape, ((f"(_late_@ {bounds}) IS NOT TRUE", wrong),), cast=cast, bounds=bounds)


_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_OFFSET = "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
_SENT = ", CASE WHEN NOT _is_fine THEN nullif(trim(\"{name}\", ' \t\r\n\u00a0'), '') END AS _sent_{name}"
_QUOTED = """CASE WHEN regexp_matches("{name}", '["\\r\\n\\{delimiter}]')
        THEN '"' || replace("{name}", '"', '""') || '"' ELSE coalesce("{name}", '') END"""
_NUMBERS = count()
_NUMERIC_END: Final = Decimal(10) ** 29
_TOO_MUCH: Final = "its amounts add up to more than NUMERIC can hold"
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
