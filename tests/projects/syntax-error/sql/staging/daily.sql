SELECT
    fee_date,
    SUM(fee_amount) AS amount
FROM raw.fees
GROUP fee_date
