"""What DuckDB and the system complain of, in our words and without a value of anybody's row."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from fees_etl.errors import WarehouseBusy

_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")

_FULL = "The disk is full"
_OTHER = "The warehouse was written by another version of DuckDB"
_DAMAGED = "The warehouse is damaged"
_REASONS = {
    "no space left": _FULL,
    "file too large": f"{_FULL}, as far as this user may fill it",
    "quota exceeded": f"{_FULL}, as far as this user may fill it",
    "read-only": "The warehouse may not be written to",
    "permission denied": "The warehouse may not be written to",
    "operation not permitted": "The warehouse may not be written to",
    "newer version": _OTHER,
    "different version": _OTHER,
    "storage version": _OTHER,
    "not a valid duckdb database": _DAMAGED,
    "corrupt": _DAMAGED,
    "checksum": _DAMAGED,
    "enough bytes": _DAMAGED,
    "sqlite_scanner": "The file is an SQLite database",
    "out of memory": "There is too little memory for this; FEES_ETL_MEMORY gives DuckDB more",
}


def reason(text: str) -> str:
    """Our words for what DuckDB says, for what people meet most."""
    lowered = text.lower()
    return next((ours for theirs, ours in _REASONS.items() if theirs in lowered), "DuckDB refused")


def busy(text: str, path: Path | None) -> WarehouseBusy:
    """The error for a file that another process holds: who it is, and since when."""
    match = _HOLDER.search(text)
    holder = "another process"
    if match:
        holder = f"process {match['pid']} ({match['program']}){_since(match['pid'])}"
    return WarehouseBusy(f"{path} is held by {holder}.")


def _since(pid: str) -> str:
    """When the process began, where the system says so."""
    try:
        began = Path(f"/proc/{pid}").stat().st_mtime
    except OSError:
        return ""
    return f" since {datetime.fromtimestamp(began, UTC):%Y-%m-%d %H:%M:%S} UTC"
