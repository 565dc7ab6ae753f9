{# Each attempt is sealed over its cells, its causes and the seal of the one before; ops.writer keeps the newest. -#}
{% from 'seals.sql' import attempt_seal, beginning, causes_digest, digests, pending_seal -%}
{{ digests() }},

causes AS (
    SELECT
        COALESCE(changes.run_id, explained.run_id) AS run_id,
        {{ causes_digest("COALESCE(changes.digest, '0')", "explained.digest") }} AS digest
    FROM changes
    FULL OUTER JOIN explained ON changes.run_id = explained.run_id
),

attempts AS (
    SELECT
        runs.run_id,
        runs.follows,
        runs.seal,
        {{ attempt_seal('runs.', "COALESCE(runs.follows, '')", 'causes.digest') | indent(8) }} AS expected
    FROM ops.runs AS runs
    LEFT OUTER JOIN causes ON runs.run_id = causes.run_id
),

followed AS (
    SELECT
        COUNT(*) AS followers,
        MAX(run_id) AS run_id
    FROM attempts
    WHERE seal IS NOT NULL
    GROUP BY IF(STARTS_WITH(follows, 'begins '), 'begins', follows)
),

heads AS (
    SELECT
        COUNT(*) AS head_count,
        MAX(seal) AS seal
    FROM ops.writer
),

newest AS (
    SELECT
        COUNT(*) AS sealed_count,
        COUNTIF(attempts.seal = heads.seal AND later.seal IS NULL) AS attempt_count
    FROM attempts
    CROSS JOIN heads
    LEFT OUTER JOIN attempts AS later ON attempts.seal = later.follows
    WHERE attempts.seal IS NOT NULL
)

SELECT
    run_id AS subject,
    'the attempt or its causes are not as they were recorded' AS problem
FROM attempts
WHERE seal != expected
UNION ALL
SELECT
    attempts.run_id AS subject,
    'the attempt before it is gone or was changed' AS problem
FROM attempts
WHERE
    attempts.seal IS NOT NULL
    AND (attempts.follows IS NULL OR NOT STARTS_WITH(attempts.follows, 'begins '))
    AND NOT EXISTS (
        SELECT 1
        FROM attempts AS before
        WHERE before.seal = attempts.follows
    )
UNION ALL
SELECT
    run_id AS subject,
    'several attempts follow the same one' AS problem
FROM followed
WHERE followers > 1
UNION ALL
SELECT
    attempts.run_id AS subject,
    'attempts without a seal were added, changed or taken away' AS problem
FROM attempts
WHERE STARTS_WITH(attempts.follows, 'begins ') AND attempts.follows != {{ beginning() | indent(4) }}
UNION ALL
SELECT
    'ops.writer' AS subject,
    'the newest attempt is gone, or is not the one that was recorded last' AS problem
FROM heads
CROSS JOIN newest
WHERE
    (heads.seal IS NOT NULL OR newest.sealed_count > 0)
    AND (heads.head_count != 1 OR newest.attempt_count != 1)
UNION ALL
SELECT
    causes.run_id AS subject,
    'causes of an attempt that is not in the ledger' AS problem
FROM causes
LEFT OUTER JOIN attempts ON causes.run_id = attempts.run_id
WHERE attempts.run_id IS NULL
UNION ALL
SELECT
    CONCAT(uri, ' ', CAST(fee_date AS STRING)) AS subject,
    'a pending fee date is not as an ingestion noted it' AS problem
FROM ops.pending
WHERE
    seal IS DISTINCT FROM {{ pending_seal() }}
    AND EXISTS (
        SELECT 1
        FROM raw.files AS files
        WHERE files.seal IS NOT NULL
    )
UNION ALL
SELECT
    CONCAT(MAX(uri), ' ', CAST(MAX(fee_date) AS STRING)) AS subject,
    'a pending fee date was noted twice' AS problem
FROM ops.pending
WHERE seal IS NOT NULL
GROUP BY seal
HAVING COUNT(*) > 1
