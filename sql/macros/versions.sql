{# Rows of these file versions, as (uri, version, ...). Lists, not a chain of ORs: thousands of files must not take a
   comparison each; the names alone come first, because they are what a clustered table is pruned by. -#}
{%- macro these(uri, version, pairs) -%}
({{ uri }} IN ({{ pairs | map(attribute=0) | map('literal') | join(', ') }})
    AND CONCAT({{ uri }}, '\n', {{ version }}) IN (
        {%- for one in pairs %}{{ (one[0] ~ '\n' ~ one[1]) | literal }}{{ ", " if not loop.last }}{% endfor -%}
    ))
{%- endmacro -%}

{# Why a version is refused: a book that was written to by hand may not say it. -#}
{%- macro refusal() -%}
COALESCE(reason, 'nobody wrote down why')
{%- endmacro -%}

{# Those that raw held when a run published. -#}
{%- macro held(files, moment) -%}
{{ files }}.status != 'refused'
AND {{ files }}.ingested_at <= {{ moment.at | literal }}
AND ({{ files }}.ended_at IS NULL OR {{ files }}.ended_at > {{ moment.at | literal }})
{%- endmacro -%}
