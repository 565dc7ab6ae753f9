{# Every version of every file that was ever seen, newest first. -#}
SELECT
    uri,
    version,
    sha256,
    bytes,
    row_count,
    loaded_count,
    rejected_count,
    total_amount,
    first_fee_date,
    last_fee_date,
    status,
    reason,
    ingested_at,
    ended_at,
    run_id
FROM raw.files
ORDER BY ingested_at DESC, uri ASC, version ASC
{%- if limit %}
LIMIT {{ limit }}
{%- endif %}
