{# Every version with a say in the present: what is loaded or refused now, and what was once, to recognise copies. -#}
{% from 'versions.sql' import refusal -%}
SELECT
    uri,
    version,
    sha256,
    status,
    row_count,
    rejected_count,
    total_amount,
    IF(status = 'refused', {{ refusal() }}, reason) AS reason,
    ingested_at
FROM raw.files
ORDER BY uri, ingested_at, version
