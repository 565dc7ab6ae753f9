{% from 'clean.sql' import cleaned_id, cleaned_nino, fee_key -%}
{% from 'window.sql' import within with context -%}
WITH cleaned AS (
    SELECT
        {{ cleaned_id('client_id') }} AS client_id,
        {{ cleaned_nino('client_nino') }} AS client_nino,
        {{ cleaned_id('adviser_id') }} AS adviser_id,
        fee_date,
        fee_amount,
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
        client_id IS NOT NULL
        AND client_nino IS NOT NULL
        AND adviser_id IS NOT NULL
        AND fee_date IS NOT NULL
        AND fee_amount IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY client_id, adviser_id, fee_date, fee_amount
        ORDER BY _source_file, _source_row
    ) = 1
)

SELECT
    {{ fee_key('client_id', 'adviser_id', 'fee_date', 'fee_amount') }} AS fee_id,
    client_id,
    client_nino,
    adviser_id,
    fee_date,
    fee_amount
FROM distinct_fees
