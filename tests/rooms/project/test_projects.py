"""Each folder of tests/projects is a tiny real project, named for what is wrong with it; expected.txt is what load says."""

from __future__ import annotations

import pytest
from broken import FOLDERS, assembled

from fees_etl import ProjectError, load
from fees_etl.types import Table


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


def test_the_project_of_the_benchmark_is_sound(tmp_path):
    from bench.project_1000 import generate

    project = load(generate(tmp_path, models=10))

    assert len(project.models) == 5 + 10
    assert project.models[Table("reporting", "rpt_cohort_ltv_001")].reads == {
        Table("reporting", "dim_clients_001"),
        Table("reporting", "rpt_client_ltv_001"),
    }
