{# What staging leaves in the books for the fee dates it has staged: nothing pending, and the rows it left out. -#}
{% from 'clean.sql' import cleaned_id, cleaned_nino -%}
{% from 'window.sql' import within with context -%}
DELETE FROM ops.pending WHERE {{ within('fee_date') }}
;
DELETE FROM ops.left_out WHERE {{ within('fee_date') }}
;
INSERT INTO ops.left_out (uri, version, fee_date, reason, row_count, amount)
WITH cleaned AS (
    SELECT
        _source_file,
        _source_version,
        _source_row,
        fee_date,
        fee_amount,
        {{ cleaned_id('client_id') }} AS client_id,
        {{ cleaned_nino('client_nino') }} AS client_nino,
        {{ cleaned_id('adviser_id') }} AS adviser_id
    FROM raw.fees
    WHERE {{ within('fee_date') }}
),

blanks AS (
    SELECT
        _source_file,
        _source_version,
        fee_date,
        fee_amount,
        'blank' AS reason
    FROM cleaned
    WHERE client_id IS NULL OR client_nino IS NULL OR adviser_id IS NULL OR fee_amount IS NULL
),

duplicates AS (
    SELECT
        _source_file,
        _source_version,
        fee_date,
        fee_amount,
        'duplicate' AS reason
    FROM cleaned
    WHERE
        client_id IS NOT NULL
        AND client_nino IS NOT NULL
        AND adviser_id IS NOT NULL
        AND fee_amount IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY client_id, adviser_id, fee_date, fee_amount
        ORDER BY _source_file, _source_row
    ) > 1
),

left_out AS (
    SELECT * FROM blanks
    UNION ALL
    SELECT * FROM duplicates
)

SELECT
    _source_file,
    _source_version,
    fee_date,
    reason,
    COUNT(*),
    COALESCE(SUM(fee_amount), NUMERIC '0')
FROM left_out
GROUP BY _source_file, _source_version, fee_date, reason
