{# Raw is judged too: deduplication ignores the NINO and keeps one row, which would hide a conflict. -#}
{% from 'clean.sql' import cleaned_id, cleaned_nino -%}
{% from 'judged.sql' import judged -%}
WITH raw_pairs AS (
    SELECT
        {{ cleaned_id('client_id') }} AS client_id,
        {{ cleaned_nino('client_nino') }} AS client_nino,
        _source_file,
        _source_row
    FROM raw.fees
    WHERE {{ judged('fee_date') }}
),

raw_conflicts AS (
    SELECT client_id
    FROM raw_pairs
    WHERE client_id IS NOT NULL
    GROUP BY client_id
    HAVING COUNT(DISTINCT client_nino) > 1
),

raw_evidence AS (
    SELECT
        raw_pairs.client_id,
        raw_pairs.client_nino,
        raw_pairs._source_file AS source_file,
        raw_pairs._source_row AS source_row
    FROM raw_pairs
    INNER JOIN raw_conflicts ON raw_pairs.client_id = raw_conflicts.client_id
    WHERE raw_pairs.client_nino IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY raw_pairs.client_id, raw_pairs.client_nino
        ORDER BY raw_pairs._source_file, raw_pairs._source_row
    ) = 1
),

staged AS (
    SELECT
        client_id,
        COUNT(DISTINCT client_nino) AS nino_count
    FROM staging.stg_fees
    GROUP BY client_id
)

SELECT
    client_id,
    'raw has several NINOs' AS problem,
    client_nino,
    source_file,
    source_row
FROM raw_evidence
UNION ALL
SELECT
    client_id,
    CONCAT('staging has ', CAST(nino_count AS STRING), ' NINOs') AS problem,
    CAST(NULL AS STRING) AS client_nino,
    CAST(NULL AS STRING) AS source_file,
    CAST(NULL AS INT64) AS source_row
FROM staged
WHERE nino_count != 1
