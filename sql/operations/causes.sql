{# Why staged fees are about to change: what is staged beside what will be, with the row that is kept or that vanished.
   Of a fee that left raw the book of removed rows knows where it was; what arrived, the pending list. -#}
{% from 'window.sql' import within with context -%}
{% if not is_first -%}
INSERT INTO ops.causes (
    run_id, table_name, action, cause, fee_id, client_id, adviser_id, fee_date, pounds_before, pounds_after,
    uri, version, source_row
)
WITH was AS (
    SELECT {{ columns | join(', ') }}
    FROM {{ table }}
    WHERE {{ within('fee_date') }}
),

now AS (
    {{ query | indent(4) }}
),

lost AS (
    SELECT
        fee_id,
        fee_date,
        uri,
        version,
        source_row
    FROM ops.removed
    WHERE {{ within('fee_date') }}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY fee_date, fee_id ORDER BY uri, source_row, version) = 1
),

changed AS (
    SELECT
        COALESCE(was.fee_id, now.fee_id) AS fee_id,
        COALESCE(was.client_id, now.client_id) AS client_id,
        COALESCE(was.adviser_id, now.adviser_id) AS adviser_id,
        COALESCE(was.fee_date, now.fee_date) AS fee_date,
        COALESCE(was.fee_amount, now.fee_amount) AS fee_amount,
        was.fee_amount AS pounds_before,
        now.fee_amount AS pounds_after,
        CASE WHEN was.fee_id IS NULL THEN 'added' WHEN now.fee_id IS NULL THEN 'removed' ELSE 'amended' END AS action,
        {% for column in values if column != 'fee_date' -%}
        was.{{ column }} IS DISTINCT FROM now.{{ column }}{{ "\n        OR " if not loop.last }}
        {%- endfor %} AS is_changed,
        lost.uri AS lost_uri,
        lost.version AS lost_version,
        lost.source_row AS lost_row
    FROM was
    FULL OUTER JOIN now ON was.fee_date = now.fee_date AND was.fee_id = now.fee_id
    LEFT OUTER JOIN lost
        ON
            COALESCE(was.fee_date, now.fee_date) = lost.fee_date
            AND COALESCE(was.fee_id, now.fee_id) = lost.fee_id
),

kept AS (
    SELECT
        client_id,
        adviser_id,
        fee_date,
        fee_amount,
        _source_file,
        _source_version,
        _source_row
    FROM {{ shared }}
    WHERE is_whole AND place = 1
),

arrivals AS (
    SELECT
        fee_date,
        uri,
        SUM(rows_added) AS rows_added
    FROM ops.pending
    WHERE {{ within('fee_date') }}
    GROUP BY fee_date, uri
),

{# Of rows that left raw before there was a book of them, the list knows the file. #}
departed AS (
    SELECT
        fee_date,
        uri,
        version
    FROM ops.pending
    WHERE rows_removed > 0 AND {{ within('fee_date') }}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY fee_date ORDER BY uri, version) = 1
),

placed AS (
    SELECT
        changed.*,
        IF(changed.action = 'removed', COALESCE(changed.lost_uri, departed.uri), kept._source_file) AS uri,
        CASE
            WHEN changed.action != 'removed' THEN kept._source_version
            WHEN changed.lost_uri IS NOT NULL THEN changed.lost_version
            ELSE departed.version
        END AS version,
        IF(changed.action = 'removed', changed.lost_row, kept._source_row) AS source_row,
        arrivals.uri IS NOT NULL AS is_listed,
        COALESCE(arrivals.rows_added, 0) > 0 AS has_arrived
    FROM changed
    LEFT OUTER JOIN kept
        ON
            changed.client_id = kept.client_id
            AND changed.adviser_id = kept.adviser_id
            AND changed.fee_date = kept.fee_date
            AND changed.fee_amount = kept.fee_amount
    LEFT OUTER JOIN arrivals ON changed.fee_date = arrivals.fee_date AND kept._source_file = arrivals.uri
    LEFT OUTER JOIN departed ON changed.fee_date = departed.fee_date{{ " AND FALSE" if is_other_sql }}
    WHERE changed.is_changed OR changed.lost_uri < kept._source_file
),

paired AS (
    SELECT
        *,
        uri IS NOT NULL
        AND (
            (
                COUNTIF(action = 'added' AND has_arrived) OVER (PARTITION BY uri, client_id, fee_date) > 0
                AND COUNTIF(action = 'removed') OVER (PARTITION BY uri, client_id, fee_date) > 0
            )
            OR (
                source_row IS NOT NULL
                AND COUNTIF(action = 'added' AND has_arrived) OVER (PARTITION BY uri, source_row) > 0
                AND COUNTIF(action = 'removed') OVER (PARTITION BY uri, source_row) > 0
            )
        ) AS is_corrected
    FROM placed
)

SELECT
    {{ run_id | literal }},
    {{ table | string | literal }},
    action,
    CASE
        WHEN action = 'removed' AND is_corrected THEN 'corrected'
        WHEN action = 'removed' AND uri IS NOT NULL THEN 'withdrawn'
        WHEN action = 'added' AND has_arrived AND is_corrected THEN 'corrected'
        WHEN action = 'added' AND has_arrived THEN {% if late_before %}IF(fee_date < {{ late_before | literal }}, 'late', 'new'){% else %}'new'{% endif %}
        WHEN action = 'amended' AND (has_arrived OR lost_uri = uri) THEN 'corrected'
        WHEN action = 'amended' AND lost_uri IS NOT NULL THEN 'duplicate'
        ELSE {% if is_other_sql %}'rule'{% else %}IF(action = 'amended' AND is_listed, 'duplicate', 'repaired'){% endif %}
    END,
    fee_id,
    client_id,
    adviser_id,
    fee_date,
    pounds_before,
    pounds_after,
    uri,
    version,
    source_row
FROM paired
WHERE
    (is_changed OR NOT has_arrived)
    AND EXISTS (
        SELECT 1
        FROM ops.runs AS runs
        WHERE runs.status = 'published'
    )
;
{% endif -%}
DELETE FROM ops.removed WHERE {{ within('fee_date') }}
