{# Column tests of one table from its contract, one row per offence; `subject` names the row by its key. -#}
{% set subject -%}
CONCAT({% for column in key %}'{{ ", " if not loop.first }}{{ column }} ', COALESCE(CAST({{ column }} AS STRING), 'NULL'){{ ", " if not loop.last }}{% endfor %})
{%- endset -%}
{% if conditions -%}
SELECT
    CASE
        {%- for problem, condition in conditions %}
        WHEN {{ condition }} THEN {{ problem | literal }}
        {%- endfor %}
    END AS problem,
    {{ subject }} AS subject
FROM {{ table }}
WHERE
    {%- for _, condition in conditions %}
    {{ "OR " if not loop.first }}({{ condition }})
    {%- endfor %}
{%- endif %}
{%- for columns in uniques %}
{{ "UNION ALL\n" if conditions or not loop.first -}}
SELECT
    '{{ columns | join(", ") }} is not unique' AS problem,
    CONCAT({% for column in columns %}'{{ ", " if not loop.first }}{{ column }} ', CAST({{ column }} AS STRING){{ ", " if not loop.last }}{% endfor %}) AS subject
FROM {{ table }}
GROUP BY {{ columns | join(", ") }}
HAVING COUNT(*) > 1
{%- endfor %}
{%- for column, other, other_column in references %}
UNION ALL
SELECT
    '{{ column }} is not in {{ other }}' AS problem,
    CONCAT('{{ column }} ', CAST(referring.{{ column }} AS STRING)) AS subject
FROM {{ table }} AS referring
WHERE NOT EXISTS (SELECT 1 FROM {{ other }} AS referred WHERE referred.{{ other_column }} = referring.{{ column }})
{%- endfor %}
