"""Generate a project of many models in our layout: ``python bench/project_1000.py FOLDER [--models 1000]``.

It is ours, and beside it as many copies of our five models as are asked for, each copy over a source of its own: real
shapes and sizes, chains as deep as ours. A copy is rendered, so that the floor can parse the same files.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

from fees_etl import load

__all__ = ["generate"]

OURS = Path(__file__).parents[2] / "sql"
TABLE = re.compile(r"\b(raw|staging|reporting)\.(\w+)")
WINDOWED = re.compile(r"^(lookback|afterwards): .*\n", re.MULTILINE)


def generate(folder: Path, models: int = 1000) -> Path:
    """Write the project into ``folder``, which must be empty or not there yet, and return it."""
    shutil.copytree(OURS, folder / "sql")
    project = load(OURS)
    for copy in range(models // len(project.models)):
        _write(folder, "raw.fees", copy, ".yml", (OURS / "raw/fees.yml").read_text(encoding="utf-8"))
        for table, model in project.models.items():
            contract = (OURS.parent / model.contract.path).read_text(encoding="utf-8")
            whole = WINDOWED.sub("", contract).replace("materialized: merge", "materialized: rebuild")
            _write(folder, str(table), copy, ".yml", whole)
            _write(folder, str(table), copy, ".sql", model.sql + "\n")
    return folder


def _write(folder: Path, table: str, copy: int, suffix: str, text: str) -> None:
    """One file of a copy: every table in it is the copy's own."""
    dataset, name = TABLE.sub(rf"\1.\2_{copy:03}", table).split(".")
    path = folder / "sql" / dataset / f"{name}{suffix}"
    path.write_text(TABLE.sub(rf"\1.\2_{copy:03}", text), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, default=1000)
    options = parser.parse_args()
    print(generate(options.folder, options.models))
