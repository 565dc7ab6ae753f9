"""Which expressions hold what a column with a policy tag holds: the tag travels with the type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self


_ONE_PART = (exp.Window, exp.Order, exp.HavingMax, exp.ArgMax, exp.ArgMin, exp.Nullif)
_MUTE = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.Length, exp.ByteLength, exp.ArraySize, exp.Ordered, exp.Query)


class Tagged(str):
    """A type whose values are made of a column with a policy tag: ``origin``, ``dataset.table.column``.

    ``line`` is that of the select list which yields them, None while none does.
    """

    __slots__ = ("line", "origin", "tag")
    tag: str
    origin: str
    line: int | None

    def __new__(cls, kind: str, tag: str, origin: str, line: int | None = None) -> Self:
        """The same type otherwise."""
        made = super().__new__(cls, kind)
        made.tag, made.origin, made.line = tag, origin, line
        return made


def like(kind: str, *sources: object) -> str:
    """The type with the tag of the first of these types that has one.

    >>> like("BYTES", "DATE", Tagged("STRING", "nino", "raw.fees.client_nino")).tag
    'nino'
    """
    found = next((one for one in sources if isinstance(one, Tagged)), None)
    return Tagged(kind, found.tag, found.origin, found.line) if found else kind


def placed(kind: str, line: int | None) -> str:
    """The type, where it is tagged with this line."""
    return Tagged(kind, kind.tag, kind.origin, line) if isinstance(kind, Tagged) else kind


def branches(node: exp.Case | exp.If) -> list[Any]:
    """The values that CASE or IF may have, but for the NULL of one without ELSE."""
    other = node.args.get("default") or node.args.get("false")
    return [*(arm.args["true"] for arm in node.args.get("ifs") or (node,)), *([other] if other else ())]


def traced(kinds: Mapping[int, str], node: Any, found: str) -> str:
    """The type ``found`` of an expression, with the tag of a part of it whose values may be read from its own."""
    if found == "BOOL" or isinstance(found, Tagged):
        return found
    return like(found, *(kinds.get(id(part)) for part in _carried(node)))


def _carried(node: Any) -> Iterable[Any]:
    """No conditions, no orders, nothing of what is counted, and of a query what its columns have said already."""
    if isinstance(node, exp.Case | exp.If):
        return branches(node)
    if isinstance(node, _ONE_PART):
        return [node.this]
    return () if isinstance(node, _MUTE) else node.iter_expressions()
