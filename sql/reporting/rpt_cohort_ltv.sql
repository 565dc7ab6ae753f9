{% from 'money.sql' import mean_to_pennies -%}
WITH members AS (
    SELECT
        clients.cohort_month,
        ltv.ltv_1_month,
        ltv.ltv_3_month,
        ltv.ltv_6_month,
        ltv.is_complete_1_month,
        ltv.is_complete_3_month,
        ltv.is_complete_6_month,
        COUNT(*) OVER (PARTITION BY clients.cohort_month) AS member_count,
        ROW_NUMBER() OVER (
            PARTITION BY clients.cohort_month ORDER BY ltv.ltv_6_month, ltv.client_id
        ) AS place
    FROM reporting.rpt_client_ltv AS ltv
    INNER JOIN reporting.dim_clients AS clients ON ltv.client_id = clients.client_id
),

cohorts AS (
    SELECT
        cohort_month,
        COUNT(*) AS client_count,
        SUM(ltv_1_month) AS total_ltv_1_month,
        SUM(ltv_3_month) AS total_ltv_3_month,
        SUM(ltv_6_month) AS total_ltv_6_month,
        -- The middle value of an odd number of members, the two middle values of an even one.
        SUM(IF(place * 2 BETWEEN member_count AND member_count + 2, ltv_6_month, NUMERIC '0')) AS middle_sum,
        COUNTIF(place * 2 BETWEEN member_count AND member_count + 2) AS middle_count,
        LOGICAL_AND(is_complete_1_month) AS is_complete_1_month,
        LOGICAL_AND(is_complete_3_month) AS is_complete_3_month,
        LOGICAL_AND(is_complete_6_month) AS is_complete_6_month
    FROM members
    GROUP BY cohort_month
)

SELECT
    cohort_month,
    client_count,
    {%- for months in [1, 3, 6] %}
    {{ mean_to_pennies("total_ltv_%d_month" | format(months), "client_count") }} AS avg_ltv_{{ months }}_month,
    {%- endfor %}
    total_ltv_1_month,
    total_ltv_3_month,
    total_ltv_6_month,
    {{ mean_to_pennies("middle_sum", "middle_count") }} AS median_ltv_6_month,
    is_complete_1_month,
    is_complete_3_month,
    is_complete_6_month
FROM cohorts
