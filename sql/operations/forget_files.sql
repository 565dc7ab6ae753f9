{% from 'versions.sql' import these -%}
DELETE FROM raw.files
WHERE {{ these('uri', 'version', versions) }}
