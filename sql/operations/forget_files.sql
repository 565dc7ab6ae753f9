DELETE FROM raw.files
WHERE
    {% for uri, version in versions -%}
    {{ "OR " if not loop.first }}(uri = {{ uri | literal }} AND version = {{ version | literal }})
    {% endfor %}
