{% from 'fees.sql' import left_out_fees -%}
{{ left_out_fees('fee_date IS NOT NULL') }}
