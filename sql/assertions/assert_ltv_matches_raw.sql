{# Recalculated without dim_clients and without the models' SQL: fees are first summed by client and day. -#}
WITH daily AS (
    SELECT
        client_id,
        fee_date,
        SUM(fee_amount) AS amount
    FROM staging.stg_fees
    GROUP BY client_id, fee_date
),

beginnings AS (
    SELECT
        client_id,
        MIN(fee_date) AS first_fee_date
    FROM daily
    GROUP BY client_id
),

latest AS (
    SELECT DATE_ADD(MAX(fee_date), INTERVAL 1 DAY) AS day_after
    FROM daily
),

recalculated AS (
    SELECT
        beginnings.client_id,
        beginnings.first_fee_date,
        {%- for months in [1, 3, 6] %}
        SUM(
            CASE
                WHEN DATE_ADD(beginnings.first_fee_date, INTERVAL {{ months }} MONTH) > daily.fee_date
                    THEN daily.amount
                ELSE NUMERIC '0'
            END
        ) AS ltv_{{ months }}_month,
        {%- endfor %}
        SUM(daily.amount) AS ltv_total
    FROM beginnings
    INNER JOIN daily ON beginnings.client_id = daily.client_id
    GROUP BY beginnings.client_id, beginnings.first_fee_date
)

SELECT
    COALESCE(recalculated.client_id, reported.client_id) AS client_id,
    CASE
        WHEN reported.client_id IS NULL THEN 'client is missing'
        WHEN recalculated.client_id IS NULL THEN 'client has no staged fee'
        ELSE 'values differ'
    END AS problem,
    {%- for name in ["ltv_1_month", "ltv_3_month", "ltv_6_month", "ltv_total"] %}
    recalculated.{{ name }},
    reported.{{ name }} AS reported_{{ name }},
    {%- endfor %}
    recalculated.first_fee_date,
    reported.first_fee_date AS reported_first_fee_date
FROM recalculated
FULL OUTER JOIN reporting.rpt_client_ltv AS reported ON recalculated.client_id = reported.client_id
CROSS JOIN latest
WHERE
    recalculated.client_id IS NULL
    OR reported.client_id IS NULL
    OR recalculated.first_fee_date IS DISTINCT FROM reported.first_fee_date
    {%- for name in ["ltv_1_month", "ltv_3_month", "ltv_6_month", "ltv_total"] %}
    OR reported.{{ name }} IS NULL
    OR ABS(recalculated.{{ name }} - reported.{{ name }}) > NUMERIC '{{ tolerance }}'
    {%- endfor %}
    {%- for months in [1, 3, 6] %}
    OR reported.is_complete_{{ months }}_month IS DISTINCT FROM
    (DATE_ADD(recalculated.first_fee_date, INTERVAL {{ months }} MONTH) <= latest.day_after)
    {%- endfor %}
