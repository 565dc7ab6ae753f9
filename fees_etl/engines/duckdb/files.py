"""The file of an embedded warehouse: made private, never half-made, swept after those who were killed.

And what DuckDB and the system complain of when it is full, held or damaged: in our words, without a value of a row.
"""

from __future__ import annotations

import glob
import logging
import os
import re
import shlex
import shutil
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import duckdb

from fees_etl.errors import FeesError, UsageError, WarehouseBusy, WarehouseError, WarehouseGone
from fees_etl.privacy import redact
from fees_etl.streams import put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

log = logging.getLogger("fees_etl")
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")

_FOREIGN = ("WAL does not match database file", "WAL checkpoint iteration does not match")
"""What DuckDB says of a write-ahead log of another database, or of another time of this one (a backup was put back)."""
_REASONS = {
    "The disk is full": ("no space left",),
    "The disk is full, as far as this user may fill it": ("file too large", "quota exceeded"),
    "The warehouse may not be written to": ("read-only", "permission denied", "operation not permitted"),
    "The warehouse was written by another version of DuckDB": ("newer version", "different version", "storage version"),
    "The warehouse is damaged": ("not a valid duckdb database", "corrupt", "checksum", "enough bytes"),
    "The file is an SQLite database": ("sqlite_scanner",),
    "There is too little memory for this; FEES_ETL_MEMORY gives DuckDB more": ("out of memory",),
}
"""Our words for what people meet most, and what DuckDB or the system says of it."""

_NAMES: dict[tuple[int, int], Path] = {}
"""By which name this process opened a file first."""


class Place:
    """Where a file was when it was opened: what is committed to one that is gone is seen by nobody."""

    def __init__(self, path: Path) -> None:
        self.path, self.identity = path, _identity(path)

    def require(self) -> None:
        """Nothing, while the same file is still there.

        Raises:
            WarehouseGone: it was deleted or replaced.
        """
        now = _identity(self.path)
        if now != self.identity:
            how = "replaced by another" if now else "deleted or emptied"
            raise WarehouseGone(
                f"the warehouse {self.path} was {how} while this command worked, and what it wrote went with it.",
                published="Nothing of this command; readers see "
                + ("what the file that is there now holds." if now else f"nothing: there is no {self.path}."),
            )


def opened(path: Path, config: Mapping[str, Any], *, read_only: bool) -> Any:
    """A connection to the file: one who writes makes it where there is none, and makes it its owner's alone.

    Raises:
        UsageError: nothing is there to be read, or something else than a file.
        WarehouseError: the file is read-only.
    """
    _require_file(path, there=read_only)
    if not read_only:
        _create(path)
    # By the name it has in this process already: by two, DuckDB would write to it twice.
    name = _NAMES.get(identity(path), path) if path.exists() else path
    name = _NAMES[identity(path)] = name if name.exists() and name.samefile(path) else path
    config = {**config, "temp_directory": f"{path}.tmp"}
    found = _connected(path, partial(duckdb.connect, str(name), read_only=read_only, config=config))
    try:
        mode = path.stat().st_mode
        if not read_only and mode & 0o077:
            path.chmod(mode & 0o700)
    except OSError:
        found.close()
        raise
    return found


def _connected(path: Path, connect: Callable[[], Any]) -> Any:
    """The connection. A write-ahead log of another file than the one that is there now is set aside, and kept.

    ``rm fees.duckdb`` leaves one behind where a process was killed before, and DuckDB opens no file beside it.
    """
    wal = Path(f"{path}.wal")
    was = _identity(wal)
    try:
        return connect()
    except duckdb.IOException as error:
        if not any(words in str(error) for words in _FOREIGN):
            raise
    if was and _identity(wal) == was:  # else somebody else was first
        aside = wal.with_name(f"{wal.name}.{datetime.fromtimestamp(wal.stat().st_mtime, UTC):%Y%m%dT%H%M%S}")
        wal.rename(aside)
        said = "%s was written for another file than the one there now, and is set aside. If it is not needed: rm %s"
        log.warning(said, wal.name, shlex.quote(str(aside)))
    return connect()


