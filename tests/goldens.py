"""Golden files: ``GOLDEN=write pytest`` writes them anew, and git shows what changed."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath

__all__ = ["check", "steady"]

FOLDER = Path(__file__).parent / "golden"


def check(name: str, text: str) -> None:
    """The text equals ``tests/golden/NAME``."""
    path = FOLDER / name
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; GOLDEN=write accepts the new text"


def steady(text: str, folder: object) -> str:
    """Without what differs from run to run: folder, run ids, seconds, times, process ids; the width stays."""
    text = text.replace(str(folder), "/tmp/fees-etl".ljust(len(str(folder)), "_"))
    text = text.replace(
        f"/{PurePath(str(folder)).name}/", "/" + "_" * len(PurePath(str(folder)).name) + "/"
    )  # of one that is cut
    text = re.sub(r"…([a-z0-9_]{1,8})/", lambda found: f"…{'_' * len(found[1])}/", text)
    text = re.sub(r"\d{8}T\d{6}-[0-9a-f]{6}", "20250930T120000-1a2b3c", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "2025-09-30 12:00:00 UTC", text)
    text = re.sub(r"\bprocess \d+ \([^)]*\)", "process 4711 (python)", text)
    text = re.sub(r"(?<= )\d+\.\d\d s\b", "0.10 s", text)
    text = re.sub(r"(?<=  )\d\.\d\d(?=  \d+ (?:ok|FAIL)$)", "0.10", text, flags=re.MULTILINE)
    text = re.sub(r"^(  (?:ingest|merge|rebuild|assert)  .*)\b\d\.\d\d$", r"\g<1>0.10", text, flags=re.MULTILINE)
    return few_models(text)


def few_models(text: str) -> str:
    """With two models, and assertions not counted, so that another model changes only the golden that lists them."""
    text = re.sub(r"^ +(\d+ +)?rebuild +reporting\.(?!dim_clients ).*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\d+(?:/\d+)? (?!stg_fees:|dim_clients:)\w+: .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(\d+)/\d+ (?=stg_fees:|dim_clients:)", r"\1/18 ", text, flags=re.MULTILINE)
    text = re.sub(r"^ +\d+ +assert +.*\n", "  N    assert   N assertions\n", text, flags=re.MULTILINE)
    text = re.sub(r"^Assertions: \d+ pass", "Assertions: N pass", text, flags=re.MULTILINE)
    text = re.sub(r"(?<= of )\d+(?= assertions)|\b\d+(?= ok$)", "N", text, flags=re.MULTILINE)
    text = re.sub(r"^  assert   \d+ ", "  assert   N ", text, flags=re.MULTILINE)
    steps = r"^(?:Steps  |  (?:\d+ +)?(?:ingest|merge|rebuild|assert)  ).*$"
    return re.sub(steps, lambda line: re.sub(r" {2,}", "  ", line[0]), text, flags=re.MULTILINE)
