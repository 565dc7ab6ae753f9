{# Their control totals by fee date, as texts; of versions that have left raw since then there are none. -#}
{% from 'seals.sql' import texts -%}
{% from 'versions.sql' import held -%}
SELECT
    {{ texts('raw.file_totals', 'totals.') | indent(4) }}
FROM raw.file_totals AS totals
INNER JOIN raw.files AS files ON totals.uri = files.uri AND totals.version = files.version
WHERE {{ held('files', moment) | indent(4) }}