def _require_file(path: Path, *, there: bool) -> None:
    """Nothing, where a warehouse is or, unless it must be there, can be made.

    Raises:
        UsageError: something else is there. Of a device rights would be taken away, and a pipe would be waited for.
    """
    if path.is_dir():
        url = shlex.quote(f"duckdb://{quote(str(path))}/fees.duckdb")
        raise UsageError(f"{path} is a folder, not a warehouse.", hint=f"Name a file in it: FEES_ETL_WAREHOUSE={url}")
    if path.exists() and not path.is_file():
        hint = "Name a file: FEES_ETL_WAREHOUSE=duckdb:////srv/fees/fees.duckdb"
        raise UsageError(f"{path} is a device, a pipe or a socket, not a warehouse.", hint=hint)
    if there and not path.exists():
        raise UsageError(
            f"there is no warehouse at {path} yet.", published="Nothing is published.", hint="fees-etl run"
        )


def _create(path: Path) -> None:
    """Make the file private before it holds anything: under another name, then linked into place if nobody else did."""
    if path.exists():
        mode = path.stat().st_mode
        if not mode & 0o200:
            raise WarehouseError(
                f"The warehouse may not be written to: {path} is read-only.",
                published="Nothing was touched; the published numbers are as before.",
                hint=f"If it is meant to be written: chmod u+w {shlex.quote(str(path))} && run the same command again.",
            )
        return
    if not path.parent.is_dir():
        raise UsageError(
            f"there is no folder {path.parent} for the warehouse.",
            hint=f"mkdir -p {shlex.quote(str(path.parent))} && run the same command again.",
        )
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        duckdb.connect(str(draft)).close()
        with suppress(FileExistsError, FileNotFoundError):  # somebody else was first, and may have tidied up
            put(draft, path)
    finally:
        for leftover in (draft, Path(f"{draft}.wal")):
            leftover.unlink(missing_ok=True)


def identity(path: Path) -> tuple[int, int]:
    """What a file is, by whatever name it was opened: device and inode."""
    found = path.stat()
    return found.st_dev, found.st_ino


def clean(path: Path, spill: Path) -> None:
    """What killed processes left beside a file that is now ours alone."""
    name = glob.escape(path.name)
    drafts = [one for end in ("new", "new.wal") for one in path.parent.glob(f".{name}.*.{end}")]
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


@contextmanager
def translated(path: Path | None, doing: str) -> Iterator[None]:
    """Errors of DuckDB and of the system become ours.

    Raises:
        WarehouseBusy: another process, or another connection of this one, was first.
        WarehouseError: whatever else it is.
        KeyboardInterrupt: somebody stopped DuckDB.
    """
    try:
        yield
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except duckdb.Error as error:
        raise _failed(error, doing, path) from None
    except OSError as error:
        said = error.strerror or type(error).__name__
        raise WarehouseError(f"{_reason(said)} ({doing} of {path}): {said}") from None
    except RuntimeError as error:
        if "interrupted" in str(error).lower():
            raise KeyboardInterrupt from error
        raise


def _identity(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return (found.st_dev, found.st_ino) if found.st_size else None
    return None


def _failed(error: duckdb.Error, doing: str, path: Path | None) -> FeesError:
    text = redact(str(error)).strip().splitlines()[0]  # masked while whole: a line may end within a number
    if "Could not set lock" in text or "Conflicting lock" in text:
        match = _HOLDER.search(text)
        holder = f"process {match['pid']} ({match['program']}){_since(match['pid'])}" if match else "another process"
        return WarehouseBusy(f"{path} is held by {holder}.")
    if "different configuration" in text:
        return WarehouseBusy(f"{path} is held by another engine of this process, which opened it in another way.")
    if isinstance(error, duckdb.TransactionException) and "conflict" in text.lower():
        return WarehouseBusy(f"another connection of this process changed {path} meanwhile.")
    reason, hint = _reason(text), ""
    if path and reason == "The warehouse is damaged":
        away = shlex.join(["mv", str(path), f"{path}.damaged"])
        hint = f"Put a copy of it back, or begin anew from the files: {away} && run the same command again."
    return WarehouseError(f"{reason} ({doing} of {path or 'the database in memory'}): {text}", hint=hint)


def _reason(text: str) -> str:
    lowered = text.lower()
    return next((ours for ours, theirs in _REASONS.items() if any(one in lowered for one in theirs)), "DuckDB refused")


def _since(pid: str) -> str:
    """When the process began, where the system says so."""
    with suppress(OSError):
        return f" since {datetime.fromtimestamp(Path(f'/proc/{pid}').stat().st_mtime, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return ""
