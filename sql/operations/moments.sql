{# Every run that published, and whether history knows of it: it began with the run that first kept any. -#}
SELECT
    run_id,
    command,
    finished_at,
    fingerprint
FROM ops.runs
WHERE status = 'published'
