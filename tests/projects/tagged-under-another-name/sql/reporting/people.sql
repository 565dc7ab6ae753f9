WITH known AS (
    SELECT
        client_id,
        client_nino AS number
    FROM staging.people
)

SELECT
    client_id,
    COUNT(DISTINCT number) AS number_count,
    MAX(CASE WHEN client_id != '' THEN LOWER(number) END) AS person
FROM known
GROUP BY client_id
