{# The versions of a table's rows that a run left, without those that are also as another run left them. -#}
{% from 'history.sql' import published -%}
SELECT
    {%- for column in columns %}
    kept.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
FROM {{ history }} AS kept
WHERE
    ({{ published('kept', moment) | indent(4) }})
    AND NOT ({{ published('kept', other) | indent(4) }})
