SELECT
    table_name,
    fingerprint
FROM ops.built
