{% from 'judged.sql' import judged -%}
WITH counted AS (
    SELECT
        (SELECT COUNT(*) FROM raw.fees WHERE {{ judged('fee_date') }}) AS raw_rows,
        (SELECT COUNT(*) FROM staging.stg_fees WHERE {{ judged('fee_date') }}) AS staged_rows,
        (SELECT COALESCE(SUM(row_count), 0) FROM ops.left_out WHERE {{ judged('fee_date') }}) AS left_out_rows,
        (SELECT COUNT(*) FROM raw.fees WHERE fee_date IS NULL) AS undated_rows
)

SELECT
    IF(staged_rows > raw_rows, 'staging holds more rows than raw', 'too many rows lost') AS problem,
    raw_rows,
    staged_rows,
    left_out_rows + undated_rows AS lost_rows
FROM counted
WHERE
    staged_rows > raw_rows
    OR left_out_rows + undated_rows > NUMERIC '{{ max_lost }}' * raw_rows
