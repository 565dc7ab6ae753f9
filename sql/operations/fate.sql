{# Why staging leaves a record of raw out: whether it is whole, and which record stands for the same fee. -#}
{% from 'clean.sql' import fee_key -%}
{% from 'fees.sql' import cleaned_fee, is_whole, place -%}
WITH line AS (
    SELECT fee_date
    FROM raw.fees
    WHERE _source_file = {{ uri | literal }} AND _source_row = {{ row }}
),

cleaned AS (
    SELECT
        {{ cleaned_fee() | indent(8) }},
        _source_file,
        _source_row
    FROM raw.fees
    WHERE
        fee_date IN (SELECT line.fee_date FROM line)
        OR (_source_file = {{ uri | literal }} AND _source_row = {{ row }})
),

ranked AS (
    SELECT
        _source_file,
        _source_row,
        {{ fee_key('client_id', 'adviser_id', 'fee_date', 'fee_amount') }} AS fee,
        {{ is_whole() | indent(8) }} AS is_whole,
        {{ place() | indent(8) }} AS place
    FROM cleaned
)

SELECT
    ranked.is_whole,
    kept._source_file AS kept_file,
    kept._source_row AS kept_row
FROM ranked
LEFT JOIN ranked AS kept ON ranked.fee = kept.fee AND kept.is_whole AND kept.place = 1
WHERE ranked._source_file = {{ uri | literal }} AND ranked._source_row = {{ row }}
