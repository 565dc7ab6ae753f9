SELECT
    run_id,
    part_of,
    status,
    started_at,
    fee_dates,
    fingerprint
FROM ops.runs
WHERE command = {{ command | literal }} AND part_of IS NOT NULL
ORDER BY started_at, run_id
