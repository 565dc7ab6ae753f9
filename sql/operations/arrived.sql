{# Fee dates of new files and of new versions become pending: a new version only where its rows differ from the old one's. -#}
{% from 'clean.sql' import cleaned_id, cleaned_nino -%}
{% from 'versions.sql' import these -%}
{% macro columns() -%}
INSERT INTO ops.pending (
    fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
)
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
WITH compared AS (
    SELECT
        _source_file,
        client_id,
        client_nino,
        adviser_id,
        fee_date,
        fee_amount,
        {{ these('_source_file', '_source_version', replaced) }} AS is_new
    FROM raw.fees
    WHERE fee_date IS NOT NULL AND {{ these('_source_file', '_source_version', replaced + previous) }}
),

differing AS (
    SELECT
        _source_file,
        fee_date,
        fee_amount,
        SUM(IF(is_new, 1, -1)) AS net_rows
    FROM compared
    GROUP BY _source_file, client_id, client_nino, adviser_id, fee_date, fee_amount
),

changed AS (
    SELECT
        _source_file,
        fee_date,
        SUM(IF(net_rows > 0, net_rows, 0)) AS rows_added,
        COALESCE(SUM(IF(net_rows > 0, net_rows * fee_amount, NUMERIC '0')), NUMERIC '0') AS amount_added,
        SUM(IF(net_rows < 0, -net_rows, 0)) AS rows_removed,
        COALESCE(SUM(IF(net_rows < 0, -net_rows * fee_amount, NUMERIC '0')), NUMERIC '0') AS amount_removed
    FROM differing
    WHERE net_rows != 0
    GROUP BY _source_file, fee_date
)

SELECT
    changed.fee_date,
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
{# One fee with several NINOs: which row is kept depends on the order of the rows, so the date counts as changed. #}
{{ columns() }}
WITH conflicting AS (
    SELECT
        _source_file,
        _source_version,
        fee_date
    FROM raw.fees
    WHERE fee_date IS NOT NULL AND {{ these('_source_file', '_source_version', replaced) }}
    GROUP BY
        _source_file,
        _source_version,
        {{ cleaned_id('client_id') }},
        {{ cleaned_id('adviser_id') }},
        fee_date,
        fee_amount
    HAVING COUNT(DISTINCT {{ cleaned_nino('client_nino') }}) > 1
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
FROM conflicting
;
{% endif -%}
