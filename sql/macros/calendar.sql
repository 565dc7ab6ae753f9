{# The place of a fee date in the billing calendar: its day of the month. A billing that moves with weekends keeps its
   place: the month's first fee date, up to the 4th, is the 1st, and the last weekday is the month's end, 31. -#}
{%- macro billing_place(day, partition) -%}
CASE
    WHEN EXTRACT(DAY FROM {{ day }}) <= 4 AND {{ day }} = MIN({{ day }}) OVER (PARTITION BY {{ partition }}, DATE_TRUNC({{ day }}, MONTH)) THEN 1
    WHEN {{ day }} = LAST_DAY({{ day }}, MONTH) THEN 31
    WHEN EXTRACT(DAYOFWEEK FROM {{ day }}) = 6 AND DATE_ADD({{ day }}, INTERVAL 2 DAY) >= LAST_DAY({{ day }}, MONTH) THEN 31
    ELSE EXTRACT(DAY FROM {{ day }})
END
{%- endmacro -%}
