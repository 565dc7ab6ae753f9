{# The headline numbers readers see, for before and after. Each table is read once. -#}
WITH staged AS (
    SELECT
        COUNT(*) AS staged_rows,
        COALESCE(SUM(fee_amount), NUMERIC '0') AS staged_amount,
        MIN(fee_date) AS first_fee_date,
        MAX(fee_date) AS last_fee_date
    FROM staging.stg_fees
),

clients AS (
    SELECT
        COUNT(*) AS clients,
        COALESCE(SUM(ltv_total), NUMERIC '0') AS ltv_total,
        COUNTIF(NOT is_complete_6_month) AS incomplete_clients_6_month
    FROM reporting.rpt_client_ltv
),

cohorts AS (
    SELECT
        COUNT(*) AS cohorts,
        STRING_AGG(IF(is_complete_6_month, NULL, cohort_month), ' ' ORDER BY cohort_month) AS incomplete_cohorts_6_month
    FROM reporting.rpt_cohort_ltv
),

advisers AS (
    SELECT COUNT(*) AS advisers
    FROM reporting.rpt_adviser_ltv
)

SELECT
    staged.staged_rows,
    staged.staged_amount,
    clients.clients,
    clients.ltv_total,
    cohorts.cohorts,
    advisers.advisers,
    staged.first_fee_date,
    staged.last_fee_date,
    clients.incomplete_clients_6_month,
    cohorts.incomplete_cohorts_6_month
FROM staged
CROSS JOIN clients
CROSS JOIN cohorts
CROSS JOIN advisers
