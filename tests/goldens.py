"""Golden files: ``GOLDEN=write pytest`` writes them anew, and git shows what changed."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["check", "steady"]

FOLDER = Path(__file__).parent / "golden"


def check(name: str, text: str) -> None:
    """The text equals ``tests/golden/NAME``."""
    path = FOLDER / name
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; GOLDEN=write accepts the new text"


def steady(text: str, **names: object) -> str:
    """Without what differs from run to run: folders, run ids, seconds, times, process ids."""
    for name, value in sorted(names.items(), key=lambda item: -len(str(item[1]))):
        text = text.replace(str(value), f"<{name}>")
    text = re.sub(r"\d{8}T\d{6}-[0-9a-f]{6}", "<run id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?(?= UTC|  )", "<time>", text)
    text = re.sub(r"\bprocess \d+ \([^)]*\)", "process <pid> (<program>)", text)
    return re.sub(r"(?<![\d,.-])\d+\.\d\d(?= s\b|$)", "<s>", text, flags=re.MULTILINE)
