{% from 'money.sql' import mean_to_pennies -%}
WITH advisers AS (
    SELECT
        clients.first_adviser_id AS adviser_id,
        COUNT(*) AS client_count,
        SUM(ltv.ltv_1_month) AS total_client_ltv_1_month,
        SUM(ltv.ltv_3_month) AS total_client_ltv_3_month,
        SUM(ltv.ltv_6_month) AS total_client_ltv_6_month,
        SUM(ltv.ltv_total) AS total_client_ltv_all_time,
        COUNTIF(ltv.is_complete_6_month) AS complete_client_count_6_month
    FROM reporting.dim_clients AS clients
    INNER JOIN reporting.rpt_client_ltv AS ltv ON clients.client_id = ltv.client_id
    GROUP BY clients.first_adviser_id
)

SELECT
    adviser_id,
    client_count,
    total_client_ltv_1_month,
    total_client_ltv_3_month,
    total_client_ltv_6_month,
    total_client_ltv_all_time,
    {{ mean_to_pennies("total_client_ltv_6_month", "client_count") }} AS avg_client_ltv_6_month,
    RANK() OVER (ORDER BY total_client_ltv_6_month DESC) AS rank_by_ltv_6_month,
    complete_client_count_6_month
FROM advisers
