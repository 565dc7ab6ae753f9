{# What a run took off the pending list, as texts: what the digest in its seal is made of. -#}
{% from 'seals.sql' import texts -%}
SELECT
    {{ texts('ops.changes', 'changes.') | indent(4) }}
FROM ops.changes AS changes
WHERE changes.run_id = {{ run_id | literal }}
