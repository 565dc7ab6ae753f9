{# The versions of models, assertions and variables that a run has ended, or begun. -#}
SELECT
    name,
    kind,
    _to_run_id IS NOT DISTINCT FROM {{ run_id | literal }} AS is_ended
FROM ops.sql
WHERE kind != 'source' AND (_from_run_id = {{ run_id | literal }} OR _to_run_id = {{ run_id | literal }})
