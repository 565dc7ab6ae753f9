{# What the numbers that a run published were made by. -#}
{% from 'history.sql' import published -%}
SELECT
    kept.name,
    kept.kind,
    kept.fingerprint,
    kept.query,
    kept.contract,
    kept._from_run_id
FROM ops.sql AS kept
WHERE {{ published('kept', moment) | indent(4) }}
