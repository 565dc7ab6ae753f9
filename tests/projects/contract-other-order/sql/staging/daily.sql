SELECT
    SUM(fee_amount) AS amount,
    fee_date
FROM raw.fees
GROUP BY fee_date
