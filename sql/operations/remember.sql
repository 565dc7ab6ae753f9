{# From now on these tables are known to come from this SQL. -#}
DELETE FROM ops.built WHERE table_name IN ({{ built | map('literal') | join(', ') }})
;
INSERT INTO ops.built (table_name, fingerprint, run_id, built_at)
VALUES
{%- for table, fingerprint in built.items() %}
    ({{ table | literal }}, {{ fingerprint | literal }}, {{ run_id | literal }}, {{ now | literal }}){{ "," if not loop.last }}
{%- endfor %}
