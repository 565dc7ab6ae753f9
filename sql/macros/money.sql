{# The mean of `count` values with sum `total`, to whole pennies, rounded once, half away from zero. Integer arithmetic:
   ROUND(AVG(x), 2) rounds at the ninth decimal first, which turns 0.0049999999999 into 0.005 and that into 0.01. -#}
{%- macro mean_to_pennies(total, count) -%}
DIV({{ total }} * 200 + IF({{ total }} < 0, -{{ count }}, {{ count }}), 2 * {{ count }}) * NUMERIC '0.01'
{%- endmacro -%}
