{# What an ingestion has written is sealed, and nothing else: what was changed by hand stays without its seal. Only the
   first one to seal anything seals all that it finds. -#}
{% from 'seals.sql' import file_seals, pending_seal, provenance, versions_seal -%}
{% from 'versions.sql' import these -%}
{% if versions or not is_sealed -%}
MERGE INTO raw.file_totals AS totals
USING (
    SELECT
        _source_file,
        _source_version,
        fee_date,
        {{ provenance() | indent(8) }} AS digest
    FROM raw.fees
    {%- if is_sealed %}
    WHERE {{ these('_source_file', '_source_version', versions) }}
    {%- endif %}
    GROUP BY _source_file, _source_version, fee_date
) AS found
ON
    totals.uri = found._source_file
    AND totals.version = found._source_version
    AND COALESCE(totals.fee_date, DATE '0001-01-01') = COALESCE(found.fee_date, DATE '0001-01-01')
WHEN MATCHED THEN
    UPDATE SET digest = found.digest
;
{% endif -%}
MERGE INTO raw.files AS files
USING (
    {{ file_seals() | indent(4) }}
) AS found
ON
    files.uri = found.uri
    AND files.version = found.version
    {%- if is_sealed %}
    AND found.run_id = {{ run_id | literal }}
    {%- endif %}
WHEN MATCHED THEN
    UPDATE SET seal = found.expected
;
UPDATE ops.pending
SET seal = {{ pending_seal() }}
WHERE {{ "run_id = " ~ (run_id | literal) if is_sealed else "TRUE" }}
{%- if is_complete %}
;
MERGE INTO ops.writer AS writer
USING (SELECT {{ versions_seal() }} AS files) AS now
ON TRUE
WHEN MATCHED THEN
    UPDATE SET files = now.files
WHEN NOT MATCHED THEN
    INSERT (job_id, run_id, began_at, files)
    VALUES ({{ run_id | literal }}, {{ run_id | literal }}, {{ now | literal }}, now.files)
{%- endif %}
