"""What a contract promises against what its query yields, so that the two files cannot drift apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fees_etl.errors import ProjectError
from fees_etl.project.graph import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fees_etl.types import Column, Contract


def keeps(made: Contract, found: Sequence[Column], root: Path) -> None:
    """The columns that a query yields are those of its contract: by name, order and type.

    Raises:
        ProjectError: they are not.
    """
    promised = made.columns
    for number, (want, have) in enumerate(zip(promised, found, strict=False), 1):
        if want.name != have.name:
            raise ProjectError(
                f"column {number} of the contract is '{want.name}', but the query yields '{have.name}' there.",
                path=made.path,
                line=_line(made, want.name, root),
            )
        if have.type not in (want.type, "UNKNOWN"):
            raise ProjectError(
                f"column '{want.name}' is {want.type} by contract, but the query yields {have.type}.",
                path=made.path,
                line=_line(made, want.name, root),
            )
        if have.type == "UNKNOWN":
            raise ProjectError(
                f"the type of column '{want.name}' cannot be told.",
                path=made.path.with_suffix(".sql"),
                hint="Wrap it in a CAST.",
            )
    if len(promised) != len(found):
        extra = (found if len(found) > len(promised) else promised)[min(len(found), len(promised))].name
        where = (
            "the query yields it, the contract does not"
            if len(found) > len(promised)
            else "the query does not yield it"
        )
        raise ProjectError(
            f"{len(promised)} columns by contract, {len(found)} in the query: '{extra}': {where}.", path=made.path
        )


def yields(key: Sequence[str], found: Sequence[str], path: Path) -> None:
    """The columns that an assertion yields have the key that its settings in ``path`` name.

    Raises:
        ProjectError: they have not.
    """
    for name in key:
        if name not in found:
            raise ProjectError(
                f"the key names '{name}', which the query does not yield.", path=path, hint=did_you_mean(name, found)
            )


def _line(made: Contract, name: str, root: Path) -> int | None:
    """The line of the contract that a column is on."""
    file = root / made.table.dataset / f"{made.table.name}.yml"
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    return next((number for number, line in lines if f"name: {name}," in line + ","), None)
