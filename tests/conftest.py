"""How hard properties are tried, which tests are slow, and of which lines are counted.

`-m "not slow"` leaves out what takes minutes: faults at every statement, worlds of files, processes, emulators, Google's
analyzer. tiers.py says what is tried by day, `nox`, and by night, `nox -s night`.
"""

import signal
from pathlib import Path

import memo
import pytest
from hypothesis import is_hypothesis_test, settings
from shells import fed, shell  # noqa: F401 - fixtures for every test
from tiers import NIGHT

settings.register_profile("change", deadline=None)  # a busy machine is no failure
settings.register_profile("night", deadline=None, max_examples=1000)
settings.load_profile("night" if NIGHT else "change")

if not NIGHT:
    memo.install()

TESTS = Path(__file__).parent
SLOW = {"delivery", "emulator", "faults", "googlesql", "pages"}
"""Folders whose tests start processes, servers, browsers or Google's analyzer, or do the same at every statement."""
REPEATED = {"test_assertions", "test_backfill", "test_oracle", "test_tampering"}
"""Modules that do the same to many worlds, or at every statement; other tests reach those lines too."""


def pytest_configure(config: pytest.Config) -> None:
    """pytest-cov has the first of these marks; some environments do without pytest-cov."""
    config.addinivalue_line("markers", "no_cover: lines that it runs are not counted")
    config.addinivalue_line("markers", "slow: left out by -m 'not slow'")
    for name, ours in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        if signal.getsignal(number := signal.Signals[name]) == signal.SIG_IGN:  # behind nohup, or a script's `&`
            signal.signal(number, ours)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs the same lines a hundred times takes half as long again when they are counted."""
    for item in items:
        tried = isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)
        starts = item.path.relative_to(TESTS).parts[0] in SLOW
        if tried or starts or item.path.stem in REPEATED:
            item.add_marker("no_cover")
        if tried or starts or item.path.stem == "test_backfill":
            item.add_marker("slow")
