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
            DELETE FROM ops_ci.removed WHERE (fee_date BETWEEN DATE '2025-01-31' AND DATE '2025-03-31')
            ;
            DELETE FROM staging_ci.stg_fees WHERE TRUE
            ;
            INSERT INTO staging_ci.stg_fees (fee_id, client_id, client_nino, adviser_id, fee_date, fee_amount)
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
            ;
            SET script_rows = script_rows + @@row_count;
            DELETE FROM ops_ci.pending WHERE (fee_date BETWEEN DATE '2025-01-31' AND DATE '2025-03-31')
            ;
            DELETE FROM ops_ci.left_out WHERE (fee_date BETWEEN DATE '2025-01-31' AND DATE '2025-03-31')
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
            WHERE (NOT is_whole OR place > 1) AND (fee_date BETWEEN DATE '2025-01-31' AND DATE '2025-03-31')
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
