SELECT
    fee_date,
    SUM(fee_amount) AS amount
FROM raw.fees
WHERE fee_amount > {{ threshold }}
GROUP BY fee_date
