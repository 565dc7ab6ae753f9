{# Versions of rows as a run left them. Runs are one after another, each ends before the next one publishes. -#}
{%- macro until(column, moment) -%}
{{ column }} IN (
    SELECT runs.run_id
    FROM ops.runs AS runs
    WHERE runs.finished_at < {{ moment.at | literal }} OR runs.run_id = {{ moment.run_id | literal }}
)
{%- endmacro -%}
{%- macro published(alias, moment) -%}
{{ until(alias ~ '._from_run_id', moment) }}
AND ({{ alias }}._to_run_id IS NULL OR NOT {{ until(alias ~ '._to_run_id', moment) }})
{%- endmacro -%}
