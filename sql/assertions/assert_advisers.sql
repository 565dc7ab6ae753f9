{# From clients' values: the rank is one more than the advisers with a larger total, counted and not ranked. -#}
{% from 'money.sql' import is_mean -%}
WITH totals AS (
    SELECT
        clients.first_adviser_id AS adviser_id,
        COUNT(*) AS client_count,
        SUM(ltv.ltv_6_month) AS total,
        SUM(IF(ltv.is_complete_6_month, 1, 0)) AS complete_count
    FROM reporting.rpt_client_ltv AS ltv
    LEFT OUTER JOIN reporting.dim_clients AS clients ON ltv.client_id = clients.client_id
    GROUP BY clients.first_adviser_id
),

equals AS (
    SELECT
        total,
        COUNT(*) AS adviser_count
    FROM totals
    GROUP BY total
),

places AS (
    SELECT
        total,
        1 + SUM(adviser_count) OVER (ORDER BY total DESC) - adviser_count AS place
    FROM equals
)

SELECT
    COALESCE(totals.adviser_id, reported.adviser_id) AS adviser_id,
    CASE
        WHEN reported.adviser_id IS NULL THEN 'adviser is missing'
        WHEN totals.adviser_id IS NULL THEN 'adviser has no client'
        WHEN reported.rank_by_ltv_6_month IS DISTINCT FROM places.place THEN 'rank differs'
        WHEN NOT {{ is_mean("reported.avg_client_ltv_6_month", "totals.total", "totals.client_count") | indent(8) }}
            THEN 'mean differs'
        ELSE 'counts or totals differ'
    END AS problem,
    places.place AS rank_by_ltv_6_month,
    reported.rank_by_ltv_6_month AS reported_rank_by_ltv_6_month,
    totals.total AS total_client_ltv_6_month,
    reported.total_client_ltv_6_month AS reported_total_client_ltv_6_month,
    reported.avg_client_ltv_6_month AS reported_avg_client_ltv_6_month,
    totals.client_count,
    reported.client_count AS reported_client_count,
    totals.complete_count AS complete_client_count_6_month,
    reported.complete_client_count_6_month AS reported_complete_client_count_6_month
FROM totals
INNER JOIN places ON totals.total = places.total
FULL OUTER JOIN reporting.rpt_adviser_ltv AS reported ON totals.adviser_id = reported.adviser_id
WHERE
    totals.adviser_id IS NULL
    OR reported.adviser_id IS NULL
    OR places.place IS DISTINCT FROM reported.rank_by_ltv_6_month
    OR totals.client_count IS DISTINCT FROM reported.client_count
    OR totals.complete_count IS DISTINCT FROM reported.complete_client_count_6_month
    OR reported.total_client_ltv_6_month IS NULL
    OR ABS(totals.total - reported.total_client_ltv_6_month) > NUMERIC '{{ tolerance }}'
    OR NOT {{ is_mean("reported.avg_client_ltv_6_month", "totals.total", "totals.client_count") | indent(4) }}
