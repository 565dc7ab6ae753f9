"""Google's client against emulators, over HTTP: `nox -s emulator`. Without their environment all of it is skipped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from emulator.servers import PYTHON, bigquery_emulator, storage_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.fixtures import Lake, Warehouse
    from emulator.product import Product
    from emulator.world import World

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both emulators keep objects: one writes them, the other loads them."""
    return tmp_path_factory.mktemp("emulators")


@pytest.fixture(scope="session")
def bigquery_url(disk: Path) -> Iterator[str]:
    with bigquery_emulator(disk) as url:
        yield url


@pytest.fixture(scope="session")
def storage_url(disk: Path) -> Iterator[str]:
    with storage_emulator(disk) as url:
        yield url


@pytest.fixture(scope="session")
def story(bigquery_url: str, storage_url: str) -> Iterator[World]:
    """A world whose clean story is told once; for tests that ask for ``world``."""
    from emulator.world import told

    with told(bigquery_url, storage_url) as found:
        yield found


@pytest.fixture
def world(story: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A warehouse and a lake in which commands have something to do; the environment leads there."""
    from emulator.world import enter

    enter(story.environment, tmp_path, monkeypatch)
    return story


@pytest.fixture(scope="session")
def bare_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with bigquery_emulator(tmp_path_factory.mktemp("bare"), bare=True) as url:
        yield url


@pytest.fixture
def bare(bare_url: str) -> Iterator[Warehouse]:
    """The emulator as it is shipped, without mends."""
    from emulator.fixtures import warehouse

    with warehouse(bare_url, f"test-{uuid4().hex[:12]}") as found:
        yield found


@pytest.fixture
def bigquery(bigquery_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A project of its own behind a proxy of its own; the environment leads there."""
    from emulator.fixtures import warehouse

    with warehouse(bigquery_url, f"test-{uuid4().hex[:12]}") as found:
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", found.proxy.url)
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", found.project)
        yield found


@pytest.fixture
def lake(storage_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """A bucket of its own behind a proxy of its own; the environment leads there."""
    from emulator.fixtures import bucket

    with bucket(storage_url, f"lake-{uuid4().hex[:12]}") as found:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", found.proxy.url)
        yield found


@pytest.fixture
def product(bigquery_url: str, storage_url: str, tmp_path: Path) -> Iterator[Product]:
    """The product in a folder of its own, with a project and a bucket of its own."""
    from emulator import product as products

    with products.product(bigquery_url, storage_url, tmp_path) as found:
        yield found


class NotInstalled(pytest.Module):
    """A test module that is not even imported."""

    def collect(self) -> list[pytest.Item]:
        pytest.skip("EMULATOR_PYTHON names no environment with the emulators: nox -s emulator")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Skip whole modules: `collect_ignore` would do so without a word."""
    return None if PYTHON else NotInstalled.from_parent(parent, path=module_path)


def pytest_configure(config: pytest.Config) -> None:
    """pytest-bigquery-mock does not register its mark."""
    config.addinivalue_line("markers", "bq_query_return_data(queries): what its client answers to which text")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """When a download is tried again, Google's client leaves its socket to the garbage collector."""
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
