DECLARE script_verdict STRING DEFAULT 'accepted';
DECLARE script_steps STRING DEFAULT '';
DECLARE script_checks STRING DEFAULT '';
DECLARE script_failures STRING DEFAULT '';
DECLARE script_changes STRING DEFAULT '';
DECLARE script_rows INT64;
DECLARE script_bytes INT64;
DECLARE script_began TIMESTAMP;
BEGIN
    BEGIN TRANSACTION;
    MERGE INTO ops_ci.writer AS writer
    USING (
        SELECT
            'job-3' AS job_id,
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
            SELECT
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
            FROM raw_ci.fees_incoming
            WHERE _load = 'load-1' AND _part = 'raw.fees'
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
            INSERT INTO raw_ci.fees_rejected (
                record,
                reasons,
                _source_file,
                _source_version,
                _source_row,
                _ingested_at,
                _run_id
            )
            SELECT
                record,
                reasons,
                _source_file,
                _source_version,
                _source_row,
                _ingested_at,
                _run_id
            FROM raw_ci.fees_incoming
            WHERE _load = 'load-1' AND _part = 'raw.fees_rejected'
            ;
            DELETE FROM raw_ci.files
            WHERE (uri IN ('file:/lake/a.csv', 'file:/lake/bad.csv', 'file:/lake/it%27s.csv')
                AND CONCAT(uri, '\n', version) IN ('file:/lake/a.csv\n748271eca035dfc0b07a7154e26cd4641554748fba5b64be2cb505a1b6ba83dd', 'file:/lake/bad.csv\n68b630bfc395f8ecf7639b534771fdbbcde8e06b52d83f812724d2ecfe9aa9c2', 'file:/lake/it%27s.csv\nd96b0226021ba3e104cf9e06d90fee54e03eba6f84bf47dc4eb6a713aaf70bf2'))
            ;
            INSERT INTO raw_ci.files (uri, version, sha256, bytes, row_count, loaded_count, rejected_count, total_amount, first_fee_date, last_fee_date, status, reason, ingested_at, ended_at, run_id)
            VALUES
                ('file:/lake/a.csv', 'SHA256', 'SHA256', 82, 1, 1, 0, NUMERIC '3.000000000', DATE '2025-01-31', DATE '2025-01-31', 'loaded', NULL, TIMESTAMP '2025-09-30 12:00:00.000000+00:00', NULL, 'test-2'),
                ('file:/lake/bad.csv', 'SHA256', 'SHA256', 73, 1, 0, 1, NUMERIC '0.000000000', NULL, NULL, 'loaded', NULL, TIMESTAMP '2025-09-30 12:00:00.000000+00:00', NULL, 'test-2'),
                ('file:/lake/it%27s.csv', 'SHA256', 'SHA256', 82, 1, 1, 0, NUMERIC '2.000000000', DATE '2025-03-31', DATE '2025-03-31', 'loaded', NULL, TIMESTAMP '2025-09-30 12:00:00.000000+00:00', NULL, 'test-2')
            ;
            INSERT INTO ops_ci.pending (
                fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
            )
            SELECT
                fee_date,
                uri,
                version,
                row_count,
                amount,
                0,
                NUMERIC '0',
                TIMESTAMP '2025-09-30 12:00:00.000000+00:00',
                'test-2'
            FROM raw_ci.file_totals
            WHERE fee_date IS NOT NULL AND (uri IN ('file:/lake/bad.csv', 'file:/lake/it%27s.csv')
                AND CONCAT(uri, '\n', version) IN ('file:/lake/bad.csv\n68b630bfc395f8ecf7639b534771fdbbcde8e06b52d83f812724d2ecfe9aa9c2', 'file:/lake/it%27s.csv\nd96b0226021ba3e104cf9e06d90fee54e03eba6f84bf47dc4eb6a713aaf70bf2'))
            ;
            INSERT INTO ops_ci.pending (
                fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
            )
            WITH differing AS (
                SELECT
                    _source_file,
                    fee_date AS _day,
                    fee_amount AS _amount,
                    SUM(IF((_source_file IN ('file:/lake/a.csv')
                AND CONCAT(_source_file, '\n', _source_version) IN ('file:/lake/a.csv\n748271eca035dfc0b07a7154e26cd4641554748fba5b64be2cb505a1b6ba83dd')) AND _run_id = 'test-2', 1, -1)) AS net_rows
                FROM raw_ci.fees
                WHERE fee_date IS NOT NULL AND (_source_file IN ('file:/lake/a.csv', 'file:/lake/a.csv')
                AND CONCAT(_source_file, '\n', _source_version) IN ('file:/lake/a.csv\n748271eca035dfc0b07a7154e26cd4641554748fba5b64be2cb505a1b6ba83dd', 'file:/lake/a.csv\n1d35463d1a0cf687ecffe98fe22010e03d59d0d19f334c4015edc3363483c260'))
                GROUP BY _source_file, client_id, client_nino, adviser_id, fee_date, fee_amount
            ),

            changed AS (
                SELECT
                    _source_file,
                    _day,
                    SUM(IF(net_rows > 0, net_rows, 0)) AS rows_added,
                    COALESCE(SUM(IF(net_rows > 0, net_rows * _amount, NUMERIC '0')), NUMERIC '0') AS amount_added,
                    SUM(IF(net_rows < 0, -net_rows, 0)) AS rows_removed,
                    COALESCE(SUM(IF(net_rows < 0, -net_rows * _amount, NUMERIC '0')), NUMERIC '0') AS amount_removed
                FROM differing
                WHERE net_rows != 0
                GROUP BY _source_file, _day
            )

            SELECT
                changed._day,
                changed._source_file,
                files.version,
                changed.rows_added,
                changed.amount_added,
                changed.rows_removed,
                changed.amount_removed,
                TIMESTAMP '2025-09-30 12:00:00.000000+00:00',
                'test-2'
            FROM changed
            INNER JOIN raw_ci.files AS files ON changed._source_file = files.uri
            WHERE (files.uri IN ('file:/lake/a.csv')
                AND CONCAT(files.uri, '\n', files.version) IN ('file:/lake/a.csv\n748271eca035dfc0b07a7154e26cd4641554748fba5b64be2cb505a1b6ba83dd'))
            ;
            INSERT INTO ops_ci.pending (
                fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
            )
            WITH ambiguous AS (
                SELECT
                    _source_file,
                    _source_version,
                    fee_date
                FROM raw_ci.fees
                WHERE fee_date IS NOT NULL AND (_source_file IN ('file:/lake/a.csv')
                    AND CONCAT(_source_file, '\n', _source_version) IN ('file:/lake/a.csv\n748271eca035dfc0b07a7154e26cd4641554748fba5b64be2cb505a1b6ba83dd')) AND _run_id = 'test-2'
                GROUP BY
                    _source_file,
                    _source_version,
                    NULLIF(TRIM(client_id, ' \t\r\n\u00a0'), ''),
                    NULLIF(TRIM(adviser_id, ' \t\r\n\u00a0'), ''),
                    fee_date,
                    fee_amount
                HAVING
                    COUNT(DISTINCT NULLIF(UPPER(TRANSLATE(client_nino, ' \t\r\n\u00a0', '')), '')) > 1
            )

            SELECT DISTINCT
                fee_date,
                _source_file,
                _source_version,
                0,
                NUMERIC '0',
                0,
                NUMERIC '0',
                TIMESTAMP '2025-09-30 12:00:00.000000+00:00',
                'test-2'
            FROM ambiguous
            ;
            INSERT INTO ops_ci.pending (
                fee_date, uri, version, rows_added, amount_added, rows_removed, amount_removed, noted_at, run_id
            )
            SELECT
                fee_date,
                uri,
                version,
                0,
                NUMERIC '0',
                row_count,
                amount,
                TIMESTAMP '2025-09-30 12:00:00.000000+00:00',
                'test-2'
            FROM raw_ci.file_totals
            WHERE fee_date IS NOT NULL AND (uri IN ('file:/lake/b.csv')
                AND CONCAT(uri, '\n', version) IN ('file:/lake/b.csv\n8ee3a432d4829e9ce80b5a94051ca5ce9a6dc401a5b9d39de50f6a707cb308f3'))
            ;
            DELETE FROM raw_ci.fees WHERE (_source_file IN ('file:/lake/b.csv', 'file:/lake/a.csv')
                AND CONCAT(_source_file, '\n', _source_version) IN ('file:/lake/b.csv\n8ee3a432d4829e9ce80b5a94051ca5ce9a6dc401a5b9d39de50f6a707cb308f3', 'file:/lake/a.csv\n1d35463d1a0cf687ecffe98fe22010e03d59d0d19f334c4015edc3363483c260'))
            ;
            DELETE FROM raw_ci.fees_rejected WHERE (_source_file IN ('file:/lake/b.csv', 'file:/lake/a.csv')
                AND CONCAT(_source_file, '\n', _source_version) IN ('file:/lake/b.csv\n8ee3a432d4829e9ce80b5a94051ca5ce9a6dc401a5b9d39de50f6a707cb308f3', 'file:/lake/a.csv\n1d35463d1a0cf687ecffe98fe22010e03d59d0d19f334c4015edc3363483c260'))
            ;
            DELETE FROM raw_ci.file_totals WHERE (uri IN ('file:/lake/b.csv', 'file:/lake/a.csv')
                AND CONCAT(uri, '\n', version) IN ('file:/lake/b.csv\n8ee3a432d4829e9ce80b5a94051ca5ce9a6dc401a5b9d39de50f6a707cb308f3', 'file:/lake/a.csv\n1d35463d1a0cf687ecffe98fe22010e03d59d0d19f334c4015edc3363483c260'))
            ;
            UPDATE raw_ci.files
            SET status = 'withdrawn', ended_at = TIMESTAMP '2025-09-30 12:00:00.000000+00:00', run_id = 'test-2'
            WHERE (uri IN ('file:/lake/b.csv')
                AND CONCAT(uri, '\n', version) IN ('file:/lake/b.csv\n8ee3a432d4829e9ce80b5a94051ca5ce9a6dc401a5b9d39de50f6a707cb308f3'))
            ;
            UPDATE raw_ci.files
            SET status = 'superseded', ended_at = TIMESTAMP '2025-09-30 12:00:00.000000+00:00', run_id = 'test-2'
            WHERE (uri IN ('file:/lake/a.csv')
                AND CONCAT(uri, '\n', version) IN ('file:/lake/a.csv\n1d35463d1a0cf687ecffe98fe22010e03d59d0d19f334c4015edc3363483c260'))
            ;
            IF (
                WITH entered AS (
                    SELECT
                        uri,
                        version,
                        loaded_count,
                        rejected_count,
                        total_amount
                    FROM raw_ci.files
                    WHERE run_id = 'test-2' AND status = 'loaded' AND uri IN ('file:/lake/a.csv', 'file:/lake/bad.csv', 'file:/lake/it%27s.csv')
                ),

                loaded AS (
                    SELECT
                        _source_file AS uri,
                        _source_version AS version,
                        COUNT(*) AS row_count,
                        COALESCE(SUM(fee_amount), NUMERIC '0') AS amount
                    FROM raw_ci.fees
                    WHERE _run_id = 'test-2' AND _source_file IN ('file:/lake/a.csv', 'file:/lake/bad.csv', 'file:/lake/it%27s.csv')
                    GROUP BY _source_file, _source_version
                ),

                rejected AS (
                    SELECT
                        _source_file AS uri,
                        _source_version AS version,
                        COUNT(*) AS row_count
                    FROM raw_ci.fees_rejected
                    WHERE _run_id = 'test-2' AND _source_file IN ('file:/lake/a.csv', 'file:/lake/bad.csv', 'file:/lake/it%27s.csv')
                    GROUP BY _source_file, _source_version
                ),

                totals AS (
                    SELECT
                        uri,
                        version,
                        SUM(row_count) AS row_count,
                        SUM(amount) AS amount
                    FROM raw_ci.file_totals
                    WHERE uri IN ('file:/lake/a.csv', 'file:/lake/bad.csv', 'file:/lake/it%27s.csv')
                    GROUP BY uri, version
                )

                SELECT COUNT(*) > 0 AS is_lost
                FROM entered
                LEFT OUTER JOIN loaded ON entered.uri = loaded.uri AND entered.version = loaded.version
                LEFT OUTER JOIN rejected ON entered.uri = rejected.uri AND entered.version = rejected.version
                LEFT OUTER JOIN totals ON entered.uri = totals.uri AND entered.version = totals.version
                WHERE
                    entered.loaded_count != COALESCE(loaded.row_count, 0)
                    OR entered.total_amount != COALESCE(loaded.amount, NUMERIC '0')
                    OR entered.rejected_count != COALESCE(rejected.row_count, 0)
                    OR entered.loaded_count != COALESCE(totals.row_count, 0)
                    OR entered.total_amount != COALESCE(totals.amount, NUMERIC '0')
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