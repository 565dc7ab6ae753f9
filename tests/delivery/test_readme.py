"""Every block of the README and of the pages it leads to is executed, in order, in one folder."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import places
import pytest
from pipeline import without_settings

README = places.ROOT / "README.md"
PAGES = (
    README,
    *(
        places.ROOT / "docs" / f"{name}.md"
        for name in ("PAGES", "BIGQUERY", "SETTINGS", "EVIDENCE", "CATALOGUE", "WATCHING")
    ),
)
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
ELSEWHERE = ("pip install", "nox")
"""Commands that the test's own environment is the proof of."""


def shell(command, folder):
    """Run one line as a reader would; fees-etl is this checkout's."""
    binary = folder / "bin"
    if not binary.exists():
        binary.mkdir()
        script = binary / "fees-etl"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fees_etl "$@"\n')
        script.chmod(0o700)
    environment = without_settings()
    environment["PATH"] = f"{binary}:{environment['PATH']}"
    environment["PYTHONPATH"] = ":".join(filter(None, sys.path))
    return subprocess.run(
        ["sh", "-c", command], cwd=folder / "work", env=environment, capture_output=True, text=True, check=False
    )


def uncounted(text):
    """Without how many assertions there are, which every further model changes."""
    return re.sub(r"\d+(?= pass\b| assertions\b)", "N", text)


def test_every_console_block_works_and_prints_what_it_says(tmp_path):
    (tmp_path / "work").mkdir()
    ran = 0
    for kind, text in BLOCKS:
        if kind != "console":
            continue
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            if command.startswith(ELSEWHERE):
                continue
            done = shell(command, tmp_path)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            place, printed = 0, uncounted(done.stdout)
            for line in expected.splitlines():
                if line != "...":
                    place = printed.find(uncounted(line), place)
                    assert place >= 0, f"{command} does not print {line!r}, but\n{done.stdout}"
            ran += 1
    assert ran >= 8


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "python"])
def test_every_python_block_runs(text):
    exec(compile(text, str(README), "exec"), {})


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "toml"])
def test_every_toml_block_is_a_target_that_settings_accept(text, tmp_path, monkeypatch):
    from fees_etl.settings import read

    monkeypatch.chdir(tmp_path)
    (tmp_path / "fees_etl.toml").write_text(text)
    for name, section in tomllib.loads(text)["targets"].items():
        assert read(tmp_path, target=name).warehouse == section["warehouse"]


def test_there_are_no_other_kinds_of_block():
    assert {kind for kind, _ in BLOCKS} == {
        "bigquery",
        "console",
        "python",
        "toml",
        "yaml",
    }  # bigquery: in the emulator tier


def test_it_takes_ten_minutes():
    assert len(README.read_text(encoding="utf-8").splitlines()) < 150
