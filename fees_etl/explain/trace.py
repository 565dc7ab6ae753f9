"""Why a number is what it is: the fees it adds up, each with the line of the file it is from."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl import query
from fees_etl.errors import DataClosed, DatasetClosed, UsageError
from fees_etl.explain.history import tampered
from fees_etl.explain.levels import SOURCE, Closed, Descent, End, Part, contracts, keys
from fees_etl.explain.show import require_columns, rows
from fees_etl.figures import EXACT, total
from fees_etl.project.template import literal
from fees_etl.script import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fees_etl.engines import Engine
    from fees_etl.explain.levels import Key
    from fees_etl.types import Contract, Model, Project, Scalar, Table


@dataclass(frozen=True, slots=True)
class Line:
    """One fee of a number: its columns, what it adds, and where it is from.

    ``way`` are the rows from the number to the fee, itself included, as table and key. Where an account may see no
    further ``file`` is "", and of a row that is no fee ``fee`` is empty.
    """

    fee: dict[str, Scalar]
    contribution: Decimal
    way: tuple[tuple[str, tuple[Scalar, ...]], ...]
    file: str = ""
    version: str = ""
    row: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """Where ``value`` is from: an additive one is the sum of ``fees``, any other is worked out from ``operands``."""

    table: Table
    key: dict[str, Scalar]
    column: str
    value: Scalar
    total: Decimal | None = None
    """None: it is no sum."""
    fees: tuple[Line, ...] = ()
    operands: Rows = Rows((), ())  # noqa: RUF009 - a frozen value
    closed: Closed | None = None
    """What the account may not read: below the last of ``fees``, or ``operands``."""

    @property
    def additive(self) -> bool:
        """Whether it is a sum of fees."""
        return self.total is not None


def trace(
    project: Project,
    engine: Engine,
    made: Contract,
    where: Mapping[str, str],
    column: str | None,
    *,
    partly: bool = False,
) -> Trace:
    """The trace of one number: ``column`` is left out where only one is of pounds.

    ``where`` has columns and the text of the value that each must have; together they mean one row. ``partly``: what
    the account may not read is left out, and named in the trace.

    Raises:
        UsageError: there is no such column, not one such row, or the number cannot be traced.
        AssertionsFailed: the fees do not add up to what is published.
        WarehouseError: somebody took away, by hand, what says which line a fee is from.
    """
    model = project.models.get(made.table)
    if model is None:
        raise UsageError(f"{made.table} is written by no model.", hint="fees-etl trace FILE:ROW tells of a line.")
    name = _column(made, column)
    found = rows(project, engine, made, where=where, limit=2)
    if len(found.rows) != 1:
        words = "no row" if not found.rows else "more than one row"
        raise UsageError(f"{words} of {made.table} is so.", hint=f"fees-etl show {made.table.name}")
    row = found.records[0]
    key = {one: row[one] for one in made.key}
    with suppress(DataClosed, DatasetClosed):  # all at once; what is closed is found on the way
        engine.prepare(contracts(project, *below(project, model)), create=False)
    descent, value = Descent(project, engine, partly), row[name]
    if value is not None and made.types[name] in {"NUMERIC", "INT64"}:  # nothing adds up to NULL
        with suppress(query.NotAdditive):
            part = Part((), tuple(key.values()), Decimal(value))
            ends = list(descent.go(model, name, [part]))
            lines = _merged(line for end in ends for line in _lines(end))
            whole = total(line.contribution for line in lines) if lines else Decimal(value)
            closed = next((end.closed for end in ends if end.closed), None)
            return Trace(made.table, key, name, value, whole, tuple(lines), closed=closed)
    try:
        engine.prepare(contracts(project, model), create=False)
        shown = engine.query(operands(project, model, name, tuple(key.values())))
    except (DataClosed, DatasetClosed) as error:
        return Trace(made.table, key, name, value, closed=descent.closed(model, error))
    names = tuple(one.removeprefix("operand_") for one in shown.columns[len(key) :])
    cells = (row[len(key) :] for row in shown.rows)
    ordered = sorted(cells, key=lambda row: [(one is not None, one) for one in row])
    return Trace(made.table, key, name, value, operands=Rows(names, tuple(ordered)))


def below(project: Project, model: Model) -> list[Model]:
    """A model and those that its numbers are from."""
    found = [model]
    for one in found:  # it grows as it is read
        found += [under for at in sorted(one.reads) if (under := project.models.get(at)) and under not in found]
    return found


def _column(made: Contract, column: str | None) -> str:
    pounds = [one.name for one in made.columns if one.type == "NUMERIC"]
    if column is None and len(pounds) != 1:
        first = [*pounds, *(one.name for one in made.columns if one.name not in made.key), *made.key][0]
        raise UsageError(f"{made.table} has {len(pounds)} columns of pounds.", hint=f"--column {first}")
    name = column or pounds[0]
    require_columns(made, [name])
    if next(one for one in made.columns if one.name == name).policy_tag:
        raise UsageError(f"{name} has a policy tag: what it is made of is not shown.")
    return name


def operands(project: Project, model: Model, column: str, of: Key | None = None) -> str:
    """The query for what a column is worked out from: keys, as ``key_0``.., and operands, of one row or all."""
    hidden = {(at, one.name) for at, made in project.contracts.items() for one in made.columns if one.policy_tag}
    parsed, key = query.parse(model.sql, model.path), model.contract.key
    only = {name: [literal(cell)] for name, cell in zip(key, of or (), strict=False)}
    return query.operands(parsed, project.schema, keys(project), key, column, hidden, only=only)


def _lines(end: End) -> Iterable[Line]:
    """The fees at an end, each with its line; where the account may see no more, the rows that it is."""
    for part in end.parts:
        if end.is_lines:
            if None in part.key:
                raise tampered(SOURCE[part.key.index(None)], "raw.fees")
            file, version, row = part.key
            yield Line(end.fees[part.way[-1][1]], part.pounds, part.way, str(file), str(version), int(row))
        elif way := part.way or ((str(end.made.table), part.key),) * bool(end.fees):
            yield Line(end.fees.get(part.key, {}), part.pounds, way)


def _merged(lines: Iterable[Line]) -> list[Line]:
    """Each fee once, in the order of the tables on its way."""
    found: dict[tuple[Any, ...], Line] = {}
    for line in lines:
        mark = (line.way, line.file, line.version, line.row)
        if mark in found:
            line = replace(line, contribution=EXACT.add(found[mark].contribution, line.contribution))  # noqa: PLW2901 - the same fee
        found[mark] = line
    return sorted(
        found.values(), key=lambda line: ([(at, *map(str, key)) for at, key in line.way], line.file, line.row)
    )
