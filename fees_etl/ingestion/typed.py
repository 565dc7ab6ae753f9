"""Records of text to typed rows, in the SQL of the embedded engine: the one definition of what can be typed.

A row is judged by a cheap test that sound rows pass; only the others are trimmed, taken apart and given reasons.
White space is one explicit set: space, tab, CR, LF and no-break space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fees_etl.ingestion.header import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


FIELD_LIMIT: Final = 128 * 1024
"""Bytes of one field."""
FIRST_DATE: Final = "1990-01-01"


def typed_sql(records: str, order: Sequence[str], latest: date) -> str:
    """A query for the typed rows of a relation of records.

    ``records`` gives source_row BIGINT, the five columns VARCHAR, ``fault`` (why the record is not five fields, else
    NULL) and ``raw`` (the text of such a record). ``order`` is the order of the columns in the file, ``latest`` the
    last acceptable fee date. The query gives source_row BIGINT, client_id, client_nino, adviser_id VARCHAR as sent,
    fee_date DATE, fee_amount DECIMAL(38,9), reasons VARCHAR and record VARCHAR. A sound row has no reasons; the others
    have a record, but no date and no amount. Blank is NULL, and sound.
    """
    return _SQL.format(
        records=records,
        longest=f"greatest({', '.join(f'strlen({column})' for column in COLUMNS)})",
        record=", ".join(_SENT.format(column=column) for column in order),
        latest=f"DATE '{latest}'",
        first=f"DATE '{FIRST_DATE}'",
        limit=FIELD_LIMIT,
        blanks="' ' || chr(9) || chr(10) || chr(13) || chr(160)",
    )


_SENT = """CASE WHEN regexp_matches({column}, '[",\\r\\n]') THEN '"' || replace({column}, '"', '""') || '"' \
ELSE coalesce({column}, '') END"""

# Between '!' and DEL begins no blank text. TRY_CAST alone would take 2024/1/1, 1e3, 1_000 or .5 and round 0.0000000001.
_SQL = r"""
WITH records AS (
    {records}
), cast_records AS (
    SELECT *, TRY_CAST(fee_date AS DATE) AS cast_date, TRY_CAST(fee_amount AS DECIMAL(38, 9)) AS cast_amount
    FROM records
), judged AS (
    SELECT
        *,
        COALESCE(
            fault IS NULL
            AND cast_date BETWEEN {first} AND {latest}
            AND CAST(cast_date AS VARCHAR) = fee_date
            AND regexp_full_match(fee_amount, '[+-]?[0-9]{{1,29}}(\.[0-9]{{1,9}})?')
            AND cast_amount IS NOT NULL
            AND client_id >= '!' AND client_id < chr(127)
            AND client_nino >= '!' AND client_nino < chr(127)
            AND adviser_id >= '!' AND adviser_id < chr(127)
            AND strlen(client_nino) = length(client_nino)
            AND {longest} <= {limit},
            FALSE
        ) AS is_fine
    FROM cast_records
), trimmed AS (
    SELECT
        *,
        CASE WHEN NOT is_fine THEN trim(client_id, {blanks}) END AS client_text,
        CASE WHEN NOT is_fine THEN trim(client_nino, {blanks}) END AS nino_text,
        CASE WHEN NOT is_fine THEN trim(adviser_id, {blanks}) END AS adviser_text,
        CASE WHEN NOT is_fine THEN nullif(trim(fee_date, {blanks}), '') END AS date_text,
        CASE WHEN NOT is_fine THEN nullif(trim(fee_amount, {blanks}), '') END AS amount_text
    FROM judged
), retyped AS (
    SELECT
        *,
        CASE WHEN regexp_full_match(date_text, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')
            THEN TRY_CAST(date_text AS DATE) END AS late_date,
        CASE WHEN regexp_full_match(amount_text, '[+-]?[0-9]+(\.[0-9]+)?') THEN regexp_replace(
            amount_text, '^([+-]?)0*([0-9]+)(\.[0-9]*[1-9])?(\.?0*)$', '\1\2\3') END AS number_text
    FROM trimmed
), reasoned AS (
    SELECT
        *,
        CASE WHEN NOT is_fine THEN nullif(concat_ws(
            '; ',
            fault,
            CASE WHEN {longest} > {limit} THEN 'a field is over 128 KiB' END,
            CASE WHEN strlen(replace(client_nino, chr(160), '')) <> length(replace(client_nino, chr(160), ''))
                THEN 'client_nino has a character outside ASCII' END,
            CASE
                WHEN date_text IS NULL THEN NULL
                WHEN late_date IS NULL THEN 'fee_date is not a date (YYYY-MM-DD)'
                WHEN late_date < {first} THEN 'fee_date is before 1990-01-01'
                WHEN late_date > {latest} THEN 'fee_date is more than a day after ingestion'
            END,
            CASE
                WHEN amount_text IS NULL THEN NULL
                WHEN number_text IS NULL THEN 'fee_amount is not a number'
                WHEN regexp_matches(number_text, '\.[0-9]{{10}}') THEN 'fee_amount has more than 9 decimals'
                WHEN TRY_CAST(number_text AS DECIMAL(38, 9)) IS NULL THEN 'fee_amount is out of the range of NUMERIC'
            END
        ), '') END AS reasons
    FROM retyped
)
SELECT
    source_row,
    CASE WHEN is_fine OR client_text <> '' THEN client_id END AS client_id,
    CASE WHEN is_fine OR nino_text <> '' THEN client_nino END AS client_nino,
    CASE WHEN is_fine OR adviser_text <> '' THEN adviser_id END AS adviser_id,
    CASE WHEN is_fine THEN cast_date WHEN reasons IS NULL THEN late_date END AS fee_date,
    CASE
        WHEN is_fine THEN cast_amount
        WHEN reasons IS NULL THEN TRY_CAST(number_text AS DECIMAL(38, 9))
    END AS fee_amount,
    reasons,
    CASE WHEN reasons IS NOT NULL THEN COALESCE(raw, concat_ws(',', {record})) END AS record
FROM reasoned
"""
