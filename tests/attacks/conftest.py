"""Attacks run by night: a published warehouse for each, and a project to change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import memo
import places
import pytest
from attacks.attacked import PLANTED, Attacked, sandbox
from shells import HEADER
from tiers import NIGHT

from fees_etl import cli
from fees_etl.engines import duckdb as engine

HERE = Path(__file__).parent
BY_DAY = "attacks take an hour or more, and the faults that they found have tests by day"


def pytest_collection_modifyitems(config, items):
    """By day one of each file is skipped, with the reason, and the thousands beside it are not even that."""
    told = set()
    ours = [item for item in items if not NIGHT and item.path.is_relative_to(HERE)]
    left = [item for item in ours if item.path in told or told.add(item.path)]
    for item in ours:
        item.add_marker(pytest.mark.skip(reason=BY_DAY))
    if left:
        config.hook.pytest_deselected(items=left)
        gone = set(map(id, left))
        items[:] = [item for item in items if id(item) not in gone]


@pytest.fixture(scope="session")
def published():
    """A folder with thirty fees published, which no attack writes to."""
    with sandbox() as folder, pytest.MonkeyPatch.context() as patch:
        (folder / "sound.csv").write_text(HEADER + "".join(PLANTED))
        patch.chdir(folder)
        _calm(patch)
        assert cli.main(["run", "--source", "sound.csv"]) == 0
        patch.undo()
        yield folder


@pytest.fixture
def attacked(published, monkeypatch, capsys):
    with sandbox() as folder:
        shutil.copy(published / "fees.duckdb", folder)
        monkeypatch.chdir(folder)
        _calm(monkeypatch)
        capsys.readouterr()
        yield Attacked(capsys, folder)
        monkeypatch.undo()


@pytest.fixture
def own(attacked):
    """A project of its own, to be changed; its ``sql/``."""
    return Path(shutil.copytree(places.ROOT / "sql", "project/sql"))


def _calm(patch):
    """No settings of whoever runs this, and translations that are made once."""
    for name in [name for name in os.environ if name.startswith("FEES_ETL_")]:
        patch.delenv(name)
    patch.setattr(engine, "to_native", memo.to_native)
