"""Names and what they stand for: the columns a relation offers, and the sources a query can see."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias

from fees_etl.query.kinds import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


Relation: TypeAlias = "dict[str, tuple[str, str]] | None"
"""Lower-case column name -> (name as written, type). None: its columns are not known here (PIVOT, table functions)."""

AMBIGUOUS = "AMBIGUOUS"


@dataclass(slots=True)
class Scope:
    """What an expression can name: the sources of its FROM, then those of the queries around it."""

    ctes: dict[str, Relation]
    outer: Scope | None = None
    sources: dict[str, Relation] = field(default_factory=dict)
    aliases: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """Names of the select list while GROUP BY, HAVING, QUALIFY and ORDER BY are read: type and expression."""
    merged: set[str] = field(default_factory=set)
    """Columns of USING: two sources have them, and they are one."""

    def holders(self, name: str) -> list[Relation]:
        """The sources that have a column of this name."""
        return [found for found in self.sources.values() if found and name in found]

    def names(self) -> list[str]:
        """Every column in sight, for "did you mean"."""
        mine = [name for found in self.sources.values() for name, _ in (found or {}).values()]
        return [*mine, *self.aliases, *(self.outer.names() if self.outer else ())]


def relation(columns: Iterable[tuple[str, str]]) -> Relation:
    """Columns by name; a name given twice may be there, but not be used.

    >>> relation([("A", "DATE"), ("b", "BOOL"), ("B", "BOOL")])
    {'a': ('A', 'DATE'), 'b': ('b', 'AMBIGUOUS')}
    """
    found: dict[str, tuple[str, str]] = {}
    for name, kind in columns:
        if name:
            low = name.lower()
            found[low] = (found[low][0], AMBIGUOUS) if low in found else (name, kind)
    return found


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name.

    >>> did_you_mean("amout", ["client_id", "amount"])
    "; did you mean 'amount'?"
    """
    names = {other.lower(): other for other in known}
    close = get_close_matches(name.lower(), names, n=1)
    return f"; did you mean {names[close[0]]!r}?" if close else ""


def fields(kind: str) -> Relation:
    """The fields of a STRUCT type, as columns.

    >>> fields("STRUCT<a INT64, b ARRAY<DATE>>")
    {'a': ('a', 'INT64'), 'b': ('b', 'ARRAY<DATE>')}
    """
    if not kind.startswith("STRUCT<"):
        return None
    found, depth, start = [], 0, 7
    for at, char in enumerate(kind[:-1] + ",", 0):
        depth += (char == "<") - (char == ">")
        if char == "," and depth == 1:
            name, _, inner = kind[start:at].strip().partition(" ")
            found.append((name, inner or UNKNOWN))
            start = at + 1
    return relation(found)


def table_columns(columns: Mapping[str, str]) -> Relation:
    """The relation of a table of the schema."""
    return {name.lower(): (name, kind) for name, kind in columns.items()}
