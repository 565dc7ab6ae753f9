{# The whole table again from its query, within the transaction: DELETE and INSERT keep policy tags and grants, which
   CREATE OR REPLACE would lose. -#}
{% if first -%}
DELETE FROM {{ table }} WHERE TRUE
;
{% endif -%}
INSERT INTO {{ table }} ({{ columns | join(', ') }})
{{ query }}
