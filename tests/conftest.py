"""How hard properties are tried: `--hypothesis-profile=night` tries ten times as many examples."""

import pytest
from hypothesis import is_hypothesis_test, settings

settings.register_profile("change", deadline=None)  # a busy machine is no failure
settings.register_profile("night", deadline=None, max_examples=1000)
settings.load_profile("change")


def pytest_configure(config: pytest.Config) -> None:
    """pytest-cov has this mark; some environments do without pytest-cov."""
    config.addinivalue_line("markers", "no_cover: lines that it runs are not counted")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A property runs the same lines a hundred times; counting them makes it take half as long again."""
    for item in items:
        if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            item.add_marker("no_cover")
