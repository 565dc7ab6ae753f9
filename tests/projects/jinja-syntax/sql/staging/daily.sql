SELECT
    fee_date,
    SUM(fee_amount) AS amount
FROM raw.fees
{% if %}
GROUP BY fee_date
