"""The floor of ``ls`` and ``plan``, which only reads and parses the models: ``python bench/parse.py FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import sqlglot


def main(folder: str) -> None:
    """Every .sql with a .yml beside it, but for the few that need Jinja first."""
    for path in sorted(Path(folder, "sql").glob("*/*.sql")):
        text = path.read_text(encoding="utf-8")
        if "{" not in text and path.with_suffix(".yml").exists():
            sqlglot.parse_one(text, read="bigquery")


if __name__ == "__main__":
    main(sys.argv[1])
