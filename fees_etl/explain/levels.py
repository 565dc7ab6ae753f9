"""Level by level down from a number to the rows that it adds up: a query each, about rows that the last one found."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from fees_etl import query
from fees_etl.errors import AssertionsFailed, DataClosed, DatasetClosed, FeesError, UsageError
from fees_etl.figures import EXACT
from fees_etl.project.template import literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from fees_etl.engines import Engine
    from fees_etl.query import Only, Way
    from fees_etl.types import Contract, Model, Project, Scalar, Table

Key: TypeAlias = "tuple[Scalar, ...]"

SOURCE = ("_source_file", "_source_version", "_source_row")
"""What tells a line of a file from all others, in tables that no model writes."""
_FEW = 300
"""Rows that a query names one by one, so that the warehouse looks at little else; more of them it finds by itself."""
_WORKED_OUT = 4
"""Values of a column that is worked out: they are compared with that of every row, which takes long for a hash."""


class Part(NamedTuple):
    """A row that a number adds up: what its column has, and what that is multiplied by in the number.

    ``way`` are the rows from below the number down to this one, as table and key; a line of a file is not among them.
    """

    way: tuple[tuple[str, Key], ...]
    key: Key
    worth: Decimal
    factor: Decimal = Decimal(1)

    @property
    def pounds(self) -> Decimal:
        """What it adds to the number."""
        return EXACT.multiply(self.factor, self.worth)


@dataclass(frozen=True, slots=True)
class Closed:
    """What an account may not read: a table, or those columns of it that have a policy tag."""

    table: Table
    tag: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """Where the way down ends: at rows of a table, or at the lines of files that are their ``key`` then.

    ``fees`` has the columns without a policy tag of the rows above lines, by their key.
    """

    made: Contract
    parts: Sequence[Part]
    is_lines: bool
    fees: Mapping[Key, dict[str, Scalar]] = field(default_factory=dict)
    closed: Closed | None = None


@dataclass(frozen=True, slots=True)
class Descent:
    """Down from the numbers of one project in one warehouse.

    ``partly``: a table that the account may not read ends the way instead of the command.
    """

    project: Project
    engine: Engine
    partly: bool = False

    def go(self, model: Model, column: str, parts: Sequence[Part], above: str = "") -> Iterable[End]:
        """All ends of a column of some rows of a model; ``above`` is a query for their keys, as ``of_0``.., of many.

        Raises:
            NotAdditive: the column adds nothing up.
            AssertionsFailed: the rows below do not add up to one of the parts.
            UsageError: it ends at a table that has no lines of files.
        """
        made, marks = model.contract, {part.key for part in parts}
        above = above if len(marks) > _FEW else _written(marks)
        edges = query.lineage(query.parse(model.sql, model.path), self.project.schema)
        only = _limits(made, edges, made.key, marks)
        is_last = not model.reads <= self.project.models.keys()
        fees = self._fees(made, only, above) if is_last else {}
        if fees:  # what more is known of them leaves even less to look at
            only = _limits(made, edges, [*next(iter(fees.values()))], [tuple(one.values()) for one in fees.values()])
        ways = found_ways(self.project, model, column, only)
        for way in ways:
            if way.table not in self.project.models and way.key != SOURCE:
                raise UsageError(f"{model.table}.{column} cannot be traced: {way.table} has no lines of files.")
        asked = [_asked(way, made.key, only, above) for way in ways]
        try:
            self.engine.prepare(contracts(self.project, model), create=False)
            rows = [self.engine.query(sql).rows for sql in asked]
            closed = self._masked(model) if is_last and not any(rows) else None
        except (DataClosed, DatasetClosed) as error:
            rows, closed = [], self.closed(model, error)
        if closed:
            yield End(made, parts, is_lines=False, fees=fees, closed=closed)
            return
        found = [_below(model, way, cells, parts) for way, cells in zip(ways, rows, strict=True)]
        _require_equal(made, column, parts, found)
        for way, sql, below in zip(ways, asked, found, strict=True):
            under, passed = self.project.models.get(way.table), [part for _, part in below]
            if under is None:
                yield End(made, passed, is_lines=True, fees=fees)
            else:
                yield from self.go(under, way.column, passed, sql)

    def closed(self, model: Model, error: FeesError) -> Closed:
        """What of all that a model reads this account may not; where all of it has to be seen that is the error."""
        if not self.partly:
            raise error
        for table in sorted(model.reads):
            try:
                self.engine.prepare({table: self.project.contracts[table]}, create=False)
                self.engine.query(f"SELECT 1 AS found FROM {table} LIMIT 1")  # noqa: S608 - a contract's name
            except (DataClosed, DatasetClosed):
                return Closed(table, _tag(self.project, model, table))
        return self._tagged(model) or Closed(min(model.reads))

    def _tagged(self, model: Model) -> Closed | None:
        """The table of which a model reads columns with a policy tag."""
        tags = ((table, _tag(self.project, model, table)) for table in sorted(model.reads))
        return next((Closed(table, tag) for table, tag in tags if tag), None)

    def _masked(self, model: Model) -> Closed | None:
        """A table whose columns with a policy tag read as NULL: no line of it can be told then."""
        found = self._tagged(model)
        if found is None:
            return None
        made = self.project.contracts[found.table]
        counts = ", ".join(f"COUNT({one.name})" for one in made.columns if one.policy_tag)
        every, *seen = self.engine.query(f"SELECT COUNT(*) AS n, {counts} FROM {found.table}").rows[0]  # noqa: S608 - a contract's names
        if not every or any(seen):
            return None
        if not self.partly:
            raise DataClosed(f"This account reads the columns of {found.table} with the policy tag {found.tag} masked.")
        return found

    def _fees(self, made: Contract, only: Only, above: str) -> dict[Key, dict[str, Scalar]]:
        """The columns without a policy tag of these rows."""
        names = [one.name for one in made.columns if not one.policy_tag]
        tests = [f"fees.{name} IN ({', '.join(texts)})" for name, texts in only.items()]
        same = " AND ".join(f"fees.{one} = above.of_{at}" for at, one in enumerate(made.key))
        found = self.engine.query(
            f"SELECT {', '.join(f'fees.{name}' for name in names)}\nFROM {made.table} AS fees"
            f"\nINNER JOIN (\n{_keys(above, len(made.key))}\n) AS above ON {same}"
            f"\nWHERE {' AND '.join(tests) or 'TRUE'}"
        )
        fees = (dict(zip(names, row, strict=True)) for row in found.rows)
        return {tuple(row[one] for one in made.key): row for row in fees}


def keys(project: Project) -> dict[Table, tuple[str, ...]]:
    """The columns that tell the rows of each table apart: its key, or in raw the line of the file."""
    return {
        table: made.key or tuple(one for one in SOURCE if one in made.types)
        for table, made in project.contracts.items()
    }


def found_ways(project: Project, model: Model, column: str, only: Only = query.NO_LIMIT) -> list[Way]:
    """The ways of a column of a model to what it adds up."""
    parsed = query.parse(model.sql, model.path)
    return query.ways(parsed, project.schema, keys(project), model.contract.key, column, only)


def contracts(project: Project, *models: Model) -> dict[Table, Contract]:
    """Of models, and of all that they read."""
    return {table: project.contracts[table] for model in models for table in (model.table, *sorted(model.reads))}


def _limits(
    made: Contract, edges: Mapping[str, Collection[query.Edge]], names: Sequence[str], rows: Collection[Key]
) -> dict[str, list[str]]:
    """What rows have in these columns, as literals by column, where comparing all others with it takes no time."""
    found = {}
    for at, name in enumerate(names):
        cells = {row[at] for row in rows}
        is_copied = {edge.kind for edge in edges[name.lower()] if edge.kind in query.DIRECT} == {"copied"}
        most = _FEW if is_copied or made.key == (name,) else _WORKED_OUT
        if len(cells) <= most and None not in cells:
            found[name] = sorted(map(literal, cells))
    return found


def _written(rows: Collection[Key]) -> str:
    """Rows as a query that yields them as ``of_0``.. ."""
    selects = (", ".join(f"{literal(cell)} AS of_{at}" for at, cell in enumerate(row)) for row in rows)
    return "\nUNION ALL\n".join(f"SELECT {one}" for one in sorted(selects))


def _asked(way: Way, key: Sequence[str], only: Only, above: str) -> str:
    """The rows that some rows of a model add up."""
    if tuple(only) == tuple(key)[:1] == tuple(key):  # that is all there is to compare
        return way.sql
    wanted = [f"below.key_{at}" for at in range(len(key))] + [f"below.of_{at}" for at in range(len(way.key))]
    wanted += ["below.of_worth", *(f"below.by_{at}" for at in range(way.factors))]
    same = " AND ".join(f"below.key_{at} = above.of_{at}" for at in range(len(key)))
    inner = f"INNER JOIN (\n{_keys(above, len(key))}\n) AS above ON {same}"
    return f"SELECT {', '.join(wanted)}\nFROM (\n{way.sql}\n) AS below\n{inner}"


def _keys(above: str, width: int) -> str:
    return f"SELECT DISTINCT {', '.join(f'up.of_{at}' for at in range(width))}\nFROM (\n{above}\n) AS up"


def _below(model: Model, way: Way, rows: Iterable[Key], parts: Iterable[Part]) -> list[tuple[Part, Part]]:
    """What of the answer to a way is below which part. Lines of files are no step of the way, the row above them is."""
    by_key = defaultdict(list)
    for part in parts:
        by_key[part.key].append(part)
    found, width = list[tuple[Part, Part]](), len(model.contract.key)
    end = width + len(way.key)
    table, here, is_last = str(way.table), str(model.table), way.key == SOURCE
    for row in rows:
        key, worth, by = row[width:end], Decimal(row[end] or 0), row[end + 1 :]
        for part in by_key.get(row[:width], ()):
            passed = (part.way or ((here, part.key),)) if is_last else (*part.way, (table, key))
            factor = part.factor
            for one in by:
                factor = EXACT.multiply(factor, Decimal(one))
            found.append((part, Part(passed, key, worth, factor)))
    return found


def _require_equal(
    made: Contract, column: str, parts: Iterable[Part], found: Iterable[Iterable[tuple[Part, Part]]]
) -> None:
    """Each part is what the rows below it add up to."""
    totals: dict[int, Decimal] = {}
    for below in found:
        for part, new in below:
            totals[id(part)] = EXACT.add(totals.get(id(part), Decimal(0)), new.pounds)
    for part in parts:
        total = totals.get(id(part), Decimal(0))
        if total != part.pounds:
            which = ", ".join(f"{name} {value}" for name, value in zip(made.key, part.key, strict=True))
            raise AssertionsFailed(
                f"the fees that {made.table}.{column} of {which} is made of add up to {total:f}, and it is"
                f" {part.pounds:f}.",
                published="What was published before; this changed nothing.",
                hint="fees-etl assert (has a table been written to by hand?), or fees-etl plan (is anything pending?)",
            )


def _tag(project: Project, model: Model, table: Table) -> str:
    """The policy tag of those columns of a table that a model reads; "" where they have none."""
    edges = query.lineage(query.parse(model.sql, model.path), project.schema).values()
    read = {edge.column for found in edges for edge in found if edge.table == table}
    tags = (one.policy_tag for one in project.contracts[table].columns if one.name in read)
    return next((tag for tag in tags if tag), "")
