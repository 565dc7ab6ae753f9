{# What waited when a run published, what waits now, and how many runs have changed staging since then. -#}
WITH later AS (
    SELECT run_id
    FROM ops.runs
    WHERE status IN ('published', 'staged') AND finished_at > {{ moment.at | literal }}
),

waiting AS (
    SELECT
        COUNTIF(noted_at <= {{ moment.at | literal }}) AS row_count,
        COUNT(*) AS now_count
    FROM ops.pending
),

staged AS (
    SELECT COUNT(*) AS row_count
    FROM ops.changes AS changes
    INNER JOIN later ON changes.run_id = later.run_id
    WHERE changes.noted_at <= {{ moment.at | literal }}
)

SELECT
    waiting.row_count + staged.row_count AS pending_then,
    waiting.now_count AS pending_now,
    (SELECT COUNT(*) FROM later) AS later_runs
FROM waiting
CROSS JOIN staged
