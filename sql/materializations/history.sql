{# What a run has changed in a published table: versions that ended, and those that begin. A row that is as it was is
   neither read twice nor written. Keys are never NULL, or the run is rejected. -#}
UPDATE {{ history }} AS kept
SET _to_run_id = {{ run_id | literal }}
WHERE
    kept._to_run_id IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM {{ table }} AS now
        WHERE
            {%- for column in key %}
            {{ "AND " if not loop.first }}now.{{ column }} = kept.{{ column }}
            {%- endfor %}
            {%- for column in values %}
            AND now.{{ column }} IS NOT DISTINCT FROM kept.{{ column }}
            {%- endfor %}
    )
;
INSERT INTO {{ history }} ({{ columns | join(', ') }}, _from_run_id)
SELECT
    {%- for column in columns %}
    now.{{ column }},
    {%- endfor %}
    {{ run_id | literal }}
FROM {{ table }} AS now
WHERE NOT EXISTS (
    SELECT 1
    FROM {{ history }} AS kept
    WHERE
        kept._to_run_id IS NULL
        {%- for column in key %}
        AND kept.{{ column }} = now.{{ column }}
        {%- endfor %}
)
