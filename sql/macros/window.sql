{# The fee dates of this run as constants on a partition column, so that no other partition is read or written. -#}
{%- macro within(column) -%}
(
{%- for start, end in window.ranges -%}
{{ " OR " if not loop.first }}
{%- if start == end -%} {{ column }} = DATE '{{ start }}' {%- else -%} {{ column }} BETWEEN DATE '{{ start }}' AND DATE '{{ end }}' {%- endif -%}
{%- else -%} FALSE
{%- endfor -%}
)
{%- endmacro -%}
