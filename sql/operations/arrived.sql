{# Fee dates of new files and of new versions become pending: a new version only where its rows differ from the old one's. -#}
{% from 'fees.sql' import ambiguous_fees, removed_fees -%}
{% from 'versions.sql' import these -%}
{% macro columns() -%}
INSERT INTO ops.pending (
    fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
)
{%- endmacro -%}
{# Of a version that was read again, only the run tells the rows of now from those of before. -#}
{% macro is_new() -%}
{{ these('_source_file', '_source_version', replaced) }} AND _run_id = {{ run_id | literal }}
{%- endmacro -%}
{% if fresh -%}
{{ columns() }}
SELECT
    fee_date,
    uri,
    version,
    row_count,
    amount,
    0,
    NUMERIC '0',
    {{ now | literal }},
    {{ run_id | literal }}
FROM raw.file_totals
WHERE fee_date IS NOT NULL AND {{ these('uri', 'version', fresh) }}
;
{% endif -%}
{% if replaced -%}
{{ columns() }}
WITH differing AS (
    SELECT
        _source_file,
        {{ contract.partition_by }} AS _day,
        {{ contract.total }} AS _amount,
        SUM(IF({{ is_new() }}, 1, -1)) AS net_rows
    FROM raw.fees
    WHERE {{ contract.partition_by }} IS NOT NULL AND {{ these('_source_file', '_source_version', replaced + previous) }}
    GROUP BY _source_file, {{ contract.file_columns | map(attribute='name') | join(', ') }}
),

changed AS (
    SELECT
        _source_file,
        _day,
        SUM(IF(net_rows > 0, net_rows, 0)) AS rows_added,
        COALESCE(SUM(IF(net_rows > 0, net_rows * _amount, NUMERIC '0')), NUMERIC '0') AS amount_added,
        SUM(IF(net_rows < 0, -net_rows, 0)) AS rows_removed,
        COALESCE(SUM(IF(net_rows < 0, -net_rows * _amount, NUMERIC '0')), NUMERIC '0') AS amount_removed
    FROM differing
    WHERE net_rows != 0
    GROUP BY _source_file, _day
)

SELECT
    changed._day,
    changed._source_file,
    files.version,
    changed.rows_added,
    changed.amount_added,
    changed.rows_removed,
    changed.amount_removed,
    {{ now | literal }},
    {{ run_id | literal }}
FROM changed
INNER JOIN raw.files AS files ON changed._source_file = files.uri
WHERE {{ these('files.uri', 'files.version', replaced) }}
;
{# Of dates that did not change, what is left out is left out of the new version. -#}
MERGE INTO ops.left_out AS told
USING (
    SELECT
        uri,
        version
    FROM raw.files
    WHERE {{ these('uri', 'version', replaced) }}
) AS now
ON told.uri = now.uri AND {{ these('told.uri', 'told.version', previous) }}
WHEN MATCHED THEN
    UPDATE SET version = now.version
;
{# One fee with several NINOs, say: the date counts as changed. #}
{{ columns() }}
WITH ambiguous AS (
    {{ ambiguous_fees(contract.file_columns | map(attribute='name'), is_new()) | indent(4) }}
)

SELECT DISTINCT
    fee_date,
    _source_file,
    _source_version,
    0,
    NUMERIC '0',
    0,
    NUMERIC '0',
    {{ now | literal }},
    {{ run_id | literal }}
FROM ambiguous
;
{% set lost -%}
(
    SELECT
        *,
        {{ is_new() }} AS is_new,
        SUM(IF({{ is_new() }}, 1, -1)) OVER (
            PARTITION BY _source_file, {{ contract.file_columns | map(attribute='name') | join(', ') }}
        ) AS net_rows
    FROM raw.fees
    WHERE {{ contract.partition_by }} IS NOT NULL AND {{ these('_source_file', '_source_version', replaced + previous) }}
)
WHERE
    NOT is_new
    AND net_rows < 0
{%- endset -%}
{{ removed_fees(lost) }}
;
{% endif -%}
