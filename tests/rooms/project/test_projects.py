"""Each folder of tests/projects is a tiny real project, named for what is wrong with it; expected.txt is what load says."""

from __future__ import annotations

import pytest
from broken import FOLDERS, assembled

from fees_etl import ProjectError, load


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_load_says_file_line_cause_and_next_step(folder, tmp_path):
    expected = (folder / "expected.txt").read_text(encoding="utf-8")
    said = ""
    try:
        load(assembled(folder, tmp_path))
    except ProjectError as error:
        said = f"{error.message}\n" + (f"{error.hint}\n" if error.hint else "")

    assert said == expected


def test_the_sound_one_is_the_only_sound_one():
    assert [path.name for path in FOLDERS if not (path / "expected.txt").read_text()] == ["sound"]
