{# Of each cohort and adviser the clients whose six months are complete and the others, with their six-month pounds, as
   a run left them. -#}
WITH clients AS (
    {{ clients | indent(4) }}
),

ltv AS (
    {{ ltv | indent(4) }}
)

SELECT
    clients.cohort_month,
    clients.first_adviser_id,
    ltv.is_complete_6_month,
    COUNT(*) AS client_count,
    SUM(ltv.ltv_6_month) AS pounds
FROM clients
INNER JOIN ltv ON clients.client_id = ltv.client_id
GROUP BY clients.cohort_month, clients.first_adviser_id, ltv.is_complete_6_month
