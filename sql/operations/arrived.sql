{# Fee dates of new files and of new versions become pending: a new version only where its rows differ from the old one's. -#}
{% from 'clean.sql' import cleaned_id, cleaned_nino -%}
{% if fresh -%}
INSERT INTO ops.pending (
    fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
)
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
WHERE
    fee_date IS NOT NULL
    AND ({% for uri, version in fresh %}{{ " OR " if not loop.first }}(uri = {{ uri | literal }} AND version = {{ version | literal }}){% endfor %})
;
{% endif -%}
{% for uri, version, old in replaced -%}
INSERT INTO ops.pending (
    fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
)
WITH differing AS (
    SELECT
        fee_date,
        fee_amount,
        SUM(IF(_source_version = {{ version | literal }}, 1, -1)) AS net_rows
    FROM raw.fees
    WHERE
        _source_file = {{ uri | literal }}
        AND _source_version IN ({{ version | literal }}, {{ old | literal }})
        AND fee_date IS NOT NULL
    GROUP BY client_id, client_nino, adviser_id, fee_date, fee_amount
)

SELECT
    fee_date,
    {{ uri | literal }},
    {{ version | literal }},
    SUM(IF(net_rows > 0, net_rows, 0)),
    COALESCE(SUM(IF(net_rows > 0, net_rows * fee_amount, NUMERIC '0')), NUMERIC '0'),
    SUM(IF(net_rows < 0, -net_rows, 0)),
    COALESCE(SUM(IF(net_rows < 0, -net_rows * fee_amount, NUMERIC '0')), NUMERIC '0'),
    {{ now | literal }},
    {{ run_id | literal }}
FROM differing
WHERE net_rows != 0
GROUP BY fee_date
;
{# One fee with several NINOs: which row is kept depends on the order of the rows, so the date counts as changed. #}
INSERT INTO ops.pending (
    fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
)
WITH conflicting AS (
    SELECT fee_date
    FROM raw.fees
    WHERE
        _source_file = {{ uri | literal }}
        AND _source_version = {{ version | literal }}
        AND fee_date IS NOT NULL
    GROUP BY {{ cleaned_id('client_id') }}, {{ cleaned_id('adviser_id') }}, fee_date, fee_amount
    HAVING COUNT(DISTINCT {{ cleaned_nino('client_nino') }}) > 1
)

SELECT DISTINCT
    fee_date,
    {{ uri | literal }},
    {{ version | literal }},
    0,
    NUMERIC '0',
    0,
    NUMERIC '0',
    {{ now | literal }},
    {{ run_id | literal }}
FROM conflicting
;
{% endfor -%}
