{# From clients' values alone: the middle values are found by counting how many are as large at most, not by places. -#}
{% from 'money.sql' import is_mean -%}
{% macro mean(months) -%}
{% set published, total = "reported.avg_ltv_%d_month" | format(months), "recalculated.total_%d" | format(months) -%}
{{ is_mean(published, total, "recalculated.client_count") }}
{%- endmacro -%}
WITH members AS (
    SELECT
        SUBSTR(CAST(first_fee_date AS STRING), 1, 7) AS cohort_month,
        ltv_1_month,
        ltv_3_month,
        ltv_6_month,
        is_complete_1_month,
        is_complete_3_month,
        is_complete_6_month
    FROM reporting.rpt_client_ltv
),

equals AS (
    SELECT
        cohort_month,
        ltv_6_month AS amount,
        COUNT(*) AS client_count
    FROM members
    GROUP BY cohort_month, ltv_6_month
),

counted AS (
    SELECT
        cohort_month,
        amount,
        SUM(client_count) OVER (PARTITION BY cohort_month ORDER BY amount) AS so_far,
        SUM(client_count) OVER (PARTITION BY cohort_month) AS in_all
    FROM equals
),

middles AS (
    SELECT
        cohort_month,
        MIN(IF(so_far * 2 >= in_all, amount, NULL)) + MIN(IF(so_far * 2 > in_all, amount, NULL)) AS both
    FROM counted
    GROUP BY cohort_month
),

recalculated AS (
    SELECT
        members.cohort_month,
        middles.both,
        {%- for months in [1, 3, 6] %}
        SUM(members.ltv_{{ months }}_month) AS total_{{ months }},
        SUM(IF(members.is_complete_{{ months }}_month, 0, 1)) = 0 AS is_complete_{{ months }}_month,
        {%- endfor %}
        COUNT(*) AS client_count
    FROM members
    INNER JOIN middles ON members.cohort_month = middles.cohort_month
    GROUP BY members.cohort_month, middles.both
)

SELECT
    COALESCE(recalculated.cohort_month, reported.cohort_month) AS cohort_month,
    CASE
        WHEN reported.cohort_month IS NULL THEN 'cohort is missing'
        WHEN recalculated.cohort_month IS NULL THEN 'cohort has no client'
        WHEN NOT {{ is_mean("reported.median_ltv_6_month", "recalculated.both", 2) | indent(8) }}
            THEN 'median differs'
        {%- for months in [1, 3, 6] %}
        WHEN NOT {{ mean(months) | indent(8) }}
            THEN 'mean at {{ months }} months differs'
        {%- endfor %}
        ELSE 'counts, totals or flags differ'
    END AS problem,
    recalculated.client_count,
    reported.client_count AS reported_client_count,
    {%- for months in [1, 3, 6] %}
    recalculated.total_{{ months }} AS total_ltv_{{ months }}_month,
    reported.total_ltv_{{ months }}_month AS reported_total_ltv_{{ months }}_month,
    reported.avg_ltv_{{ months }}_month AS reported_avg_ltv_{{ months }}_month,
    {%- endfor %}
    recalculated.both AS middle_values_together,
    reported.median_ltv_6_month AS reported_median_ltv_6_month
FROM recalculated
FULL OUTER JOIN reporting.rpt_cohort_ltv AS reported ON recalculated.cohort_month = reported.cohort_month
WHERE
    recalculated.cohort_month IS NULL
    OR reported.cohort_month IS NULL
    OR recalculated.client_count IS DISTINCT FROM reported.client_count
    {%- for months in [1, 3, 6] %}
    OR reported.total_ltv_{{ months }}_month IS NULL
    OR ABS(recalculated.total_{{ months }} - reported.total_ltv_{{ months }}_month) > NUMERIC '{{ tolerance }}'
    OR recalculated.is_complete_{{ months }}_month IS DISTINCT FROM reported.is_complete_{{ months }}_month
    OR NOT {{ mean(months) | indent(4) }}
    {%- endfor %}
    OR NOT {{ is_mean("reported.median_ltv_6_month", "recalculated.both", 2) | indent(4) }}
