{# What staging leaves in the books for the fee dates it has staged: nothing pending, and the rows it left out. -#}
{% from 'fees.sql' import left_out_fees -%}
{% from 'window.sql' import within with context -%}
DELETE FROM ops.pending WHERE {{ within('fee_date') }}
;
DELETE FROM ops.left_out WHERE {{ within('fee_date') }}
;
INSERT INTO ops.left_out (uri, version, fee_date, reason, row_count, amount)
{{ left_out_fees(within('fee_date')) }}
