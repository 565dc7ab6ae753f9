{% from 'marks.sql' import files_mark -%}
SELECT {{ files_mark() }} AS mark
