{% macro is_complete(months) -%}
horizon.last_fee_date >= DATE_SUB(DATE_ADD(lifetime.first_fee_date, INTERVAL {{ months }} MONTH), INTERVAL 1 DAY)
{%- endmacro -%}
WITH horizon AS (
    SELECT MAX(fee_date) AS last_fee_date
    FROM staging.stg_fees
),

lifetime AS (
    SELECT
        clients.client_id,
        clients.first_fee_date,
        {%- for months in [1, 3, 6] %}
        SUM(
            IF(
                fees.fee_date < DATE_ADD(clients.first_fee_date, INTERVAL {{ months }} MONTH),
                fees.fee_amount,
                NUMERIC '0'
            )
        ) AS ltv_{{ months }}_month,
        {%- endfor %}
        SUM(fees.fee_amount) AS ltv_total
    FROM reporting.dim_clients AS clients
    INNER JOIN staging.stg_fees AS fees ON clients.client_id = fees.client_id
    GROUP BY clients.client_id, clients.first_fee_date
)

SELECT
    lifetime.client_id,
    lifetime.first_fee_date,
    lifetime.ltv_1_month,
    lifetime.ltv_3_month,
    lifetime.ltv_6_month,
    lifetime.ltv_total,
    {{ is_complete(1) }} AS is_complete_1_month,
    {{ is_complete(3) }} AS is_complete_3_month,
    {{ is_complete(6) }} AS is_complete_6_month
FROM lifetime
CROSS JOIN horizon
