{% from 'marks.sql' import files_mark -%}
SELECT
    {{ files_mark() }} AS mark,
    (SELECT COUNTIF(files.seal IS NOT NULL) > 0 FROM raw.files AS files) AS is_sealed
