SELECT {{ columns | join(", ") }}
FROM {{ table }}
WHERE _source_file = {{ uri | literal }} AND _source_row IN ({{ rows | join(", ") }})
