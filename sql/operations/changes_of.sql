{# What a run took off the pending list. -#}
SELECT
    fee_date,
    uri,
    version,
    rows_added,
    amount_added,
    rows_removed,
    amount_removed,
    is_late
FROM ops.changes
WHERE run_id = {{ run_id | literal }}
