{# Rejected rows of versions that are judged anew. -#}
{% from 'versions.sql' import these -%}
DELETE FROM raw.fees_rejected WHERE {{ these('_source_file', '_source_version', versions) }}
