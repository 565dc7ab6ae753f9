"""Each GoogleSQL expression that DuckDB reads differently, rewritten by its type; children before parents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fees_etl.query.arithmetic import ARITHMETIC
from fees_etl.query.dates import DATES
from fees_etl.query.forms import FORMS
from fees_etl.query.kinds import UNKNOWN, settled
from fees_etl.query.refusals import REFUSED, TAKEN_AS_IS
from fees_etl.query.texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fees_etl.query.read import Query


_ALL: dict[type[exp.Expr], Callable[[Repairs, Any], exp.Expr]] = {**ARITHMETIC, **TEXTS, **DATES, **FORMS}


class Repairs:
    """Rewrites one tree in place; ``kinds`` follows each replaced node to its replacement."""

    def __init__(self, asked: Query, kinds: dict[int, str]) -> None:
        self.asked = asked
        self.kinds = kinds
        self.kept: list[exp.Expr] = []

    def done(self, tree: exp.Expr) -> exp.Expr:
        """The tree for DuckDB."""
        self.kept = list(tree.walk())  # an id names a node only while the node lives
        for node in reversed(self.kept.copy()):
            repair = _ALL.get(node.__class__)
            if repair is not None:
                parent, key, index = node.parent, node.arg_key, node.index
                new = repair(self, node)
                if new is not node:
                    self.typed(new, self.kinds.get(id(node), UNKNOWN))
                    if parent is None:
                        return new
                    parent.set(str(key), new, index)
            elif node.__class__ in REFUSED:
                raise self.refused(node, REFUSED[node.__class__])
            elif isinstance(node, exp.Func) and node.__class__ not in TAKEN_AS_IS:
                raise self.refused(node, "no exact translation is known")
        return tree

    def typed(self, new: exp.Expr, kind: str) -> exp.Expr:
        """A new node, with the type that its parent's repair will ask for."""
        self.kept.append(new)
        self.kinds[id(new)] = kind
        return new

    def kind(self, node: Any) -> str:
        """The settled type of a node; a type that cannot be known is refused where it decides the translation."""
        found = settled(self.kinds.get(id(node), UNKNOWN))
        if found == UNKNOWN:
            raise self.refused(node, "its type is not known, and DuckDB's translation depends on it; CAST it")
        return found

    def refused(self, node: Any, why: str) -> Exception:
        """The error for what has no exact translation."""
        name = node.meta.get("bigquery_name") or (node.name if isinstance(node, exp.Anonymous) else node.key.upper())
        return self.asked.wrong(f"{name} on DuckDB would not be exactly BigQuery's: {why}", node)
