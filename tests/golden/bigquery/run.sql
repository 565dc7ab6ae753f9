DECLARE script_verdict STRING DEFAULT 'accepted';
DECLARE script_steps STRING DEFAULT '';
DECLARE script_rows INT64;
DECLARE script_bytes INT64;
DECLARE script_began TIMESTAMP;
DECLARE answer_published_before STRING;
DECLARE answer_staged_before STRING;
DECLARE answer_assert_client_data STRING;
DECLARE answer_assert_file_row_count STRING;
DECLARE answer_assert_financial_reconciliation STRING;
DECLARE answer_assert_ltv_matches_raw STRING;
DECLARE answer_assert_row_count_reconciliation STRING;
DECLARE answer_contract_stg_fees STRING;
DECLARE answer_contract_dim_clients STRING;
DECLARE answer_contract_rpt_client_ltv STRING;
DECLARE answer_contract_rpt_adviser_ltv STRING;
DECLARE answer_contract_rpt_cohort_ltv STRING;
DECLARE answer_contract_runs STRING;
DECLARE answer_contract_file_totals STRING;
DECLARE answer_contract_files STRING;
DECLARE answer_published_after STRING;
DECLARE answer_left_out STRING;
DECLARE answer_staged_after STRING;
BEGIN
    BEGIN TRANSACTION;
    MERGE INTO ops_ci.writer AS writer
    USING (
        SELECT
            'job-4' AS job_id,
            '20250930T120000-1a2b3c' AS run_id,
            CURRENT_TIMESTAMP() AS began_at
    ) AS now
    ON TRUE
    WHEN MATCHED THEN
        UPDATE SET job_id = now.job_id, run_id = now.run_id, began_at = now.began_at
    WHEN NOT MATCHED THEN
        INSERT (job_id, run_id, began_at)
        VALUES (now.job_id, now.run_id, now.began_at)
    ;
    IF (
        SELECT COUNTIF(client_nino IS DISTINCT FROM 'QQ123456C') > 0 AS is_masked
        FROM raw_ci.fees_incoming
        WHERE _load = 'canary'
    ) THEN
        ROLLBACK TRANSACTION;
        SET script_verdict = 'masked';
    ELSE
        IF (
            SELECT CONCAT(
                (
                SELECT COALESCE(TO_HEX(MD5(STRING_AGG(line, '\n' ORDER BY line))), '')
                FROM (
                    SELECT CONCAT(COALESCE(CAST(fee_date AS STRING), ''), ' ', COALESCE(CAST(uri AS STRING), ''), ' ', COALESCE(CAST(version AS STRING), ''), ' ', COALESCE(CAST(rows_added AS STRING), ''), ' ', COALESCE(CAST(amount_added AS STRING), ''), ' ', COALESCE(CAST(rows_removed AS STRING), ''), ' ', COALESCE(CAST(amount_removed AS STRING), '')) AS line
                    FROM ops_ci.pending
                )
            ),
                (
                SELECT COALESCE(TO_HEX(MD5(STRING_AGG(line, '\n' ORDER BY line))), '')
                FROM (
                    SELECT CONCAT(COALESCE(CAST(uri AS STRING), ''), ' ', COALESCE(CAST(version AS STRING), ''), ' ', COALESCE(CAST(status AS STRING), ''), ' ', COALESCE(CAST(run_id AS STRING), '')) AS line
                    FROM raw_ci.files
                )
            )
            ) != 'SHA256' AS is_busy
        ) THEN
            ROLLBACK TRANSACTION;
            SET script_verdict = 'busy';
        ELSE
            INSERT INTO ops_ci.changes (
                run_id, fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, is_late, noted_at
            )
            SELECT
                '20250930T120000-1a2b3c',
                fee_date,
                uri,
                version,
                rows_added,
                amount_added,
                rows_removed,
                amount_removed,
                fee_date < DATE '2025-03-28',
                noted_at
            FROM ops_ci.pending
            WHERE (fee_date = DATE '2025-01-31' OR fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
            ;
            SET @@query_label = 'step:published_before';
            SET answer_published_before = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(staged_rows AS STRING), CAST(staged_amount AS STRING), CAST(clients AS STRING), CAST(ltv_total AS STRING), CAST(cohorts AS STRING), CAST(advisers AS STRING), CAST(first_fee_date AS STRING), CAST(last_fee_date AS STRING), CAST(incomplete_clients_6_month AS STRING), CAST(incomplete_cohorts_6_month AS STRING)]), ','), ''), ']')
            FROM (
            WITH staged AS (
                SELECT
                    COUNT(*) AS staged_rows,
                    COALESCE(SUM(fee_amount), NUMERIC '0') AS staged_amount,
                    MIN(fee_date) AS first_fee_date,
                    MAX(fee_date) AS last_fee_date
                FROM staging_ci.stg_fees
            ),

            clients AS (
                SELECT
                    COUNT(*) AS clients,
                    COALESCE(SUM(ltv_total), NUMERIC '0') AS ltv_total,
                    COUNTIF(NOT is_complete_6_month) AS incomplete_clients_6_month
                FROM reporting_ci.rpt_client_ltv
            ),

            cohorts AS (
                SELECT
                    COUNT(*) AS cohorts,
                    STRING_AGG(IF(is_complete_6_month, NULL, cohort_month), ' ' ORDER BY cohort_month) AS incomplete_cohorts_6_month
                FROM reporting_ci.rpt_cohort_ltv
            ),

            advisers AS (
                SELECT COUNT(*) AS advisers
                FROM reporting_ci.rpt_adviser_ltv
            )

            SELECT
                staged.staged_rows,
                staged.staged_amount,
                clients.clients,
                clients.ltv_total,
                cohorts.cohorts,
                advisers.advisers,
                staged.first_fee_date,
                staged.last_fee_date,
                clients.incomplete_clients_6_month,
                cohorts.incomplete_cohorts_6_month
            FROM staged
            CROSS JOIN clients
            CROSS JOIN cohorts
            CROSS JOIN advisers
            )
            );
            SET @@query_label = 'step:staged_before';
            SET answer_staged_before = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(fee_date AS STRING), CAST(row_count AS STRING), CAST(amount AS STRING)]), ','), ''), ']')
            FROM (
            SELECT
                fee_date,
                COUNT(*) AS row_count,
                SUM(fee_amount) AS amount
            FROM staging_ci.stg_fees
            WHERE (fee_date = DATE '2025-01-31' OR fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
            GROUP BY fee_date
            ORDER BY fee_date
            )
            );
            SET @@query_label = 'step:stg_fees';
            SET script_began = CURRENT_TIMESTAMP();
            SET script_rows = 0;
            MERGE INTO staging_ci.stg_fees AS target
            USING (
                WITH cleaned AS (
                    SELECT
                        NULLIF(TRIM(client_id, ' \t\r\n\u00a0'), '') AS client_id,
                        NULLIF(UPPER(TRANSLATE(client_nino, ' \t\r\n\u00a0', '')), '') AS client_nino,
                        NULLIF(TRIM(adviser_id, ' \t\r\n\u00a0'), '') AS adviser_id,
                        fee_date,
                        fee_amount,
                        _source_file,
                        _source_row
                    FROM raw_ci.fees
                    WHERE (fee_date = DATE '2025-01-31' OR fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
                ),

                distinct_fees AS (
                    SELECT
                        client_id,
                        client_nino,
                        adviser_id,
                        fee_date,
                        fee_amount
                    FROM cleaned
                    WHERE
                        client_id IS NOT NULL
                        AND client_nino IS NOT NULL
                        AND adviser_id IS NOT NULL
                        AND fee_date IS NOT NULL
                        AND fee_amount IS NOT NULL
                    QUALIFY ROW_NUMBER() OVER (
                        PARTITION BY client_id, adviser_id, fee_date, fee_amount
                        ORDER BY _source_file, _source_row
                    ) = 1
                )

                SELECT
                    TO_HEX(MD5(CONCAT(
                        CAST(CHAR_LENGTH(client_id) AS STRING), ':', client_id,
                        CAST(CHAR_LENGTH(adviser_id) AS STRING), ':', adviser_id,
                        CAST(fee_date AS STRING), ':', CAST(fee_amount AS STRING)
                    ))) AS fee_id,
                    client_id,
                    client_nino,
                    adviser_id,
                    fee_date,
                    fee_amount
                FROM distinct_fees
            ) AS source
            ON
                target.fee_date = source.fee_date
                AND target.fee_id = source.fee_id
                AND (target.fee_date = DATE '2025-01-31' OR target.fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
            WHEN MATCHED AND (
                target.client_id IS DISTINCT FROM source.client_id
                OR target.client_nino IS DISTINCT FROM source.client_nino
                OR target.adviser_id IS DISTINCT FROM source.adviser_id
                OR target.fee_amount IS DISTINCT FROM source.fee_amount
            ) THEN
                UPDATE SET
                    client_id = source.client_id,
                    client_nino = source.client_nino,
                    adviser_id = source.adviser_id,
                    fee_amount = source.fee_amount
            WHEN NOT MATCHED THEN
                INSERT (fee_id, client_id, client_nino, adviser_id, fee_date, fee_amount)
                VALUES (source.fee_id, source.client_id, source.client_nino, source.adviser_id, source.fee_date, source.fee_amount)
            ;
            SET script_rows = script_rows + @@row_count;
            DELETE FROM staging_ci.stg_fees AS target
            WHERE
                (target.fee_date = DATE '2025-01-31' OR target.fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
                AND NOT EXISTS (
                    SELECT 1
                    FROM (
                        WITH cleaned AS (
                            SELECT
                                NULLIF(TRIM(client_id, ' \t\r\n\u00a0'), '') AS client_id,
                                NULLIF(UPPER(TRANSLATE(client_nino, ' \t\r\n\u00a0', '')), '') AS client_nino,
                                NULLIF(TRIM(adviser_id, ' \t\r\n\u00a0'), '') AS adviser_id,
                                fee_date,
                                fee_amount,
                                _source_file,
                                _source_row
                            FROM raw_ci.fees
                            WHERE (fee_date = DATE '2025-01-31' OR fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
                        ),

                        distinct_fees AS (
                            SELECT
                                client_id,
                                client_nino,
                                adviser_id,
                                fee_date,
                                fee_amount
                            FROM cleaned
                            WHERE
                                client_id IS NOT NULL
                                AND client_nino IS NOT NULL
                                AND adviser_id IS NOT NULL
                                AND fee_date IS NOT NULL
                                AND fee_amount IS NOT NULL
                            QUALIFY ROW_NUMBER() OVER (
                                PARTITION BY client_id, adviser_id, fee_date, fee_amount
                                ORDER BY _source_file, _source_row
                            ) = 1
                        )

                        SELECT
                            TO_HEX(MD5(CONCAT(
                                CAST(CHAR_LENGTH(client_id) AS STRING), ':', client_id,
                                CAST(CHAR_LENGTH(adviser_id) AS STRING), ':', adviser_id,
                                CAST(fee_date AS STRING), ':', CAST(fee_amount AS STRING)
                            ))) AS fee_id,
                            client_id,
                            client_nino,
                            adviser_id,
                            fee_date,
                            fee_amount
                        FROM distinct_fees
                    ) AS source
                    WHERE
                        target.fee_date = source.fee_date
                        AND target.fee_id = source.fee_id
                )
            ;
            SET script_rows = script_rows + @@row_count;
            DELETE FROM ops_ci.pending WHERE (fee_date = DATE '2025-01-31' OR fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
            ;
            DELETE FROM ops_ci.left_out WHERE (fee_date = DATE '2025-01-31' OR fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
            ;
            INSERT INTO ops_ci.left_out (uri, version, fee_date, reason, row_count, amount)
            WITH cleaned AS (
                SELECT
                    _source_file,
                    _source_version,
                    _source_row,
                    fee_date,
                    fee_amount,
                    NULLIF(TRIM(client_id, ' \t\r\n\u00a0'), '') AS client_id,
                    NULLIF(UPPER(TRANSLATE(client_nino, ' \t\r\n\u00a0', '')), '') AS client_nino,
                    NULLIF(TRIM(adviser_id, ' \t\r\n\u00a0'), '') AS adviser_id
                FROM raw_ci.fees
                WHERE (fee_date = DATE '2025-01-31' OR fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
            ),

            blanks AS (
                SELECT
                    _source_file,
                    _source_version,
                    fee_date,
                    fee_amount,
                    'blank' AS reason
                FROM cleaned
                WHERE client_id IS NULL OR client_nino IS NULL OR adviser_id IS NULL OR fee_amount IS NULL
            ),

            duplicates AS (
                SELECT
                    _source_file,
                    _source_version,
                    fee_date,
                    fee_amount,
                    'duplicate' AS reason
                FROM cleaned
                WHERE
                    client_id IS NOT NULL
                    AND client_nino IS NOT NULL
                    AND adviser_id IS NOT NULL
                    AND fee_amount IS NOT NULL
                QUALIFY ROW_NUMBER() OVER (
                    PARTITION BY client_id, adviser_id, fee_date, fee_amount
                    ORDER BY _source_file, _source_row
                ) > 1
            ),

            left_out AS (
                SELECT * FROM blanks
                UNION ALL
                SELECT * FROM duplicates
            )

            SELECT
                _source_file,
                _source_version,
                fee_date,
                reason,
                COUNT(*),
                COALESCE(SUM(fee_amount), NUMERIC '0')
            FROM left_out
            GROUP BY _source_file, _source_version, fee_date, reason
            ;
            SET script_steps = CONCAT(
                script_steps, IF(script_steps = '', '', ', '),
                '{"name": "stg_fees", "rows": ', COALESCE(CAST(script_rows AS STRING), 'null'),
                ', "seconds": ',
                CAST(CAST(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), script_began, MILLISECOND) AS NUMERIC) / 1000 AS STRING), '}'
            );
            SET @@query_label = 'step:dim_clients';
            SET script_began = CURRENT_TIMESTAMP();
            SET script_rows = 0;
            DELETE FROM reporting_ci.dim_clients WHERE TRUE
            ;
            INSERT INTO reporting_ci.dim_clients (client_id, first_fee_date, first_adviser_id, cohort_month)
            WITH ranked AS (
                SELECT
                    client_id,
                    adviser_id,
                    MIN(fee_date) OVER (PARTITION BY client_id) AS first_fee_date,
                    ROW_NUMBER() OVER (
                        PARTITION BY client_id
                        ORDER BY fee_amount > 0 DESC, fee_date ASC, fee_amount DESC, adviser_id ASC
                    ) AS touch
                FROM staging_ci.stg_fees
            )

            SELECT
                client_id,
                first_fee_date,
                adviser_id AS first_adviser_id,
                FORMAT_DATE('%Y-%m', first_fee_date) AS cohort_month
            FROM ranked
            WHERE touch = 1
            ;
            SET script_rows = script_rows + @@row_count;
            SET script_steps = CONCAT(
                script_steps, IF(script_steps = '', '', ', '),
                '{"name": "dim_clients", "rows": ', COALESCE(CAST(script_rows AS STRING), 'null'),
                ', "seconds": ',
                CAST(CAST(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), script_began, MILLISECOND) AS NUMERIC) / 1000 AS STRING), '}'
            );
            SET @@query_label = 'step:rpt_client_ltv';
            SET script_began = CURRENT_TIMESTAMP();
            SET script_rows = 0;
            DELETE FROM reporting_ci.rpt_client_ltv WHERE TRUE
            ;
            INSERT INTO reporting_ci.rpt_client_ltv (client_id, first_fee_date, ltv_1_month, ltv_3_month, ltv_6_month, ltv_total, is_complete_1_month, is_complete_3_month, is_complete_6_month)
            WITH horizon AS (
                SELECT MAX(fee_date) AS last_fee_date
                FROM staging_ci.stg_fees
            ),

            lifetime AS (
                SELECT
                    clients.client_id,
                    clients.first_fee_date,
                    SUM(
                        IF(
                            fees.fee_date < DATE_ADD(clients.first_fee_date, INTERVAL 1 MONTH),
                            fees.fee_amount,
                            NUMERIC '0'
                        )
                    ) AS ltv_1_month,
                    SUM(
                        IF(
                            fees.fee_date < DATE_ADD(clients.first_fee_date, INTERVAL 3 MONTH),
                            fees.fee_amount,
                            NUMERIC '0'
                        )
                    ) AS ltv_3_month,
                    SUM(
                        IF(
                            fees.fee_date < DATE_ADD(clients.first_fee_date, INTERVAL 6 MONTH),
                            fees.fee_amount,
                            NUMERIC '0'
                        )
                    ) AS ltv_6_month,
                    SUM(fees.fee_amount) AS ltv_total
                FROM reporting_ci.dim_clients AS clients
                INNER JOIN staging_ci.stg_fees AS fees ON clients.client_id = fees.client_id
                GROUP BY clients.client_id, clients.first_fee_date
            )

            SELECT
                lifetime.client_id,
                lifetime.first_fee_date,
                lifetime.ltv_1_month,
                lifetime.ltv_3_month,
                lifetime.ltv_6_month,
                lifetime.ltv_total,
                horizon.last_fee_date >= DATE_SUB(DATE_ADD(lifetime.first_fee_date, INTERVAL 1 MONTH), INTERVAL 1 DAY) AS is_complete_1_month,
                horizon.last_fee_date >= DATE_SUB(DATE_ADD(lifetime.first_fee_date, INTERVAL 3 MONTH), INTERVAL 1 DAY) AS is_complete_3_month,
                horizon.last_fee_date >= DATE_SUB(DATE_ADD(lifetime.first_fee_date, INTERVAL 6 MONTH), INTERVAL 1 DAY) AS is_complete_6_month
            FROM lifetime
            CROSS JOIN horizon
            ;
            SET script_rows = script_rows + @@row_count;
            SET script_steps = CONCAT(
                script_steps, IF(script_steps = '', '', ', '),
                '{"name": "rpt_client_ltv", "rows": ', COALESCE(CAST(script_rows AS STRING), 'null'),
                ', "seconds": ',
                CAST(CAST(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), script_began, MILLISECOND) AS NUMERIC) / 1000 AS STRING), '}'
            );
            SET @@query_label = 'step:rpt_adviser_ltv';
            SET script_began = CURRENT_TIMESTAMP();
            SET script_rows = 0;
            DELETE FROM reporting_ci.rpt_adviser_ltv WHERE TRUE
            ;
            INSERT INTO reporting_ci.rpt_adviser_ltv (adviser_id, client_count, total_client_ltv_1_month, total_client_ltv_3_month, total_client_ltv_6_month, total_client_ltv_all_time, avg_client_ltv_6_month, rank_by_ltv_6_month, complete_client_count_6_month)
            WITH advisers AS (
                SELECT
                    clients.first_adviser_id AS adviser_id,
                    COUNT(*) AS client_count,
                    SUM(ltv.ltv_1_month) AS total_client_ltv_1_month,
                    SUM(ltv.ltv_3_month) AS total_client_ltv_3_month,
                    SUM(ltv.ltv_6_month) AS total_client_ltv_6_month,
                    SUM(ltv.ltv_total) AS total_client_ltv_all_time,
                    COUNTIF(ltv.is_complete_6_month) AS complete_client_count_6_month
                FROM reporting_ci.dim_clients AS clients
                INNER JOIN reporting_ci.rpt_client_ltv AS ltv ON clients.client_id = ltv.client_id
                GROUP BY clients.first_adviser_id
            )

            SELECT
                adviser_id,
                client_count,
                total_client_ltv_1_month,
                total_client_ltv_3_month,
                total_client_ltv_6_month,
                total_client_ltv_all_time,
                DIV(total_client_ltv_6_month * 200 + IF(total_client_ltv_6_month < 0, -client_count, client_count), 2 * client_count) * NUMERIC '0.01' AS avg_client_ltv_6_month,
                RANK() OVER (ORDER BY total_client_ltv_6_month DESC) AS rank_by_ltv_6_month,
                complete_client_count_6_month
            FROM advisers
            ;
            SET script_rows = script_rows + @@row_count;
            SET script_steps = CONCAT(
                script_steps, IF(script_steps = '', '', ', '),
                '{"name": "rpt_adviser_ltv", "rows": ', COALESCE(CAST(script_rows AS STRING), 'null'),
                ', "seconds": ',
                CAST(CAST(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), script_began, MILLISECOND) AS NUMERIC) / 1000 AS STRING), '}'
            );
            SET @@query_label = 'step:rpt_cohort_ltv';
            SET script_began = CURRENT_TIMESTAMP();
            SET script_rows = 0;
            DELETE FROM reporting_ci.rpt_cohort_ltv WHERE TRUE
            ;
            INSERT INTO reporting_ci.rpt_cohort_ltv (cohort_month, client_count, avg_ltv_1_month, avg_ltv_3_month, avg_ltv_6_month, total_ltv_1_month, total_ltv_3_month, total_ltv_6_month, median_ltv_6_month, is_complete_1_month, is_complete_3_month, is_complete_6_month)
            WITH members AS (
                SELECT
                    clients.cohort_month,
                    ltv.ltv_1_month,
                    ltv.ltv_3_month,
                    ltv.ltv_6_month,
                    ltv.is_complete_1_month,
                    ltv.is_complete_3_month,
                    ltv.is_complete_6_month,
                    COUNT(*) OVER (PARTITION BY clients.cohort_month) AS member_count,
                    ROW_NUMBER() OVER (
                        PARTITION BY clients.cohort_month ORDER BY ltv.ltv_6_month, ltv.client_id
                    ) AS place
                FROM reporting_ci.rpt_client_ltv AS ltv
                INNER JOIN reporting_ci.dim_clients AS clients ON ltv.client_id = clients.client_id
            ),

            cohorts AS (
                SELECT
                    cohort_month,
                    COUNT(*) AS client_count,
                    SUM(ltv_1_month) AS total_ltv_1_month,
                    SUM(ltv_3_month) AS total_ltv_3_month,
                    SUM(ltv_6_month) AS total_ltv_6_month,
                    -- The middle value of an odd number of members, the two middle values of an even one.
                    SUM(IF(place * 2 BETWEEN member_count AND member_count + 2, ltv_6_month, NUMERIC '0')) AS middle_sum,
                    COUNTIF(place * 2 BETWEEN member_count AND member_count + 2) AS middle_count,
                    LOGICAL_AND(is_complete_1_month) AS is_complete_1_month,
                    LOGICAL_AND(is_complete_3_month) AS is_complete_3_month,
                    LOGICAL_AND(is_complete_6_month) AS is_complete_6_month
                FROM members
                GROUP BY cohort_month
            )

            SELECT
                cohort_month,
                client_count,
                DIV(total_ltv_1_month * 200 + IF(total_ltv_1_month < 0, -client_count, client_count), 2 * client_count) * NUMERIC '0.01' AS avg_ltv_1_month,
                DIV(total_ltv_3_month * 200 + IF(total_ltv_3_month < 0, -client_count, client_count), 2 * client_count) * NUMERIC '0.01' AS avg_ltv_3_month,
                DIV(total_ltv_6_month * 200 + IF(total_ltv_6_month < 0, -client_count, client_count), 2 * client_count) * NUMERIC '0.01' AS avg_ltv_6_month,
                total_ltv_1_month,
                total_ltv_3_month,
                total_ltv_6_month,
                DIV(middle_sum * 200 + IF(middle_sum < 0, -middle_count, middle_count), 2 * middle_count) * NUMERIC '0.01' AS median_ltv_6_month,
                is_complete_1_month,
                is_complete_3_month,
                is_complete_6_month
            FROM cohorts
            ;
            SET script_rows = script_rows + @@row_count;
            SET script_steps = CONCAT(
                script_steps, IF(script_steps = '', '', ', '),
                '{"name": "rpt_cohort_ltv", "rows": ', COALESCE(CAST(script_rows AS STRING), 'null'),
                ', "seconds": ',
                CAST(CAST(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), script_began, MILLISECOND) AS NUMERIC) / 1000 AS STRING), '}'
            );
            SET @@query_label = 'step:assert_client_data';
            SET answer_assert_client_data = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(client_id AS STRING), CAST(problem AS STRING), CAST(client_nino AS STRING), CAST(source_file AS STRING), CAST(source_row AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                WITH raw_pairs AS (
                    SELECT
                        NULLIF(TRIM(client_id, ' \t\r\n\u00a0'), '') AS client_id,
                        NULLIF(UPPER(TRANSLATE(client_nino, ' \t\r\n\u00a0', '')), '') AS client_nino,
                        _source_file,
                        _source_row
                    FROM raw_ci.fees
                    WHERE (fee_date IS NULL OR fee_date NOT IN (SELECT pending.fee_date FROM ops_ci.pending AS pending))
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
                    FROM staging_ci.stg_fees
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
            ),

            marked AS (
                SELECT
                    *,
                    COALESCE(
                        (CAST(client_id AS STRING) = 'zoe')
                    , FALSE) AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, client_id, problem, client_nino, source_file, source_row) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:assert_file_row_count';
            SET answer_assert_file_row_count = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(source_file AS STRING), CAST(loaded_rows AS STRING), CAST(lost_rows AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                WITH loaded AS (
                    SELECT
                        totals.uri,
                        SUM(totals.row_count) AS loaded_rows,
                        SUM(IF(totals.fee_date IS NULL, totals.row_count, 0)) AS undated_rows
                    FROM raw_ci.file_totals AS totals
                    INNER JOIN raw_ci.files AS files
                        ON totals.uri = files.uri AND totals.version = files.version AND files.status = 'loaded'
                    WHERE (totals.fee_date IS NULL OR totals.fee_date NOT IN (SELECT pending.fee_date FROM ops_ci.pending AS pending))
                    GROUP BY totals.uri
                ),

                left_out AS (
                    SELECT
                        uri,
                        SUM(row_count) AS left_out_rows
                    FROM ops_ci.left_out
                    WHERE (fee_date IS NULL OR fee_date NOT IN (SELECT pending.fee_date FROM ops_ci.pending AS pending))
                    GROUP BY uri
                )

                SELECT
                    loaded.uri AS source_file,
                    loaded.loaded_rows,
                    COALESCE(left_out.left_out_rows, 0) + loaded.undated_rows AS lost_rows
                FROM loaded
                LEFT OUTER JOIN left_out ON loaded.uri = left_out.uri
                WHERE
                    COALESCE(left_out.left_out_rows, 0) + loaded.undated_rows
                    > NUMERIC '1' * loaded.loaded_rows
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, source_file, loaded_rows, lost_rows) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:assert_financial_reconciliation';
            SET answer_assert_financial_reconciliation = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(check_name AS STRING), CAST(subject AS STRING), CAST(left_rows AS STRING), CAST(right_rows AS STRING), CAST(left_amount AS STRING), CAST(right_amount AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                WITH raw_by_file AS (
                    SELECT
                        _source_file AS uri,
                        _source_version AS version,
                        fee_date,
                        COUNT(*) AS row_count,
                        COALESCE(SUM(fee_amount), NUMERIC '0') AS amount
                    FROM raw_ci.fees
                    WHERE (fee_date IS NULL OR fee_date NOT IN (SELECT pending.fee_date FROM ops_ci.pending AS pending))
                    GROUP BY _source_file, _source_version, fee_date
                ),

                control_totals AS (
                    SELECT
                        totals.uri,
                        totals.version,
                        totals.fee_date,
                        totals.row_count,
                        totals.amount
                    FROM raw_ci.file_totals AS totals
                    INNER JOIN raw_ci.files AS files
                        ON totals.uri = files.uri AND totals.version = files.version AND files.status = 'loaded'
                    WHERE (totals.fee_date IS NULL OR totals.fee_date NOT IN (SELECT pending.fee_date FROM ops_ci.pending AS pending))
                ),

                raw_by_date AS (
                    SELECT
                        fee_date,
                        SUM(row_count) AS row_count,
                        SUM(amount) AS amount
                    FROM raw_by_file
                    WHERE fee_date IS NOT NULL
                    GROUP BY fee_date
                ),

                accounted AS (
                    SELECT
                        fee_date,
                        1 AS row_count,
                        fee_amount AS amount
                    FROM staging_ci.stg_fees
                    WHERE (fee_date IS NULL OR fee_date NOT IN (SELECT pending.fee_date FROM ops_ci.pending AS pending))
                    UNION ALL
                    SELECT
                        fee_date,
                        row_count,
                        amount
                    FROM ops_ci.left_out
                    WHERE (fee_date IS NULL OR fee_date NOT IN (SELECT pending.fee_date FROM ops_ci.pending AS pending))
                ),

                accounted_by_date AS (
                    SELECT
                        fee_date,
                        SUM(row_count) AS row_count,
                        SUM(amount) AS amount
                    FROM accounted
                    GROUP BY fee_date
                ),

                staged AS (
                    SELECT COALESCE(SUM(fee_amount), NUMERIC '0') AS staged_total
                    FROM staging_ci.stg_fees
                ),

                clients AS (
                    SELECT
                        COUNT(*) AS client_count,
                        COALESCE(SUM(ltv_1_month), NUMERIC '0') AS clients_1,
                        COALESCE(SUM(ltv_3_month), NUMERIC '0') AS clients_3,
                        COALESCE(SUM(ltv_6_month), NUMERIC '0') AS clients_6,
                        COALESCE(SUM(ltv_total), NUMERIC '0') AS clients_total
                    FROM reporting_ci.rpt_client_ltv
                ),

                cohorts AS (
                    SELECT
                        COALESCE(SUM(total_ltv_1_month), NUMERIC '0') AS cohorts_1,
                        COALESCE(SUM(total_ltv_3_month), NUMERIC '0') AS cohorts_3,
                        COALESCE(SUM(total_ltv_6_month), NUMERIC '0') AS cohorts_6,
                        COALESCE(SUM(client_count), 0) AS cohort_client_count
                    FROM reporting_ci.rpt_cohort_ltv
                ),

                advisers AS (
                    SELECT
                        COALESCE(SUM(total_client_ltv_1_month), NUMERIC '0') AS advisers_1,
                        COALESCE(SUM(total_client_ltv_3_month), NUMERIC '0') AS advisers_3,
                        COALESCE(SUM(total_client_ltv_6_month), NUMERIC '0') AS advisers_6,
                        COALESCE(SUM(total_client_ltv_all_time), NUMERIC '0') AS advisers_total,
                        COALESCE(SUM(client_count), 0) AS adviser_client_count
                    FROM reporting_ci.rpt_adviser_ltv
                ),

                totals AS (
                    SELECT
                        staged.staged_total,
                        clients.client_count,
                        clients.clients_1,
                        cohorts.cohorts_1,
                        advisers.advisers_1,
                        clients.clients_3,
                        cohorts.cohorts_3,
                        advisers.advisers_3,
                        clients.clients_6,
                        cohorts.cohorts_6,
                        advisers.advisers_6,
                        clients.clients_total,
                        cohorts.cohort_client_count,
                        advisers.advisers_total,
                        advisers.adviser_client_count
                    FROM staged
                    CROSS JOIN clients
                    CROSS JOIN cohorts
                    CROSS JOIN advisers
                ),

                compared AS (
                    SELECT
                        'raw = control totals' AS check_name,
                        CONCAT(
                            COALESCE(raw_by_file.uri, control_totals.uri), ' ',
                            COALESCE(CAST(raw_by_file.fee_date AS STRING), CAST(control_totals.fee_date AS STRING), 'no date')
                        ) AS subject,
                        COALESCE(raw_by_file.row_count, 0) AS left_rows,
                        COALESCE(control_totals.row_count, 0) AS right_rows,
                        COALESCE(raw_by_file.amount, NUMERIC '0') AS left_amount,
                        COALESCE(control_totals.amount, NUMERIC '0') AS right_amount
                    FROM raw_by_file
                    FULL OUTER JOIN control_totals
                        ON
                            raw_by_file.uri = control_totals.uri
                            AND raw_by_file.version = control_totals.version
                            AND COALESCE(raw_by_file.fee_date, DATE '0001-01-01')
                            = COALESCE(control_totals.fee_date, DATE '0001-01-01')
                    UNION ALL
                    SELECT
                        'raw = staged + duplicates + blanks' AS check_name,
                        COALESCE(CAST(raw_by_date.fee_date AS STRING), CAST(accounted_by_date.fee_date AS STRING)) AS subject,
                        COALESCE(raw_by_date.row_count, 0) AS left_rows,
                        COALESCE(accounted_by_date.row_count, 0) AS right_rows,
                        COALESCE(raw_by_date.amount, NUMERIC '0') AS left_amount,
                        COALESCE(accounted_by_date.amount, NUMERIC '0') AS right_amount
                    FROM raw_by_date
                    FULL OUTER JOIN accounted_by_date ON raw_by_date.fee_date = accounted_by_date.fee_date
                    UNION ALL
                    SELECT
                        'staged = clients' AS check_name,
                        'ltv_total' AS subject,
                        0 AS left_rows,
                        0 AS right_rows,
                        staged_total AS left_amount,
                        clients_total AS right_amount
                    FROM totals
                    UNION ALL
                    SELECT
                        'clients = advisers' AS check_name,
                        'ltv_total' AS subject,
                        client_count AS left_rows,
                        adviser_client_count AS right_rows,
                        clients_total AS left_amount,
                        advisers_total AS right_amount
                    FROM totals
                    UNION ALL
                    SELECT
                        'clients = cohorts' AS check_name,
                        'ltv_1_month' AS subject,
                        client_count AS left_rows,
                        cohort_client_count AS right_rows,
                        clients_1 AS left_amount,
                        cohorts_1 AS right_amount
                    FROM totals
                    UNION ALL
                    SELECT
                        'clients = advisers' AS check_name,
                        'ltv_1_month' AS subject,
                        client_count AS left_rows,
                        adviser_client_count AS right_rows,
                        clients_1 AS left_amount,
                        advisers_1 AS right_amount
                    FROM totals
                    UNION ALL
                    SELECT
                        'clients = cohorts' AS check_name,
                        'ltv_3_month' AS subject,
                        client_count AS left_rows,
                        cohort_client_count AS right_rows,
                        clients_3 AS left_amount,
                        cohorts_3 AS right_amount
                    FROM totals
                    UNION ALL
                    SELECT
                        'clients = advisers' AS check_name,
                        'ltv_3_month' AS subject,
                        client_count AS left_rows,
                        adviser_client_count AS right_rows,
                        clients_3 AS left_amount,
                        advisers_3 AS right_amount
                    FROM totals
                    UNION ALL
                    SELECT
                        'clients = cohorts' AS check_name,
                        'ltv_6_month' AS subject,
                        client_count AS left_rows,
                        cohort_client_count AS right_rows,
                        clients_6 AS left_amount,
                        cohorts_6 AS right_amount
                    FROM totals
                    UNION ALL
                    SELECT
                        'clients = advisers' AS check_name,
                        'ltv_6_month' AS subject,
                        client_count AS left_rows,
                        adviser_client_count AS right_rows,
                        clients_6 AS left_amount,
                        advisers_6 AS right_amount
                    FROM totals
                )

                SELECT
                    check_name,
                    subject,
                    left_rows,
                    right_rows,
                    left_amount,
                    right_amount
                FROM compared
                WHERE left_rows != right_rows OR ABS(left_amount - right_amount) > NUMERIC '0'
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, check_name, subject, left_rows, right_rows, left_amount, right_amount) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:assert_ltv_matches_raw';
            SET answer_assert_ltv_matches_raw = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(client_id AS STRING), CAST(problem AS STRING), CAST(ltv_1_month AS STRING), CAST(reported_ltv_1_month AS STRING), CAST(ltv_3_month AS STRING), CAST(reported_ltv_3_month AS STRING), CAST(ltv_6_month AS STRING), CAST(reported_ltv_6_month AS STRING), CAST(ltv_total AS STRING), CAST(reported_ltv_total AS STRING), CAST(first_fee_date AS STRING), CAST(reported_first_fee_date AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                WITH daily AS (
                    SELECT
                        client_id,
                        fee_date,
                        SUM(fee_amount) AS amount
                    FROM staging_ci.stg_fees
                    GROUP BY client_id, fee_date
                ),

                beginnings AS (
                    SELECT
                        client_id,
                        MIN(fee_date) AS first_fee_date
                    FROM daily
                    GROUP BY client_id
                ),

                latest AS (
                    SELECT DATE_ADD(MAX(fee_date), INTERVAL 1 DAY) AS day_after
                    FROM daily
                ),

                recalculated AS (
                    SELECT
                        beginnings.client_id,
                        beginnings.first_fee_date,
                        SUM(
                            CASE
                                WHEN DATE_ADD(beginnings.first_fee_date, INTERVAL 1 MONTH) > daily.fee_date
                                    THEN daily.amount
                                ELSE NUMERIC '0'
                            END
                        ) AS ltv_1_month,
                        SUM(
                            CASE
                                WHEN DATE_ADD(beginnings.first_fee_date, INTERVAL 3 MONTH) > daily.fee_date
                                    THEN daily.amount
                                ELSE NUMERIC '0'
                            END
                        ) AS ltv_3_month,
                        SUM(
                            CASE
                                WHEN DATE_ADD(beginnings.first_fee_date, INTERVAL 6 MONTH) > daily.fee_date
                                    THEN daily.amount
                                ELSE NUMERIC '0'
                            END
                        ) AS ltv_6_month,
                        SUM(daily.amount) AS ltv_total
                    FROM beginnings
                    INNER JOIN daily ON beginnings.client_id = daily.client_id
                    GROUP BY beginnings.client_id, beginnings.first_fee_date
                )

                SELECT
                    COALESCE(recalculated.client_id, reported.client_id) AS client_id,
                    CASE
                        WHEN reported.client_id IS NULL THEN 'client is missing'
                        WHEN recalculated.client_id IS NULL THEN 'client has no staged fee'
                        ELSE 'values differ'
                    END AS problem,
                    recalculated.ltv_1_month,
                    reported.ltv_1_month AS reported_ltv_1_month,
                    recalculated.ltv_3_month,
                    reported.ltv_3_month AS reported_ltv_3_month,
                    recalculated.ltv_6_month,
                    reported.ltv_6_month AS reported_ltv_6_month,
                    recalculated.ltv_total,
                    reported.ltv_total AS reported_ltv_total,
                    recalculated.first_fee_date,
                    reported.first_fee_date AS reported_first_fee_date
                FROM recalculated
                FULL OUTER JOIN reporting_ci.rpt_client_ltv AS reported ON recalculated.client_id = reported.client_id
                CROSS JOIN latest
                WHERE
                    recalculated.client_id IS NULL
                    OR reported.client_id IS NULL
                    OR recalculated.first_fee_date IS DISTINCT FROM reported.first_fee_date
                    OR reported.ltv_1_month IS NULL
                    OR ABS(recalculated.ltv_1_month - reported.ltv_1_month) > NUMERIC '0'
                    OR reported.ltv_3_month IS NULL
                    OR ABS(recalculated.ltv_3_month - reported.ltv_3_month) > NUMERIC '0'
                    OR reported.ltv_6_month IS NULL
                    OR ABS(recalculated.ltv_6_month - reported.ltv_6_month) > NUMERIC '0'
                    OR reported.ltv_total IS NULL
                    OR ABS(recalculated.ltv_total - reported.ltv_total) > NUMERIC '0'
                    OR reported.is_complete_1_month IS DISTINCT FROM
                    (DATE_ADD(recalculated.first_fee_date, INTERVAL 1 MONTH) <= latest.day_after)
                    OR reported.is_complete_3_month IS DISTINCT FROM
                    (DATE_ADD(recalculated.first_fee_date, INTERVAL 3 MONTH) <= latest.day_after)
                    OR reported.is_complete_6_month IS DISTINCT FROM
                    (DATE_ADD(recalculated.first_fee_date, INTERVAL 6 MONTH) <= latest.day_after)
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, client_id, problem, ltv_1_month, reported_ltv_1_month, ltv_3_month, reported_ltv_3_month, ltv_6_month, reported_ltv_6_month, ltv_total, reported_ltv_total, first_fee_date, reported_first_fee_date) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:assert_row_count_reconciliation';
            SET answer_assert_row_count_reconciliation = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(problem AS STRING), CAST(raw_rows AS STRING), CAST(staged_rows AS STRING), CAST(lost_rows AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                WITH loaded AS (
                    SELECT
                        COUNT(*) AS raw_rows,
                        COUNTIF(fee_date IS NULL) AS undated_rows
                    FROM raw_ci.fees
                    WHERE (fee_date IS NULL OR fee_date NOT IN (SELECT pending.fee_date FROM ops_ci.pending AS pending))
                ),

                staged AS (
                    SELECT COUNT(*) AS staged_rows
                    FROM staging_ci.stg_fees
                    WHERE (fee_date IS NULL OR fee_date NOT IN (SELECT pending.fee_date FROM ops_ci.pending AS pending))
                ),

                left_out AS (
                    SELECT COALESCE(SUM(row_count), 0) AS left_out_rows
                    FROM ops_ci.left_out
                    WHERE (fee_date IS NULL OR fee_date NOT IN (SELECT pending.fee_date FROM ops_ci.pending AS pending))
                ),

                counted AS (
                    SELECT
                        loaded.raw_rows,
                        staged.staged_rows,
                        left_out.left_out_rows + loaded.undated_rows AS lost_rows
                    FROM loaded
                    CROSS JOIN staged
                    CROSS JOIN left_out
                )

                SELECT
                    IF(staged_rows > raw_rows, 'staging holds more rows than raw', 'too many rows lost') AS problem,
                    raw_rows,
                    staged_rows,
                    lost_rows
                FROM counted
                WHERE
                    staged_rows > raw_rows
                    OR lost_rows > NUMERIC '1' * raw_rows
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, problem, raw_rows, staged_rows, lost_rows) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:contract_stg_fees';
            SET answer_contract_stg_fees = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(problem AS STRING), CAST(subject AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                SELECT
                    CASE
                        WHEN fee_id IS NULL THEN 'fee_id is NULL'
                        WHEN client_id IS NULL THEN 'client_id is NULL'
                        WHEN client_nino IS NULL THEN 'client_nino is NULL'
                        WHEN adviser_id IS NULL THEN 'adviser_id is NULL'
                        WHEN fee_date IS NULL THEN 'fee_date is NULL'
                        WHEN fee_date < CAST('1990-01-01' AS DATE) THEN 'fee_date is below 1990-01-01'
                        WHEN fee_amount IS NULL THEN 'fee_amount is NULL'
                    END AS problem,
                    CONCAT('fee_date ', COALESCE(CAST(fee_date AS STRING), 'NULL'), ', fee_id ', COALESCE(CAST(fee_id AS STRING), 'NULL')) AS subject
                FROM staging_ci.stg_fees
                WHERE
                    (fee_id IS NULL)
                    OR (client_id IS NULL)
                    OR (client_nino IS NULL)
                    OR (adviser_id IS NULL)
                    OR (fee_date IS NULL)
                    OR (fee_date < CAST('1990-01-01' AS DATE))
                    OR (fee_amount IS NULL)
                UNION ALL
                SELECT
                    'fee_id is not unique' AS problem,
                    CONCAT('fee_id ', CAST(fee_id AS STRING)) AS subject
                FROM staging_ci.stg_fees
                GROUP BY fee_id
                HAVING COUNT(*) > 1
                UNION ALL
                SELECT
                    'fee_date, fee_id is not unique' AS problem,
                    CONCAT('fee_date ', CAST(fee_date AS STRING), ', fee_id ', CAST(fee_id AS STRING)) AS subject
                FROM staging_ci.stg_fees
                GROUP BY fee_date, fee_id
                HAVING COUNT(*) > 1
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, problem, subject) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:contract_dim_clients';
            SET answer_contract_dim_clients = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(problem AS STRING), CAST(subject AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                SELECT
                    CASE
                        WHEN client_id IS NULL THEN 'client_id is NULL'
                        WHEN first_fee_date IS NULL THEN 'first_fee_date is NULL'
                        WHEN first_fee_date < CAST('1990-01-01' AS DATE) THEN 'first_fee_date is below 1990-01-01'
                        WHEN first_adviser_id IS NULL THEN 'first_adviser_id is NULL'
                        WHEN cohort_month IS NULL THEN 'cohort_month is NULL'
                    END AS problem,
                    CONCAT('client_id ', COALESCE(CAST(client_id AS STRING), 'NULL')) AS subject
                FROM reporting_ci.dim_clients
                WHERE
                    (client_id IS NULL)
                    OR (first_fee_date IS NULL)
                    OR (first_fee_date < CAST('1990-01-01' AS DATE))
                    OR (first_adviser_id IS NULL)
                    OR (cohort_month IS NULL)
                UNION ALL
                SELECT
                    'client_id is not unique' AS problem,
                    CONCAT('client_id ', CAST(client_id AS STRING)) AS subject
                FROM reporting_ci.dim_clients
                GROUP BY client_id
                HAVING COUNT(*) > 1
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, problem, subject) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:contract_rpt_client_ltv';
            SET answer_contract_rpt_client_ltv = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(problem AS STRING), CAST(subject AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                SELECT
                    CASE
                        WHEN client_id IS NULL THEN 'client_id is NULL'
                        WHEN first_fee_date IS NULL THEN 'first_fee_date is NULL'
                        WHEN ltv_1_month IS NULL THEN 'ltv_1_month is NULL'
                        WHEN ltv_3_month IS NULL THEN 'ltv_3_month is NULL'
                        WHEN ltv_6_month IS NULL THEN 'ltv_6_month is NULL'
                        WHEN ltv_total IS NULL THEN 'ltv_total is NULL'
                        WHEN is_complete_1_month IS NULL THEN 'is_complete_1_month is NULL'
                        WHEN is_complete_3_month IS NULL THEN 'is_complete_3_month is NULL'
                        WHEN is_complete_6_month IS NULL THEN 'is_complete_6_month is NULL'
                    END AS problem,
                    CONCAT('client_id ', COALESCE(CAST(client_id AS STRING), 'NULL')) AS subject
                FROM reporting_ci.rpt_client_ltv
                WHERE
                    (client_id IS NULL)
                    OR (first_fee_date IS NULL)
                    OR (ltv_1_month IS NULL)
                    OR (ltv_3_month IS NULL)
                    OR (ltv_6_month IS NULL)
                    OR (ltv_total IS NULL)
                    OR (is_complete_1_month IS NULL)
                    OR (is_complete_3_month IS NULL)
                    OR (is_complete_6_month IS NULL)
                UNION ALL
                SELECT
                    'client_id is not unique' AS problem,
                    CONCAT('client_id ', CAST(client_id AS STRING)) AS subject
                FROM reporting_ci.rpt_client_ltv
                GROUP BY client_id
                HAVING COUNT(*) > 1
                UNION ALL
                SELECT
                    'client_id is not in reporting.dim_clients' AS problem,
                    CONCAT('client_id ', CAST(referring.client_id AS STRING)) AS subject
                FROM reporting_ci.rpt_client_ltv AS referring
                WHERE NOT EXISTS (SELECT 1 FROM reporting_ci.dim_clients AS referred WHERE referred.client_id = referring.client_id)
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, problem, subject) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:contract_rpt_adviser_ltv';
            SET answer_contract_rpt_adviser_ltv = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(problem AS STRING), CAST(subject AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                SELECT
                    CASE
                        WHEN adviser_id IS NULL THEN 'adviser_id is NULL'
                        WHEN client_count IS NULL THEN 'client_count is NULL'
                        WHEN client_count < CAST('1' AS INT64) THEN 'client_count is below 1'
                        WHEN total_client_ltv_1_month IS NULL THEN 'total_client_ltv_1_month is NULL'
                        WHEN total_client_ltv_3_month IS NULL THEN 'total_client_ltv_3_month is NULL'
                        WHEN total_client_ltv_6_month IS NULL THEN 'total_client_ltv_6_month is NULL'
                        WHEN total_client_ltv_all_time IS NULL THEN 'total_client_ltv_all_time is NULL'
                        WHEN avg_client_ltv_6_month IS NULL THEN 'avg_client_ltv_6_month is NULL'
                        WHEN rank_by_ltv_6_month IS NULL THEN 'rank_by_ltv_6_month is NULL'
                        WHEN rank_by_ltv_6_month < CAST('1' AS INT64) THEN 'rank_by_ltv_6_month is below 1'
                        WHEN complete_client_count_6_month IS NULL THEN 'complete_client_count_6_month is NULL'
                        WHEN complete_client_count_6_month < CAST('0' AS INT64) THEN 'complete_client_count_6_month is below 0'
                    END AS problem,
                    CONCAT('adviser_id ', COALESCE(CAST(adviser_id AS STRING), 'NULL')) AS subject
                FROM reporting_ci.rpt_adviser_ltv
                WHERE
                    (adviser_id IS NULL)
                    OR (client_count IS NULL)
                    OR (client_count < CAST('1' AS INT64))
                    OR (total_client_ltv_1_month IS NULL)
                    OR (total_client_ltv_3_month IS NULL)
                    OR (total_client_ltv_6_month IS NULL)
                    OR (total_client_ltv_all_time IS NULL)
                    OR (avg_client_ltv_6_month IS NULL)
                    OR (rank_by_ltv_6_month IS NULL)
                    OR (rank_by_ltv_6_month < CAST('1' AS INT64))
                    OR (complete_client_count_6_month IS NULL)
                    OR (complete_client_count_6_month < CAST('0' AS INT64))
                UNION ALL
                SELECT
                    'adviser_id is not unique' AS problem,
                    CONCAT('adviser_id ', CAST(adviser_id AS STRING)) AS subject
                FROM reporting_ci.rpt_adviser_ltv
                GROUP BY adviser_id
                HAVING COUNT(*) > 1
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, problem, subject) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:contract_rpt_cohort_ltv';
            SET answer_contract_rpt_cohort_ltv = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(problem AS STRING), CAST(subject AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                SELECT
                    CASE
                        WHEN cohort_month IS NULL THEN 'cohort_month is NULL'
                        WHEN client_count IS NULL THEN 'client_count is NULL'
                        WHEN client_count < CAST('1' AS INT64) THEN 'client_count is below 1'
                        WHEN avg_ltv_1_month IS NULL THEN 'avg_ltv_1_month is NULL'
                        WHEN avg_ltv_3_month IS NULL THEN 'avg_ltv_3_month is NULL'
                        WHEN avg_ltv_6_month IS NULL THEN 'avg_ltv_6_month is NULL'
                        WHEN total_ltv_1_month IS NULL THEN 'total_ltv_1_month is NULL'
                        WHEN total_ltv_3_month IS NULL THEN 'total_ltv_3_month is NULL'
                        WHEN total_ltv_6_month IS NULL THEN 'total_ltv_6_month is NULL'
                        WHEN median_ltv_6_month IS NULL THEN 'median_ltv_6_month is NULL'
                        WHEN is_complete_1_month IS NULL THEN 'is_complete_1_month is NULL'
                        WHEN is_complete_3_month IS NULL THEN 'is_complete_3_month is NULL'
                        WHEN is_complete_6_month IS NULL THEN 'is_complete_6_month is NULL'
                    END AS problem,
                    CONCAT('cohort_month ', COALESCE(CAST(cohort_month AS STRING), 'NULL')) AS subject
                FROM reporting_ci.rpt_cohort_ltv
                WHERE
                    (cohort_month IS NULL)
                    OR (client_count IS NULL)
                    OR (client_count < CAST('1' AS INT64))
                    OR (avg_ltv_1_month IS NULL)
                    OR (avg_ltv_3_month IS NULL)
                    OR (avg_ltv_6_month IS NULL)
                    OR (total_ltv_1_month IS NULL)
                    OR (total_ltv_3_month IS NULL)
                    OR (total_ltv_6_month IS NULL)
                    OR (median_ltv_6_month IS NULL)
                    OR (is_complete_1_month IS NULL)
                    OR (is_complete_3_month IS NULL)
                    OR (is_complete_6_month IS NULL)
                UNION ALL
                SELECT
                    'cohort_month is not unique' AS problem,
                    CONCAT('cohort_month ', CAST(cohort_month AS STRING)) AS subject
                FROM reporting_ci.rpt_cohort_ltv
                GROUP BY cohort_month
                HAVING COUNT(*) > 1
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, problem, subject) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:contract_runs';
            SET answer_contract_runs = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(problem AS STRING), CAST(subject AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                SELECT
                    CASE
                        WHEN run_id IS NULL THEN 'run_id is NULL'
                        WHEN command IS NULL THEN 'command is NULL'
                        WHEN status IS NULL THEN 'status is NULL'
                        WHEN status NOT IN ('published', 'staged', 'rejected', 'failed') THEN 'status is none of published, staged, rejected, failed'
                        WHEN selection IS NULL THEN 'selection is NULL'
                        WHEN fee_dates IS NULL THEN 'fee_dates is NULL'
                        WHEN full_refresh IS NULL THEN 'full_refresh is NULL'
                        WHEN started_at IS NULL THEN 'started_at is NULL'
                        WHEN finished_at IS NULL THEN 'finished_at is NULL'
                        WHEN rows_before IS NULL THEN 'rows_before is NULL'
                        WHEN rows_after IS NULL THEN 'rows_after is NULL'
                        WHEN amount_before IS NULL THEN 'amount_before is NULL'
                        WHEN amount_after IS NULL THEN 'amount_after is NULL'
                        WHEN steps IS NULL THEN 'steps is NULL'
                        WHEN changes IS NULL THEN 'changes is NULL'
                        WHEN assertions IS NULL THEN 'assertions is NULL'
                        WHEN fingerprint IS NULL THEN 'fingerprint is NULL'
                        WHEN package_version IS NULL THEN 'package_version is NULL'
                    END AS problem,
                    CONCAT('run_id ', COALESCE(CAST(run_id AS STRING), 'NULL')) AS subject
                FROM ops_ci.runs
                WHERE
                    (run_id IS NULL)
                    OR (command IS NULL)
                    OR (status IS NULL)
                    OR (status NOT IN ('published', 'staged', 'rejected', 'failed'))
                    OR (selection IS NULL)
                    OR (fee_dates IS NULL)
                    OR (full_refresh IS NULL)
                    OR (started_at IS NULL)
                    OR (finished_at IS NULL)
                    OR (rows_before IS NULL)
                    OR (rows_after IS NULL)
                    OR (amount_before IS NULL)
                    OR (amount_after IS NULL)
                    OR (steps IS NULL)
                    OR (changes IS NULL)
                    OR (assertions IS NULL)
                    OR (fingerprint IS NULL)
                    OR (package_version IS NULL)
                UNION ALL
                SELECT
                    'run_id is not unique' AS problem,
                    CONCAT('run_id ', CAST(run_id AS STRING)) AS subject
                FROM ops_ci.runs
                GROUP BY run_id
                HAVING COUNT(*) > 1
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, problem, subject) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:contract_file_totals';
            SET answer_contract_file_totals = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(problem AS STRING), CAST(subject AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                SELECT
                    CASE
                        WHEN uri IS NULL THEN 'uri is NULL'
                        WHEN version IS NULL THEN 'version is NULL'
                        WHEN row_count IS NULL THEN 'row_count is NULL'
                        WHEN amount IS NULL THEN 'amount is NULL'
                    END AS problem,
                    CONCAT('uri ', COALESCE(CAST(uri AS STRING), 'NULL'), ', version ', COALESCE(CAST(version AS STRING), 'NULL'), ', fee_date ', COALESCE(CAST(fee_date AS STRING), 'NULL')) AS subject
                FROM raw_ci.file_totals
                WHERE
                    (uri IS NULL)
                    OR (version IS NULL)
                    OR (row_count IS NULL)
                    OR (amount IS NULL)
                UNION ALL
                SELECT
                    'uri, version, fee_date is not unique' AS problem,
                    CONCAT('uri ', CAST(uri AS STRING), ', version ', CAST(version AS STRING), ', fee_date ', CAST(fee_date AS STRING)) AS subject
                FROM raw_ci.file_totals
                GROUP BY uri, version, fee_date
                HAVING COUNT(*) > 1
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, problem, subject) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:contract_files';
            SET answer_contract_files = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(_failing_count AS STRING), CAST(_waived_count AS STRING), CAST(_place AS STRING), CAST(problem AS STRING), CAST(subject AS STRING), CAST(_is_waived AS STRING)]), ','), ''), ']')
            FROM (
            WITH offending AS (
                SELECT
                    CASE
                        WHEN uri IS NULL THEN 'uri is NULL'
                        WHEN version IS NULL THEN 'version is NULL'
                        WHEN sha256 IS NULL THEN 'sha256 is NULL'
                        WHEN bytes IS NULL THEN 'bytes is NULL'
                        WHEN row_count IS NULL THEN 'row_count is NULL'
                        WHEN loaded_count IS NULL THEN 'loaded_count is NULL'
                        WHEN rejected_count IS NULL THEN 'rejected_count is NULL'
                        WHEN total_amount IS NULL THEN 'total_amount is NULL'
                        WHEN status IS NULL THEN 'status is NULL'
                        WHEN status NOT IN ('loaded', 'refused', 'superseded', 'withdrawn') THEN 'status is none of loaded, refused, superseded, withdrawn'
                        WHEN ingested_at IS NULL THEN 'ingested_at is NULL'
                        WHEN run_id IS NULL THEN 'run_id is NULL'
                    END AS problem,
                    CONCAT('uri ', COALESCE(CAST(uri AS STRING), 'NULL'), ', version ', COALESCE(CAST(version AS STRING), 'NULL')) AS subject
                FROM raw_ci.files
                WHERE
                    (uri IS NULL)
                    OR (version IS NULL)
                    OR (sha256 IS NULL)
                    OR (bytes IS NULL)
                    OR (row_count IS NULL)
                    OR (loaded_count IS NULL)
                    OR (rejected_count IS NULL)
                    OR (total_amount IS NULL)
                    OR (status IS NULL)
                    OR (status NOT IN ('loaded', 'refused', 'superseded', 'withdrawn'))
                    OR (ingested_at IS NULL)
                    OR (run_id IS NULL)
                UNION ALL
                SELECT
                    'uri, version is not unique' AS problem,
                    CONCAT('uri ', CAST(uri AS STRING), ', version ', CAST(version AS STRING)) AS subject
                FROM raw_ci.files
                GROUP BY uri, version
                HAVING COUNT(*) > 1
            ),

            marked AS (
                SELECT
                    *,
                    FALSE AS _is_waived
                FROM offending
            )

            SELECT
                SUM(IF(_is_waived, 0, 1)) OVER () AS _failing_count,
                SUM(IF(_is_waived, 1, 0)) OVER () AS _waived_count,
                ROW_NUMBER() OVER (ORDER BY _is_waived, problem, subject) AS _place,
                *
            FROM marked
            ORDER BY _place
            LIMIT 20
            )
            );
            SET @@query_label = 'step:published_after';
            SET answer_published_after = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(staged_rows AS STRING), CAST(staged_amount AS STRING), CAST(clients AS STRING), CAST(ltv_total AS STRING), CAST(cohorts AS STRING), CAST(advisers AS STRING), CAST(first_fee_date AS STRING), CAST(last_fee_date AS STRING), CAST(incomplete_clients_6_month AS STRING), CAST(incomplete_cohorts_6_month AS STRING)]), ','), ''), ']')
            FROM (
            WITH staged AS (
                SELECT
                    COUNT(*) AS staged_rows,
                    COALESCE(SUM(fee_amount), NUMERIC '0') AS staged_amount,
                    MIN(fee_date) AS first_fee_date,
                    MAX(fee_date) AS last_fee_date
                FROM staging_ci.stg_fees
            ),

            clients AS (
                SELECT
                    COUNT(*) AS clients,
                    COALESCE(SUM(ltv_total), NUMERIC '0') AS ltv_total,
                    COUNTIF(NOT is_complete_6_month) AS incomplete_clients_6_month
                FROM reporting_ci.rpt_client_ltv
            ),

            cohorts AS (
                SELECT
                    COUNT(*) AS cohorts,
                    STRING_AGG(IF(is_complete_6_month, NULL, cohort_month), ' ' ORDER BY cohort_month) AS incomplete_cohorts_6_month
                FROM reporting_ci.rpt_cohort_ltv
            ),

            advisers AS (
                SELECT COUNT(*) AS advisers
                FROM reporting_ci.rpt_adviser_ltv
            )

            SELECT
                staged.staged_rows,
                staged.staged_amount,
                clients.clients,
                clients.ltv_total,
                cohorts.cohorts,
                advisers.advisers,
                staged.first_fee_date,
                staged.last_fee_date,
                clients.incomplete_clients_6_month,
                cohorts.incomplete_cohorts_6_month
            FROM staged
            CROSS JOIN clients
            CROSS JOIN cohorts
            CROSS JOIN advisers
            )
            );
            SET @@query_label = 'step:left_out';
            SET answer_left_out = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(raw_rows AS STRING), CAST(raw_amount AS STRING), CAST(duplicate_rows AS STRING), CAST(duplicate_amount AS STRING), CAST(blank_rows AS STRING), CAST(blank_amount AS STRING), CAST(rejected_rows AS STRING)]), ','), ''), ']')
            FROM (
            WITH loaded AS (
                SELECT
                    COALESCE(SUM(loaded_count), 0) AS raw_rows,
                    COALESCE(SUM(total_amount), NUMERIC '0') AS raw_amount,
                    COALESCE(SUM(rejected_count), 0) AS rejected_rows
                FROM raw_ci.files
                WHERE status = 'loaded'
            ),

            dated AS (
                SELECT
                    COALESCE(SUM(IF(reason = 'duplicate', row_count, 0)), 0) AS duplicate_rows,
                    COALESCE(SUM(IF(reason = 'duplicate', amount, NUMERIC '0')), NUMERIC '0') AS duplicate_amount,
                    COALESCE(SUM(IF(reason = 'blank', row_count, 0)), 0) AS blank_rows,
                    COALESCE(SUM(IF(reason = 'blank', amount, NUMERIC '0')), NUMERIC '0') AS blank_amount
                FROM ops_ci.left_out
            ),

            undated AS (
                SELECT
                    COUNT(*) AS blank_rows,
                    COALESCE(SUM(fee_amount), NUMERIC '0') AS blank_amount
                FROM raw_ci.fees
                WHERE fee_date IS NULL
            )

            SELECT
                loaded.raw_rows,
                loaded.raw_amount,
                dated.duplicate_rows,
                dated.duplicate_amount,
                dated.blank_rows + undated.blank_rows AS blank_rows,
                dated.blank_amount + undated.blank_amount AS blank_amount,
                loaded.rejected_rows
            FROM loaded
            CROSS JOIN dated
            CROSS JOIN undated
            )
            );
            SET @@query_label = 'step:staged_after';
            SET answer_staged_after = (
            SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(fee_date AS STRING), CAST(row_count AS STRING), CAST(amount AS STRING)]), ','), ''), ']')
            FROM (
            SELECT
                fee_date,
                COUNT(*) AS row_count,
                SUM(fee_amount) AS amount
            FROM staging_ci.stg_fees
            WHERE (fee_date = DATE '2025-01-31' OR fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
            GROUP BY fee_date
            ORDER BY fee_date
            )
            );
            IF COALESCE(CAST(JSON_VALUE(answer_assert_client_data, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_assert_financial_reconciliation, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_assert_ltv_matches_raw, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_assert_row_count_reconciliation, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_stg_fees, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_dim_clients, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_rpt_client_ltv, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_rpt_adviser_ltv, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_rpt_cohort_ltv, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_runs, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_file_totals, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_files, '$[0][0]') AS INT64), 0) > 0 THEN
                ROLLBACK TRANSACTION;
                SET script_verdict = 'rejected';
            ELSE
                SET script_bytes = @@script.bytes_processed;
                INSERT INTO ops_ci.runs (
                    run_id, command, part_of, status, selection, fee_dates, full_refresh, started_at, finished_at,
                    rows_before, rows_after, amount_before, amount_after, steps, changes, assertions, error,
                    fingerprint, git_sha, package_version, bytes_processed
                )
                WITH script AS (
                    SELECT
                        CONCAT('[', script_steps, ']') AS steps,
                        CURRENT_TIMESTAMP() AS finished_at,
                        script_bytes AS bytes_processed,
                        answer_published_before AS answer_published_before,
                        answer_published_after AS answer_published_after,
                        answer_staged_before AS answer_staged_before,
                        answer_staged_after AS answer_staged_after,
                        answer_assert_client_data AS answer_assert_client_data,
                        answer_assert_file_row_count AS answer_assert_file_row_count,
                        answer_assert_financial_reconciliation AS answer_assert_financial_reconciliation,
                        answer_assert_ltv_matches_raw AS answer_assert_ltv_matches_raw,
                        answer_assert_row_count_reconciliation AS answer_assert_row_count_reconciliation,
                        answer_contract_stg_fees AS answer_contract_stg_fees,
                        answer_contract_dim_clients AS answer_contract_dim_clients,
                        answer_contract_rpt_client_ltv AS answer_contract_rpt_client_ltv,
                        answer_contract_rpt_adviser_ltv AS answer_contract_rpt_adviser_ltv,
                        answer_contract_rpt_cohort_ltv AS answer_contract_rpt_cohort_ltv,
                        answer_contract_runs AS answer_contract_runs,
                        answer_contract_file_totals AS answer_contract_file_totals,
                        answer_contract_files AS answer_contract_files
                ),

                was AS (
                    SELECT
                        JSON_VALUE(line, '$[0]') AS fee_date,
                        JSON_VALUE(line, '$[1]') AS row_count,
                        JSON_VALUE(line, '$[2]') AS amount
                    FROM script
                    CROSS JOIN UNNEST(JSON_QUERY_ARRAY(script.answer_staged_before)) AS line
                ),

                now AS (
                    SELECT
                        JSON_VALUE(line, '$[0]') AS fee_date,
                        JSON_VALUE(line, '$[1]') AS row_count,
                        JSON_VALUE(line, '$[2]') AS amount
                    FROM script
                    CROSS JOIN UNNEST(JSON_QUERY_ARRAY(script.answer_staged_after)) AS line
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

                changes AS (
                    SELECT
                        STRING_AGG(
                            CONCAT(
                                '{"fee_date": "', fee_date, '", "rows": [', rows_before, ', ', rows_after,
                                '], "amount": ["', amount_before, '", "', amount_after, '"]}'
                            ), ', ' ORDER BY fee_date
                        ) AS listed
                    FROM changed
                ),

                judged AS (
                    SELECT 1 AS place, 'assert_client_data' AS name, 'error' AS severity,
                        'waived by sql/waivers.yml:1: it\'s known (until 2099-12-31)' AS used, '' AS ended, script.answer_assert_client_data AS answer FROM script UNION ALL
                    SELECT 2 AS place, 'assert_file_row_count' AS name, 'warn' AS severity,
                        '' AS used, '' AS ended, script.answer_assert_file_row_count AS answer FROM script UNION ALL
                    SELECT 3 AS place, 'assert_financial_reconciliation' AS name, 'error' AS severity,
                        '' AS used, '' AS ended, script.answer_assert_financial_reconciliation AS answer FROM script UNION ALL
                    SELECT 4 AS place, 'assert_ltv_matches_raw' AS name, 'error' AS severity,
                        '' AS used, '' AS ended, script.answer_assert_ltv_matches_raw AS answer FROM script UNION ALL
                    SELECT 5 AS place, 'assert_row_count_reconciliation' AS name, 'error' AS severity,
                        '' AS used, '' AS ended, script.answer_assert_row_count_reconciliation AS answer FROM script UNION ALL
                    SELECT 6 AS place, 'contract_stg_fees' AS name, 'error' AS severity,
                        '' AS used, '' AS ended, script.answer_contract_stg_fees AS answer FROM script UNION ALL
                    SELECT 7 AS place, 'contract_dim_clients' AS name, 'error' AS severity,
                        '' AS used, '' AS ended, script.answer_contract_dim_clients AS answer FROM script UNION ALL
                    SELECT 8 AS place, 'contract_rpt_client_ltv' AS name, 'error' AS severity,
                        '' AS used, '' AS ended, script.answer_contract_rpt_client_ltv AS answer FROM script UNION ALL
                    SELECT 9 AS place, 'contract_rpt_adviser_ltv' AS name, 'error' AS severity,
                        '' AS used, '' AS ended, script.answer_contract_rpt_adviser_ltv AS answer FROM script UNION ALL
                    SELECT 10 AS place, 'contract_rpt_cohort_ltv' AS name, 'error' AS severity,
                        '' AS used, '' AS ended, script.answer_contract_rpt_cohort_ltv AS answer FROM script UNION ALL
                    SELECT 11 AS place, 'contract_runs' AS name, 'error' AS severity,
                        '' AS used, '' AS ended, script.answer_contract_runs AS answer FROM script UNION ALL
                    SELECT 12 AS place, 'contract_file_totals' AS name, 'error' AS severity,
                        '' AS used, '' AS ended, script.answer_contract_file_totals AS answer FROM script UNION ALL
                    SELECT 13 AS place, 'contract_files' AS name, 'error' AS severity,
                        '' AS used, '' AS ended, script.answer_contract_files AS answer FROM script
                ),

                counted AS (
                    SELECT
                        place,
                        name,
                        severity,
                        used,
                        ended,
                        COALESCE(CAST(JSON_VALUE(answer, '$[0][0]') AS INT64), 0) AS failing,
                        COALESCE(CAST(JSON_VALUE(answer, '$[0][1]') AS INT64), 0) AS waived
                    FROM judged
                    WHERE answer IS NOT NULL
                ),

                verdicts AS (
                    SELECT
                        STRING_AGG(
                            CONCAT(
                                '{"name": "', name, '", "severity": "', severity, '", "failing": ', CAST(failing AS STRING),
                                ', "waived": ', CAST(waived AS STRING), ', "waivers": "',
                                IF(waived > 0, used, ''), IF(waived > 0 AND used != '' AND failing > 0 AND ended != '', '; ', ''),
                                IF(failing > 0, ended, ''), '"}'
                            ), ', ' ORDER BY place
                        ) AS listed,
                        STRING_AGG(IF(failing > 0 AND severity = 'error', name, NULL), ', ' ORDER BY place) AS failures
                    FROM counted
                )

                SELECT
                    '20250930T120000-1a2b3c' AS run_id,
                    'run' AS command,
                    CAST(NULL AS STRING) AS part_of,
                    'published' AS status,
                    'stg_fees dim_clients rpt_client_ltv rpt_adviser_ltv rpt_cohort_ltv' AS selection,
                    '2025-01-31, 2025-03-28..2025-03-31' AS fee_dates,
                    FALSE AS full_refresh,
                    TIMESTAMP '2025-09-30 12:00:00.000000+00:00' AS started_at,
                    script.finished_at,
                    COALESCE(CAST(JSON_VALUE(script.answer_published_before, '$[0][0]') AS INT64), 0) AS rows_before,
                    COALESCE(CAST(JSON_VALUE(script.answer_published_after, '$[0][0]') AS INT64), 0) AS rows_after,
                    COALESCE(CAST(JSON_VALUE(script.answer_published_before, '$[0][1]') AS NUMERIC), 0) AS amount_before,
                    COALESCE(CAST(JSON_VALUE(script.answer_published_after, '$[0][1]') AS NUMERIC), 0) AS amount_after,
                    script.steps,
                    CONCAT('[', COALESCE(changes.listed, ''), ']') AS changes,
                    CONCAT('[', COALESCE(verdicts.listed, ''), ']') AS assertions,
                    CAST(NULL AS STRING) AS error,
                    'SHA256' AS fingerprint,
                    'COMMIT' AS git_sha,
                    'VERSION' AS package_version,
                    script.bytes_processed
                FROM script
                CROSS JOIN changes
                CROSS JOIN verdicts
                ;
                COMMIT TRANSACTION;
            END IF;
        END IF;
    END IF;
EXCEPTION WHEN ERROR THEN
    ROLLBACK TRANSACTION;
    RAISE;
END;
IF script_verdict = 'rejected' AND (
    SELECT COUNT(*) = 0 FROM ops_ci.runs WHERE run_id = '20250930T120000-1a2b3c'
) THEN
    SET script_bytes = @@script.bytes_processed;
    INSERT INTO ops_ci.runs (
        run_id, command, part_of, status, selection, fee_dates, full_refresh, started_at, finished_at,
        rows_before, rows_after, amount_before, amount_after, steps, changes, assertions, error,
        fingerprint, git_sha, package_version, bytes_processed
    )
    WITH script AS (
        SELECT
            CONCAT('[', script_steps, ']') AS steps,
            CURRENT_TIMESTAMP() AS finished_at,
            script_bytes AS bytes_processed,
            answer_published_before AS answer_published_before,
            answer_assert_client_data AS answer_assert_client_data,
            answer_assert_file_row_count AS answer_assert_file_row_count,
            answer_assert_financial_reconciliation AS answer_assert_financial_reconciliation,
            answer_assert_ltv_matches_raw AS answer_assert_ltv_matches_raw,
            answer_assert_row_count_reconciliation AS answer_assert_row_count_reconciliation,
            answer_contract_stg_fees AS answer_contract_stg_fees,
            answer_contract_dim_clients AS answer_contract_dim_clients,
            answer_contract_rpt_client_ltv AS answer_contract_rpt_client_ltv,
            answer_contract_rpt_adviser_ltv AS answer_contract_rpt_adviser_ltv,
            answer_contract_rpt_cohort_ltv AS answer_contract_rpt_cohort_ltv,
            answer_contract_runs AS answer_contract_runs,
            answer_contract_file_totals AS answer_contract_file_totals,
            answer_contract_files AS answer_contract_files
    ),

    changes AS (
        SELECT '' AS listed
    ),

    judged AS (
        SELECT 1 AS place, 'assert_client_data' AS name, 'error' AS severity,
            'waived by sql/waivers.yml:1: it\'s known (until 2099-12-31)' AS used, '' AS ended, script.answer_assert_client_data AS answer FROM script UNION ALL
        SELECT 2 AS place, 'assert_file_row_count' AS name, 'warn' AS severity,
            '' AS used, '' AS ended, script.answer_assert_file_row_count AS answer FROM script UNION ALL
        SELECT 3 AS place, 'assert_financial_reconciliation' AS name, 'error' AS severity,
            '' AS used, '' AS ended, script.answer_assert_financial_reconciliation AS answer FROM script UNION ALL
        SELECT 4 AS place, 'assert_ltv_matches_raw' AS name, 'error' AS severity,
            '' AS used, '' AS ended, script.answer_assert_ltv_matches_raw AS answer FROM script UNION ALL
        SELECT 5 AS place, 'assert_row_count_reconciliation' AS name, 'error' AS severity,
            '' AS used, '' AS ended, script.answer_assert_row_count_reconciliation AS answer FROM script UNION ALL
        SELECT 6 AS place, 'contract_stg_fees' AS name, 'error' AS severity,
            '' AS used, '' AS ended, script.answer_contract_stg_fees AS answer FROM script UNION ALL
        SELECT 7 AS place, 'contract_dim_clients' AS name, 'error' AS severity,
            '' AS used, '' AS ended, script.answer_contract_dim_clients AS answer FROM script UNION ALL
        SELECT 8 AS place, 'contract_rpt_client_ltv' AS name, 'error' AS severity,
            '' AS used, '' AS ended, script.answer_contract_rpt_client_ltv AS answer FROM script UNION ALL
        SELECT 9 AS place, 'contract_rpt_adviser_ltv' AS name, 'error' AS severity,
            '' AS used, '' AS ended, script.answer_contract_rpt_adviser_ltv AS answer FROM script UNION ALL
        SELECT 10 AS place, 'contract_rpt_cohort_ltv' AS name, 'error' AS severity,
            '' AS used, '' AS ended, script.answer_contract_rpt_cohort_ltv AS answer FROM script UNION ALL
        SELECT 11 AS place, 'contract_runs' AS name, 'error' AS severity,
            '' AS used, '' AS ended, script.answer_contract_runs AS answer FROM script UNION ALL
        SELECT 12 AS place, 'contract_file_totals' AS name, 'error' AS severity,
            '' AS used, '' AS ended, script.answer_contract_file_totals AS answer FROM script UNION ALL
        SELECT 13 AS place, 'contract_files' AS name, 'error' AS severity,
            '' AS used, '' AS ended, script.answer_contract_files AS answer FROM script
    ),

    counted AS (
        SELECT
            place,
            name,
            severity,
            used,
            ended,
            COALESCE(CAST(JSON_VALUE(answer, '$[0][0]') AS INT64), 0) AS failing,
            COALESCE(CAST(JSON_VALUE(answer, '$[0][1]') AS INT64), 0) AS waived
        FROM judged
        WHERE answer IS NOT NULL
    ),

    verdicts AS (
        SELECT
            STRING_AGG(
                CONCAT(
                    '{"name": "', name, '", "severity": "', severity, '", "failing": ', CAST(failing AS STRING),
                    ', "waived": ', CAST(waived AS STRING), ', "waivers": "',
                    IF(waived > 0, used, ''), IF(waived > 0 AND used != '' AND failing > 0 AND ended != '', '; ', ''),
                    IF(failing > 0, ended, ''), '"}'
                ), ', ' ORDER BY place
            ) AS listed,
            STRING_AGG(IF(failing > 0 AND severity = 'error', name, NULL), ', ' ORDER BY place) AS failures
        FROM counted
    )

    SELECT
        '20250930T120000-1a2b3c' AS run_id,
        'run' AS command,
        CAST(NULL AS STRING) AS part_of,
        'rejected' AS status,
        'stg_fees dim_clients rpt_client_ltv rpt_adviser_ltv rpt_cohort_ltv' AS selection,
        '2025-01-31, 2025-03-28..2025-03-31' AS fee_dates,
        FALSE AS full_refresh,
        TIMESTAMP '2025-09-30 12:00:00.000000+00:00' AS started_at,
        script.finished_at,
        COALESCE(CAST(JSON_VALUE(script.answer_published_before, '$[0][0]') AS INT64), 0) AS rows_before,
        COALESCE(CAST(JSON_VALUE(script.answer_published_before, '$[0][0]') AS INT64), 0) AS rows_after,
        COALESCE(CAST(JSON_VALUE(script.answer_published_before, '$[0][1]') AS NUMERIC), 0) AS amount_before,
        COALESCE(CAST(JSON_VALUE(script.answer_published_before, '$[0][1]') AS NUMERIC), 0) AS amount_after,
        script.steps,
        CONCAT('[', COALESCE(changes.listed, ''), ']') AS changes,
        CONCAT('[', COALESCE(verdicts.listed, ''), ']') AS assertions,
        verdicts.failures AS error,
        'SHA256' AS fingerprint,
        'COMMIT' AS git_sha,
        'VERSION' AS package_version,
        script.bytes_processed
    FROM script
    CROSS JOIN changes
    CROSS JOIN verdicts
    ;
END IF;
SELECT script_verdict, script_steps, answer_published_before, answer_staged_before, answer_assert_client_data, answer_assert_file_row_count, answer_assert_financial_reconciliation, answer_assert_ltv_matches_raw, answer_assert_row_count_reconciliation, answer_contract_stg_fees, answer_contract_dim_clients, answer_contract_rpt_client_ltv, answer_contract_rpt_adviser_ltv, answer_contract_rpt_cohort_ltv, answer_contract_runs, answer_contract_file_totals, answer_contract_files, answer_published_after, answer_left_out, answer_staged_after;