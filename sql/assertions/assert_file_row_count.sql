{% from 'judged.sql' import judged -%}
WITH loaded AS (
    SELECT
        totals.uri,
        SUM(totals.row_count) AS loaded_rows,
        SUM(IF(totals.fee_date IS NULL, totals.row_count, 0)) AS undated_rows
    FROM raw.file_totals AS totals
    INNER JOIN raw.files AS files
        ON totals.uri = files.uri AND totals.version = files.version AND files.status = 'loaded'
    WHERE {{ judged('totals.fee_date') }}
    GROUP BY totals.uri
),

left_out AS (
    SELECT
        uri,
        SUM(row_count) AS left_out_rows
    FROM ops.left_out
    WHERE {{ judged('fee_date') }}
    GROUP BY uri
)

SELECT
    loaded.uri AS source_file,
    loaded.loaded_rows,
    COALESCE(left_out.left_out_rows, 0) + loaded.undated_rows AS lost_rows
FROM loaded
LEFT OUTER JOIN left_out ON loaded.uri = left_out.uri
WHERE
    COALESCE(left_out.left_out_rows, 0) + loaded.undated_rows
    > NUMERIC '{{ max_lost }}' * loaded.loaded_rows
