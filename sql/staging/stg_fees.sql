{% from 'clean.sql' import fee_key -%}
{% from 'fees.sql' import cleaned_fee, is_whole, place -%}
{% from 'window.sql' import within with context -%}
WITH cleaned AS (
    SELECT
        {{ cleaned_fee() | indent(8) }},
        _source_file,
        _source_row
    FROM raw.fees
    WHERE {{ within('fee_date') }}
),

distinct_fees AS (
    SELECT
        client_id,
        client_nino,
        adviser_id,
        fee_date,
        fee_amount
    FROM cleaned
    WHERE
        {{ is_whole() | indent(8) }}
    QUALIFY {{ place() | indent(4) }} = 1
)

SELECT
    {{ fee_key('client_id', 'adviser_id', 'fee_date', 'fee_amount') }} AS fee_id,
    client_id,
    client_nino,
    adviser_id,
    fee_date,
    fee_amount
FROM distinct_fees
