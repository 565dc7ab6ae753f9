{# What shows that a row was changed: its cells as one text. A cell that is NULL is left out, so that a column which a
   table gains later changes no digest; names, and the lengths of texts, keep two rows from being written alike. -#}
{%- macro cells(table, without=[], of="") -%}
CONCAT({% for column, type in contracts[table] | dictsort if column not in without -%}
COALESCE(CONCAT(
{%- if type == 'STRING' %}' {{ column }} ', CAST(CHAR_LENGTH({{ of }}{{ column }}) AS STRING), ':', {{ of }}{{ column }}
{%- else %}' {{ column }} ', CAST({{ of }}{{ column }} AS STRING)
{%- endif %}), '')
{{- ", " if not loop.last }}
{%- endfor %})
{%- endmacro -%}

{# Of rows in any order: 60 bits of each row's MD5, added up exactly, the same on both engines. -#}
{%- macro digest(text) -%}
COALESCE(CAST(SUM(CAST(CAST(CONCAT('0x', SUBSTR(TO_HEX(MD5({{ text }})), 1, 15)) AS INT64) AS NUMERIC)) AS STRING), '0')
{%- endmacro -%}

{%- macro digest_of(table, without=[]) -%}
{{ digest(cells(table, without)) }}
{%- endmacro -%}

{# What a file says of its rows, typed or rejected: the same whenever the file is read. -#}
{%- macro line(table) -%}
{{ cells(table, ['_source_file', '_source_version', '_ingested_at', '_run_id']) }}
{%- endmacro -%}

{%- macro content(table) -%}
{{ digest(line(table)) }}
{%- endmacro -%}

{# The same with where it came from, which all rows of a file version have in common. -#}
{%- macro provenance() -%}
CONCAT(
    {{ content('raw.fees') }},
    ' ', MIN(COALESCE(_run_id, '')), ' ', MAX(COALESCE(_run_id, '')),
    ' ', CAST(MIN(_ingested_at) AS STRING), ' ', CAST(MAX(_ingested_at) AS STRING), ' ', CAST(COUNT(_ingested_at) AS STRING)
)
{%- endmacro -%}

{# The seal of each file version: its row of raw.files, its control totals and its rejected rows. -#}
{%- macro file_seals() -%}
WITH totals AS (
    SELECT
        uri,
        version,
        {{ digest_of('raw.file_totals') }} AS digest
    FROM raw.file_totals
    GROUP BY uri, version
),

rejected AS (
    SELECT
        _source_file,
        _source_version,
        {{ digest_of('raw.fees_rejected') }} AS digest
    FROM raw.fees_rejected
    GROUP BY _source_file, _source_version
)

SELECT
    files.uri,
    files.version,
    files.run_id,
    files.seal,
    TO_HEX(SHA256(CONCAT(
        {{ cells('raw.files', ['seal'], 'files.') }},
        ' ', COALESCE(totals.digest, ''), ' ', COALESCE(rejected.digest, '')
    ))) AS expected
FROM raw.files AS files
LEFT OUTER JOIN totals ON files.uri = totals.uri AND files.version = totals.version
LEFT OUTER JOIN rejected ON files.uri = rejected._source_file AND files.version = rejected._source_version
{%- endmacro -%}

{# Which file versions there are, with their seals: a version that is taken out of all books leaves no other trace. -#}
{%- macro versions_seal() -%}
(SELECT CONCAT(CAST(COUNT(*) AS STRING), ' ', {{ digest("COALESCE(files.seal, '')") }}) FROM raw.files AS files)
{%- endmacro -%}

{%- macro pending_seal() -%}
TO_HEX(SHA256({{ cells('ops.pending', ['seal']) }}))
{%- endmacro -%}

{# An attempt, what it took off the pending list, and the seal of the attempt before it. -#}
{%- macro attempt_seal(of, follows, causes) -%}
TO_HEX(SHA256(CONCAT(
    {{ cells('ops.runs', ['follows', 'seal'], of) }},
    ' ', COALESCE({{ causes }}, '0'), ' ', {{ follows }}
)))
{%- endmacro -%}

{# Of an attempt, in its rows of ops.changes and, where it has any, of ops.causes: older attempts have none. -#}
{%- macro causes_digest(changes, explained) -%}
CONCAT({{ changes }}, COALESCE(CONCAT(' ', {{ explained }}), ''))
{%- endmacro -%}

{# What belongs to each attempt beside its row: of what it took off the pending list, and of the causes it told. -#}
{%- macro digests() -%}
WITH changes AS (
    SELECT
        run_id,
        {{ digest_of('ops.changes') }} AS digest
    FROM ops.changes
    GROUP BY run_id
),

explained AS (
    SELECT
        run_id,
        {{ digest_of('ops.causes') }} AS digest
    FROM ops.causes
    GROUP BY run_id
)
{%- endmacro -%}

{# What the first sealed attempt follows: the attempts of a time when none was sealed, and their causes. -#}
{%- macro beginning() -%}
CONCAT(
    'begins ',
    (SELECT {{ digest_of('ops.runs', ['follows', 'seal']) }} FROM ops.runs WHERE seal IS NULL), ' ',
    (
        SELECT {{ digest_of('ops.changes') }}
        FROM ops.changes
        WHERE run_id IN (SELECT runs.run_id FROM ops.runs AS runs WHERE runs.seal IS NULL)
    )
)
{%- endmacro -%}

{# The cells of a row, each as the text that digests are made of: who has them can make a digest again. -#}
{%- macro texts(table, of) -%}
{% for column, type in contracts[table].items() -%}
{%- if type == 'STRING' %}{{ of }}{{ column }}{% else %}CAST({{ of }}{{ column }} AS STRING) AS {{ column }}{% endif -%}
{{- ",\n" if not loop.last }}
{%- endfor %}
{%- endmacro -%}
