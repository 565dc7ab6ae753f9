{# An assertion's verdict in one bounded answer: how many rows fail, how many are waived, which keys of waivers cover a
   row (their places, from 1; those of `standing` have not ended), and the first few rows, each once more as the JSON that
   the ledger keeps: of a tagged column what tells two people apart, and no word anywhere that numbers one. -#}
{%- macro cell(column) -%}
{%- if column in tagged -%}
IF(CHAR_LENGTH(CAST({{ column }} AS STRING)) = 9, CONCAT(SUBSTR(CAST({{ column }} AS STRING), 1, 2), '******', SUBSTR(CAST({{ column }} AS STRING), 9)), IF({{ column }} IS NULL, NULL, '*********'))
{%- else -%}
REGEXP_REPLACE(CAST({{ column }} AS STRING), {{ nino | literal }}, '[NINO]')
{%- endif -%}
{%- endmacro -%}
{%- macro told() -%}
CONCAT('{'
    {%- for column in order %}, '{{ ", " if not loop.first }}"{{ column }}": ', COALESCE(CONCAT('"', REGEXP_REPLACE(REPLACE(REPLACE({{ cell(column) }}, '\\', '\\\\'), '"', '\\"'), r'[\x00-\x1f]', ' '), '"'), 'null')
    {%- endfor %}, '}')
{%- endmacro -%}
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
    IF(_is_waived, CAST(NULL AS STRING), {{ told() }}) AS _told,
    *
FROM judged
ORDER BY _place
LIMIT {{ shown }}
