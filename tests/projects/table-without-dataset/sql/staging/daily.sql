SELECT
    fee_date,
    SUM(fee_amount) AS amount
FROM fees
GROUP BY fee_date
