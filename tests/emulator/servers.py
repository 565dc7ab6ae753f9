"""The two emulators as processes of their own, on free ports, until a block ends.

Their environment has bqemulator, numpy and gcp-storage-emulator, which must not be in the one that runs pytest:
bqemulator's plugin breaks it. EMULATOR_PYTHON names its interpreter; `nox -s emulator` sets it.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PYTHON", "bigquery_emulator", "storage_emulator"]

PYTHON = os.environ.get("EMULATOR_PYTHON", "")
LAUNCH = Path(__file__).with_name("launch.py")
PATIENCE = 60.0
BUCKETS = ".cloudstorage"  # where gcp-storage-emulator keeps them in its folder


@contextmanager
def bigquery_emulator(folder: Path, *, bare: bool = False) -> Iterator[str]:
    """The URL of one; ``gs://bucket/object`` is a file of the GCS emulator with the same folder."""
    with _running(folder / "bigquery.log", *(["--bare"] if bare else []), "bigquery", str(folder / BUCKETS)) as url:
        yield url


@contextmanager
def storage_emulator(folder: Path) -> Iterator[str]:
    """The URL of one that keeps its objects in the folder."""
    with _running(folder / "storage.log", "storage", str(folder)) as url:
        yield url


@contextmanager
def _running(log: Path, *words: str) -> Iterator[str]:
    with log.open("w") as errors, _process(errors, *words) as process:
        try:
            yield f"http://localhost:{_port(process.stdout, log)}"
        finally:
            process.stdin.close()  # its end is what the emulator ends with


def _process(errors: IO[str], *words: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [PYTHON, "-E", LAUNCH, *words],  # a PYTHONPATH of this process leads to other versions
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,  # what is buffered here cannot be waited for
        )
    except OSError as error:
        pytest.skip(f"the emulator did not start: {error}")


def _port(output: IO[bytes], log: Path) -> int:
    """The port it says it is ready on; the test is skipped, with the reason, when it never does."""
    deadline = time.monotonic() + PATIENCE
    while select.select([output], [], [], max(deadline - time.monotonic(), 0))[0]:
        line = output.readline().decode()
        if line.startswith("ready "):
            return int(line.removeprefix("ready "))
        if not line:
            break
    said = log.read_text().strip().splitlines() or ["it said nothing"]
    pytest.skip(f"the emulator did not start: {said[-1]}")
