{% from 'judged.sql' import judged -%}
{{ judged(column) }}
