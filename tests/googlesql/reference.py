"""GoogleSQL's own analyzer and reference implementation, as an oracle for tests.

    reference().analyze("SELECT fee_amount FROM raw.fees", {"raw.fees": {"fee_amount": "NUMERIC"}})
    -> (("fee_amount", "NUMERIC"),)
    reference().execute("SELECT ROUND(x, 2) AS y FROM a.b", {"a.b": ({"x": "NUMERIC"}, [(Decimal("0.125"),)])})
    -> (("y",), [(Decimal("0.13"),)])

A table is found as a.b, as `a`.`b` and as `a.b` in one pair of backticks; in `analyze` the last has no short name b.
What Google's analyzer accepts, but BigQuery or this project does not, is in `googlesql.rules`.
MERGE, INSERT and approximate aggregates are analyzed, but cannot be executed.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from googlesql.analyzer import Analyzer, schema
from googlesql.machine import AnalysisError, MachineBrokenError
from googlesql.script import script_schemas, statements
from googlesql.syntax import in_backticks, types
from googlesql.values import decoded, encoded, type_name
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from googlesql.analyzer import Schema
    from googlesql.values import Value
    from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
    from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

    Columns = Mapping[str, str]  # name to type
    Row = tuple[Value, ...]

__all__ = ["AnalysisError", "MachineBrokenError", "Reference", "reference"]


@cache
def reference() -> Reference:
    """The one of this process, made when first asked for."""
    return Reference()


class Reference:
    """What Google says about a statement, and what it returns, given nothing but the tables of the call."""

    def __init__(self) -> None:
        self._analyzer = Analyzer()
        self._kinds: dict[int, frozenset[str]] = {}

    def analyze(self, sql: str, tables: Mapping[str, Columns]) -> Schema:
        """The columns a query returns, by name and type; () for any other statement."""
        return schema(self._analyzer.resolved(sql, _plain(tables), {}))

    def types(self, sql: str, tables: Mapping[str, Columns]) -> frozenset[str]:
        """Every type that any part of a statement has: where money is, no FLOAT64 may be among them."""
        return frozenset(map(type_name, types(self._analyzer.resolved(sql, _plain(tables), {}))))

    def statements(self, sql: str) -> tuple[str, ...]:
        """The parts of a script, parsed and no more: what `house_rules` can be asked about."""
        return statements(self._analyzer, sql)

    def analyze_script(self, sql: str, tables: Mapping[str, Columns]) -> tuple[Schema, ...]:
        """`analyze` of each statement, with the variables, conditions and loops around them judged too.

        Errors name lines and columns of the script.
        """
        return script_schemas(self._analyzer, sql, _plain(tables))

    def script_types(self, sql: str, tables: Mapping[str, Columns]) -> frozenset[str]:
        """`types` of all statements of a script and of the expressions around them."""
        self._analyzer.seen.clear()
        self.analyze_script(sql, tables)
        for message in self._analyzer.seen:  # which the analyzer keeps, so that no other is ever at its place
            if id(message) not in self._kinds:
                self._kinds[id(message)] = frozenset(map(type_name, types(message)))
        return frozenset().union(*(self._kinds[id(message)] for message in self._analyzer.seen))

    def execute(
        self, sql: str, tables: Mapping[str, tuple[Columns, Sequence[Row]]]
    ) -> tuple[tuple[str, ...], list[Row]]:
        """The column names and rows of a query; without ORDER BY, rows come in no particular order."""
        query = in_backticks(sql, self._analyzer.parsed(sql), tables)
        request = service.EvaluateQueryRequest(sql=query, options=self._analyzer.options)
        request.options.ClearField("system_variables")  # they would need values
        schemas = _plain({name: columns for name, (columns, _) in tables.items()})
        request.simple_catalog.CopyFrom(self._analyzer.new_catalog(schemas))
        for name, (columns, rows) in tables.items():
            request.table_content[name].CopyFrom(self._content(columns, rows))
        return _result(self._analyzer.machine.call("EvaluateQuery", request, service.EvaluateQueryResponse))

    def _content(self, columns: Columns, rows: Sequence[Row]) -> service.TableContent:
        kinds = [self._analyzer.type(kind) for kind in columns.values()]
        content = service.TableContent()
        content.table_data.SetInParent()  # no rows is not the same as no content
        for row in rows:
            cells = (encoded(value, kind) for value, kind in zip(row, kinds, strict=True))
            content.table_data.row.add().cell.extend(cells)
        return content


def _result(response: service.EvaluateQueryResponse) -> tuple[tuple[str, ...], list[Row]]:
    columns = response.prepared.columns
    rows = [_row(row.cell, [column.type for column in columns]) for row in response.content.table_data.row]
    return tuple(column.name for column in columns), rows


def _row(cells: Sequence[ValueProto], kinds: Sequence[TypeProto]) -> Row:
    return tuple(decoded(cell, kind) for cell, kind in zip(cells, kinds, strict=True))


def _plain(tables: Mapping[str, Columns]) -> dict[str, dict[str, str]]:
    return {name: dict(columns) for name, columns in tables.items()}
