{# The versions of a table's rows that a run has ended, or begun. -#}
SELECT
    {%- for column in columns %}
    kept.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
FROM {{ history }} AS kept
WHERE kept.{{ boundary }} = {{ run_id | literal }}
