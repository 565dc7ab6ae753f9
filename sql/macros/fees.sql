{# What one fee of raw is: told once for the model that stages it, and for the books of what staging leaves out. -#}
{% from 'clean.sql' import cleaned_id, cleaned_nino, fee_key -%}
{%- macro cleaned_fee() -%}
{{ cleaned_id('client_id') }} AS client_id,
{{ cleaned_nino('client_nino') }} AS client_nino,
{{ cleaned_id('adviser_id') }} AS adviser_id,
fee_date,
fee_amount
{%- endmacro -%}

{%- macro pounds() -%} fee_amount {%- endmacro -%}

{%- macro is_whole() -%}
client_id IS NOT NULL
AND client_nino IS NOT NULL
AND adviser_id IS NOT NULL
AND fee_date IS NOT NULL
AND fee_amount IS NOT NULL
{%- endmacro -%}

{# Of several whole rows of one fee the first is kept; a row without its NINO is none of them. -#}
{%- macro place() -%}
ROW_NUMBER() OVER (
    PARTITION BY client_nino IS NULL, client_id, adviser_id, fee_date, fee_amount
    ORDER BY _source_file, _source_row
)
{%- endmacro -%}

{# Fees of raw whose rows differ in what is not their key: which of them is kept depends on the order of the rows. -#}
{%- macro ambiguous_fees(columns, rows) -%}
SELECT
    _source_file,
    _source_version,
    fee_date
FROM raw.fees
WHERE fee_date IS NOT NULL AND {{ rows }}
GROUP BY
    _source_file,
    _source_version,
    {{ cleaned_id('client_id') }},
    {{ cleaned_id('adviser_id') }},
    fee_date,
    fee_amount
HAVING
    COUNT(DISTINCT {{ cleaned_nino('client_nino') }}) > 1
    {%- for column in columns if column not in ['client_id', 'client_nino', 'adviser_id', 'fee_date', 'fee_amount'] %}
    OR COUNT(DISTINCT COALESCE(CAST({{ column }} AS STRING), '')) > 1
    {%- endfor %}
{%- endmacro -%}

{%- macro left_out_fees(rows) -%}
WITH cleaned AS (
    SELECT
        {{ cleaned_fee() | indent(8) }},
        _source_file,
        _source_version,
        _source_row
    FROM raw.fees
    WHERE {{ rows }}
),

left_out AS (
    SELECT
        _source_file,
        _source_version,
        fee_date,
        fee_amount,
        'blank' AS reason
    FROM cleaned
    WHERE NOT (
        {{ is_whole() | indent(8) }}
    )
    UNION ALL
    SELECT
        _source_file,
        _source_version,
        fee_date,
        fee_amount,
        'duplicate' AS reason
    FROM cleaned
    WHERE
        {{ is_whole() | indent(8) }}
    QUALIFY {{ place() | indent(4) }} > 1
)

SELECT
    _source_file AS uri,
    _source_version AS version,
    fee_date,
    reason,
    COUNT(*) AS row_count,
    COALESCE(SUM(fee_amount), NUMERIC '0') AS amount
FROM left_out
GROUP BY _source_file, _source_version, fee_date, reason
{%- endmacro -%}

{%- macro undated_fees() -%}
SELECT
    COUNT(*) AS blank_rows,
    COALESCE(SUM(fee_amount), NUMERIC '0') AS blank_amount
FROM raw.fees
WHERE fee_date IS NULL
{%- endmacro -%}

{# What is kept of rows that leave raw, for the run that stages their fee dates: it says what became of their fees. -#}
{%- macro removed_fees(rows) -%}
INSERT INTO ops.removed (fee_id, fee_date, uri, version, source_row)
SELECT
    {{ fee_key(cleaned_id('client_id'), cleaned_id('adviser_id'), 'fee_date', 'fee_amount') }} AS fee_id,
    fee_date,
    _source_file,
    _source_version,
    _source_row
FROM {{ rows }}
    AND {{ cleaned_id('client_id') }} IS NOT NULL
    AND {{ cleaned_id('adviser_id') }} IS NOT NULL
    AND fee_date IS NOT NULL
    AND fee_amount IS NOT NULL
{%- endmacro %}
