DECLARE script_verdict STRING DEFAULT 'accepted';
DECLARE script_steps STRING DEFAULT '';
DECLARE script_rows INT64;
DECLARE script_bytes INT64;
DECLARE script_began TIMESTAMP;
DECLARE answer_published_before STRING;
DECLARE answer_staged_before STRING;
DECLARE answer_assert_client_data STRING;
DECLARE answer_assert_file_row_count STRING;
DECLARE answer_contract_stg_fees STRING;
DECLARE answer_diff_dim_clients STRING;
DECLARE answer_diff_rpt_client_ltv STRING;
DECLARE answer_diff_rpt_adviser_ltv STRING;
DECLARE answer_diff_rpt_cohort_ltv STRING;
DECLARE answer_bridge STRING;
DECLARE answer_published_after STRING;
DECLARE answer_left_out STRING;
DECLARE answer_staged_after STRING;
BEGIN
    BEGIN TRANSACTION;
    MERGE INTO ops_ci.writer AS writer
    USING (
        SELECT
            'job-5' AS job_id,
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
            SELECT .. FROM ops_ci.built, ops_ci.pending, raw_ci.files
        ) THEN
            ROLLBACK TRANSACTION;
            SET script_verdict = 'busy';
        ELSE
            SET @@query_label = 'step:published_before';
            SET answer_published_before = (
            SELECT .. FROM reporting_ci.rpt_adviser_ltv, reporting_ci.rpt_client_ltv, reporting_ci.rpt_cohort_ltv, staging_ci.stg_fees
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
            CREATE TEMP TABLE stg_fees_ranked AS
            SELECT .. FROM raw_ci.fees
            ;
            INSERT INTO ops_ci.causes (
                run_id, table_name, action, cause, fee_id, client_id, adviser_id, fee_date, pounds_before, pounds_after,
                uri, version, source_row
            )
            SELECT .. FROM ops_ci.pending, ops_ci.removed, ops_ci.runs, staging_ci.stg_fees
            ;
            DELETE FROM ops_ci.removed WHERE (fee_date = DATE '2025-01-31' OR fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
            ;
            MERGE INTO staging_ci.stg_fees AS target
            USING (
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
                FROM stg_fees_ranked AS ranked
                WHERE is_whole AND place = 1
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
                        FROM stg_fees_ranked AS ranked
                        WHERE is_whole AND place = 1
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
            SELECT
                _source_file,
                _source_version,
                fee_date,
                IF(is_whole, 'duplicate', 'blank') AS reason,
                COUNT(*),
                COALESCE(SUM(fee_amount), NUMERIC '0')
            FROM stg_fees_ranked
            WHERE (NOT is_whole OR place > 1) AND (fee_date = DATE '2025-01-31' OR fee_date BETWEEN DATE '2025-03-28' AND DATE '2025-03-31')
            GROUP BY _source_file, _source_version, fee_date, reason
            ;
            DROP TABLE stg_fees_ranked
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
            SELECT .. FROM staging_ci.stg_fees
            ;
            SET script_rows = script_rows + @@row_count;
            SET script_steps = CONCAT(
                script_steps, IF(script_steps = '', '', ', '),
                '{"name": "dim_clients", "rows": ', COALESCE(CAST(script_rows AS STRING), 'null'),
                ', "seconds": ',
                CAST(CAST(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), script_began, MILLISECOND) AS NUMERIC) / 1000 AS STRING), '}'
            );
            SET @@query_label = 'step:assert_client_data';
            SET answer_assert_client_data = (
            SELECT .. FROM ops_ci.pending, raw_ci.fees, staging_ci.stg_fees
            );
            SET @@query_label = 'step:assert_file_row_count';
            SET answer_assert_file_row_count = (
            SELECT .. FROM ops_ci.left_out, ops_ci.pending, raw_ci.file_totals, raw_ci.files
            );
            SET @@query_label = 'step:contract_stg_fees';
            SET answer_contract_stg_fees = (
            SELECT .. FROM staging_ci.stg_fees
            );
            SET @@query_label = 'step:diff_dim_clients';
            SET answer_diff_dim_clients = (
            SELECT .. FROM history_ci.dim_clients
            );
            SET @@query_label = 'step:diff_rpt_client_ltv';
            SET answer_diff_rpt_client_ltv = (
            SELECT .. FROM history_ci.rpt_client_ltv
            );
            SET @@query_label = 'step:diff_rpt_adviser_ltv';
            SET answer_diff_rpt_adviser_ltv = (
            SELECT .. FROM history_ci.rpt_adviser_ltv
            );
            SET @@query_label = 'step:diff_rpt_cohort_ltv';
            SET answer_diff_rpt_cohort_ltv = (
            SELECT .. FROM history_ci.rpt_cohort_ltv
            );
            SET @@query_label = 'step:bridge';
            SET answer_bridge = (
            SELECT .. FROM history_ci.dim_clients, history_ci.rpt_adviser_ltv, history_ci.rpt_client_ltv, history_ci.rpt_cohort_ltv, ops_ci.causes, ops_ci.runs
            );
            SET @@query_label = 'step:published_after';
            SET answer_published_after = (
            SELECT .. FROM reporting_ci.rpt_adviser_ltv, reporting_ci.rpt_client_ltv, reporting_ci.rpt_cohort_ltv, staging_ci.stg_fees
            );
            SET @@query_label = 'step:left_out';
            SET answer_left_out = (
            SELECT .. FROM ops_ci.left_out, raw_ci.fees, raw_ci.files
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
            IF COALESCE(CAST(JSON_VALUE(answer_contract_runs, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_assert_advisers, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_assert_client_data, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_assert_cohorts, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_assert_financial_reconciliation, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_assert_ltv_matches_raw, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_assert_row_count_reconciliation, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_stg_fees, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_dim_clients, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_rpt_client_ltv, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_rpt_adviser_ltv, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_rpt_cohort_ltv, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_file_totals, '$[0][0]') AS INT64), 0) > 0
                OR COALESCE(CAST(JSON_VALUE(answer_contract_files, '$[0][0]') AS INT64), 0) > 0 THEN
                ROLLBACK TRANSACTION;
                SET script_verdict = 'rejected';
            ELSE
                SET script_bytes = @@script.bytes_processed;
                INSERT INTO ops_ci.runs (
                    run_id, command, part_of, status, selection, fee_dates, full_refresh, started_at, finished_at,
                    rows_before, rows_after, amount_before, amount_after, steps, changes, assertions, error,
                    fingerprint, git_sha, package_version, bytes_processed, headline, follows, seal
                )
                SELECT .. FROM ops_ci.causes, ops_ci.changes, ops_ci.runs, ops_ci.writer
                ;
                MERGE INTO ops_ci.writer AS writer
                USING (
                    SELECT
                        run_id,
                        finished_at,
                        seal
                    FROM ops_ci.runs
                    WHERE run_id = '20250930T120000-1a2b3c'
                ) AS newest
                ON TRUE
                WHEN MATCHED THEN
                    UPDATE SET seal = newest.seal
                WHEN NOT MATCHED THEN
                    INSERT (job_id, run_id, began_at, seal)
                    VALUES (newest.run_id, newest.run_id, newest.finished_at, newest.seal)
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
    BEGIN TRANSACTION;
    MERGE INTO ops_ci.writer AS writer
    USING (
        SELECT
            'job-5 (rejected)' AS job_id,
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
    SET script_bytes = @@script.bytes_processed;
    INSERT INTO ops_ci.runs (
        run_id, command, part_of, status, selection, fee_dates, full_refresh, started_at, finished_at,
        rows_before, rows_after, amount_before, amount_after, steps, changes, assertions, error,
        fingerprint, git_sha, package_version, bytes_processed, headline, follows, seal
    )
    SELECT .. FROM ops_ci.causes, ops_ci.changes, ops_ci.runs, ops_ci.writer
    ;
    MERGE INTO ops_ci.writer AS writer
    USING (
        SELECT
            run_id,
            finished_at,
            seal
        FROM ops_ci.runs
        WHERE run_id = '20250930T120000-1a2b3c'
    ) AS newest
    ON TRUE
    WHEN MATCHED THEN
        UPDATE SET seal = newest.seal
    WHEN NOT MATCHED THEN
        INSERT (job_id, run_id, began_at, seal)
        VALUES (newest.run_id, newest.run_id, newest.finished_at, newest.seal)
    ;
    COMMIT TRANSACTION;
END IF;
SELECT script_verdict, script_steps, answer_published_before, answer_staged_before, answer_assert_client_data, answer_assert_file_row_count, answer_contract_stg_fees, answer_diff_dim_clients, answer_diff_rpt_client_ltv, answer_diff_rpt_adviser_ltv, answer_diff_rpt_cohort_ltv, answer_bridge, answer_published_after, answer_left_out, answer_staged_after;
