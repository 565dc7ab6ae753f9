WITH ranked AS (
    SELECT
        client_id,
        adviser_id,
        MIN(fee_date) OVER (PARTITION BY client_id) AS first_fee_date,
        ROW_NUMBER() OVER (
            PARTITION BY client_id
            ORDER BY fee_amount > 0 DESC, fee_date ASC, fee_amount DESC, adviser_id ASC
        ) AS touch
    FROM staging.stg_fees
)

SELECT
    client_id,
    first_fee_date,
    adviser_id AS first_adviser_id,
    FORMAT_DATE('%Y-%m', first_fee_date) AS cohort_month
FROM ranked
WHERE touch = 1
