{# Models and assertions as a run left them. -#}
{% from 'history.sql' import published -%}
SELECT
    kept.name,
    kept.fingerprint
FROM ops.sql AS kept
WHERE
    kept.kind IN ('model', 'assertion')
    AND {{ published('kept', moment) | indent(4) }}
