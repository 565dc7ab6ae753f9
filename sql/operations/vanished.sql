{# Versions that are no longer the source's: their rows leave raw, their history stays in raw.files. -#}
{% macro gone(uri_column, version_column) -%}
({% for uri, version, _ in versions %}{{ " OR " if not loop.first }}({{ uri_column }} = {{ uri | literal }} AND {{ version_column }} = {{ version | literal }}){% endfor %})
{%- endmacro -%}
{% for uri, version, status in versions if status == 'withdrawn' -%}
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
WHERE fee_date IS NOT NULL AND uri = {{ uri | literal }} AND version = {{ version | literal }}
;
{% endfor -%}
DELETE FROM raw.fees WHERE {{ gone('_source_file', '_source_version') }}
;
DELETE FROM raw.fees_rejected WHERE {{ gone('_source_file', '_source_version') }}
;
DELETE FROM raw.file_totals WHERE {{ gone('uri', 'version') }}
;
{% for uri, version, status in versions -%}
UPDATE raw.files
SET status = {{ status | literal }}, ended_at = {{ now | literal }}, run_id = {{ run_id | literal }}
WHERE uri = {{ uri | literal }} AND version = {{ version | literal }}
;
{% endfor -%}
