{# `is_complete`: no version was taken out of the books since the ingestion that sealed them, and none was put in. -#}
{% from 'marks.sql' import files_mark -%}
{% from 'seals.sql' import versions_seal -%}
SELECT
    {{ files_mark() }} AS mark,
    (SELECT COUNTIF(files.seal IS NOT NULL) > 0 FROM raw.files AS files) AS is_sealed,
    (SELECT COUNT(*) = 0 FROM ops.writer AS writer WHERE writer.files <> {{ versions_seal() }}) AS is_complete
