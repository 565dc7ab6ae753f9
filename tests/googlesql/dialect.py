"""GoogleSQL as BigQuery speaks it: which features, options, functions and system variables exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.function_pb2 import FunctionProto
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import LanguageOptionsProto
from zetasql.wasi._pb2.zetasql.public import function_pb2, options_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from googlesql.machine import Machine

__all__ = ["ABSENT", "ADDED", "OPTIONS", "SYSTEM_VARIABLES", "language", "max_by_and_min_by"]

ADDED = ("CREATE_TABLE_CLONE",)

ABSENT = (  # in the reference implementation, not known of BigQuery: better refused here than there
    "AGGREGATE_FILTERING",
    "DML_RETURNING",
    "EXPERIMENTAL_MODULES",
    "FOR_UPDATE",
    "INSERT_ON_CONFLICT_CLAUSE",
    "LATERAL_JOIN",
    "MULTILEVEL_AGGREGATION",
    "NESTED_UPDATE_DELETE_WITH_OFFSET",
    "NULLIFZERO_ZEROIFNULL",
    "PIPE_CREATE_TABLE",
    "PIPE_EXPORT_DATA",
    "PIPE_FORK",
    "PIPE_IF",
    "PIPE_INSERT",
    "PIPE_TEE",
    "UUID_TYPE",
)

OPTIONS = {  # of tables and their columns: BigQuery's table_option_list and column_option_list
    "default_rounding_mode": "STRING",
    "description": "STRING",
    "enable_change_history": "BOOL",
    "expiration_timestamp": "TIMESTAMP",
    "friendly_name": "STRING",
    "kms_key_name": "STRING",
    "labels": "ARRAY<STRUCT<STRING, STRING>>",
    "max_staleness": "INTERVAL",
    "partition_expiration_days": "FLOAT64",
    "require_partition_filter": "BOOL",
    "rounding_mode": "STRING",
    "tags": "ARRAY<STRUCT<STRING, STRING>>",
}

SYSTEM_VARIABLES = {
    "error.formatted_stack_trace": "STRING",
    "error.message": "STRING",
    "error.statement_text": "STRING",
    "query_label": "STRING",
    "row_count": "INT64",
    "script.bytes_processed": "INT64",
    "script.job_id": "STRING",
    "time_zone": "STRING",
}


def language(machine: Machine) -> LanguageOptionsProto:
    """Every released feature, less what BigQuery lacks, and every kind of statement."""
    request = service.LanguageOptionsRequest(maximum_features=True)
    options = machine.call("GetLanguageOptions", request, LanguageOptionsProto)
    options.product_mode = options_pb2.PRODUCT_EXTERNAL
    features = (set(options.enabled_language_features) - set(_numbers(ABSENT))) | set(_numbers(ADDED))
    options.enabled_language_features[:] = sorted(features)
    options.supported_statement_kinds[:] = []  # empty means all; the default is SELECT alone
    return options


def max_by_and_min_by() -> list[FunctionProto]:
    """MAX_BY(x, y) and MIN_BY(x, y): BigQuery has them, the reference implementation does not."""
    return [_by("max_by"), _by("min_by")]


def _by(name: str) -> FunctionProto:
    function = FunctionProto(name_path=[name], group="BigQuery", mode=function_pb2.FunctionEnums.AGGREGATE)
    signature = function.signature.add()
    signature.argument.add(kind=function_pb2.ARG_TYPE_ANY_1, num_occurrences=-1)
    signature.argument.add(kind=function_pb2.ARG_TYPE_ANY_2, num_occurrences=-1)
    signature.return_type.kind = function_pb2.ARG_TYPE_ANY_1
    return function


def _numbers(names: tuple[str, ...]) -> Iterator[int]:
    return (options_pb2.LanguageFeature.Value(f"FEATURE_{name}") for name in names)
