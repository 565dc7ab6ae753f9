SELECT
    fee_date,
    SUM(fee_amount) AS amount
FROM raw.feees
GROUP BY fee_date
