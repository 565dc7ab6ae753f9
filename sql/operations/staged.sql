{# What staging leaves in the books for the fee dates it has staged: nothing pending, and the rows it left out. -#}
{% from 'window.sql' import within with context -%}
DELETE FROM ops.pending WHERE {{ within('fee_date') }}
;
DELETE FROM ops.left_out WHERE {{ within('fee_date') }}
;
INSERT INTO ops.left_out (uri, version, fee_date, reason, row_count, amount)
SELECT
    _source_file,
    _source_version,
    fee_date,
    IF(is_whole, 'duplicate', 'blank') AS reason,
    COUNT(*),
    COALESCE(SUM(fee_amount), NUMERIC '0')
FROM {{ shared }}
WHERE (NOT is_whole OR place > 1) AND {{ within('fee_date') }}
GROUP BY _source_file, _source_version, fee_date, reason
