{% from 'clean.sql' import fee_key -%}
{% from 'fees.sql' import cleaned_fee, is_whole, place -%}
{% from 'window.sql' import within with context -%}
WITH cleaned AS (
    SELECT
        {{ cleaned_fee() | indent(8) }},
        _source_file,
        _source_version,
        _source_row
    FROM raw.fees
    WHERE {{ within('fee_date') }}
),

ranked AS (
    SELECT
        *,
        {{ is_whole() | indent(8) }} AS is_whole,
        {{ place() | indent(8) }} AS place
    FROM cleaned
)

SELECT
    {{ fee_key('client_id', 'adviser_id', 'fee_date', 'fee_amount') }} AS fee_id,
    client_id,
    client_nino,
    adviser_id,
    fee_date,
    fee_amount
FROM ranked
WHERE is_whole AND place = 1
