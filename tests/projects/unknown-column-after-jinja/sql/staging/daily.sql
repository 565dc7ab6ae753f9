{% set wanted = 'fee_amout' -%}
{#
   a comment
   of several lines
-#}
SELECT
    fee_date,
    SUM(fee_amout) AS amount
FROM raw.fees
GROUP BY fee_date
