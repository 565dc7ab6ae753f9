SELECT
    fee_date,
    SUM(amount) AS amount
FROM staging.weekly
GROUP BY fee_date
