{# Every term is summed from its own rows; none is the difference of two others, which would always agree. -#}
{% from 'judged.sql' import judged -%}
WITH raw_by_file AS (
    SELECT
        _source_file AS uri,
        _source_version AS version,
        fee_date,
        COUNT(*) AS row_count,
        COALESCE(SUM(fee_amount), NUMERIC '0') AS amount
    FROM raw.fees
    WHERE {{ judged('fee_date') }}
    GROUP BY _source_file, _source_version, fee_date
),

control_totals AS (
    SELECT
        totals.uri,
        totals.version,
        totals.fee_date,
        totals.row_count,
        totals.amount
    FROM raw.file_totals AS totals
    INNER JOIN raw.files AS files
        ON totals.uri = files.uri AND totals.version = files.version AND files.status = 'loaded'
    WHERE {{ judged('totals.fee_date') }}
),

raw_by_date AS (
    SELECT
        fee_date,
        SUM(row_count) AS row_count,
        SUM(amount) AS amount
    FROM raw_by_file
    WHERE fee_date IS NOT NULL
    GROUP BY fee_date
),

accounted AS (
    SELECT
        fee_date,
        1 AS row_count,
        fee_amount AS amount
    FROM staging.stg_fees
    WHERE {{ judged('fee_date') }}
    UNION ALL
    SELECT
        fee_date,
        row_count,
        amount
    FROM ops.left_out
    WHERE {{ judged('fee_date') }}
),

accounted_by_date AS (
    SELECT
        fee_date,
        SUM(row_count) AS row_count,
        SUM(amount) AS amount
    FROM accounted
    GROUP BY fee_date
),

staged AS (
    SELECT COALESCE(SUM(fee_amount), NUMERIC '0') AS staged_total
    FROM staging.stg_fees
),

clients AS (
    SELECT
        COUNT(*) AS client_count,
        {%- for months in [1, 3, 6] %}
        COALESCE(SUM(ltv_{{ months }}_month), NUMERIC '0') AS clients_{{ months }},
        {%- endfor %}
        COALESCE(SUM(ltv_total), NUMERIC '0') AS clients_total
    FROM reporting.rpt_client_ltv
),

cohorts AS (
    SELECT
        {%- for months in [1, 3, 6] %}
        COALESCE(SUM(total_ltv_{{ months }}_month), NUMERIC '0') AS cohorts_{{ months }},
        {%- endfor %}
        COALESCE(SUM(client_count), 0) AS cohort_client_count
    FROM reporting.rpt_cohort_ltv
),

advisers AS (
    SELECT
        {%- for months in [1, 3, 6] %}
        COALESCE(SUM(total_client_ltv_{{ months }}_month), NUMERIC '0') AS advisers_{{ months }},
        {%- endfor %}
        COALESCE(SUM(total_client_ltv_all_time), NUMERIC '0') AS advisers_total,
        COALESCE(SUM(client_count), 0) AS adviser_client_count
    FROM reporting.rpt_adviser_ltv
),

totals AS (
    SELECT
        staged.staged_total,
        clients.client_count,
        {%- for months in [1, 3, 6] %}
        clients.clients_{{ months }},
        cohorts.cohorts_{{ months }},
        advisers.advisers_{{ months }},
        {%- endfor %}
        clients.clients_total,
        cohorts.cohort_client_count,
        advisers.advisers_total,
        advisers.adviser_client_count
    FROM staged
    CROSS JOIN clients
    CROSS JOIN cohorts
    CROSS JOIN advisers
),

compared AS (
    SELECT
        'raw = control totals' AS check_name,
        CONCAT(
            COALESCE(raw_by_file.uri, control_totals.uri), ' ',
            COALESCE(CAST(raw_by_file.fee_date AS STRING), CAST(control_totals.fee_date AS STRING), 'no date')
        ) AS subject,
        COALESCE(raw_by_file.row_count, 0) AS left_rows,
        COALESCE(control_totals.row_count, 0) AS right_rows,
        COALESCE(raw_by_file.amount, NUMERIC '0') AS left_amount,
        COALESCE(control_totals.amount, NUMERIC '0') AS right_amount
    FROM raw_by_file
    FULL OUTER JOIN control_totals
        ON
            raw_by_file.uri = control_totals.uri
            AND raw_by_file.version = control_totals.version
            AND COALESCE(raw_by_file.fee_date, DATE '0001-01-01')
            = COALESCE(control_totals.fee_date, DATE '0001-01-01')
    UNION ALL
    SELECT
        'raw = staged + duplicates + blanks' AS check_name,
        COALESCE(CAST(raw_by_date.fee_date AS STRING), CAST(accounted_by_date.fee_date AS STRING)) AS subject,
        COALESCE(raw_by_date.row_count, 0) AS left_rows,
        COALESCE(accounted_by_date.row_count, 0) AS right_rows,
        COALESCE(raw_by_date.amount, NUMERIC '0') AS left_amount,
        COALESCE(accounted_by_date.amount, NUMERIC '0') AS right_amount
    FROM raw_by_date
    FULL OUTER JOIN accounted_by_date ON raw_by_date.fee_date = accounted_by_date.fee_date
    UNION ALL
    SELECT
        'staged = clients' AS check_name,
        'ltv_total' AS subject,
        0 AS left_rows,
        0 AS right_rows,
        staged_total AS left_amount,
        clients_total AS right_amount
    FROM totals
    UNION ALL
    SELECT
        'clients = advisers' AS check_name,
        'ltv_total' AS subject,
        client_count AS left_rows,
        adviser_client_count AS right_rows,
        clients_total AS left_amount,
        advisers_total AS right_amount
    FROM totals
    {%- for months in [1, 3, 6] %}
    {%- for group, members in [("cohorts", "cohort_client_count"), ("advisers", "adviser_client_count")] %}
    UNION ALL
    SELECT
        'clients = {{ group }}' AS check_name,
        'ltv_{{ months }}_month' AS subject,
        client_count AS left_rows,
        {{ members }} AS right_rows,
        clients_{{ months }} AS left_amount,
        {{ group }}_{{ months }} AS right_amount
    FROM totals
    {%- endfor %}
    {%- endfor %}
)

SELECT
    check_name,
    subject,
    left_rows,
    right_rows,
    left_amount,
    right_amount
FROM compared
WHERE left_rows != right_rows OR ABS(left_amount - right_amount) > NUMERIC '{{ tolerance }}'
