{# What a plan depends on. Control totals answer for raw, so that raw itself is not scanned. -#}
{% from 'marks.sql' import plan_mark -%}
WITH loaded AS (
    SELECT
        MIN(totals.fee_date) AS first_raw,
        MAX(totals.fee_date) AS last_raw
    FROM raw.file_totals AS totals
    INNER JOIN raw.files AS files
        ON totals.uri = files.uri AND totals.version = files.version AND files.status = 'loaded'
),

staged AS (
    SELECT
        MIN(fee_date) AS first_staged,
        MAX(fee_date) AS last_staged
    FROM staging.stg_fees
),

files AS (
    SELECT
        COUNTIF(status IN ('loaded', 'refused')) AS file_count,
        COUNTIF(NOT STARTS_WITH(uri, 'sample://')) > 0
        OR (COUNT(*) = 0 AND (SELECT COUNT(*) FROM staging.stg_fees) > 0) AS has_real
    FROM raw.files
)

SELECT
    loaded.first_raw,
    loaded.last_raw,
    staged.first_staged,
    staged.last_staged,
    files.file_count,
    files.has_real,
    {{ plan_mark() }} AS mark
FROM loaded
CROSS JOIN staged
CROSS JOIN files
