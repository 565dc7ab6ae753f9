"""What bqemulator 1.4.0 makes of GoogleSQL otherwise than BigQuery, mended: see mends.py."""

from __future__ import annotations

import re
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from bqemulator.api.routes import jobs
from bqemulator.catalog import ddl_sync
from bqemulator.domain.result import Ok
from bqemulator.jobs import executor
from bqemulator.scripting import interpreter
from bqemulator.scripting.parser import parse_script
from bqemulator.sql import catalog_schema
from bqemulator.sql.translator import SQLTranslator
from bqemulator.storage.engine import DuckDBEngine
from masks import masked
from sqlglot import exp, parse_one
from sqlglot.dialects.dialect import Dialect, build_default_decimal_type
from sqlglot.dialects.duckdb import DuckDB

MACROS = (
    """CREATE OR REPLACE MACRO google_fraction(text) AS
        rpad(text, CASE WHEN length(text) > 3 THEN 6 ELSE 3 END, '0')""",
    r"""CREATE OR REPLACE MACRO google_text(x) AS list_transform([x], lambda v: CASE
        WHEN typeof(v) LIKE 'DECIMAL%' AND contains(CAST(v AS VARCHAR), '.')
            THEN rtrim(rtrim(CAST(v AS VARCHAR), '0'), '.')
        WHEN typeof(v) = 'TIMESTAMP WITH TIME ZONE' AND contains(CAST(v AS VARCHAR), '.')
            THEN regexp_extract(CAST(v AS VARCHAR), '^[^.]*\.')
                || google_fraction(regexp_extract(CAST(v AS VARCHAR), '\.(\d+)', 1)) || '+00'
        ELSE CAST(v AS VARCHAR) END)[1]""",
    "CREATE OR REPLACE MACRO google_billionths(x) AS CAST(CAST(x AS DECIMAL(38, 9)) * 1000000000 AS HUGEINT)",
    """CREATE OR REPLACE MACRO google_div(x, y) AS list_transform([{'x': x, 'y': y}], lambda v: CASE
        WHEN v.y = 0 AND v.x IS NOT NULL THEN CAST(error('division by zero') AS DECIMAL(38, 9))
        ELSE CAST(google_billionths(v.x) // google_billionths(v.y) AS DECIMAL(38, 9)) END)[1]""",
)
"""An argument is pasted wherever a macro names it, and in the macros within: a list of one names it once."""
ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\u([0-9a-fA-F]{4})")
ASCII = 0x80
POSITIONS = ("line", "col", "start", "end")
"""What a node knows of its place: half the time that a copy takes."""
TEXT_FUNCTIONS = ("GOOGLE_TEXT", "TO_JSON")
PURE = (
    (executor, "rewrite_table_refs", "classify_statement_type"),
    (interpreter, "rewrite_table_refs", "_dml_targets", "_is_row_producing"),
    (ddl_sync, "_detect_plain_create_table", "_detect_create_schema", "_detect_catalog_drop"),
)
"""What a text alone decides, and nobody changes the answer."""
OF_A_MOMENT = re.compile(r"INFORMATION_SCHEMA|SYSTEM_TIME", re.IGNORECASE)
"""What the warehouse's state decides, too."""


def macros() -> None:
    """The functions that the other mends call, in every connection."""
    register = DuckDBEngine._register_builtin_udfs

    def registered(self: DuckDBEngine) -> None:
        register(self)
        for macro in MACROS:
            self.connection.execute(macro)

    DuckDBEngine._register_builtin_udfs = registered


def division() -> None:
    """DIV(X, Y) is integer division that cuts towards zero, NUMERIC for NUMERIC (GoogleSQL, mathematical functions).

    The emulator writes DIV(a + b, c + d) as a + b // c + d. An INT64 comes back as a NUMERIC of the same value.
    """
    DuckDB.Generator.TRANSFORMS[exp.IntDiv] = lambda self, node: self.func("google_div", node.this, node.expression)


def counting() -> None:
    """COUNTIF(..) OVER (..) is a window function too (GoogleSQL, aggregate functions).

    The emulator puts COALESCE between the function and its OVER.
    """
    one = exp.Literal.number(1)
    DuckDB.Generator.TRANSFORMS[exp.CountIf] = lambda self, node: self.func(
        "COUNT", exp.Case(ifs=[exp.If(this=node.this, true=one)])
    )


def types_and_texts() -> None:
    """NUMERIC is 38 digits, 9 of them decimals, and '1.6' as text, not '1.600' (GoogleSQL, data types and conversion).

    A DECIMAL without figures is DECIMAL(18, 3) to DuckDB. TIMESTAMP as text has 0, 3 or 6 decimals of a second.
    """
    translate = SQLTranslator.translate

    def translated(self: SQLTranslator, sql: str, **context: Any) -> Any:
        result = translate(self, sql, **context)
        return Ok(_as_google(result.value)) if isinstance(result, Ok) else result

    SQLTranslator.translate = translated
    DuckDB.Parser.TYPE_CONVERTERS[exp.DType.DECIMAL] = build_default_decimal_type(precision=38, scale=9)


