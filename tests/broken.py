"""The tiny projects of tests/projects, each named for its fault, made whole with the product's own materializations."""

from __future__ import annotations

import shutil
from pathlib import Path

from fees_etl.project.load import load

FOLDERS = sorted(path for path in (Path(__file__).parent / "projects").iterdir() if path.is_dir())


def assembled(folder, target):
    """The project in a folder of its own under ``target``."""
    made = Path(shutil.copytree(folder, target / folder.name))
    shutil.copytree(load().root / "materializations", made / "sql" / "materializations")
    return made
