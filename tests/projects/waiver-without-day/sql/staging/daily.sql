SELECT
    fee_date,
    SUM(fee_amount) AS amount
FROM raw.fees
GROUP BY fee_date
