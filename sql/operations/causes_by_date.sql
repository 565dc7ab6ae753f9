{# What arrived late, was corrected or vanished, by fee date, in every run up to one. -#}
{% from 'history.sql' import until -%}
SELECT
    causes.fee_date,
    causes.cause,
    COUNT(*) AS fee_count,
    SUM(COALESCE(causes.pounds_after, NUMERIC '0')) - SUM(COALESCE(causes.pounds_before, NUMERIC '0')) AS pounds
FROM ops.causes AS causes
WHERE
    causes.cause IN ('late', 'corrected', 'withdrawn')
    AND causes.fee_date IS NOT NULL
    AND {{ until('causes.run_id', moment) | indent(4) }}
GROUP BY causes.fee_date, causes.cause
