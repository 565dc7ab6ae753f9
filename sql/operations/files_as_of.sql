{# The file versions that raw held when a run published, as texts. -#}
{% from 'seals.sql' import texts -%}
{% from 'versions.sql' import held -%}
SELECT
    {{ texts('raw.files', 'files.') | indent(4) }}
FROM raw.files AS files
WHERE {{ held('files', moment) | indent(4) }}
