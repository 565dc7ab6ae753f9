{% from 'judged.sql' import judged -%}
WITH loaded AS (
    SELECT
        COUNT(*) AS raw_rows,
        COUNTIF(fee_date IS NULL) AS undated_rows
    FROM raw.fees
    WHERE {{ judged('fee_date') }}
),

staged AS (
    SELECT COUNT(*) AS staged_rows
    FROM staging.stg_fees
    WHERE {{ judged('fee_date') }}
),

left_out AS (
    SELECT COALESCE(SUM(row_count), 0) AS left_out_rows
    FROM ops.left_out
    WHERE {{ judged('fee_date') }}
),

counted AS (
    SELECT
        loaded.raw_rows,
        staged.staged_rows,
        left_out.left_out_rows + loaded.undated_rows AS lost_rows
    FROM loaded
    CROSS JOIN staged
    CROSS JOIN left_out
)

SELECT
    IF(staged_rows > raw_rows, 'staging holds more rows than raw', 'too many rows lost') AS problem,
    raw_rows,
    staged_rows,
    lost_rows
FROM counted
WHERE
    staged_rows > raw_rows
    OR lost_rows > NUMERIC '{{ max_lost }}' * raw_rows
