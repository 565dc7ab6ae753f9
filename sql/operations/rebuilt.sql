{# Into the causes go the tables whose SQL this run has changed. -#}
INSERT INTO ops.causes (run_id, table_name, action, cause)
VALUES
{%- for table in tables %}
    ({{ run_id | literal }}, {{ table | literal }}, 'rebuilt', 'rule'){{ "," if not loop.last }}
{%- endfor %}
