SELECT
    uri,
    COALESCE(reason, 'nobody wrote down why') AS reason
FROM raw.files
WHERE status = 'refused'
ORDER BY uri
