{# What built each table that is there now, and the first run that did. -#}
SELECT
    table_name,
    fingerprint,
    run_id
FROM ops.built
