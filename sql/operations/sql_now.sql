{# What the published numbers were made by, and judged by. -#}
SELECT
    name,
    fingerprint
FROM ops.sql
WHERE _to_run_id IS NULL