def _as_google(sql: str) -> str:
    tree = parse_one(sql, read="duckdb")
    for cast in reversed(list(tree.find_all(exp.Cast))):
        if cast.to.is_type(*exp.DataType.TEXT_TYPES) and cast is not tree and not _is_text(cast.this):
            cast.replace(exp.func("google_text", cast.this, dialect="duckdb"))
    return tree.sql("duckdb")


def _is_text(value: exp.Expression) -> bool:
    """Whether it is a text already; ``google_text`` of ``google_text`` of .. takes DuckDB long to plan."""
    if isinstance(value, exp.Cast):
        return value.to.is_type(*exp.DataType.TEXT_TYPES)
    if isinstance(value, exp.Coalesce):  # its arguments are of one type
        return any(map(_is_text, (value.this, *value.expressions)))
    is_function = isinstance(value, exp.Anonymous) and value.name.upper() in TEXT_FUNCTIONS
    return is_function or value.is_string or isinstance(value, exp.DPipe | exp.GroupConcat)


def text_of_jobs() -> None:
    r"""'\u00a0' in a string literal is one character (GoogleSQL, lexical structure, escape sequences)."""
    execute = jobs.execute_query_job

    async def executed(project: str, job: str, sql: str, *rest: Any, **context: Any) -> Any:
        return await execute(project, job, ESCAPE.sub(_character, sql), *rest, **context)

    jobs.execute_query_job = executed


def _character(found: re.Match[str]) -> str:
    code = int(found[2], 16)
    return found[0] if code < ASCII else found[1] + chr(code)  # a quote or a backslash stays escaped


def speed() -> None:
    """No mend: the same statements come hundreds of times, and the emulator parses each a dozen times.

    DuckDB's threads would wait for each other: tables are small, and each worker of pytest has an emulator.
    """
    parse, translate, known = Dialect.parse, SQLTranslator.translate, {}
    remember = lru_cache(maxsize=4000)
    tokens = remember(Dialect.tokenize)
    Dialect.tokenize = lambda self, sql, **options: list(tokens(self, sql, **options))

    @remember
    def parsed(dialect: Dialect, sql: str, **options: Any) -> list[exp.Expression | None]:
        trees = parse(dialect, sql, **options)
        for node in (node for tree in trees if tree for node in tree.walk()):
            node._meta = {name: value for name, value in node.meta.items() if name not in POSITIONS} or None
        return trees

    Dialect.parse = lambda self, sql, **options: [tree and tree.copy() for tree in parsed(self, sql, **options)]
    for module, *names in PURE:
        for name in names:
            setattr(module, name, _masking(remember(getattr(module, name))))
    executor._reject_dml_on_immutable = lambda *_: None  # snapshots and materialized views; there are none
    errors = catalog_schema.sqlglot.errors
    catalog_schema.sqlglot = SimpleNamespace(parse_one=remember(parse_one), errors=errors)  # it only reads the tree

    def remembered(self: SQLTranslator, sql: str, **context: Any) -> Any:
        key = (sql, str(context))
        if key not in known:
            known[key] = translate(self, sql, **context)
        return known[key]

    SQLTranslator.translate = remembered
    once = _rewriting(interpreter.rewrite_and_translate_statement)
    executor.rewrite_and_translate_statement = interpreter.rewrite_and_translate_statement = once
    executor.parse_script = interpreter.parse_script = lru_cache(maxsize=4)(parse_script)
    register = DuckDBEngine._register_builtin_udfs

    def registered(self: DuckDBEngine) -> None:
        register(self)
        self.connection.execute("SET threads = 1")

    DuckDBEngine._register_builtin_udfs = registered


def _masking(remembered: Any) -> Any:
    """A function of a text, which is remembered whatever run the text is of."""

    def called(sql: str, *rest: Any, **context: Any) -> Any:
        text, back = masked(sql)
        found = remembered(text, *rest, **context)
        return back(found) if isinstance(found, str) else found

    return called


def _rewriting(rewrite: Any) -> Any:
    """A statement is rewritten once for what the catalog says of its tables."""
    written: dict[tuple[str, str], str] = {}

    async def rewritten(sql: str, *, project_id: str, ctx: Any, **context: Any) -> str:
        if OF_A_MOMENT.search(sql):
            return await rewrite(sql, project_id=project_id, ctx=ctx, **context)
        text, back = masked(sql)
        key = (text, str(catalog_schema.build_catalog_schema(text, project_id=project_id, catalog=ctx.catalog)))
        if key not in written:
            written[key] = await rewrite(text, project_id=project_id, ctx=ctx, **context)
        return back(written[key])

    return rewritten


SQL_MENDS = (macros, division, counting, types_and_texts, text_of_jobs)
