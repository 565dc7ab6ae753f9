            SET @@query_label = 'step:stg_fees';
            SET script_began = CURRENT_TIMESTAMP();
            SET script_rows = 0;
            DELETE FROM staging_ci.stg_fees WHERE TRUE
            ;
            INSERT INTO staging_ci.stg_fees (fee_id, client_id, client_nino, adviser_id, fee_date, fee_amount)
            SELECT .. FROM raw_ci.fees
            ;
            SET script_rows = script_rows + @@row_count;
            DELETE FROM ops_ci.pending WHERE (fee_date BETWEEN DATE '2025-01-31' AND DATE '2025-03-31')
            ;
            DELETE FROM ops_ci.left_out WHERE (fee_date BETWEEN DATE '2025-01-31' AND DATE '2025-03-31')
            ;
            INSERT INTO ops_ci.left_out (uri, version, fee_date, reason, row_count, amount)
            SELECT .. FROM raw_ci.fees
            ;
            SET script_steps = CONCAT(
                script_steps, IF(script_steps = '', '', ', '),
                '{"name": "stg_fees", "rows": ', COALESCE(CAST(script_rows AS STRING), 'null'),
                ', "seconds": ',
                CAST(CAST(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), script_began, MILLISECOND) AS NUMERIC) / 1000 AS STRING), '}'
            );
