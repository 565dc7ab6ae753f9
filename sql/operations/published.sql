{# The headline numbers readers see, for before and after. -#}
SELECT
    (SELECT COUNT(*) FROM staging.stg_fees) AS staged_rows,
    (SELECT COALESCE(SUM(fee_amount), NUMERIC '0') FROM staging.stg_fees) AS staged_amount,
    (SELECT COUNT(*) FROM reporting.rpt_client_ltv) AS clients,
    (SELECT COALESCE(SUM(ltv_total), NUMERIC '0') FROM reporting.rpt_client_ltv) AS ltv_total,
    (SELECT COUNT(*) FROM reporting.rpt_cohort_ltv) AS cohorts,
    (SELECT COUNT(*) FROM reporting.rpt_adviser_ltv) AS advisers,
    (SELECT MIN(fee_date) FROM staging.stg_fees) AS first_fee_date,
    (SELECT MAX(fee_date) FROM staging.stg_fees) AS last_fee_date,
    (SELECT COUNTIF(NOT is_complete_6_month) FROM reporting.rpt_client_ltv) AS incomplete_clients_6_month,
    (
        SELECT STRING_AGG(cohort_month, ' ' ORDER BY cohort_month)
        FROM reporting.rpt_cohort_ltv
        WHERE NOT is_complete_6_month
    ) AS incomplete_cohorts_6_month
