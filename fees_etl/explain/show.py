"""Rows of a table as its contract types them, now or as a run left them; what has a policy tag is masked."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.errors import UsageError
from fees_etl.explain.history import as_of
from fees_etl.privacy import mask
from fees_etl.project.graph import did_you_mean
from fees_etl.project.template import literal
from fees_etl.script import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fees_etl.engines import Engine
    from fees_etl.explain.history import Moment
    from fees_etl.types import Contract, Project

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_BOOLS = {"true": True, "false": False}


def rows(
    project: Project,
    engine: Engine,
    made: Contract,
    *,
    where: Mapping[str, str] | None = None,
    columns: Sequence[str] = (),
    at: Moment | None = None,
    limit: int | None = None,
) -> Rows:
    """The rows, as they are or as the run ``at`` left them, in the order of the table's key, then of all its columns.

    ``where`` has columns and the text of the value that each must have; NULL means what it says. ``columns`` are what
    to show besides the key; left out, every column.

    Raises:
        UsageError: the table has no such column, or a text is no value of it.
    """
    wanted = where or {}
    require_columns(made, (*wanted, *columns))
    shown = [name for name in made.types if not columns or name in {*made.key, *columns}]
    tests = [
        f"{name} IS NULL" if text == "NULL" else f"{name} = {literal(value(name, made.types[name], text))}"
        for name, text in wanted.items()
    ]
    order = [*made.key, *(name for name in shown if name not in made.key)]
    source = as_of(project, made.table, at) if at else f"SELECT {', '.join(made.types)} FROM {made.table}"  # noqa: S608 - a contract's names
    found = engine.query(project.templates.ask(
        "shown", columns=list(dict.fromkeys([*shown, *made.key])), source=source, tests=tests, order=order, limit=limit
    ).sql)  # fmt: skip
    places = [found.columns.index(name) for name in order]
    ordered = sorted(found.rows, key=lambda row: [(row[at] is not None, row[at]) for at in places])
    hidden = {one.name for one in made.columns if one.policy_tag}
    return Rows(
        tuple(shown),
        tuple(
            tuple(mask(cell) if name in hidden else cell for name, cell in zip(found.columns, row, strict=True))
            for row in ordered
        ),
    )


def require_columns(made: Contract, names: Sequence[str]) -> None:
    """Raise a UsageError where a table has no column of such a name."""
    for name in names:
        if name not in made.types:
            raise UsageError(
                f"{made.table} has no column {name!r}.",
                hint=did_you_mean(name, set(made.types)) or f"It has: {', '.join(made.types)}",
            )


def value(name: str, kind: str, text: str) -> Any:
    """What a text means as a value of a column.

    Raises:
        UsageError: nothing.
    """
    try:
        match kind:
            case "INT64":
                return int(text)
            case "NUMERIC":
                return Decimal(text) if _NUMBER.fullmatch(text) else int("")  # refused below, as every other text
            case "DATE":
                return date.fromisoformat(text)
            case "DATETIME" | "TIMESTAMP":
                when = datetime.fromisoformat(text)
                moment = when if when.tzinfo else when.replace(tzinfo=UTC)  # where no zone is said
                return when if kind == "DATETIME" else moment.astimezone(UTC)
            case "BOOL":
                return _BOOLS[text.lower()]
            case _:
                return text
    except (ValueError, KeyError, OverflowError):
        raise UsageError(f"{text!r} is no {kind}, which {name} is.", hint=f"Write it as {_EXAMPLES[kind]}.") from None


_EXAMPLES = {
    "INT64": "12",
    "NUMERIC": "103588.52",
    "DATE": "2025-09-30",
    "DATETIME": "2025-09-30T07:15:00",
    "TIMESTAMP": "2025-09-30T07:15:00+00:00",
    "BOOL": "true or false",
}
