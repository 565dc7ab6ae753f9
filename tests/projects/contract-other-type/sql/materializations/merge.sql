{# A windowed mirror of the query: outside the window's fee dates nothing is read or written. Two statements, because both
   NOT MATCHED kinds in one MERGE force a full outer join that BigQuery does not prune. -#}
{% from 'window.sql' import within with context -%}
MERGE INTO {{ table }} AS target
USING (
{{ query | indent(4, first=true) }}
) AS source
ON
    {%- for column in key %}
    {{ "AND " if not loop.first }}target.{{ column }} = source.{{ column }}
    {%- endfor %}
    AND {{ within('target.' ~ partition_by) }}
WHEN MATCHED AND (
    {%- for column in values %}
    {{ "OR " if not loop.first }}target.{{ column }} IS DISTINCT FROM source.{{ column }}
    {%- endfor %}
) THEN
    UPDATE SET
        {%- for column in values %}
        {{ column }} = source.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
WHEN NOT MATCHED THEN
    INSERT ({{ columns | join(', ') }})
    VALUES (source.{{ columns | join(', source.') }})
;
DELETE FROM {{ table }} AS target
WHERE
    {{ within('target.' ~ partition_by) }}
    AND NOT EXISTS (
        SELECT 1
        FROM (
{{ query | indent(12, first=true) }}
        ) AS source
        WHERE
            {%- for column in key %}
            {{ "AND " if not loop.first }}target.{{ column }} = source.{{ column }}
            {%- endfor %}
    )
