{# Into the change log goes what this run is about to take off the pending list. -#}
{% from 'window.sql' import within with context -%}
INSERT INTO ops.changes (
    run_id, fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, is_late, noted_at
)
SELECT
    {{ run_id | literal }},
    fee_date,
    uri,
    version,
    rows_added,
    amount_added,
    rows_removed,
    amount_removed,
    {% if late_before %}fee_date < {{ late_before | literal }}{% else %}FALSE{% endif %},
    noted_at
FROM ops.pending
WHERE {{ within('fee_date') }}
