INSERT INTO {{ table }} ({{ columns | join(", ") }})
VALUES
{%- for row in rows %}
    ({% for cell in row %}{{ cell | literal }}{{ ", " if not loop.last }}{% endfor %}){{ "," if not loop.last }}
{%- endfor %}
