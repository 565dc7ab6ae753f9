{# The place of a fee date in the billing calendar: its day of the month. A billing that moves with weekends keeps its
   place: the first fee date of a month, up to the 4th, is the 1st; the last one, where that is the last weekday, is the
   month's end, 31. -#}
{%- macro billing_place(day, partition) -%}
{%- set month = "PARTITION BY " ~ partition ~ ", DATE_TRUNC(" ~ day ~ ", MONTH)" -%}
CASE
    WHEN EXTRACT(DAY FROM {{ day }}) <= 4 AND {{ day }} = MIN({{ day }}) OVER ({{ month }}) THEN 1
    WHEN {{ day }} = LAST_DAY({{ day }}, MONTH) THEN 31
    WHEN
        EXTRACT(DAYOFWEEK FROM {{ day }}) = 6
        AND DATE_ADD({{ day }}, INTERVAL 2 DAY) >= LAST_DAY({{ day }}, MONTH)
        AND {{ day }} = MAX({{ day }}) OVER ({{ month }})
        THEN 31
    ELSE EXTRACT(DAY FROM {{ day }})
END
{%- endmacro -%}
