{# Whether an ingestion slipped in between the plan and this transaction. -#}
{% from 'marks.sql' import pending_mark -%}
SELECT {{ pending_mark() }} != {{ mark | literal }} AS is_busy
