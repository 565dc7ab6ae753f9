{# Whether raw holds anything else than what was read of the files that an ingestion has just entered. -#}
{% from 'fees.sql' import pounds -%}
{% macro these(column) -%}
{{ column }} IN ({% for uri in uris %}{{ uri | literal }}{{ ", " if not loop.last }}{% endfor %})
{%- endmacro -%}
WITH entered AS (
    SELECT
        uri,
        version,
        loaded_count,
        rejected_count,
        total_amount
    FROM raw.files
    WHERE run_id = {{ run_id | literal }} AND status = 'loaded' AND {{ these('uri') }}
),

loaded AS (
    SELECT
        _source_file AS uri,
        _source_version AS version,
        COUNT(*) AS row_count,
        COALESCE(SUM({{ pounds() }}), NUMERIC '0') AS amount
    FROM raw.fees
    WHERE _run_id = {{ run_id | literal }} AND {{ these('_source_file') }}
    GROUP BY _source_file, _source_version
),

rejected AS (
    SELECT
        _source_file AS uri,
        _source_version AS version,
        COUNT(*) AS row_count
    FROM raw.fees_rejected
    WHERE _run_id = {{ run_id | literal }} AND {{ these('_source_file') }}
    GROUP BY _source_file, _source_version
),

totals AS (
    SELECT
        uri,
        version,
        SUM(row_count) AS row_count,
        SUM(amount) AS amount
    FROM raw.file_totals
    WHERE {{ these('uri') }}
    GROUP BY uri, version
)

SELECT COUNT(*) > 0 AS is_lost
FROM entered
LEFT OUTER JOIN loaded ON entered.uri = loaded.uri AND entered.version = loaded.version
LEFT OUTER JOIN rejected ON entered.uri = rejected.uri AND entered.version = rejected.version
LEFT OUTER JOIN totals ON entered.uri = totals.uri AND entered.version = totals.version
WHERE
    entered.loaded_count != COALESCE(loaded.row_count, 0)
    OR entered.total_amount != COALESCE(loaded.amount, NUMERIC '0')
    OR entered.rejected_count != COALESCE(rejected.row_count, 0)
    OR entered.loaded_count != COALESCE(totals.row_count, 0)
    OR entered.total_amount != COALESCE(totals.amount, NUMERIC '0')
