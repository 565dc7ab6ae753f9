{# Versions that are no longer the source's: their rows leave raw, their history stays in raw.files. Of those that were
   read again, the rows of before leave it. -#}
{% from 'versions.sql' import these -%}
{% if withdrawn -%}
INSERT INTO ops.pending (
    fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
)
SELECT
    fee_date,
    uri,
    version,
    0,
    NUMERIC '0',
    row_count,
    amount,
    {{ now | literal }},
    {{ run_id | literal }}
FROM raw.file_totals
WHERE fee_date IS NOT NULL AND {{ these('uri', 'version', withdrawn) }}
;
{% endif -%}
{% if withdrawn + superseded -%}
DELETE FROM raw.fees WHERE {{ these('_source_file', '_source_version', withdrawn + superseded) }}
;
DELETE FROM raw.fees_rejected WHERE {{ these('_source_file', '_source_version', withdrawn + superseded) }}
;
DELETE FROM raw.file_totals WHERE {{ these('uri', 'version', withdrawn + superseded) }}
;
{% endif -%}
{% if again -%}
DELETE FROM raw.fees WHERE {{ these('_source_file', '_source_version', again) }} AND _run_id != {{ run_id | literal }}
;
DELETE FROM raw.fees_rejected WHERE {{ these('_source_file', '_source_version', again) }} AND _run_id != {{ run_id | literal }}
;
{% endif -%}
{% for status, versions in [('withdrawn', withdrawn), ('superseded', superseded)] if versions -%}
UPDATE raw.files
SET status = {{ status | literal }}, ended_at = {{ now | literal }}, run_id = {{ run_id | literal }}
WHERE {{ these('uri', 'version', versions) }}
;
{% endfor -%}
