SELECT
    run_id,
    command,
    part_of,
    status,
    started_at,
    finished_at,
    selection,
    fee_dates,
    full_refresh,
    rows_before,
    rows_after,
    amount_before,
    amount_after,
    steps,
    changes,
    assertions,
    error,
    fingerprint,
    git_sha,
    package_version,
    bytes_processed,
    headline
FROM ops.runs
{%- if run_id %}
WHERE run_id = {{ run_id | literal }}
{%- endif %}
ORDER BY started_at DESC, run_id DESC
LIMIT {{ limit }}
