SELECT
    fee_date,
    uri,
    version,
    rows_added,
    amount_added,
    rows_removed,
    amount_removed
FROM ops.pending
ORDER BY fee_date, uri, version, rows_added, rows_removed
