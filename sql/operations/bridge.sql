{# From the totals that one run left to those of another, as lines of cause. A client's old value, with each changed fee
   at what it is worth in the client's old window, is the new value, but for what a moved window and other SQL make of it;
   a client that moved takes the new value along. What SQL other than the bundled makes of it, in the run that changed it
   and in every later one, is a line of its own. Whatever no line explains is the residual, for the caller to see. -#}
WITH committed AS (
    SELECT
        run_id,
        status,
        finished_at,
        amount_after
    FROM ops.runs
    WHERE status IN ('published', 'staged')
    {%- if now %}
    UNION ALL
    SELECT
        {{ now | literal }},
        'published',
        TIMESTAMP '9999-12-31 00:00:00+00:00',
        CAST(NULL AS NUMERIC)
    {%- endif %}
),

{# A chunk of a backfill is a part of the next run that publishes. #}
runs AS (
    SELECT
        run_id,
        status,
        amount_after,
        COUNTIF(status = 'published') OVER (
            ORDER BY finished_at, run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) + IF(status = 'staged', 1, 0) AS nth
    FROM committed
),

bounds AS (
    SELECT
        {% if now %}MAX(nth) - 1{% else %}MAX(IF(run_id = {{ first | literal }}, nth, NULL)){% endif %} AS first_nth,
        {% if now %}MAX(nth){% else %}MAX(IF(run_id = {{ last | literal }}, nth, NULL)){% endif %} AS last_nth
    FROM runs
),

known AS (
    SELECT
        runs.nth,
        causes.table_name,
        causes.client_id,
        causes.fee_date,
        causes.action,
        causes.cause,
        IF(causes.cause = 'rule', NULL, causes.uri) AS uri,
        IF(causes.cause = 'rule', NULL, causes.fee_date) AS told_date,
        COALESCE(causes.pounds_after, NUMERIC '0') - COALESCE(causes.pounds_before, NUMERIC '0') AS pounds
    FROM ops.causes AS causes
    INNER JOIN runs ON causes.run_id = runs.run_id
    WHERE causes.cause != 'repaired'
),

caused AS (
    SELECT known.*
    FROM known
    CROSS JOIN bounds
    WHERE known.nth > bounds.first_nth AND known.nth <= bounds.last_nth
),

{# Each run of which a table's SQL was changed. #}
ruled AS (
    SELECT DISTINCT
        nth,
        table_name
    FROM caused
    WHERE action = 'rebuilt'
),

{# Each run under SQL of a table that may value fees otherwise: since it was first changed, or all, where it is one's own. #}
other AS (
    SELECT DISTINCT
        runs.nth,
        changed.table_name
    FROM runs
    CROSS JOIN bounds
    INNER JOIN (
        SELECT
            table_name,
            MIN(nth) AS first_nth
        FROM known
        WHERE action = 'rebuilt'
        GROUP BY table_name
    ) AS changed
        ON runs.nth >= changed.first_nth
    WHERE runs.nth > bounds.first_nth AND runs.nth <= bounds.last_nth
    {%- for table in own %}
    UNION DISTINCT
    SELECT
        runs.nth,
        {{ table | literal }}
    FROM runs
    CROSS JOIN bounds
    WHERE runs.nth > bounds.first_nth AND runs.nth <= bounds.last_nth
    {%- endfor %}
),

staged AS (
    SELECT
        {{ staged | literal }} AS table_name,
        '' AS key,
        {{ pounds | literal }} AS column_name,
        nth,
        client_id,
        cause,
        uri,
        told_date,
        pounds,
        cause IN ('corrected', 'rule') AS is_error,
        action
    FROM caused
    WHERE action != 'rebuilt' AND table_name = {{ staged | literal }}
),

{% for name, history in histories.items() -%}
{{ name }}_versions AS (
    SELECT
        kept.*,
        born.nth AS from_nth,
        died.nth AS to_nth
    FROM {{ history }} AS kept
    INNER JOIN runs AS born ON kept._from_run_id = born.run_id
    LEFT OUTER JOIN runs AS died ON kept._to_run_id = died.run_id
),

{% endfor -%}
affected AS (
    SELECT
        nth,
        client_id
    FROM staged
    {%- for name in ['dim', 'ltv'] %}
    {%- for boundary in ['from_nth', 'to_nth'] %}
    UNION DISTINCT
    SELECT
        versions.{{ boundary }},
        versions.client_id
    FROM {{ name }}_versions AS versions
    CROSS JOIN bounds
    WHERE versions.{{ boundary }} > bounds.first_nth AND versions.{{ boundary }} <= bounds.last_nth
    {%- endfor %}
    {%- endfor %}
),

clients AS (
    SELECT
        affected.nth,
        affected.client_id,
        {%- for when in ['was', 'now'] %}
        {{ when }}_dim.first_fee_date AS {{ when }}_date,
        {%- for one in tables if one.by %}
        {{ when }}_dim.{{ one.by }} AS {{ when }}_{{ one.by }},
        {%- endfor %}
        {%- for column in months %}
        {{ when }}_ltv.{{ column }} AS {{ when }}_{{ column }},
        {%- endfor %}
        {%- endfor %}
        ruled.nth IS NOT NULL AS is_ruled,
        other.nth IS NOT NULL AS is_other
    FROM affected
    {%- for name in ['dim', 'ltv'] %}
    LEFT OUTER JOIN {{ name }}_versions AS was_{{ name }}
        ON
            affected.client_id = was_{{ name }}.client_id
            AND was_{{ name }}.from_nth < affected.nth
            AND (was_{{ name }}.to_nth IS NULL OR was_{{ name }}.to_nth >= affected.nth)
    LEFT OUTER JOIN {{ name }}_versions AS now_{{ name }}
        ON
            affected.client_id = now_{{ name }}.client_id
            AND now_{{ name }}.from_nth <= affected.nth
            AND (now_{{ name }}.to_nth IS NULL OR now_{{ name }}.to_nth > affected.nth)
    {%- endfor %}
    {%- for name in ['ruled', 'other'] %}
    LEFT OUTER JOIN (SELECT DISTINCT nth FROM {{ name }} WHERE table_name IN ({{ values | map('literal') | join(', ') }})) AS {{ name }}
        ON affected.nth = {{ name }}.nth
    {%- endfor %}
),

{# One row per client and window: until when a fee counts in the old window, or in the first of a new client. #}
windows AS (
    {%- for column, length in months.items() %}
    SELECT
        nth,
        client_id,
        {{ column | literal }} AS ltv,
        {% if length %}DATE_ADD(COALESCE(was_date, now_date), INTERVAL {{ length }} MONTH){% else %}IF(COALESCE(was_date, now_date) IS NULL, NULL, DATE '9999-12-31'){% endif %} AS ends,
        was_date != now_date AS has_moved,
        is_ruled,
        is_other,
        {%- for one in tables if one.by %}
        was_{{ one.by }},
        now_{{ one.by }},
        {%- endfor %}
        was_{{ column }} AS was,
        now_{{ column }} AS now
    FROM clients
    {{ "UNION ALL" if not loop.last }}
    {%- endfor %}
),

fees AS (
    SELECT
        windows.nth,
        windows.client_id,
        windows.ltv,
        caused.cause,
        caused.uri,
        caused.told_date,
        caused.pounds,
        caused.cause IN ('corrected', 'rule') AS is_error,
        caused.action
    FROM windows
    INNER JOIN caused
        ON windows.nth = caused.nth AND windows.client_id = caused.client_id
    WHERE
        caused.action != 'rebuilt'
        AND caused.table_name = {{ staged | literal }}
        AND caused.fee_date < windows.ends
        AND caused.pounds != 0
),

summed AS (
    SELECT
        nth,
        client_id,
        ltv,
        SUM(pounds) AS pounds
    FROM fees
    GROUP BY nth, client_id, ltv
),

rests AS (
    SELECT
        windows.nth,
        windows.client_id,
        windows.ltv,
        IF(windows.has_moved AND NOT windows.is_ruled, 'window', 'rule') AS cause,
        CAST(NULL AS STRING) AS uri,
        CAST(NULL AS DATE) AS told_date,
        COALESCE(windows.now, NUMERIC '0') - COALESCE(windows.was, NUMERIC '0')
        - COALESCE(summed.pounds, NUMERIC '0') AS pounds,
        windows.is_ruled AS is_error,
        CAST(NULL AS STRING) AS action
    FROM windows
    LEFT OUTER JOIN summed
        ON windows.nth = summed.nth AND windows.client_id = summed.client_id AND windows.ltv = summed.ltv
    WHERE windows.is_other OR windows.has_moved
),

parts AS (
    SELECT * FROM fees
    UNION ALL
    SELECT * FROM rests WHERE pounds != 0
),

lines AS (
    SELECT * FROM staged
    {%- for one in tables %}
    {%- for column, ltv in one.columns.items() %}
    UNION ALL
    SELECT
        {{ one.table | literal }},
        {% if one.by %}COALESCE(windows.was_{{ one.by }}, windows.now_{{ one.by }}){% else %}''{% endif %},
        {{ column | literal }},
        parts.nth,
        parts.client_id,
        parts.cause,
        parts.uri,
        parts.told_date,
        parts.pounds,
        parts.is_error,
        parts.action
    FROM parts
    INNER JOIN windows
        ON parts.nth = windows.nth AND parts.client_id = windows.client_id AND parts.ltv = windows.ltv
    WHERE parts.ltv = {{ ltv | literal }}
    {%- for when, sign in [('was', '-'), ('now', '')] if one.by %}
    UNION ALL
    SELECT
        {{ one.table | literal }},
        {{ when }}_{{ one.by }},
        {{ column | literal }},
        nth,
        client_id,
        'moved',
        CAST(NULL AS STRING),
        CAST(NULL AS DATE),
        {{ sign }}now,
        is_ruled,
        CAST(NULL AS STRING)
    FROM windows
    WHERE ltv = {{ ltv | literal }} AND was_{{ one.by }} != now_{{ one.by }} AND now != 0
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}
),

{# What each run has added to each number. #}
deltas AS (
    {%- for one in tables %}
    {%- set outer = loop %}
    {%- for column in one.columns %}
    {%- for boundary, sign in [('from_nth', ''), ('to_nth', '-')] %}
    SELECT
        versions.{{ boundary }} AS nth,
        {{ one.table | literal }} AS table_name,
        {% if one.by %}versions.{{ one.key }}{% else %}''{% endif %} AS key,
        {{ column | literal }} AS column_name,
        {{ sign }}versions.{{ column }} AS pounds
    FROM {{ one.name }}_versions AS versions
    CROSS JOIN bounds
    WHERE versions.{{ boundary }} > bounds.first_nth AND versions.{{ boundary }} <= bounds.last_nth
    {{ "UNION ALL" if not (loop.last and outer.last and one.columns | list | last == column) }}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}
),

{# What a table's own SQL, where it is another, has made of it, besides what became of the clients. #}
told AS (
    SELECT
        table_name,
        key,
        column_name,
        nth,
        client_id,
        cause,
        uri,
        told_date,
        pounds,
        is_error,
        action
    FROM lines
    UNION ALL
    SELECT
        totals.table_name,
        totals.key,
        totals.column_name,
        totals.nth,
        CAST(NULL AS STRING),
        'rule',
        CAST(NULL AS STRING),
        CAST(NULL AS DATE),
        totals.pounds,
        ruled.nth IS NOT NULL,
        CAST(NULL AS STRING)
    FROM (
        SELECT
            table_name,
            key,
            column_name,
            nth,
            SUM(pounds) AS pounds
        FROM (
            SELECT nth, table_name, key, column_name, pounds FROM deltas
            UNION ALL
            SELECT nth, table_name, key, column_name, -pounds FROM lines WHERE table_name != {{ staged | literal }}
        )
        GROUP BY table_name, key, column_name, nth
    ) AS totals
    INNER JOIN other ON totals.nth = other.nth AND totals.table_name = other.table_name
    LEFT OUTER JOIN ruled ON totals.nth = ruled.nth AND totals.table_name = ruled.table_name
    WHERE totals.pounds != 0
),

grouped AS (
    SELECT
        table_name,
        key,
        column_name,
        cause,
        uri,
        told_date,
        is_error,
        IF(
            cause IN ('moved', 'window', 'rule'),
            COUNT(DISTINCT client_id),
            GREATEST(COUNTIF(action != 'removed'), COUNTIF(action != 'added'))
        ) AS row_count,
        SUM(pounds) AS pounds
    FROM told
    GROUP BY table_name, key, column_name, cause, uri, told_date, is_error
),

totals AS (
    SELECT
        0 AS place,
        {{ staged | literal }} AS table_name,
        '' AS key,
        {{ pounds | literal }} AS column_name,
        MAX(IF(runs.nth = bounds.first_nth, runs.amount_after, NULL)) AS was,
        MAX(IF(runs.nth = bounds.last_nth, runs.amount_after, NULL)) AS now
    FROM runs
    CROSS JOIN bounds
    WHERE runs.status = 'published'
    {%- for one in tables %}
    {%- set place = loop.index %}
    {%- for column in one.columns %}
    UNION ALL
    SELECT
        {{ place }},
        {{ one.table | literal }},
        {% if one.by %}versions.{{ one.key }}{% else %}''{% endif %} AS key,
        {{ column | literal }},
        {%- for bound in ['first_nth', 'last_nth'] %}
        SUM(
            IF(
                versions.from_nth <= bounds.{{ bound }}
                AND (versions.to_nth IS NULL OR versions.to_nth > bounds.{{ bound }}),
                versions.{{ column }},
                NUMERIC '0'
            )
        ){{ "," if not loop.last }}
        {%- endfor %}
    FROM {{ one.name }}_versions AS versions
    CROSS JOIN bounds
    GROUP BY key
    {%- endfor %}
    {%- endfor %}
)

SELECT
    totals.place,
    totals.table_name,
    totals.key,
    totals.column_name,
    totals.was,
    totals.now,
    grouped.cause,
    grouped.uri,
    grouped.told_date,
    grouped.row_count,
    grouped.pounds,
    grouped.is_error
FROM totals
LEFT OUTER JOIN grouped
    ON
        totals.table_name = grouped.table_name
        AND totals.key = grouped.key
        AND totals.column_name = grouped.column_name
        AND (grouped.pounds != 0 OR totals.place = 0)
WHERE
    (grouped.cause IS NOT NULL OR totals.was IS DISTINCT FROM totals.now)
    AND EXISTS (
        SELECT 1
        FROM ltv_versions AS versions
        CROSS JOIN bounds
        WHERE versions.from_nth <= bounds.first_nth
    )
{%- if most %}
QUALIFY
    COUNT(*) OVER (
        ORDER BY totals.place, ABS(totals.now - totals.was) DESC, totals.key, totals.column_name
    ) <= {{ most }}
{%- endif %}
