{# An assertion's verdict in one bounded answer: how many rows fail, how many are waived, which keys of waivers cover a
   row (their places, from 1; those of `standing` have not ended), and the first few rows. -#}
WITH offending AS (
{{ query | indent(4, first=true) }}
),

marked AS (
    SELECT
        *,
        {% if waived -%}
        CASE
            {%- for values in waived %}
            WHEN {% for name in key %}{{ " AND " if not loop.first }}CAST({{ name }} AS STRING) = {{ values[loop.index0] | literal }}{% endfor %} THEN {{ loop.index }}
            {%- endfor %}
            ELSE 0
        END
        {%- else -%}
        0
        {%- endif %} AS _waiver
    FROM offending
),

judged AS (
    SELECT
        *,
        {{ "_waiver IN (" ~ standing | join(', ') ~ ")" if standing else "FALSE" }} AS _is_waived,
        ROW_NUMBER() OVER (PARTITION BY _waiver ORDER BY {{ order | join(', ') }}) AS _nth
    FROM marked
)

SELECT
    SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
    SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
    {% if waived %}STRING_AGG(IF(_nth = 1 AND _waiver > 0, CAST(_waiver AS STRING), NULL), ' ') OVER (){% else %}CAST(NULL AS STRING){% endif %} AS _covering,
    ROW_NUMBER() OVER (ORDER BY _is_waived, {{ order | join(', ') }}) AS _place,
    *
FROM judged
ORDER BY _place
LIMIT {{ shown }}
