{# What staging leaves out, by file version, fee date and reason. -#}
SELECT
    uri,
    version,
    fee_date,
    reason,
    row_count,
    amount
FROM ops.left_out
