{# What differs between two versions of a table: how many rows and cells, and the rows that moved the most pounds. -#}
WITH was AS (
    {{ was | indent(4) }}
),

now AS (
    {{ now | indent(4) }}
),

paired AS (
    SELECT
        {%- for column in key %}
        COALESCE(was.{{ column }}, now.{{ column }}) AS key_{{ column }},
        {%- endfor %}
        {%- for column in values %}
        was.{{ column }} AS was_{{ column }},
        now.{{ column }} AS now_{{ column }},
        {%- endfor %}
        was.{{ key[0] }} IS NULL AS is_added,
        now.{{ key[0] }} IS NULL AS is_removed
    FROM was
    FULL OUTER JOIN now
        ON
            {%- for column in key %}
            {{ "AND " if not loop.first }}was.{{ column }} = now.{{ column }}
            {%- endfor %}
),

changed AS (
    SELECT *
    FROM paired
    WHERE
        is_added
        OR is_removed
        {%- for column in values %}
        OR was_{{ column }} IS DISTINCT FROM now_{{ column }}
        {%- endfor %}
),

counted AS (
    SELECT
        *,
        COUNTIF(is_added) OVER () AS added_rows,
        COUNTIF(is_removed) OVER () AS removed_rows,
        COUNTIF(NOT is_added AND NOT is_removed) OVER () AS changed_rows,
        {%- for column in values %}
        COUNTIF(
            NOT is_added AND NOT is_removed AND was_{{ column }} IS DISTINCT FROM now_{{ column }}
        ) OVER () AS cells_{{ column }},
        {%- endfor %}
        ROW_NUMBER() OVER (
            ORDER BY
                {%- for column in pounds %}
                ABS(COALESCE(now_{{ column }}, NUMERIC '0') - COALESCE(was_{{ column }}, NUMERIC '0')) DESC,
                {%- endfor %}
                {% for column in key %}key_{{ column }}{{ ", " if not loop.last }}{% endfor %}
        ) AS place
    FROM changed
)

SELECT *
FROM counted
WHERE place <= {{ shown }}
