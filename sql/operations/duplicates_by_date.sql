{# Records of raw that staging leaves out because the same fee is staged already, by file and fee date. -#}
SELECT
    uri,
    fee_date,
    SUM(row_count) AS row_count,
    SUM(amount) AS pounds
FROM ops.left_out
WHERE reason = 'duplicate'
GROUP BY uri, fee_date
