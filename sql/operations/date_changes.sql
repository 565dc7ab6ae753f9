{# What each run up to one has left staged of the fee dates that it changed. -#}
{% from 'history.sql' import until -%}
SELECT
    runs.run_id,
    runs.finished_at,
    runs.changes
FROM ops.runs AS runs
WHERE
    runs.status IN ('published', 'staged')
    AND {{ until('runs.run_id', moment) | indent(4) }}
