"""The calls to Google's analyzer: parse, check a type, resolve a statement against tables and variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from googlesql.dialect import OPTIONS, SYSTEM_VARIABLES, language, max_by_and_min_by
from googlesql.machine import AnalysisError, Machine
from googlesql.values import type_name
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto
from zetasql.wasi._pb2.zetasql.public.simple_table_pb2 import SimpleColumnProto

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message
    from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

__all__ = ["Analyzer", "Columns", "Schema", "Tables", "schema"]

Columns = dict[str, str]  # name to type
Tables = dict[str, Columns]  # by dataset.table
Schema = tuple[tuple[str, str], ...]  # names and types


class Analyzer:
    """Google's analyzer, set to BigQuery's dialect; keeps what it registered in the machine."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.language = language(self.machine)
        self.options = AnalyzerOptionsProto(
            language_options=self.language
        )  # enough to look up the types that the strict ones need
        self._types: dict[str, TypeProto] = {}
        self._catalogs: dict[tuple[object, ...], int] = {}
        self._resolved: dict[tuple[str, int, int], Message] = {}
        self.seen: list[Message] = []
        self.options = self._strict_options()

    def parsed(self, sql: str, *, script: bool = False) -> Message:
        """The syntax tree of a statement or script."""
        request = service.ParseRequest(sql_statement=sql, options=self.language, allow_script=script)
        return self.machine.call("Parse", request, service.ParseResponse)

    def resolved(self, sql: str, tables: Tables, variables: Columns) -> Message:
        """A statement with every name and type resolved, or AnalysisError. Scripts repeat themselves: once is enough."""
        catalog = self.catalog(tables, variables)
        key = (sql, catalog, self.machine.breaks)
        if key not in self._resolved:
            self._check_case(sql, tables)
            request = service.AnalyzeRequest(sql_statement=sql, options=self.options, registered_catalog_id=catalog)
            self._resolved[key] = self.machine.call("Analyze", request, service.AnalyzeResponse).resolved_statement
        self.seen.append(self._resolved[key])
        return self._resolved[key]

    def check_expression(self, sql: str, tables: Tables, variables: Columns) -> None:
        """Resolve an expression which is no statement."""
        request = service.AnalyzeRequest(sql_expression=sql, options=self.options)
        request.registered_catalog_id = self.catalog(tables, variables)
        self.machine.call("Analyze", request, service.AnalyzeResponse)

    def type(self, text: str) -> TypeProto:
        """A type from its SQL."""
        if text not in self._types:
            statement = self.resolved(f"SELECT CAST(NULL AS {text})", {}, {})
            self._types[text] = statement.resolved_query_stmt_node.output_column_list[0].column.type
        return self._types[text]

    def catalog(self, tables: Tables, variables: Columns) -> int:
        """The number under which these tables and variables are registered."""
        listing = tuple((name, tuple(columns.items())) for name, columns in tables.items())
        key = (self.machine.breaks, listing, tuple(variables.items()))
        if key not in self._catalogs:
            request = service.RegisterCatalogRequest(simple_catalog=self.new_catalog(tables, variables))
            response = self.machine.call("RegisterCatalog", request, service.RegisterResponse)
            self._catalogs[key] = response.registered_id
        return self._catalogs[key]

    def new_catalog(self, tables: Tables, variables: Columns | None = None) -> SimpleCatalogProto:
        """A catalog of these tables, each at the top under its full name and in the folders of its path.

        The executor gives rows to tables at the top only.
        """
        catalog = SimpleCatalogProto(name="bigquery", custom_function=max_by_and_min_by())
        catalog.builtin_function_options.language_options.CopyFrom(self.language)
        for name, kind in (variables or {}).items():
            catalog.constant.add(name_path=[name], type=self.type(kind))
        for number, (name, columns) in enumerate(tables.items(), 1):
            listed = [SimpleColumnProto(name=column, type=self.type(kind)) for column, kind in columns.items()]
            catalog.table.add(name=name, full_name=name, serialization_id=2 * number, column=listed)
            *folders, short = name.split(".")
            if folders:
                inner = _folder(catalog, folders)
                inner.table.add(name=short, full_name=name, serialization_id=2 * number + 1, column=listed)
        return catalog

    def _check_case(self, sql: str, tables: Tables) -> None:
        """BigQuery tells raw.Fees from raw.fees; the analyzer does not."""
        request = service.ExtractTableNamesFromStatementRequest(sql_statement=sql, options=self.language)
        response = service.ExtractTableNamesFromStatementResponse
        found = self.machine.call("ExtractTableNamesFromStatement", request, response)
        spellings = {name.lower(): name for name in tables}
        for written in (".".join(name.table_name_segment) for name in found.table_name):
            if written not in tables and (known := spellings.get(written.lower())):
                raise AnalysisError(f"Table not found: {written}; it is {known}, and BigQuery minds the case")

    def _strict_options(self) -> AnalyzerOptionsProto:
        """BigQuery's options and system variables only, no unknown hints, and days that begin at midnight in UTC."""
        options = self.machine.call("GetAnalyzerOptions", service.AnalyzerOptionsRequest(), AnalyzerOptionsProto)
        options.language_options.CopyFrom(self.language)
        options.default_timezone = "UTC"  # it is America/Los_Angeles
        options.ClearField("allowed_hints_and_options")
        allowed = options.allowed_hints_and_options
        allowed.disallow_unknown_options = True
        allowed.disallow_duplicate_option_names = True
        allowed.disallow_unknown_hints_with_qualifier.append("")
        for name, kind in OPTIONS.items():
            allowed.option.add(name=name, type=self.type(kind))
        for name, kind in SYSTEM_VARIABLES.items():
            options.system_variables.add(name_path=name.split("."), type=self.type(kind))
        return options


def schema(statement: Message) -> Schema:
    """The columns a resolved query returns; () if it is no query."""
    if not statement.HasField("resolved_query_stmt_node"):
        return ()
    columns = statement.resolved_query_stmt_node.output_column_list
    names = [column.name.lower() for column in columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AnalysisError(f"Duplicate column names in the result are not supported: {', '.join(twice)}")
    return tuple((column.name, type_name(column.column.type)) for column in columns)


def _folder(catalog: SimpleCatalogProto, path: Sequence[str]) -> SimpleCatalogProto:
    """The catalog inside a catalog, made where missing."""
    for name in path:
        known = [inner for inner in catalog.catalog if inner.name == name]
        catalog = known[0] if known else catalog.catalog.add(name=name)
    return catalog
