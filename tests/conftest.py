"""How hard properties are tried: `--hypothesis-profile=night` tries ten times as many examples."""

import pytest
from hypothesis import is_hypothesis_test, settings
from shells import fed, shell  # noqa: F401 - fixtures for every test

settings.register_profile("change", deadline=None)  # a busy machine is no failure
settings.register_profile("night", deadline=None, max_examples=1000)
settings.load_profile("change")

REPEATED = {"test_assertions", "test_backfill", "test_crashes", "test_faults", "test_oracle"}
"""Modules that do the same to many worlds, or at every statement; other tests reach those lines too."""


def pytest_configure(config: pytest.Config) -> None:
    """pytest-cov has this mark; some environments do without pytest-cov."""
    config.addinivalue_line("markers", "no_cover: lines that it runs are not counted")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs the same lines a hundred times takes half as long again when they are counted."""
    for item in items:
        repeats = item.path.stem in REPEATED or (isinstance(item, pytest.Function) and is_hypothesis_test(item.obj))
        if repeats:
            item.add_marker("no_cover")
