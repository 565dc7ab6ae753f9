{# The rows of a published table as a run left them. -#}
{% from 'history.sql' import published -%}
SELECT
    {%- for column in columns %}
    kept.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
FROM {{ history }} AS kept
WHERE
    {{ published('kept', moment) | indent(4) }}
