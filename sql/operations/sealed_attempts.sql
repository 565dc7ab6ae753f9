{# The attempts from one time to another as texts, each with the digest of its causes: what their seals are made of. -#}
{% from 'seals.sql' import digests, texts -%}
{{ digests() }}

SELECT
    {{ texts('ops.runs', 'runs.') | indent(4) }},
    changes.digest AS _changes,
    explained.digest AS _causes
FROM ops.runs AS runs
LEFT OUTER JOIN changes ON runs.run_id = changes.run_id
LEFT OUTER JOIN explained ON runs.run_id = explained.run_id
WHERE
    runs.finished_at <= {{ now.at | literal }}
    {%- if was %}
    AND runs.finished_at >= {{ was.at | literal }}
    {%- endif %}
