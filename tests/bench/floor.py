"""The floor of a run: its own statements, straight to DuckDB: ``python tests/bench/floor.py STATEMENTS.sql DATABASE``.

Statements are separated by a line ``-- ;;``; ``{folder}`` in them is the working folder. Only duckdb is imported. What
reads a file has a connection of its own, as in a run.
"""

import os
import sys

import duckdb

SEPARATOR = "\n-- ;;\n"


def main(script: str, database: str) -> None:
    """Execute them all, in order, and fetch what they answer."""
    with open(script, encoding="utf-8") as file:  # noqa: PTH123 (pathlib's import is not the floor's)
        text = file.read().replace("{folder}", os.getcwd())  # noqa: PTH109
    with duckdb.connect(database) as connection, connection.cursor() as reader:
        for statement in text.split(SEPARATOR):
            if statement.strip():
                is_reading = "reading_" in statement and not statement.lstrip().startswith("INSERT")
                (reader if is_reading else connection).execute(statement).fetchall()


if __name__ == "__main__":
    main(*sys.argv[1:])
