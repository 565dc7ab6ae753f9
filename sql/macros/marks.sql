{# Fingerprints of small tables of the books: one differs when any row does. -#}
{%- macro mark_of(table, columns) -%}
(
    SELECT COALESCE(TO_HEX(MD5(STRING_AGG(line, '\n' ORDER BY line))), '')
    FROM (
        SELECT CONCAT({% for column in columns %}COALESCE(CAST({{ column }} AS STRING), ''){{ ", ' ', " if not loop.last }}{% endfor %}) AS line
        FROM {{ table }}
    )
)
{%- endmacro -%}
{%- macro pending_mark() -%}
{{ mark_of('ops.pending', ['fee_date', 'uri', 'version', 'rows_added', 'amount_added', 'rows_removed', 'amount_removed']) }}
{%- endmacro -%}
{%- macro files_mark() -%}
{{ mark_of('raw.files', ['uri', 'version', 'status', 'run_id']) }}
{%- endmacro -%}
{# What a plan rests on. The files too: an ingestion and the run that staged it leave what is pending as it was. And the
   SQL that built the tables: a run of other SQL need not have touched a file. -#}
{%- macro plan_mark() -%}
CONCAT(
    {{ pending_mark() }},
    {{ files_mark() }},
    {{ mark_of('ops.built', ['table_name', 'fingerprint']) }}
)
{%- endmacro -%}
