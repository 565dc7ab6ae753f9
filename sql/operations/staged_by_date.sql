{% from 'window.sql' import within with context -%}
SELECT
    fee_date,
    COUNT(*) AS row_count,
    SUM(fee_amount) AS amount
FROM staging.stg_fees
WHERE {{ within('fee_date') }}
GROUP BY fee_date
ORDER BY fee_date
