{# From now on these are what the published numbers are made by. -#}
UPDATE ops.sql
SET _to_run_id = {{ run_id | literal }}
WHERE _to_run_id IS NULL AND name IN ({{ names | map('literal') | join(', ') }})
{%- if texts %}
;
INSERT INTO ops.sql (name, kind, fingerprint, query, contract, _from_run_id)
VALUES
{%- for one in texts %}
    ({{ one.name | literal }}, {{ one.kind | literal }}, {{ one.fingerprint | literal }}, {{ one.query | literal }}, {{ one.contract | literal }}, {{ run_id | literal }}){{ "," if not loop.last }}
{%- endfor %}
{%- endif %}
