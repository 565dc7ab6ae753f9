{# What raw holds of the versions that an ingestion has just written. -#}
{% macro these() -%}
({% for uri, version in versions %}{{ " OR " if not loop.first }}(_source_file = {{ uri | literal }} AND _source_version = {{ version | literal }}){% endfor %})
{%- endmacro -%}
WITH held AS (
    SELECT
        _source_file AS uri,
        1 AS loaded,
        0 AS rejected,
        fee_amount AS amount
    FROM raw.fees
    WHERE {{ these() }}
    UNION ALL
    SELECT
        _source_file AS uri,
        0 AS loaded,
        1 AS rejected,
        NUMERIC '0' AS amount
    FROM raw.fees_rejected
    WHERE {{ these() }}
)

SELECT
    uri,
    SUM(loaded) AS loaded_rows,
    SUM(rejected) AS rejected_rows,
    COALESCE(SUM(amount), NUMERIC '0') AS amount
FROM held
GROUP BY uri
