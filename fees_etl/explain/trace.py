"""Why a number is what it is: the fees it adds up, each with the line of the file it is from."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from fees_etl import query
from fees_etl.errors import AssertionsFailed, UsageError
from fees_etl.explain.show import rows
from fees_etl.project.graph import did_you_mean
from fees_etl.project.template import literal
from fees_etl.script import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fees_etl.engines import Engine
    from fees_etl.query import Way
    from fees_etl.types import Contract, Model, Project, Scalar, Table

EXACT = Context(prec=80)
SOURCE = ("_source_file", "_source_version", "_source_row")
"""What tells a line of a file from all others, in tables that no model writes."""


@dataclass(frozen=True, slots=True)
class Line:
    """One fee of a number: its columns, what it adds, and where it is from.

    ``way`` are the rows from the number to the fee, itself included, as table and key.
    """

    fee: dict[str, Scalar]
    contribution: Decimal
    file: str
    version: str
    row: int
    way: tuple[tuple[str, tuple[Scalar, ...]], ...]


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

    @property
    def additive(self) -> bool:
        """Whether it is a sum of fees."""
        return self.total is not None


def trace(project: Project, engine: Engine, made: Contract, where: Mapping[str, str], column: str | None) -> Trace:
    """The trace of one number.

    Args:
        project: the loaded project.
        engine: its warehouse.
        made: the contract of the table.
        where: columns and the text of the value that each must have; together they mean one row.
        column: the number; left out, the only one that is a sum of pounds.

    Raises:
        UsageError: there is no such column, not one such row, or the number cannot be traced.
        AssertionsFailed: the fees do not add up to what is published.
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
    routes: list[_Route] = []
    if made.types[name] in {"NUMERIC", "INT64"}:
        try:  # nothing adds up to NULL
            routes = _routes(project, model, name, [_Route((), made.table, "", _one_row(made, key), 0)])
        except query.NotAdditive:
            routes = []
    if not routes or row[name] is None:
        shown = engine.query(_operands(project, model, name, key))
        names = tuple(one.removeprefix("operand_") for one in shown.columns)
        return Trace(made.table, key, name, row[name], operands=Rows(names, _sorted(shown.rows)))
    lines = _merged([line for route in routes for line in _lines(project, engine, route)])
    total = Decimal(0)
    for line in lines:
        total = EXACT.add(total, line.contribution)
    if total != row[name]:
        raise AssertionsFailed(
            f"the fees that {made.table}.{name} is made of add up to {total:f}, and it is {row[name]:f}.",
            published="What was published before; this changed nothing.",
            hint="fees-etl assert (has a table been written to by hand?), or fees-etl plan (is anything pending?)",
        )
    return Trace(made.table, key, name, row[name], total, tuple(lines))


@dataclass(frozen=True, slots=True)
class _Route:
    """A way from the number down to a table.

    ``sql`` yields the keys of the rows passed (``at_N_0``..), that of the table's own (``of_0``..), and factors
    (``by_0``..).
    """

    tables: tuple[Table, ...]
    table: Table
    column: str
    sql: str
    factors: int
    widths: tuple[int, ...] = ()
    source: Way | None = None


def _column(made: Contract, column: str | None) -> str:
    pounds = [one.name for one in made.columns if one.type == "NUMERIC"]
    if column is None and len(pounds) != 1:
        first = [*pounds, *(one.name for one in made.columns if one.name not in made.key), *made.key][0]
        raise UsageError(f"{made.table} has {len(pounds)} columns of pounds.", hint=f"--column {first}")
    name = column or pounds[0]
    if name not in made.types:
        near = did_you_mean(name, set(made.types))
        raise UsageError(f"{made.table} has no column {name!r}.", hint=near or f"It has: {', '.join(made.types)}")
    if next(one for one in made.columns if one.name == name).policy_tag:
        raise UsageError(f"{name} has a policy tag: what it is made of is not shown.")
    return name


def keys(project: Project) -> dict[Table, tuple[str, ...]]:
    """The columns that tell the rows of each table apart: its key, or in raw the line of the file."""
    return {
        table: made.key or tuple(one for one in SOURCE if one in made.types)
        for table, made in project.contracts.items()
    }


def found_ways(project: Project, model: Model, column: str) -> list[Way]:
    """The ways of a column of a model to what it adds up."""
    schema = {table: made.types for table, made in project.contracts.items()}
    parsed = query.parse(model.sql, model.path)
    return query.ways(parsed, schema, keys(project), model.contract.key, column)


def _one_row(made: Contract, key: Mapping[str, Scalar]) -> str:
    named = ", ".join(f"{one} AS of_{at}" for at, one in enumerate(key))
    tests = " AND ".join(f"{one} = {literal(value)}" for one, value in key.items())
    return f"SELECT {named} FROM {made.table} WHERE {tests}"  # noqa: S608 - a contract's names


