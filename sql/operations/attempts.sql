{# The newest attempts whose ids begin so: enough to tell one, or that there are several. -#}
SELECT
    run_id,
    started_at
FROM ops.runs
WHERE STARTS_WITH(run_id, {{ begins | literal }})
ORDER BY started_at DESC, run_id DESC
LIMIT {{ limit }}
