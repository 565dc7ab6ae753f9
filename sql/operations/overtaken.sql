{# Whether another ingestion has changed raw since its books were read. -#}
{% from 'marks.sql' import files_mark -%}
SELECT {{ files_mark() }} != {{ mark | literal }} AS is_overtaken
