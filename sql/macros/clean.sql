{# Space, tab, CR, LF and NBSP: one explicit set, since TRIM(x) means other characters on other engines. -#}
{%- macro blanks() -%} ' \t\r\n\u00a0' {%- endmacro -%}

{%- macro cleaned_id(column) -%} NULLIF(TRIM({{ column }}, {{ blanks() }}), '') {%- endmacro -%}

{%- macro cleaned_nino(column) -%}
NULLIF(UPPER(TRANSLATE({{ column }}, {{ blanks() }}, '')), '')
{%- endmacro -%}

{# A length before each part, so that 'a|b','c' and 'a','b|c' never share an encoding; FORMAT of the amount is canonical. -#}
{%- macro fee_key(client_id, adviser_id, fee_date, fee_amount) -%}
TO_HEX(MD5(CONCAT(
        CAST(CHAR_LENGTH({{ client_id }}) AS STRING), ':', {{ client_id }},
        CAST(CHAR_LENGTH({{ adviser_id }}) AS STRING), ':', {{ adviser_id }},
        CAST({{ fee_date }} AS STRING), ':', CAST({{ fee_amount }} AS STRING)
    )))
{%- endmacro -%}
