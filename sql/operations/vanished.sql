{# Versions that are no longer the source's: their rows leave raw, their history stays in raw.files. Of those that were
   read again, the rows of before leave it. -#}
{% from 'fees.sql' import removed_fees -%}
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
{{ removed_fees("raw.fees\nWHERE\n    " ~ these('_source_file', '_source_version', withdrawn)) }}
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
{# Whatever else raw holds of these files, and of files that nobody loaded, was written by hand. -#}
{% set uris = again | map('literal') | join(', ') -%}
{% set unknown -%}
NOT EXISTS (
    SELECT 1
    FROM raw.files AS files
    WHERE files.status = 'loaded' AND files.uri = fees._source_file AND files.version = fees._source_version
)
{%- endset -%}
INSERT INTO ops.pending (
    fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
)
SELECT
    fees.fee_date,
    COALESCE(fees._source_file, ''),
    COALESCE(fees._source_version, ''),
    0,
    NUMERIC '0',
    COUNT(*),
    COALESCE(SUM(fees.{{ contract.total }}), NUMERIC '0'),
    {{ now | literal }},
    {{ run_id | literal }}
FROM raw.fees AS fees
WHERE fees.fee_date IS NOT NULL AND {{ unknown }}
GROUP BY fees.fee_date, COALESCE(fees._source_file, ''), COALESCE(fees._source_version, '')
;
{% for table in ['raw.fees', 'raw.fees_rejected'] -%}
DELETE FROM {{ table }} AS fees
WHERE fees._source_file IN ({{ uris }}) AND fees._run_id IS DISTINCT FROM {{ run_id | literal }}
;
{% endfor -%}
DELETE FROM raw.fees AS fees
WHERE {{ unknown }}
;
DELETE FROM raw.fees_rejected AS rejected
WHERE NOT EXISTS (
    SELECT 1
    FROM raw.files AS files
    WHERE files.uri = rejected._source_file AND files.version = rejected._source_version
)
;
{% endif -%}
{% for status, versions in [('withdrawn', withdrawn), ('superseded', superseded)] if versions -%}
UPDATE raw.files
SET status = {{ status | literal }}, ended_at = {{ now | literal }}, run_id = {{ run_id | literal }}
WHERE {{ these('uri', 'version', versions) }}
;
{% endfor -%}
