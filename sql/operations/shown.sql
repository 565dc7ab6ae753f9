SELECT {{ columns | join(', ') }}
FROM (
    {{ source | indent(4) }}
)
{%- for test in tests %}
{{ "WHERE" if loop.first else "    AND" }} {{ test }}
{%- endfor %}
{%- if limit is not none %}
ORDER BY {{ order | join(', ') }}
LIMIT {{ limit }}
{%- endif %}
