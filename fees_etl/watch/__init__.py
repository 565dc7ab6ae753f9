"""What other tools read of a run: artifacts in a folder or a place in a bucket, events, contracts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fees_etl.streams import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

LATEST = "latest"


def write(place: str, run_id: str, files: Mapping[str, str]) -> None:
    """Each file, a text by its name, under the run's own name, and once more under ``latest``, which is replaced.

    ``place`` is a folder, made where it is not there, or ``gs://bucket/path``.

    Raises:
        FeesError: the store refuses, or does not answer.
        OSError: the folder cannot be written to.
    """
    if place.startswith("gs://"):
        from fees_etl.ingestion.bucket import Bucket  # noqa: PLC0415 - half a second, for those who have one

        name, _, prefix = place.removeprefix("gs://").partition("/")
        bucket, below = Bucket(name), f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        for folder in (run_id, LATEST):
            for file, text in files.items():
                bucket.write(f"{below}{folder}/{file}", text.encode())
        return
    for folder in (run_id, LATEST):
        where = Path(place, folder)
        where.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            replace(where / file, text)
