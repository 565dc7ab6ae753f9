DECLARE script_verdict STRING DEFAULT 'accepted';
DECLARE script_steps STRING DEFAULT '';
DECLARE script_rows INT64;
DECLARE script_bytes INT64;
DECLARE script_began TIMESTAMP;
BEGIN
    BEGIN TRANSACTION;
    MERGE INTO ops_ci.writer AS writer
    USING (
        SELECT
            'job-4' AS job_id,
            'test-2' AS run_id,
            CURRENT_TIMESTAMP() AS began_at
    ) AS now
    ON TRUE
    WHEN MATCHED THEN
        UPDATE SET job_id = now.job_id, run_id = now.run_id, began_at = now.began_at
    WHEN NOT MATCHED THEN
        INSERT (job_id, run_id, began_at)
        VALUES (now.job_id, now.run_id, now.began_at)
    ;
    INSERT INTO raw_ci.fees_incoming (client_nino, _part, _load, _loaded_at)
    SELECT
        'QQ123456C',
        'canary',
        'canary',
        TIMESTAMP '2025-09-30 12:00:00.000000+00:00'
    FROM UNNEST([1]) AS one
    WHERE NOT EXISTS (SELECT 1 FROM raw_ci.fees_incoming AS known WHERE known._load = 'canary')
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
            SELECT (
                SELECT COALESCE(TO_HEX(MD5(STRING_AGG(line, '\n' ORDER BY line))), '')
                FROM (
                    SELECT CONCAT(COALESCE(CAST(uri AS STRING), ''), ' ', COALESCE(CAST(version AS STRING), ''), ' ', COALESCE(CAST(status AS STRING), ''), ' ', COALESCE(CAST(run_id AS STRING), '')) AS line
                    FROM raw_ci.files
                )
            ) != 'MD5' AS is_overtaken
        ) THEN
            ROLLBACK TRANSACTION;
            SET script_verdict = 'overtaken';
        ELSE
            INSERT INTO raw_ci.fees (
                client_id,
                client_nino,
                adviser_id,
                fee_date,
                fee_amount,
                _source_file,
                _source_version,
                _source_row,
                _ingested_at,
                _run_id
            )
            SELECT .. FROM raw_ci.fees_incoming
            ;
            INSERT INTO raw_ci.fees_rejected (
                record,
                reasons,
                file_status,
                _source_file,
                _source_version,
                _source_row,
                _ingested_at,
                _run_id
            )
            SELECT
                record,
                reasons,
                file_status,
                _source_file,
                _source_version,
                _source_row,
                _ingested_at,
                _run_id
            FROM raw_ci.fees_incoming
            WHERE _load = 'load-1' AND _part = 'raw.fees_rejected'
            ;
            INSERT INTO raw_ci.file_totals (
                uri,
                version,
                fee_date,
                row_count,
                amount
            )
            SELECT
                uri,
                version,
                fee_date,
                row_count,
                amount
            FROM raw_ci.fees_incoming
            WHERE _load = 'load-1' AND _part = 'raw.file_totals'
            ;
            DELETE FROM raw_ci.files
            WHERE (uri IN ('file:/lake/bad.csv', 'file:/lake/it%27s.csv', 'file:/lake/a.csv')
                AND CONCAT(uri, '\n', version) IN ('file:/lake/bad.csv\n07a49b336e595bb697c62cdb683851bae7f712df546771999118839808535ab1', 'file:/lake/it%27s.csv\n680155ced73561048df5ba805839600683f39781a3182b6e21362ed342c12414', 'file:/lake/a.csv\nb19ca4f7c03a33376f29374204d7dffb6fa3c9fdab5e60a4c6f7267c69fffed6'))
            ;
            INSERT INTO raw_ci.files (uri, version, sha256, bytes, row_count, loaded_count, rejected_count, total_amount, first_fee_date, last_fee_date, status, reason, ingested_at, ended_at, run_id, seal)
            VALUES
                ('file:/lake/bad.csv', 'SHA256', 'SHA256', 73, 1, 0, 1, NUMERIC '0.000000000', NULL, NULL, 'loaded', NULL, TIMESTAMP '2025-09-30 12:00:00.000000+00:00', NULL, 'test-2', NULL),
                ('file:/lake/it%27s.csv', 'SHA256', 'SHA256', 82, 1, 1, 0, NUMERIC '2.000000000', DATE '2025-03-31', DATE '2025-03-31', 'loaded', NULL, TIMESTAMP '2025-09-30 12:00:00.000000+00:00', NULL, 'test-2', NULL),
                ('file:/lake/a.csv', 'SHA256', 'SHA256', 82, 1, 1, 0, NUMERIC '3.000000000', DATE '2025-01-31', DATE '2025-01-31', 'loaded', NULL, TIMESTAMP '2025-09-30 12:00:00.000000+00:00', NULL, 'test-2', NULL)
            ;
            INSERT INTO ops_ci.pending (
                fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
            )
            SELECT .. FROM raw_ci.file_totals
            ;
            INSERT INTO ops_ci.pending (
                fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
            )
            SELECT .. FROM raw_ci.fees, raw_ci.files
            ;
            MERGE INTO ops_ci.left_out AS told
            USING (
                SELECT
                    uri,
                    version
                FROM raw_ci.files
                WHERE (uri IN ('file:/lake/a.csv')
                AND CONCAT(uri, '\n', version) IN ('file:/lake/a.csv\nb19ca4f7c03a33376f29374204d7dffb6fa3c9fdab5e60a4c6f7267c69fffed6'))
            ) AS now
            ON told.uri = now.uri AND (told.uri IN ('file:/lake/a.csv')
                AND CONCAT(told.uri, '\n', told.version) IN ('file:/lake/a.csv\n1bc22893881b641c3fd6c204b6b92c2ab4ddbcbeff4825b118c6cb761ac36a8d'))
            WHEN MATCHED THEN
                UPDATE SET version = now.version
            ;
            INSERT INTO ops_ci.pending (
                fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
            )
            SELECT .. FROM raw_ci.fees
            ;
            INSERT INTO ops_ci.removed (fee_id, fee_date, uri, version, source_row)
            SELECT .. FROM raw_ci.fees
            ;
            INSERT INTO ops_ci.pending (
                fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
            )
            SELECT .. FROM raw_ci.file_totals
            ;
            INSERT INTO ops_ci.removed (fee_id, fee_date, uri, version, source_row)
            SELECT .. FROM raw_ci.fees
            ;
            DELETE FROM raw_ci.fees WHERE (_source_file IN ('file:/lake/b.csv', 'file:/lake/a.csv')
                AND CONCAT(_source_file, '\n', _source_version) IN ('file:/lake/b.csv\n972ea6a9f7fcd59d4f0dbe7a8e3563b245268b4a976f5a973fb25795d3be9a1c', 'file:/lake/a.csv\n1bc22893881b641c3fd6c204b6b92c2ab4ddbcbeff4825b118c6cb761ac36a8d'))
            ;
            DELETE FROM raw_ci.fees_rejected WHERE (_source_file IN ('file:/lake/b.csv', 'file:/lake/a.csv')
                AND CONCAT(_source_file, '\n', _source_version) IN ('file:/lake/b.csv\n972ea6a9f7fcd59d4f0dbe7a8e3563b245268b4a976f5a973fb25795d3be9a1c', 'file:/lake/a.csv\n1bc22893881b641c3fd6c204b6b92c2ab4ddbcbeff4825b118c6cb761ac36a8d'))
            ;
            DELETE FROM raw_ci.file_totals WHERE (uri IN ('file:/lake/b.csv', 'file:/lake/a.csv')
                AND CONCAT(uri, '\n', version) IN ('file:/lake/b.csv\n972ea6a9f7fcd59d4f0dbe7a8e3563b245268b4a976f5a973fb25795d3be9a1c', 'file:/lake/a.csv\n1bc22893881b641c3fd6c204b6b92c2ab4ddbcbeff4825b118c6cb761ac36a8d'))
            ;
            UPDATE raw_ci.files
            SET status = 'withdrawn', ended_at = TIMESTAMP '2025-09-30 12:00:00.000000+00:00', run_id = 'test-2'
            WHERE (uri IN ('file:/lake/b.csv')
                AND CONCAT(uri, '\n', version) IN ('file:/lake/b.csv\n972ea6a9f7fcd59d4f0dbe7a8e3563b245268b4a976f5a973fb25795d3be9a1c'))
            ;
            UPDATE raw_ci.files
            SET status = 'superseded', ended_at = TIMESTAMP '2025-09-30 12:00:00.000000+00:00', run_id = 'test-2'
            WHERE (uri IN ('file:/lake/a.csv')
                AND CONCAT(uri, '\n', version) IN ('file:/lake/a.csv\n1bc22893881b641c3fd6c204b6b92c2ab4ddbcbeff4825b118c6cb761ac36a8d'))
            ;
            MERGE INTO raw_ci.file_totals AS totals
            USING (
                SELECT .. FROM raw_ci.fees
            ) AS found
            ON
                totals.uri = found._source_file
                AND totals.version = found._source_version
                AND COALESCE(totals.fee_date, DATE '0001-01-01') = COALESCE(found.fee_date, DATE '0001-01-01')
            WHEN MATCHED THEN
                UPDATE SET digest = found.digest
            ;
            MERGE INTO raw_ci.files AS files
            USING (
                SELECT .. FROM raw_ci.fees_rejected, raw_ci.file_totals, raw_ci.files
            ) AS found
            ON
                files.uri = found.uri
                AND files.version = found.version
                AND found.run_id = 'test-2'
            WHEN MATCHED THEN
                UPDATE SET seal = found.expected
            ;
            UPDATE ops_ci.pending
            SET seal = TO_HEX(SHA256(CONCAT(COALESCE(CONCAT(' amount_added ', CAST(amount_added AS STRING)), ''), COALESCE(CONCAT(' amount_removed ', CAST(amount_removed AS STRING)), ''), COALESCE(CONCAT(' fee_date ', CAST(fee_date AS STRING)), ''), COALESCE(CONCAT(' noted_at ', CAST(noted_at AS STRING)), ''), COALESCE(CONCAT(' rows_added ', CAST(rows_added AS STRING)), ''), COALESCE(CONCAT(' rows_removed ', CAST(rows_removed AS STRING)), ''), COALESCE(CONCAT(' run_id ', CAST(CHAR_LENGTH(run_id) AS STRING), ':', run_id), ''), COALESCE(CONCAT(' uri ', CAST(CHAR_LENGTH(uri) AS STRING), ':', uri), ''), COALESCE(CONCAT(' version ', CAST(CHAR_LENGTH(version) AS STRING), ':', version), ''))))
            WHERE run_id = 'test-2'
            ;
            MERGE INTO ops_ci.writer AS writer
            USING (SELECT (SELECT CONCAT(CAST(COUNT(*) AS STRING), ' ', COALESCE(CAST(SUM(CAST(CAST(CONCAT('0x', SUBSTR(TO_HEX(MD5(COALESCE(files.seal, ''))), 1, 15)) AS INT64) AS NUMERIC)) AS STRING), '0')) FROM raw_ci.files AS files) AS files) AS now
            ON TRUE
            WHEN MATCHED THEN
                UPDATE SET files = now.files
            WHEN NOT MATCHED THEN
                INSERT (job_id, run_id, began_at, files)
                VALUES ('test-2', 'test-2', TIMESTAMP '2025-09-30 12:00:00.000000+00:00', now.files)
            ;
            IF (
                SELECT .. FROM raw_ci.fees, raw_ci.fees_rejected, raw_ci.file_totals, raw_ci.files
            ) THEN
                ROLLBACK TRANSACTION;
                SET script_verdict = 'not conserved';
            ELSE
                DELETE FROM raw_ci.fees_incoming
                WHERE _load = 'load-1' OR (_load != 'canary' AND _loaded_at < TIMESTAMP '2025-09-30 12:00:00.000000+00:00')
                ;
                COMMIT TRANSACTION;
            END IF;
        END IF;
    END IF;
EXCEPTION WHEN ERROR THEN
    ROLLBACK TRANSACTION;
    RAISE;
END;
SELECT script_verdict, script_steps;
