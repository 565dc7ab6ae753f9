{# The mean of `count` values with sum `total`, to whole pennies, rounded once, half away from zero. Integer arithmetic:
   ROUND(AVG(x), 2) rounds at the ninth decimal first, which turns 0.0049999999999 into 0.005 and that into 0.01. -#}
{%- macro mean_to_pennies(total, count) -%}
DIV({{ total }} * 200 + IF({{ total }} < 0, -{{ count }}, {{ count }}), 2 * {{ count }}) * NUMERIC '0.01'
{%- endmacro -%}


{# Whether `mean` is that mean, told without the division: to the penny, half a penny away at most, and a half away from
   zero. NULL is no mean. -#}
{%- macro is_mean(mean, total, count) -%}
(
    {{ mean }} IS NOT NULL
    AND {{ mean }} = ROUND({{ mean }}, 2)
    AND ABS({{ mean }} * {{ count }} - {{ total }}) <= NUMERIC '0.005' * {{ count }}
    AND (
        ABS({{ mean }} * {{ count }} - {{ total }}) < NUMERIC '0.005' * {{ count }}
        OR ABS({{ mean }} * {{ count }}) > ABS({{ total }})
    )
)
{%- endmacro -%}
