{# Raw, and what staging leaves out of it with the reason. Rows without a fee date are blank whatever else they hold. -#}
{% from 'fees.sql' import undated_fees -%}
WITH loaded AS (
    SELECT
        COALESCE(SUM(loaded_count), 0) AS raw_rows,
        COALESCE(SUM(total_amount), NUMERIC '0') AS raw_amount,
        COALESCE(SUM(rejected_count), 0) AS rejected_rows
    FROM raw.files
    WHERE status = 'loaded'
),

dated AS (
    SELECT
        COALESCE(SUM(IF(reason = 'duplicate', row_count, 0)), 0) AS duplicate_rows,
        COALESCE(SUM(IF(reason = 'duplicate', amount, NUMERIC '0')), NUMERIC '0') AS duplicate_amount,
        COALESCE(SUM(IF(reason = 'blank', row_count, 0)), 0) AS blank_rows,
        COALESCE(SUM(IF(reason = 'blank', amount, NUMERIC '0')), NUMERIC '0') AS blank_amount
    FROM ops.left_out
),

undated AS (
    {{ undated_fees() | indent(4) }}
)

SELECT
    loaded.raw_rows,
    loaded.raw_amount,
    dated.duplicate_rows,
    dated.duplicate_amount,
    dated.blank_rows + undated.blank_rows AS blank_rows,
    dated.blank_amount + undated.blank_amount AS blank_amount,
    loaded.rejected_rows
FROM loaded
CROSS JOIN dated
CROSS JOIN undated
