"""docs/PROJECT.md is followed in order: its files are written where it says, its commands print what it says."""

from __future__ import annotations

import re

import places
from test_readme import shell

PAGE = (places.ROOT / "docs" / "PROJECT.md").read_text(encoding="utf-8")


def test_the_page_is_true(tmp_path):
    work, named, ran = tmp_path / "work", "", 0
    work.mkdir()
    for words, kind, text in re.findall(r"(.*?)^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        named = [named, *re.findall(r"`(sql/[\w/]+\.\w+)`", words)][-1]
        if kind == "sh":
            continue
        if kind != "console":
            (work / "fees" / named).write_text(text)
            continue
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            done = shell(command, tmp_path)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            assert all(line in done.stdout for line in expected.splitlines() if line != "..."), done.stdout
            ran += 1
    assert ran == 11
