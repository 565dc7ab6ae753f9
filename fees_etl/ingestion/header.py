"""The header of a file: which of the five columns each field is, or one sentence about why the file is refused."""

from __future__ import annotations

import csv
import difflib
import re
from collections import Counter
from typing import Final

COLUMNS: Final = ("client_id", "client_nino", "adviser_id", "fee_date", "fee_amount")


class FileRefused(Exception):
    """Nothing of a file may be loaded. ``reason`` is a sentence without any value of the file's records."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FileChanged(FileRefused):
    """The file is no longer the one that was scanned, so nothing can be said about either; it may be scanned again."""

    def __init__(self) -> None:
        super().__init__("it changed while it was being read")


def columns_of(record: str) -> tuple[str, ...]:
    """The five column names in the order of the header record; white space and quotes around them are ignored.

    >>> columns_of('fee_date, "client_id",client_nino,adviser_id , fee_amount')
    ('fee_date', 'client_id', 'client_nino', 'adviser_id', 'fee_amount')
    >>> columns_of("client_id,Client_NINO,fee_date,fee_date,fee_amount")
    Traceback (most recent call last):
    fees_etl.ingestion.header.FileRefused: header drift: client_nino and adviser_id are missing; fee_date is doubled; \
'Client_NINO' is unknown (did you mean client_nino?)
    """
    names = tuple(name.strip() for name in next(csv.reader([record], skipinitialspace=True), []))
    if not set(names) & set(COLUMNS):
        # The first record may well be data, so nothing of it may be repeated.
        raise FileRefused(f"no header: the first record names none of {', '.join(COLUMNS)}")
    drift = "; ".join(_drift(names))
    if drift:
        raise FileRefused(f"header drift: {drift}")
    return names


def _drift(names: tuple[str, ...]) -> list[str]:
    """What is wrong with a header, one clause each for missing, doubled and unknown names."""
    missing = [column for column in COLUMNS if column not in names]
    doubled = [column for column, count in Counter(names).items() if count > 1 and column in COLUMNS]
    unknown = [name for name in dict.fromkeys(names) if name not in COLUMNS]
    clauses = [_are(found, state) for state, found in (("missing", missing), ("doubled", doubled)) if found]
    clauses += [_unknown(name, missing) for name in unknown[:_SHOWN]]
    return clauses + ([f"{len(unknown) - _SHOWN} more are unknown"] if len(unknown) > _SHOWN else [])


def _are(found: list[str], state: str) -> str:
    *others, last = found
    return f"{', '.join(others)} and {last} are {state}" if others else f"{last} is {state}"


def _unknown(name: str, missing: list[str]) -> str:
    """The clause on an unknown name; data that slipped into a header is described, never repeated."""
    if not name:
        return "a column has no name"
    if not _NAME.fullmatch(name):
        return "a column has a name that is none"
    close = difflib.get_close_matches(name.casefold(), missing, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"'{_NINO.sub('*********', name)[:40]}' is unknown{hint}"


_SHOWN = 5
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ .-]*")
_NINO = re.compile(r"[A-Za-z]{2}(?:[ _.-]?[0-9]){6}(?:[ _.-]?[A-Za-z])?")
