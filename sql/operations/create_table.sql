CREATE TABLE IF NOT EXISTS {{ contract.table }} (
    {%- for column in contract.columns %}
    {{ column.name }} {{ column.type }} OPTIONS (description = {{ column.description | literal }}){{ "," if not loop.last }}
    {%- endfor %}
)
{%- if contract.partition_by %}
PARTITION BY {{ contract.partition_by }}
{%- endif %}
{%- if contract.cluster_by %}
CLUSTER BY {{ contract.cluster_by | join(", ") }}
{%- endif %}
OPTIONS (description = {{ contract.description | literal }})
