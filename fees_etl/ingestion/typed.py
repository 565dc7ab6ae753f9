"""Records of text to typed rows, in the SQL of the embedded engine: the one definition of what can be typed.

A row is judged by a cheap test that sound rows pass; only the others are trimmed, taken apart and given reasons.
White space is one explicit set: space, tab, CR, LF and no-break space.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from fees_etl.ingestion.header import Form
    from fees_etl.types import Column


FIELD_LIMIT: Final = 128 * 1024
"""Bytes of one field."""
FIRST_DATE: Final = "1990-01-01"


def typed_sql(records: str, order: Sequence[str], form: Form, latest: date, *, numbered: bool = False) -> str:
    """A query for the typed rows of a relation of records.

    ``records`` gives the columns of the file VARCHAR, ``_fault`` (why the record is no such fields, else NULL), and
    ``_raw`` (the text of such a record); where it is ``numbered``, _source_row BIGINT too. ``order`` is the order of
    the columns in the file, ``latest`` the last sound day. The query gives that number, the columns that a file may
    have, _reasons and _record VARCHAR. A sound row has no reasons; the others have a record, and of values only texts,
    which are given as sent. Blank is NULL, and sound; so is a column that the file has not.
    """
    fields = [_field(column, form, latest) for column in form.contract.file_columns if column.name in order]
    found = {field.name: field.value for field in fields}
    longest = ", ".join(f'strlen("{name}")' for name in order)
    return _SQL.format(
        records=records,
        casts="".join(field.cast for field in fields),
        fine=" AND ".join(field.fine for field in fields),
        sent="".join(field.sent for field in fields),
        texts="".join(field.text for field in fields),
        lates="".join(field.late for field in fields),
        reasons="".join(f", {reason}" for field in fields for reason in field.reasons),
        is_long=f"greatest({longest}) > {FIELD_LIMIT}",
        number="_source_row, " if numbered else "",
        values="".join(
            f'{found.get(column.name, f"NULL::{_kind(column, form, latest).type}")} AS "{column.name}", '
            for column in form.contract.file_columns
        ),
        record=", ".join(_SENT.format(name=name, delimiter=form.layout.delimiter) for name in order),
        delimiter=form.layout.delimiter,
    )


class _Field(NamedTuple):
    """One column of a file, as pieces of the query; ``reasons`` say what is wrong where the row is not fine."""

    name: str
    fine: str
    sent: str
    value: str
    cast: str = ""
    text: str = ""
    late: str = ""
    reasons: tuple[str, ...] = ()


def _field(column: Column, form: Form, latest: date) -> _Field:
    name, kind = column.name, _kind(column, form, latest)
    quoted = f'"{name}"'
    sent = f", CASE WHEN NOT _is_fine THEN nullif(trim(\"{name}\", {_BLANKS}), '') END AS _sent_{name}"
    if column.type == "STRING":
        tagged = column.policy_tag == "nino"
        return _Field(
            name,
            fine=f'"{name}" >= \'!\' AND "{name}" < chr(127)'  # so begins no blank text
            + (f' AND strlen("{name}") = length("{name}")' if tagged else ""),
            sent=sent,
            value=f'CASE WHEN _is_fine OR _sent_{name} IS NOT NULL THEN "{name}" END',
            reasons=(_OUTSIDE_ASCII.format(name=name),) if tagged else (),
        )
    checks = " ".join(f"WHEN {check} THEN '{name} {problem}'" for check, problem in kind.checks)
    return _Field(
        name,
        cast=f", TRY_CAST({kind.cast.format(quoted)} AS {kind.type}) AS _cast_{name}",
        fine=f"regexp_full_match(\"{name}\", '{kind.quick or kind.shape}') AND _cast_{name} {kind.bounds}",
        sent=sent,
        text=f", CASE WHEN regexp_full_match(_sent_{name}, '{kind.shape}') "
        f"THEN {(kind.normal or kind.cast).format(f'_sent_{name}')} END AS _text_{name}",
        late=f", TRY_CAST(_text_{name} AS {kind.type}) AS _late_{name}",
        reasons=(f"CASE WHEN _sent_{name} IS NULL THEN NULL {checks.replace('@', name)} END",),
        value=f"CASE WHEN _is_fine THEN _cast_{name} WHEN _reasons IS NULL THEN _late_{name} END",
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
            wrong = ("_text_@ IS NULL", "is not a whole number")
            beyond = ("_late_@ IS NULL", "is out of the range of INT64")
            normal = r"regexp_replace({0}, '^([+-]?)0*([0-9]+)$', '\1\2')"
            return _Kind("BIGINT", "[+-]?[0-9]+", (wrong, beyond), "[+-]?[0-9]{1,18}", normal=normal)
        case "BOOL":
            return _Kind("BOOLEAN", "(?i:true|false)", (("_late_@ IS NULL", "is not true or false"),))
        case "DATE":
            return _date(form, latest, is_day=column.name == form.contract.partition_by)
        case "DATETIME":
            wrong = (_beyond("TIMESTAMP"), "is not a date and time (YYYY-MM-DD HH:MM:SS)")
            return _Kind("TIMESTAMP", _MOMENT, (wrong,), bounds=_within("TIMESTAMP"))
        case "TIMESTAMP":
            wrong = (_beyond("TIMESTAMPTZ", "+00"), "is not a moment (YYYY-MM-DD HH:MM:SSZ, or +01:00 instead of Z)")
            return _Kind("TIMESTAMPTZ", _MOMENT + _OFFSET, (wrong,), bounds=_within("TIMESTAMPTZ", "+00"))
    return _Kind("VARCHAR")


def _date(form: Form, latest: date, *, is_day: bool) -> _Kind:
    """A date as the layout writes it; the column that a table is partitioned by ``is_day``, and has a range."""
    written = form.layout.date_format
    shape = re.sub("[YMD]", "[0-9]", written.replace(".", r"\."))
    parts = [f"substr({{0}}, {written.index(letters) + 1}, {len(letters)})" for letters in ("YYYY", "MM", "DD")]
    cast = "{0}" if written == "YYYY-MM-DD" else f"concat_ws('-', {', '.join(parts)})"
    wrong = f"is not a date ({written})"
    if not is_day:
        return _Kind("DATE", shape, ((_beyond("DATE"), wrong),), cast=cast, bounds=_within("DATE"))
    checks = (
        ("_late_@ IS NULL", wrong),
        (f"_late_@ < DATE '{FIRST_DATE}'", f"is before {FIRST_DATE}"),
        (f"_late_@ > DATE '{latest}'", "is more than a day after ingestion"),
    )
    return _Kind("DATE", shape, checks, cast=cast, bounds=f"BETWEEN DATE '{FIRST_DATE}' AND DATE '{latest}'")


def _within(kind: str, zone: str = "") -> str:
    """What GoogleSQL has of days and moments: the years 1 to 9999."""
    return f"BETWEEN {kind} '0001-01-01 00:00:00{zone}' AND {kind} '9999-12-31 23:59:59.999999{zone}'"


def _beyond(kind: str, zone: str = "") -> str:
    return f"(_late_@ {_within(kind, zone)}) IS NOT TRUE"


_BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_OFFSET = "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
_OUTSIDE_ASCII = """CASE WHEN strlen(replace("{name}", chr(160), '')) <> length(replace("{name}", chr(160), ''))
                THEN '{name} has a character outside ASCII' END"""
_SENT = """CASE WHEN regexp_matches("{name}", '["\\r\\n\\{delimiter}]')
        THEN '"' || replace("{name}", '"', '""') || '"' ELSE coalesce("{name}", '') END"""
_SQL = """
WITH records AS (
    {records}
), cast_records AS (
    SELECT *{casts}
    FROM records
), judged AS (
    SELECT *, COALESCE(_fault IS NULL AND NOT {is_long} AND {fine}, FALSE) AS _is_fine
    FROM cast_records
), trimmed AS (
    SELECT *{sent}
    FROM judged
), normal AS (
    SELECT *{texts}
    FROM trimmed
), retyped AS (
    SELECT *{lates}
    FROM normal
), reasoned AS (
    SELECT
        *,
        CASE WHEN NOT _is_fine THEN nullif(concat_ws(
            '; ', _fault, CASE WHEN {is_long} THEN 'a field is over 128 KiB' END{reasons}
        ), '') END AS _reasons
    FROM retyped
)
SELECT
    {number}{values}_reasons,
    CASE WHEN _reasons IS NOT NULL THEN COALESCE(_raw, concat_ws('{delimiter}', {record})) END AS _record
FROM reasoned
"""
