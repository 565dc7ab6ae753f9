SELECT
    uri,
    reason
FROM raw.files
WHERE status = 'refused'
ORDER BY uri
