SELECT
    fee_date,
    NULL AS amount
FROM raw.fees
GROUP BY fee_date
