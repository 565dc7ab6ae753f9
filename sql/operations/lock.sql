{# The first statement of a writer where the warehouse has no lock of its own: it changes the one row that two at once
   conflict on. `@job` stands for what the engine calls the transaction. -#}
MERGE INTO ops.writer AS writer
USING (
    SELECT
        @job AS job_id,
        {{ run_id | literal }} AS run_id,
        CURRENT_TIMESTAMP() AS began_at
) AS now
ON TRUE
WHEN MATCHED THEN
    UPDATE SET job_id = now.job_id, run_id = now.run_id, began_at = now.began_at
WHEN NOT MATCHED THEN
    INSERT (job_id, run_id, began_at)
    VALUES (now.job_id, now.run_id, now.began_at)
;
SELECT job_id FROM ops.writer
