{# The rows of a query that belong to some of the run's fee dates. -#}
{% from 'window.sql' import within with context -%}
SELECT {{ columns | join(', ') }}
FROM (
{{ query | indent(4, first=true) }}
)
WHERE {{ within(partition_by) }}
