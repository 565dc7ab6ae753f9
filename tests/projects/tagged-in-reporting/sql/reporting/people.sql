SELECT
    fee_date,
    SUM(amount) AS amount
FROM staging.daily
GROUP BY fee_date
