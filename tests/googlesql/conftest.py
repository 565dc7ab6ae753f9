"""The tests against Google's own analyzer, which is a dependency group of its own (googlesql): without it they skip."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from googlesql.reference import Reference

ANALYZER_FREE = ("test_rules.py",)
ABSENT = find_spec("zetasql") is None


@pytest.fixture(scope="session")
def reference() -> Reference:
    """Google's analyzer and reference implementation; the first start on a machine compiles them, for 12 to 40 s."""
    from googlesql.reference import reference as shared

    return shared()


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """All that BigQuery is sent; the same on a checkout and on an unpacked archive, which has no commit."""
    from written import life

    from fees_etl.runs import ledger

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "git_sha", lambda _: "0" * 40)
        return life(tmp_path_factory.mktemp("files"))


class NotInstalled(pytest.Module):
    """A test module that is not even imported."""

    def collect(self) -> list[pytest.Item]:
        """Nothing, and why."""
        pytest.skip("zetasql is not installed: uv run --group googlesql pytest tests/googlesql")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Skip whole modules: `collect_ignore` would do so without a word."""
    if ABSENT and module_path.name not in ANALYZER_FREE:
        return NotInstalled.from_parent(parent, path=module_path)
    return None
