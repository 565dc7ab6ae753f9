{# Fee dates whose fees are not as usual: rows, pounds and mean fee, and each file's share of rejected records, against
   the last few at the same place in the billing calendar. What is usual is where their trend leads: the median, and the
   median step from one to the next. How far a value may be from it is told by how far they were (median absolute
   deviation). A year before, the same month may have been as far from its own trend: then it is the season. -#}
{% from 'calendar.sql' import billing_place -%}
{% from 'judged.sql' import judged -%}
{% from 'money.sql' import mean_to_pennies -%}
{% from 'window.sql' import within with context -%}
{% macro bounded(amount) -%}
LEAST(GREATEST({{ amount }}, NUMERIC '-1000000000000000'), NUMERIC '1000000000000000')
{%- endmacro -%}
{% macro middle(value) -%}
PERCENTILE_CONT({{ value }}, NUMERIC '0.5') OVER (PARTITION BY subject, measure, place, nth)
{%- endmacro -%}
WITH left_out AS (
    SELECT
        uri,
        version,
        fee_date,
        SUM(row_count) AS row_count,
        SUM(amount) AS amount
    FROM ops.left_out
    GROUP BY uri, version, fee_date
),

brought AS (
    SELECT
        totals.uri,
        files.ingested_at,
        REGEXP_REPLACE(totals.uri, r'[0-9]+', '#') AS kind,
        totals.fee_date,
        totals.row_count - COALESCE(left_out.row_count, 0) AS row_count,
        totals.amount - COALESCE(left_out.amount, NUMERIC '0') AS amount
    FROM raw.file_totals AS totals
    INNER JOIN raw.files AS files
        ON totals.uri = files.uri AND totals.version = files.version AND files.status = 'loaded'
    LEFT OUTER JOIN left_out
        ON totals.uri = left_out.uri AND totals.version = left_out.version AND totals.fee_date = left_out.fee_date
    WHERE
        totals.fee_date IS NOT NULL
        AND totals.row_count > COALESCE(left_out.row_count, 0)
        AND {{ judged('totals.fee_date') }}
),

newest AS (
    SELECT
        *,
        MIN(kind) OVER (PARTITION BY fee_date) != MAX(kind) OVER (PARTITION BY fee_date) AS is_mixed,
        ROW_NUMBER() OVER (PARTITION BY fee_date ORDER BY ingested_at DESC, uri DESC) AS place_of_all,
        ROW_NUMBER() OVER (PARTITION BY fee_date, kind ORDER BY ingested_at DESC, uri DESC) AS place_of_kind
    FROM brought
),

days AS (
    SELECT
        'all files' AS subject,
        fee_date,
        MAX(IF(place_of_all = 1, uri, NULL)) AS file,
        COUNT(*) AS file_count,
        SUM(row_count) AS row_count,
        {{ bounded('SUM(amount)') }} AS amount
    FROM newest
    GROUP BY fee_date
    UNION ALL
    SELECT
        kind AS subject,
        fee_date,
        MAX(IF(place_of_kind = 1, uri, NULL)) AS file,
        COUNT(*) AS file_count,
        SUM(row_count) AS row_count,
        {{ bounded('SUM(amount)') }} AS amount
    FROM newest
    WHERE is_mixed
    GROUP BY kind, fee_date
),

placed AS (
    SELECT
        *,
        {{ billing_place('fee_date', 'subject') | indent(8) }} AS place
    FROM days
),

measured AS (
    {% for measure, value in [
        ("rows", "CAST(row_count AS NUMERIC)"), ("pounds", "amount"), ("mean fee", mean_to_pennies("amount", "row_count")),
    ] -%}
    SELECT
        subject,
        fee_date,
        place,
        file,
        file_count,
        row_count,
        amount,
        '{{ measure }}' AS measure,
        {{ value }} AS found
    FROM placed
    UNION ALL
    {% endfor -%}
    SELECT
        REGEXP_REPLACE(uri, r'[0-9]+', '#') AS subject,
        last_fee_date AS fee_date,
        0 AS place,
        uri AS file,
        1 AS file_count,
        row_count,
        {{ bounded('total_amount') }} AS amount,
        'share of rejects' AS measure,
        CAST(rejected_count AS NUMERIC) / row_count AS found
    FROM raw.files
    WHERE status = 'loaded' AND row_count > 0 AND last_fee_date IS NOT NULL AND {{ judged('last_fee_date') }}
),

series AS (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY subject, measure, place ORDER BY fee_date, file) AS nth,
        found - LAG(found) OVER (PARTITION BY subject, measure, place ORDER BY fee_date, file) AS step
    FROM measured
),

