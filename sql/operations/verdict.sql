{# An assertion's verdict in one bounded answer: how many rows fail, how many of them are waived, and the first few. -#}
WITH offending AS (
{{ query | indent(4, first=true) }}
),

marked AS (
    SELECT
        *,
        {% if waived -%}
        COALESCE(
            {%- for values in waived %}
            {{ "OR " if not loop.first }}({% for name in key %}{{ " AND " if not loop.first }}CAST({{ name }} AS STRING) = {{ values[loop.index0] | literal }}{% endfor %})
            {%- endfor %}
        , FALSE)
        {%- else -%}
        FALSE
        {%- endif %} AS _is_waived
    FROM offending
)

SELECT
    SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
    SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
    ROW_NUMBER() OVER (ORDER BY _is_waived, {{ order | join(', ') }}) AS _place,
    *
FROM marked
ORDER BY _place
LIMIT {{ shown }}
