{% from 'versions.sql' import these -%}
DELETE FROM raw.file_totals WHERE {{ these('uri', 'version', versions) }}
