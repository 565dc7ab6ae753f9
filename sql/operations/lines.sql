{# A digest of each row that a table of raw has of a file; of many rows one part at a time. -#}
{% from 'seals.sql' import line -%}
SELECT
    _source_row,
    TO_HEX(MD5({{ line(table) }})) AS digest
FROM {{ table }}
WHERE _source_file = {{ uri | literal }} AND MOD(ABS(COALESCE(_source_row, 0)), {{ parts }}) = {{ part }}
