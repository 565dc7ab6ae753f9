{# A table holds what its query yields now: rows that only one of the two has. -#}
WITH expected AS (
{{ query | indent(4, first=true) }}
),

missing AS (
    SELECT {{ columns | join(", ") }} FROM expected{{ where }}
    EXCEPT DISTINCT
    SELECT {{ columns | join(", ") }} FROM {{ table }}{{ where }}
),

unexpected AS (
    SELECT {{ columns | join(", ") }} FROM {{ table }}{{ where }}
    EXCEPT DISTINCT
    SELECT {{ columns | join(", ") }} FROM expected{{ where }}
)

SELECT 'row is missing' AS problem, {{ columns | join(", ") }} FROM missing
UNION ALL
SELECT 'row should not be there' AS problem, {{ columns | join(", ") }} FROM unexpected
