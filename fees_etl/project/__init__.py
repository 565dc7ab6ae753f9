"""A folder of SQL and YAML: read, ordered and proven."""
