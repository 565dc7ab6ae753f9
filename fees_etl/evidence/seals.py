"""The seals of the ledger, made again from its rows: what ``sql/macros/seals.sql`` does, without a warehouse."""

from __future__ import annotations

from hashlib import md5, sha256
from typing import TYPE_CHECKING, Any

from fees_etl.errors import AssertionsFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_BITS = 15
"""Hexadecimal digits of a row's MD5 that count."""


def cells(row: Mapping[str, str | None], types: Mapping[str, str], without: Iterable[str] = ()) -> str:
    """A row as one text: of texts the length, too; cells that are NULL are left out.

    >>> cells({"b": "x y", "a": "7", "c": None}, {"b": "STRING", "a": "INT64", "c": "INT64"})
    ' a 7 b 3:x y'
    """
    left_out = {*without}
    found = [(name, row[name], types[name]) for name in sorted(types) if name not in left_out]
    return "".join(
        f" {name} {f'{len(text)}:' if kind == 'STRING' else ''}{text}" for name, text, kind in found if text is not None
    )


def digest(rows: Iterable[Mapping[str, str | None]], types: Mapping[str, str]) -> str:
    """Of rows in any order."""
    marks = (md5(cells(row, types).encode(), usedforsecurity=False).hexdigest()[:_BITS] for row in rows)
    return str(sum(int(mark, 16) for mark in marks))


def seal(attempt: Mapping[str, Any], types: Mapping[str, str]) -> str:
    """Of an attempt, over its cells, the digests of its causes and the seal of the attempt before."""
    causes = f"{attempt['_changes'] or '0'}{' ' + attempt['_causes'] if attempt['_causes'] else ''}"
    said = f"{cells(attempt, types, ('follows', 'seal'))} {causes} {attempt['follows'] or ''}"
    return sha256(said.encode()).hexdigest()


def chain(attempts: Sequence[Mapping[str, Any]], run_id: str, first: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The attempts from a run back to the one before, without that; to the first sealed one, where there is none.

    Raises:
        AssertionsFailed: one of them is missing.
    """
    known = {one["seal"]: one for one in attempts if one["seal"]}
    at = next(one for one in attempts if one["run_id"] == run_id)
    found = [dict(at)]
    until = first["seal"] if first else None
    while at["follows"] and at["follows"] != until and not at["follows"].startswith("begins "):
        if at["follows"] not in known or len(found) > len(known):
            raise AssertionsFailed(
                f"the ledger does not lead back from run {run_id}: the attempt before {at['run_id']} is missing.",
                published="What was published before; this changed nothing.",
                hint="fees-etl assert",
            )
        at = known[at["follows"]]
        found.append(dict(at))
    return found
