{# The row of an attempt in the ledger. Of the script the engine knows the rows of each answer as JSON lists of texts: of
   `published` staged rows and pounds come first, of an assertion how many rows fail and how many are waived. A verdict's
   words are texts within JSON already. -#}
{% from 'seals.sql' import attempt_seal, beginning, causes_digest, digest_of -%}
{%- macro text(value) -%}
{{ "CAST(NULL AS STRING)" if value is none else value | literal }}
{%- endmacro -%}
{%- macro found(answer, place, kind) -%}
COALESCE(CAST(JSON_VALUE({{ answer }}, '$[0][{{ place }}]') AS {{ kind }}), 0)
{%- endmacro -%}
{%- macro waivers(one, covering) -%}
{%- if not one.waivers -%}
''
{%- else -%}
{%- set places = "CONCAT(' ', COALESCE(JSON_VALUE(script.answer_" ~ one.name ~ ", '$[0][2]'), ''), ' ')" -%}
SUBSTR(CONCAT(''
        {%- for place, used, unused in one.waivers %}
        , IF({{ places }} {{ "LIKE" if covering else "NOT LIKE" }} '% {{ place }} %', {{ ("; " ~ (used if covering else unused) if used or not covering else "") | literal }}, '')
        {%- endfor %}), 3)
{%- endif -%}
{%- endmacro -%}
{%- macro staged(answer) -%}
SELECT
        JSON_VALUE(line, '$[0]') AS fee_date,
        JSON_VALUE(line, '$[1]') AS row_count,
        JSON_VALUE(line, '$[2]') AS amount
    FROM UNNEST(JSON_QUERY_ARRAY((SELECT script.{{ answer }} FROM script))) AS line
{%- endmacro -%}
INSERT INTO ops.runs (
    run_id, command, part_of, status, selection, fee_dates, full_refresh, started_at, finished_at,
    rows_before, rows_after, amount_before, amount_after, steps, changes, assertions, error,
    fingerprint, git_sha, package_version, bytes_processed, headline, follows, seal
)
WITH script AS (
    @script
),

{% if is_compared -%}
was AS (
    {{ staged('answer_staged_before') }}
),

now AS (
    {{ staged('answer_staged_after') }}
),

changed AS (
    SELECT
        COALESCE(was.fee_date, now.fee_date) AS fee_date,
        COALESCE(was.row_count, '0') AS rows_before,
        COALESCE(now.row_count, '0') AS rows_after,
        COALESCE(was.amount, '0') AS amount_before,
        COALESCE(now.amount, '0') AS amount_after
    FROM was
    FULL OUTER JOIN now ON was.fee_date = now.fee_date
    WHERE was.row_count IS DISTINCT FROM now.row_count OR was.amount IS DISTINCT FROM now.amount
),

{% endif -%}
changes AS (
    {%- if is_compared %}
    SELECT
        STRING_AGG(
            CONCAT(
                '{"fee_date": "', fee_date, '", "rows": [', rows_before, ', ', rows_after,
                '], "amount": ["', amount_before, '", "', amount_after, '"]}'
            ), ', ' ORDER BY fee_date
        ) AS listed
    FROM changed
    {%- else %}
    SELECT '' AS listed
    {%- endif %}
),

{% if verdicts -%}
judged AS (
    {%- for one in verdicts %}
    SELECT
        {{ loop.index }} AS place, '{{ one.name }}' AS name, '{{ one.severity }}' AS severity,
        {{ waivers(one, true) }} AS used, {{ waivers(one, false) }} AS unused, script.answer_{{ one.name }} AS answer FROM script
    {%- if not loop.last %} UNION ALL{% endif %}
    {%- endfor %}
),

counted AS (
    SELECT
        place,
        name,
        severity,
        used,
        unused,
        {{ found("answer", 0, "INT64") }} AS failing,
        {{ found("answer", 1, "INT64") }} AS waived,
        COALESCE((
            SELECT STRING_AGG(JSON_VALUE(line, '$[4]'), ', ' ORDER BY CAST(JSON_VALUE(line, '$[3]') AS INT64))
            FROM UNNEST(JSON_QUERY_ARRAY(answer)) AS line
        ), '') AS failing_rows
    FROM judged
    WHERE answer IS NOT NULL
),

{% endif -%}
verdicts AS (
    {%- if verdicts %}
    SELECT
        STRING_AGG(
            CONCAT(
                '{"name": "', name, '", "severity": "', severity, '", "failing": ', CAST(failing AS STRING),
                ', "waived": ', CAST(waived AS STRING), ', "waivers": "', used, '", "unused": "', unused, '", "rows": [', failing_rows, ']}'
            ), ', ' ORDER BY place
        ) AS listed,
        STRING_AGG(IF(failing > 0 AND severity = 'error', name, NULL), ', ' ORDER BY place) AS failures
    FROM counted
    {%- else %}
    SELECT
        '' AS listed,
        '' AS failures
    {%- endif %}
),

entry AS (
    SELECT
        {{ run_id | literal }} AS run_id,
        {{ command | literal }} AS command,
        {{ text(part_of) }} AS part_of,
        {{ status | literal }} AS status,
        {{ plan.selection | join(" ") | literal }} AS selection,
        {{ plan.window | literal }} AS fee_dates,
        {{ plan.full_refresh | literal }} AS full_refresh,
        {{ started_at | literal }} AS started_at,
        script.finished_at,
        {{ found("script.answer_published_before", 0, "INT64") }} AS rows_before,
        {{ found("script.answer_" ~ last, 0, "INT64") }} AS rows_after,
        {{ found("script.answer_published_before", 1, "NUMERIC") }} AS amount_before,
        {{ found("script.answer_" ~ last, 1, "NUMERIC") }} AS amount_after,
        script.steps,
        CONCAT('[', COALESCE(changes.listed, ''), ']') AS changes,
        CONCAT('[', COALESCE(verdicts.listed, ''), ']') AS assertions,
        {{ "verdicts.failures" if status == "rejected" else text(error) }} AS error,
        {{ plan.project.fingerprint | literal }} AS fingerprint,
        {{ text(git_sha) }} AS git_sha,
        {{ package_version | literal }} AS package_version,
        script.bytes_processed,
        CONCAT(
            '{"before": ', COALESCE(script.answer_published_before, '[]'),
            ', "after": ', COALESCE(script.answer_published_after, '[]'),
            ', "left_out": ', COALESCE(script.answer_left_out, '[]'), '}'
        ) AS headline
    FROM script
    CROSS JOIN changes
    CROSS JOIN verdicts
),

causes AS (
    SELECT {{ causes_digest("changes.digest", "explained.digest") }} AS digest
    FROM (SELECT {{ digest_of('ops.changes') }} AS digest FROM ops.changes WHERE run_id = {{ run_id | literal }}) AS changes
    CROSS JOIN (
        SELECT IF(COUNT(*) > 0, {{ digest_of('ops.causes') }}, NULL) AS digest
        FROM ops.causes
        WHERE run_id = {{ run_id | literal }}
    ) AS explained
),

before AS (
    SELECT COALESCE((SELECT MAX(writer.seal) FROM ops.writer AS writer), {{ beginning() | indent(4) }}) AS seal
)

SELECT
    entry.*,
    before.seal AS follows,
    {{ attempt_seal('entry.', 'before.seal', 'causes.digest') | indent(4) }} AS seal
FROM entry
CROSS JOIN causes
CROSS JOIN before
;
MERGE INTO ops.writer AS writer
USING (
    SELECT
        run_id,
        finished_at,
        seal
    FROM ops.runs
    WHERE run_id = {{ run_id | literal }}
) AS newest
ON TRUE
WHEN MATCHED THEN
    UPDATE SET seal = newest.seal
WHEN NOT MATCHED THEN
    INSERT (job_id, run_id, began_at, seal)
    VALUES (newest.run_id, newest.run_id, newest.finished_at, newest.seal)
