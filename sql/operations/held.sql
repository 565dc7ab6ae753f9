{# Pounds of each file, and of some by fee date, refunds counted like fees. What is beyond a quadrillion counts as one, so
   that no sum is beyond what a NUMERIC holds. -#}
WITH totals AS (
    SELECT
        uri,
        version,
        {% if uris %}IF(uri IN ({{ uris | map('literal') | join(', ') }}), fee_date, NULL){% else %}CAST(NULL AS DATE){% endif %} AS day,
        LEAST(GREATEST(amount, NUMERIC '-1000000000000000'), NUMERIC '1000000000000000') AS amount
    FROM raw.file_totals
)

SELECT
    uri,
    version,
    day,
    SUM(amount) AS net,
    SUM(ABS(amount)) AS gross
FROM totals
GROUP BY uri, version, day
