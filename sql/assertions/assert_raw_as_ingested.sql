{# Rows against the control totals of their file and fee date, then each file's books against its seal. Where nothing
   was ever sealed, in a warehouse of before, there is nothing to compare with. -#}
{% from 'seals.sql' import file_seals, provenance, versions_seal -%}
WITH held AS (
    SELECT
        _source_file AS uri,
        _source_version AS version,
        fee_date,
        {{ provenance() | indent(8) }} AS digest
    FROM raw.fees
    GROUP BY _source_file, _source_version, fee_date
),

books AS (
    {{ file_seals() | indent(4) }}
),

begun AS (
    SELECT
        (SELECT COUNTIF(files.seal IS NOT NULL) > 0 FROM raw.files AS files)
        OR (
            SELECT COUNT(*) > 0 AND COUNTIF(runs.seal IS NULL) = 0
            FROM ops.runs AS runs
        )
        OR (SELECT COUNTIF(writer.files IS NOT NULL) > 0 FROM ops.writer AS writer) AS is_begun
),

differing AS (
    SELECT
        COALESCE(held.uri, totals.uri) AS source_file,
        COALESCE(CAST(held.fee_date AS STRING), CAST(totals.fee_date AS STRING), 'no date') AS subject,
        'rows of raw.fees are not those that were read' AS problem
    FROM held
    FULL OUTER JOIN raw.file_totals AS totals
        ON
            held.uri = totals.uri
            AND held.version = totals.version
            AND COALESCE(held.fee_date, DATE '0001-01-01') = COALESCE(totals.fee_date, DATE '0001-01-01')
    WHERE held.digest IS DISTINCT FROM totals.digest
    UNION ALL
    SELECT
        totals.uri AS source_file,
        'books' AS subject,
        'raw holds rows of a file version that is not loaded' AS problem
    FROM raw.file_totals AS totals
    LEFT OUTER JOIN raw.files AS files
        ON totals.uri = files.uri AND totals.version = files.version AND files.status = 'loaded'
    WHERE files.uri IS NULL
    UNION ALL
    SELECT
        uri AS source_file,
        'books' AS subject,
        'raw.files, raw.file_totals or raw.fees_rejected is not as the ingestion left it' AS problem
    FROM books
    WHERE seal IS DISTINCT FROM expected
    UNION ALL
    SELECT
        rejected._source_file AS source_file,
        'books' AS subject,
        'raw.fees_rejected holds rows of a file version that nobody read' AS problem
    FROM raw.fees_rejected AS rejected
    LEFT OUTER JOIN raw.files AS files
        ON rejected._source_file = files.uri AND rejected._source_version = files.version
    WHERE files.uri IS NULL
    UNION ALL
    SELECT
        'raw.files' AS source_file,
        'books' AS subject,
        'file versions were taken out of raw.files, or put in' AS problem
    FROM ops.writer AS writer
    WHERE writer.files <> {{ versions_seal() }}
)

SELECT DISTINCT
    differing.source_file,
    differing.subject,
    differing.problem
FROM differing
CROSS JOIN begun
WHERE begun.is_begun
