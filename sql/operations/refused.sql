{% from 'versions.sql' import refusal -%}
SELECT
    uri,
    {{ refusal() }} AS reason
FROM raw.files
WHERE status = 'refused'
ORDER BY uri