def _routes(project: Project, model: Model, column: str, above: Sequence[_Route]) -> list[_Route]:
    """Every route of a column to the tables that no model writes."""
    found = []
    for up in above:
        for way in found_ways(project, model, column):
            below = project.models.get(way.table)
            if below is None:
                if way.key != SOURCE:
                    raise UsageError(f"{model.table}.{column} cannot be traced: {way.table} has no lines of files.")
                found.append(_Route(up.tables, model.table, column, up.sql, up.factors, up.widths, way))
                continue
            width = len(model.contract.key)
            route = _Route(
                (*up.tables, way.table),
                way.table,
                way.column,
                _below(up, way, width),
                up.factors + way.factors,
                (*up.widths, width),
            )
            found += _routes(project, below, way.column, [route])
    return found


def _below(up: _Route, way: Way, width: int) -> str:
    """The rows that the rows of a route add up."""
    depth = len(up.widths)
    wanted = [f"above.at_{level}_{at}" for level, many in enumerate(up.widths) for at in range(many)]
    wanted += [f"above.of_{at} AS at_{depth}_{at}" for at in range(width)]
    wanted += [f"above.by_{at}" for at in range(up.factors)]
    wanted += [f"below.of_{at}" for at in range(len(way.key))]
    wanted += [f"below.by_{at} AS by_{up.factors + at}" for at in range(way.factors)]
    return _inner(", ".join(wanted), way, up, width)


def _inner(wanted: str, way: Way, up: _Route, width: int) -> str:
    same = " AND ".join(f"below.key_{at} = above.of_{at}" for at in range(width))
    return f"SELECT {wanted}\nFROM (\n{way.sql}\n) AS below\nINNER JOIN (\n{up.sql}\n) AS above ON {same}"


def _lines(project: Project, engine: Engine, route: _Route) -> list[Line]:
    """The fees at the end of a route, each with its line."""
    assert route.source is not None  # noqa: S101 - it ends at a file
    made, source = project.models[route.table].contract, route.source
    fields = [one.name for one in made.columns if not one.policy_tag]
    wanted = [f"above.at_{level}_{at}" for level, many in enumerate(route.widths) for at in range(many)]
    places = len(wanted)
    wanted += [f"fees.{one}" for one in fields]
    wanted += [f"fees.{route.column} AS worth"]
    wanted += [f"above.by_{at}" for at in range(route.factors)] + [
        f"below.by_{at} AS last_{at}" for at in range(source.factors)
    ]
    wanted += [f"below.of_{at}" for at in range(len(source.key))]
    same = " AND ".join(f"fees.{one} = above.of_{at}" for at, one in enumerate(made.key))
    sql = f"{_inner(', '.join(wanted), source, route, len(made.key))}\nINNER JOIN {made.table} AS fees ON {same}"
    lines = []
    for row in engine.query(sql).rows:
        cells = list(row)
        at, rest = cells[:places], cells[places:]
        fee = dict(zip(fields, rest, strict=False))
        worth, *by = rest[len(fields) : -3]
        contribution = Decimal(worth or 0)
        for one in by:
            contribution = EXACT.multiply(contribution, Decimal(one))
        passed, start = list[tuple[Any, ...]](), 0
        for width in route.widths:
            passed.append(tuple(at[start : start + width]))
            start += width
        file, version, number = rest[-3:]
        way = [*zip(map(str, route.tables[:-1]), passed[1:], strict=True)]
        way.append((str(made.table), tuple(fee[one] for one in made.key)))
        lines.append(Line(fee, contribution, file, version, number, tuple(way)))
    return lines


def _merged(lines: list[Line]) -> list[Line]:
    """Each fee once, in the order of the tables on its way."""
    found: dict[tuple[Any, ...], Line] = {}
    for line in lines:
        mark = (line.way, line.file, line.version, line.row)
        before = found[mark].contribution if mark in found else Decimal(0)
        total = EXACT.add(before, line.contribution)
        found[mark] = Line(line.fee, total, line.file, line.version, line.row, line.way)
    return sorted(
        found.values(), key=lambda line: ([(at, *map(str, key)) for at, key in line.way], line.file, line.row)
    )


def _operands(project: Project, model: Model, column: str, key: Mapping[str, Scalar]) -> str:
    schema = {table: made.types for table, made in project.contracts.items()}
    hidden = {(at, one.name) for at, made in project.contracts.items() for one in made.columns if one.policy_tag}
    parsed = query.parse(model.sql, model.path)
    sql = query.operands(parsed, schema, keys(project), model.contract.key, column, hidden)
    tests = " AND ".join(f"why.key_{at} = {literal(value)}" for at, value in enumerate(key.values()))
    names = ", ".join(f"why.key_{at}" for at in range(len(key)))
    return f"SELECT * EXCEPT ({names.replace('why.', '')}) FROM (\n{sql}\n) AS why WHERE {tests}"  # noqa: S608 - names of contracts


def _sorted(found: Sequence[tuple[Scalar, ...]]) -> tuple[tuple[Scalar, ...], ...]:
    return tuple(sorted(found, key=lambda row: [(one is not None, one) for one in row]))
