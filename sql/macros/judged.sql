{# Fee dates that staging has seen. Rows of other dates wait for the run that stages them, so that a backfill of one
   month does not fail for another month's arrivals; rows without a date are always judged. -#}
{%- macro judged(column) -%}
({{ column }} IS NULL OR {{ column }} NOT IN (SELECT pending.fee_date FROM ops.pending AS pending))
{%- endmacro -%}
