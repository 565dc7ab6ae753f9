"""The files of an embedded warehouse: made private, never half-made, and swept after those who were killed."""

from __future__ import annotations

import glob
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fees_etl.errors import UsageError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def create(path: Path, make: Callable[[Path], None]) -> None:
    """Make the file private before it holds anything: under another name, then linked into place if nobody else did."""
    if path.is_dir():
        raise UsageError(
            f"{path} is a folder, not a warehouse.",
            published="Nothing was touched.",
            hint=f"Name a file in it: duckdb://{path}/fees.duckdb",
        )
    if path.exists():
        mode = path.stat().st_mode
        if not mode & 0o200:
            raise WarehouseError(
                f"The warehouse may not be written to: {path} is read-only.",
                published="Nothing was touched; the published numbers are as before.",
                hint=f"If it is meant to be written: chmod u+w {path}",
            )
        if mode & 0o077:
            path.chmod(mode & 0o700)
        return
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} for the warehouse.", published="Nothing was touched.")
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        make(draft)
        with suppress(FileExistsError, FileNotFoundError):  # somebody else was first, and may have tidied up
            _put(draft, path)
    finally:
        for leftover in (draft, Path(f"{draft}.wal")):
            leftover.unlink(missing_ok=True)


def _put(draft: Path, path: Path) -> None:
    """Give the file its name unless it is taken; where the file system has no links, after a look."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError from None
        draft.rename(path)


def clean(path: Path, spill: Path) -> None:
    """What killed processes left beside a file that is now ours alone."""
    drafts = [
        *path.parent.glob(f".{glob.escape(path.name)}.*.new"),
        *path.parent.glob(f".{glob.escape(path.name)}.*.new.wal"),
    ]
    for leftover in [*drafts, *spill.glob("duckdb_temp_*")]:
        with suppress(OSError):
            leftover.unlink()
    for folder in spill.glob("reading-*"):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def private() -> Iterator[None]:
    """Files that DuckDB makes meanwhile belong to their owner alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
