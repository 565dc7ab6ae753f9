{# A fingerprint of a small table of the books: it differs when any row does. -#}
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
