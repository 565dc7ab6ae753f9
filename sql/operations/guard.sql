{# Whether an ingestion slipped in between the plan and this transaction, or another run staged what is pending. -#}
{% from 'marks.sql' import plan_mark -%}
SELECT {{ plan_mark() }} != {{ mark | literal }} AS is_busy
