{# Raw, and what staging leaves out of it with the reason. Rows without a fee date are blank whatever else they hold. -#}
SELECT
    (SELECT COALESCE(SUM(loaded_count), 0) FROM raw.files WHERE status = 'loaded') AS raw_rows,
    (SELECT COALESCE(SUM(total_amount), NUMERIC '0') FROM raw.files WHERE status = 'loaded') AS raw_amount,
    (SELECT COALESCE(SUM(row_count), 0) FROM ops.left_out WHERE reason = 'duplicate') AS duplicate_rows,
    (SELECT COALESCE(SUM(amount), NUMERIC '0') FROM ops.left_out WHERE reason = 'duplicate') AS duplicate_amount,
    (SELECT COALESCE(SUM(row_count), 0) FROM ops.left_out WHERE reason = 'blank')
    + (SELECT COUNT(*) FROM raw.fees WHERE fee_date IS NULL) AS blank_rows,
    (SELECT COALESCE(SUM(amount), NUMERIC '0') FROM ops.left_out WHERE reason = 'blank')
    + (SELECT COALESCE(SUM(fee_amount), NUMERIC '0') FROM raw.fees WHERE fee_date IS NULL) AS blank_amount,
    (SELECT COALESCE(SUM(rejected_count), 0) FROM raw.files WHERE status = 'loaded') AS rejected_rows
