{# What raw holds of each of these files, whatever version it is said to be of. -#}
{% from 'seals.sql' import content -%}
SELECT
    _source_file AS uri,
    {{ content(table) }} AS digest,
    COUNT(*) AS row_count
FROM {{ table }}
WHERE _source_file IN ({{ uris | map('literal') | join(', ') }})
GROUP BY _source_file
