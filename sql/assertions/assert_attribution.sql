{# First touch by minima and maxima, without the model's window: the day, its largest amount, the adviser. -#}
WITH beginnings AS (
    SELECT
        client_id,
        MIN(fee_date) AS first_fee_date,
        COALESCE(MIN(IF(fee_amount > 0, fee_date, NULL)), MIN(fee_date)) AS touched_on
    FROM staging.stg_fees
    GROUP BY client_id
),

amounts AS (
    SELECT
        beginnings.client_id,
        beginnings.first_fee_date,
        beginnings.touched_on,
        MAX(fees.fee_amount) AS amount
    FROM beginnings
    INNER JOIN staging.stg_fees AS fees
        ON beginnings.client_id = fees.client_id AND beginnings.touched_on = fees.fee_date
    GROUP BY beginnings.client_id, beginnings.first_fee_date, beginnings.touched_on
),

recalculated AS (
    SELECT
        amounts.client_id,
        amounts.first_fee_date,
        SUBSTR(CAST(amounts.first_fee_date AS STRING), 1, 7) AS cohort_month,
        MIN(fees.adviser_id) AS first_adviser_id
    FROM amounts
    INNER JOIN staging.stg_fees AS fees
        ON
            amounts.client_id = fees.client_id
            AND amounts.touched_on = fees.fee_date
            AND amounts.amount = fees.fee_amount
    GROUP BY amounts.client_id, amounts.first_fee_date
)

SELECT
    COALESCE(recalculated.client_id, reported.client_id) AS client_id,
    CASE
        WHEN reported.client_id IS NULL THEN 'client is missing'
        WHEN recalculated.client_id IS NULL THEN 'client has no staged fee'
        ELSE 'values differ'
    END AS problem,
    recalculated.first_adviser_id,
    reported.first_adviser_id AS reported_first_adviser_id,
    recalculated.first_fee_date,
    reported.first_fee_date AS reported_first_fee_date,
    recalculated.cohort_month,
    reported.cohort_month AS reported_cohort_month
FROM recalculated
FULL OUTER JOIN reporting.dim_clients AS reported ON recalculated.client_id = reported.client_id
WHERE
    recalculated.client_id IS NULL
    OR reported.client_id IS NULL
    OR recalculated.first_adviser_id IS DISTINCT FROM reported.first_adviser_id
    OR recalculated.first_fee_date IS DISTINCT FROM reported.first_fee_date
    OR recalculated.cohort_month IS DISTINCT FROM reported.cohort_month
