"""The text of a field as a value, in the embedded engine's SQL: how each type is written, and what else is wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from fees_etl.privacy import IN_AN_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fees_etl.ingestion.header import Form
    from fees_etl.types import Column


FIRST_DATE: Final = "1990-01-01"


class Field(NamedTuple):
    """One column as pieces of the query; ``reasons`` say what is wrong where the row is not ``fine``."""

    name: str
    value: str
    fine: str = "TRUE"
    reasons: str = ""
    cast: str = ""
    text: str = ""
    late: str = ""


def field(column: Column, form: Form, order: Sequence[str], *, careful: bool) -> Field:
    """A column as pieces of the query over records with the columns ``order``, by the careful reader or the native."""
    name, kind, quoted = column.name, _kind(column, form), f'"{column.name}"'
    if name not in order:
        return Field(name, f"NULL::{kind.type}")
    if column.type == "STRING":
        value = f"CASE WHEN _is_fine OR _sent_{name} IS NOT NULL THEN {quoted} END"
        fine, is_nino, is_odd = (text.replace("@", quoted) for text in (_FINE_TEXT, _IS_NINO, _IS_ODD))
        fine += f" AND NOT {is_odd}" if careful else ""  # else the file has none
        problems = {is_odd: "has an invisible character", f"_sent_{name} IN {_NOTHING}": "says NULL: leave it blank"}
        if column.policy_tag == "nino":
            problems = {f"regexp_matches({quoted}, '[^\\x00-\\x7F\\xA0]')": "has a character outside ASCII", **problems}
        else:
            fine += f" AND CASE WHEN strlen({quoted}) < 9 THEN TRUE ELSE NOT {is_nino} END"
            problems[is_nino] = "looks like a National Insurance number"
            problems[f"regexp_matches({quoted}, '{_LOOKALIKE}')"] = "has a letter or digit that looks like another"
        checks = " ".join(f"WHEN {check} THEN '{name} {problem}'" for check, problem in problems.items())
        return Field(name, value, fine, f", CASE {checks} END")
    checks = " ".join(f"WHEN {check} THEN '{name} {problem}'" for check, problem in kind.checks)
    return Field(
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


def _kind(column: Column, form: Form) -> _Kind:  # noqa: PLR0911 - one return a type
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
            return _date(form, is_day=column.name == form.contract.partition_by)
        case "DATETIME":
            return _moment("TIMESTAMP", _MOMENT, "is not a date and time (YYYY-MM-DD HH:MM:SS)")
        case "TIMESTAMP":
            wrong = "is not a moment (YYYY-MM-DD HH:MM:SSZ, or +01:00 instead of Z)"
            return _moment("TIMESTAMPTZ", _MOMENT + _OFFSET, wrong, zone="+00")
    return _Kind("VARCHAR")


def _date(form: Form, *, is_day: bool) -> _Kind:
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
        (f"_late_@ > DATE '{form.latest}'", "is more than a day after ingestion"),
    )
    return _Kind("DATE", shape, checks, cast=cast, bounds=f"BETWEEN DATE '{FIRST_DATE}' AND DATE '{form.latest}'")


def _moment(kind: str, shape: str, wrong: str, *, cast: str = "{0}", zone: str = "") -> _Kind:
    """A day or a moment within what GoogleSQL has of them: the years 1 to 9999."""
    bounds = f"BETWEEN {kind} '0001-01-01 00:00:00{zone}' AND {kind} '9999-12-31 23:59:59.999999{zone}'"
    return _Kind(kind, shape, ((f"(_late_@ {bounds}) IS NOT TRUE", wrong),), cast=cast, bounds=bounds)


_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_OFFSET = "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
_NOTHING: Final = r"('NULL', 'Null', 'null', 'NONE', 'None', 'none', 'NAN', 'NaN', 'nan', '\N')"
"""What machines write for nothing; taken as an id, it would be one client with everybody's fees."""
_FINE_TEXT: Final = f"@ >= '!' AND @ < chr(127) AND strlen(@) = length(@) AND @ NOT IN {_NOTHING}"  # no blank begins so
_IS_NINO: Final = f"CASE WHEN strlen(@) = 44 AND suffix(@, '=') THEN FALSE ELSE regexp_matches(@, '{IN_AN_ID}') END"
"""The SHA-256 of a client in base64 is none: it has 44 characters."""
_IS_ODD: Final = r"regexp_matches(@, '[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x{9F}\p{Cf}]|[^\P{Z}\x20\x{A0}]')"
"""Whether a text has a character without a shape, blanks and ends of lines apart; plain files have none of ASCII."""
_LOOKALIKE: Final = r"[\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}]|[^\P{Nd}0-9]"
