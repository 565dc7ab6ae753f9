"""GoogleSQL's own analyzer and reference implementation, as an oracle for tests.

    reference().analyze("SELECT fee_amount FROM raw.fees", {"raw.fees": {"fee_amount": "NUMERIC"}})
    -> (("fee_amount", "NUMERIC"),)
    reference().execute("SELECT ROUND(x, 2) AS x FROM a.b", {"a.b": ({"x": "NUMERIC"}, [(Decimal("0.125"),)])})
    -> (("x",), [(Decimal("0.13"),)])

What Google's analyzer accepts but BigQuery or this project does not is in `googlesql.rules`.
A table is found as a.b, as `a`.`b` and as `a.b` in one pair of backticks; the last has no short name b in `analyze`.
MERGE, INSERT and approximate aggregates are analysed, but cannot be executed.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from googlesql.dialect import OPTIONS, SYSTEM_VARIABLES, language, max_by_and_min_by
from googlesql.machine import AnalysisError, Machine, MachineBrokenError
from googlesql.syntax import in_backticks, leaves
from googlesql.values import Value, decoded, encoded, type_name
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto
from zetasql.wasi._pb2.zetasql.public import options_pb2
from zetasql.wasi._pb2.zetasql.public.simple_table_pb2 import SimpleColumnProto, SimpleTableProto

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.message import Message
    from googlesql.syntax import Leaf
    from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

    Columns = Mapping[str, str]  # name to type
    Schema = tuple[tuple[str, str], ...]

__all__ = ["AnalysisError", "MachineBrokenError", "Reference", "reference"]


@cache
def reference() -> Reference:
    """The one of this process."""
    return Reference()


class Reference:
    """Google's analyzer and executor, with BigQuery's dialect and nothing but the tables given to each call."""

    def __init__(self) -> None:
        self._machine = Machine()
        self._language = language(self._machine)
        self._options = self._strict_options()
        self._types: dict[str, TypeProto] = {}
        self._catalogs: dict[tuple[object, ...], int] = {}

    def analyze(self, sql: str, tables: Mapping[str, Columns]) -> Schema:
        """The columns a query returns, by name and type; () for any other statement."""
        return self._schema(sql, tables, {})

    def analyze_script(self, sql: str, tables: Mapping[str, Columns]) -> tuple[Schema, ...]:
        """`analyze` of each statement; variables, SET, IF and what else holds an expression are judged too.

        Tables a script creates are known from there on. Errors name lines and columns of the script.
        """
        known, variables, schemas = dict(tables), {}, []
        for leaf in leaves(sql, self._parse(sql, allow_script=True)):
            if leaf.kind == "statement":
                schemas.append(self._schema(leaf.text, known, variables))
                known |= self._created(leaf.text, known, variables)
            else:
                variables |= self._checked(leaf, known, variables)
        return tuple(schemas)

    def execute(
        self, sql: str, tables: Mapping[str, tuple[Columns, Sequence[tuple[Value, ...]]]]
    ) -> tuple[tuple[str, ...], list[tuple[Value, ...]]]:
        """The column names and rows of a query over the rows given; without ORDER BY, in no particular order."""
        catalog = self._catalog({name: columns for name, (columns, _) in tables.items()}, {})
        query = in_backticks(sql, self._parsed(sql), tables)
        request = service.EvaluateQueryRequest(sql=query, registered_catalog_id=catalog, options=self._options)
        for name, (columns, rows) in tables.items():
            request.table_content[name].CopyFrom(self._content(columns, rows))
        return _result(self._machine.call("EvaluateQuery", request, service.EvaluateQueryResponse))

    def _resolved(self, sql: str, tables: Tables, variables: Columns) -> Message:
        self._check_case(sql, tables)
        request = service.AnalyzeRequest(sql_statement=sql, options=self._options)
        request.registered_catalog_id = self._catalog(tables, variables)
        return self._machine.call("Analyze", request, service.AnalyzeResponse).resolved_statement

    def _parsed(self, sql: str, *, script: bool = False) -> Message:
        request = service.ParseRequest(sql_statement=sql, options=self._language, allow_script=script)
        return self._machine.call("Parse", request, service.ParseResponse)

    def _check_case(self, sql: str, tables: Tables) -> None:
        """BigQuery tells raw.Fees from raw.fees, the analyzer does not."""
        request = service.ExtractTableNamesFromStatementRequest(sql_statement=sql, options=self._language)
        response = self._machine.call(
            "ExtractTableNamesFromStatement", request, service.ExtractTableNamesFromStatementResponse
        )
        spellings = {name.lower(): name for name in tables}
        for written in (".".join(name.table_name_segment) for name in response.table_name):
            if written not in tables and (known := spellings.get(written.lower())):
                raise AnalysisError(f"Table not found: {written}; its name is {known}, and case matters in BigQuery")

    def _checked(self, leaf: Leaf, tables: Tables, variables: Columns) -> dict[str, str]:
        """The types of the variables a leaf declares."""
        if leaf.kind == "loop":
            row = ", ".join(f"{name} {kind}" for name, kind in _schema(self._resolved(leaf.text, tables, variables)))
            return {leaf.names[0]: f"STRUCT<{row}>"}
        if leaf.text:
            self._check_expression(leaf.text, tables, variables)
        if leaf.kind == "condition":
            self._resolved(f"ASSERT ({leaf.text})", tables, variables)
        if leaf.kind == "set":
            self._check_assignment(leaf, _declared(leaf.names[0], variables), tables, variables)
        if leaf.kind == "declare":
            return self._declared_types(leaf, tables, variables)
        return {}

    def _declared_types(self, leaf: Leaf, tables: Tables, variables: Columns) -> dict[str, str]:
        if not leaf.type:
            ((_, kind),) = _schema(self._resolved(f"SELECT {leaf.text} AS value", tables, variables))
            return dict.fromkeys(leaf.names, kind)
        if leaf.text:
            self._check_assignment(leaf, leaf.type, tables, variables)
        return dict.fromkeys(leaf.names, type_name(self._type(leaf.type)))

    def _check_expression(self, text: str, tables: Tables, variables: Columns) -> None:
        """By itself first: so its errors have their place in the script."""
        request = service.AnalyzeRequest(sql_expression=text, options=self._options)
        request.registered_catalog_id = self._catalog(tables, variables)
        self._machine.call("Analyze", request, service.AnalyzeResponse)

    def _check_assignment(self, leaf: Leaf, kind: str, tables: Tables, variables: Columns) -> None:
        """What may be inserted in a column may be assigned to a variable."""
        columns = {name: kind for name in leaf.names[:1]}
        insert = f"INSERT INTO `script.variables` VALUES ({leaf.text})"
        self._resolved(insert, {**tables, "script.variables": columns}, variables)

    def _catalog(self, tables: Tables, variables: Columns) -> int:
        """The number of a registered catalog of these tables and variables."""
        listing = tuple((name, tuple(columns.items())) for name, columns in tables.items())
        key = (self._machine.breaks, listing, tuple(variables.items()))
        if key not in self._catalogs:
            request = service.RegisterCatalogRequest(simple_catalog=self._new_catalog(tables, variables))
            response = self._machine.call("RegisterCatalog", request, service.RegisterResponse)
            self._catalogs[key] = response.registered_id
        return self._catalogs[key]

    def _new_catalog(self, tables: Tables, variables: Columns) -> SimpleCatalogProto:
        catalog = SimpleCatalogProto(name="bigquery", custom_function=max_by_and_min_by())
        catalog.builtin_function_options.language_options.CopyFrom(self._language)
        for name, kind in variables.items():
            catalog.constant.add(name_path=[name], type=self._type(kind))
        for number, (name, columns) in enumerate(tables.items(), 1):
            listed = [SimpleColumnProto(name=column, type=self._type(kind)) for column, kind in columns.items()]
            catalog.table.add(name=name, full_name=name, serialization_id=2 * number, column=listed)
            *folders, short = name.split(".")
            inner = _folder(catalog, folders)
            if folders:
                inner.table.add(name=short, full_name=name, serialization_id=2 * number + 1, column=listed)
        return catalog

    def _content(self, columns: Columns, rows: Sequence[tuple[Value, ...]]) -> service.TableContent:
        kinds = [self._type(kind) for kind in columns.values()]
        content = service.TableContent()
        content.table_data.SetInParent()  # no rows is not the same as no content
        for row in rows:
            cells = (encoded(value, kind) for value, kind in zip(row, kinds, strict=True))
            content.table_data.row.add().cell.extend(cells)
        return content

    def _type(self, text: str) -> TypeProto:
        if text not in self._types:
            statement = self._resolved(f"SELECT CAST(NULL AS {text})", {}, {})
            self._types[text] = statement.resolved_query_stmt_node.output_column_list[0].column.type
        return self._types[text]

    def _strict_options(self) -> AnalyzerOptionsProto:
        """Only hints and options BigQuery knows; days begin at midnight in UTC, not in California."""
        options = self._machine.call("GetAnalyzerOptions", service.AnalyzerOptionsRequest(), AnalyzerOptionsProto)