history AS (
    SELECT
        series.subject,
        series.measure,
        series.place,
        series.nth,
        past.nth AS past_nth,
        past.found,
        IF(past.nth > GREATEST(series.nth - {{ anomaly_history }}, 1), past.step, NULL) AS step,
        past.amount,
        CAST(past.row_count AS NUMERIC) AS row_count,
        LEAST(series.nth - 1, {{ anomaly_history }}) AS known
    FROM series
    INNER JOIN series AS past
        ON
            series.subject = past.subject
            AND series.measure = past.measure
            AND series.place = past.place
            AND series.nth > past.nth
            AND series.nth - {{ anomaly_history }} <= past.nth
    WHERE series.nth > {{ anomaly_needs }}
),

trends AS (
    SELECT
        *,
        {{ middle('found') }} AS middle,
        {{ middle('amount') }} AS middle_amount,
        {{ middle('row_count') }} AS middle_rows,
        {{ middle('IF(past_nth >= nth - 3, found, NULL)') }} AS latest,
        {{ middle('step') }} AS middle_step,
        COUNTIF(step > 0) OVER (PARTITION BY subject, measure, place, nth) AS ups,
        COUNTIF(step < 0) OVER (PARTITION BY subject, measure, place, nth) AS downs
    FROM history
),

{# Chance goes up and down; a trend has one direction, but for a single step of five or more. -#}
sloped AS (
    SELECT
        *,
        IF(
            LEAST(ups, downs) = 0 OR (LEAST(ups, downs) = 1 AND ups + downs >= 5), middle_step, NUMERIC '0'
        ) AS slope
    FROM trends
),

distances AS (
    SELECT
        *,
        {# A product has the decimals of both: of products of products there would be more than a NUMERIC has room for. -#}
        CAST(middle + slope * (known + 1) * NUMERIC '0.5' AS NUMERIC) AS expected,
        CAST(
            ABS(found - middle - slope * (2 * (past_nth - nth) + known + 1) * NUMERIC '0.5') AS NUMERIC
        ) AS distance
    FROM sloped
),

spreads AS (
    SELECT
        *,
        {{ middle('distance') }} AS spread
    FROM distances
),

usual AS (
    SELECT
        subject,
        measure,
        place,
        nth,
        MAX(expected) AS expected,
        {# A trend may go on, or end. -#}
        LEAST(MAX(expected), MAX(latest)) AS low,
        GREATEST(MAX(expected), MAX(latest)) AS high,
        MAX(middle_amount) AS middle_amount,
        MAX(middle_rows) AS middle_rows,
        GREATEST(
            CAST(NUMERIC '{{ anomaly_deviations }}' * NUMERIC '1.4826' AS NUMERIC) * MAX(spread),
            IF(
                measure = 'share of rejects',
                NUMERIC '{{ anomaly_rejects }}',
                NUMERIC '{{ anomaly_share }}' * ABS(MAX(expected))
            )
        ) AS band
    FROM spreads
    GROUP BY subject, measure, place, nth
),

judged AS (
    SELECT
        series.*,
        usual.expected,
        usual.low,
        usual.high,
        usual.band,
        usual.middle_amount,
        usual.middle_rows,
        series.found / NULLIF(usual.expected, 0) AS share
    FROM series
    INNER JOIN usual
        ON
            series.subject = usual.subject
            AND series.measure = usual.measure
            AND series.place = usual.place
            AND series.nth = usual.nth
),

seasons AS (
    SELECT
        judged.*,
        {# What the season makes of the trend: as far from it as the same month was a year before. -#}
        CAST(
            judged.expected * LEAST(GREATEST(before.share, NUMERIC '-100'), NUMERIC '100') AS NUMERIC
        ) AS in_season
    FROM judged
    LEFT OUTER JOIN judged AS before
        ON
            judged.subject = before.subject
            AND judged.measure = before.measure
            AND judged.place = before.place
            AND DATE_TRUNC(before.fee_date, MONTH) = DATE_SUB(DATE_TRUNC(judged.fee_date, MONTH), INTERVAL 1 YEAR)
            AND judged.measure != 'share of rejects'
)

SELECT
    fee_date,
    subject,
    measure,
    ROUND(found, 4) AS found,
    ROUND(IF(measure IN ('rows', 'share of rejects'), GREATEST(low - band, NUMERIC '0'), low - band), 4) AS usual_from,
    ROUND(high + band, 4) AS usual_to,
    amount AS pounds,
    middle_amount AS usual_pounds,
    file,
    file_count - 1 AS other_files
FROM seasons
WHERE
    middle_rows >= {{ anomaly_rows }}
    AND (
        (
            (found < low - band OR found > high + band)
            AND (in_season IS NULL OR ABS(found - in_season) > NUMERIC '{{ anomaly_share }}' * ABS(in_season))
        )
        OR (
            (
                found < low - NUMERIC '{{ anomaly_share }}' * ABS(low)
                OR found > high + NUMERIC '{{ anomaly_share }}' * ABS(high)
            )
            AND ABS(found - in_season) > NUMERIC '{{ anomaly_season }}' * ABS(in_season)
        )
    )
    {%- if window %}
    AND {{ within('fee_date') }}
    {%- endif %}
