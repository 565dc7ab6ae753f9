{# Fees that are due and have not come, and those that this run stages and that came late. A source is watched from its
   first arrival on: what was due before is history, whenever it was loaded. -#}
WITH due AS (
    {%- for day, deadline, is_arriving in due %}
    SELECT
        {{ day | literal }} AS due_date,
        {{ deadline | literal }} AS deadline,
        {{ is_arriving | literal }} AS is_arriving
    {{ "UNION ALL" if not loop.last }}
    {%- endfor %}
),

arrivals AS (
    SELECT
        uri,
        last_fee_date,
        CAST(ingested_at AS DATE) AS arrived_on
    FROM raw.files
    WHERE status IN ('loaded', 'superseded')
),

newest AS (
    SELECT
        MIN(arrived_on) AS first_arrival,
        MAX(arrived_on) AS newest_arrival,
        MAX(last_fee_date) AS newest_fee_date
    FROM arrivals
),

came AS (
    SELECT
        due.due_date,
        MIN(arrivals.arrived_on) AS arrived_on
    FROM due
    INNER JOIN arrivals ON due.due_date <= arrivals.last_fee_date
    GROUP BY due.due_date
)

SELECT
    due.due_date,
    due.deadline,
    IF(came.arrived_on IS NULL, 'has not come', 'came late') AS problem,
    came.arrived_on,
    DATE_DIFF(COALESCE(came.arrived_on, {{ today | literal }}), due.deadline, DAY) AS days_late,
    newest.newest_fee_date,
    newest.newest_arrival
FROM due
CROSS JOIN newest
LEFT OUTER JOIN came ON due.due_date = came.due_date
WHERE
    due.due_date >= newest.first_arrival
    AND (
        (came.arrived_on IS NULL AND due.deadline < {{ today | literal }})
        OR (due.is_arriving AND came.arrived_on > due.deadline)
    )
