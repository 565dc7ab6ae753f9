"""What bqemulator 1.4.0 does otherwise than BigQuery with a multi-statement script, mended: see mends.py."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from bqemulator.api.routes import jobs
from bqemulator.domain.errors import DomainError, InvalidQueryError
from bqemulator.jobs import executor
from bqemulator.scripting import interpreter
from bqemulator.scripting.exceptions import ScriptRaise
from bqemulator.scripting.interpreter import ScriptInterpreter, ScriptResult
from bqemulator.storage.engine import DuckDBEngine
from sqlglot import exp

if TYPE_CHECKING:
    from bqemulator.scripting.ast import BeginStmt, RaiseStmt

SYSTEM = re.compile(r"@@([a-z_]+(?:\.[a-z_]+)*)", re.IGNORECASE)
VARIABLES = (
    ("row_count", "INT64", None),
    ("query_label", "STRING", None),
    ("script.bytes_processed", "INT64", 0),
    ("script.bytes_billed", "INT64", 0),
    ("script.slot_ms", "INT64", 0),
)
TRANSACTION = re.compile(r"\s*(BEGIN|START|COMMIT|ROLLBACK)(\s+TRANSACTION)?\s*;?\s*$", re.IGNORECASE)


def handlers() -> None:
    """In an exception handler the transaction is still open: it commits or rolls back (BigQuery, transactions).

    The emulator forgets what to roll back to before the handler begins.
    """

    ScriptInterpreter.handled = None

    async def begin(self: Any, block: BeginStmt) -> None:
        try:
            await self._run_block(block.body, frame_kind="block")
        except (ScriptRaise, DomainError) as error:
            if block.exception_handler is None:
                raise
            outer, self.handled = self.handled, error
            self._frames.push(kind="block")
            self._frames.declare(_plain("error.message"), "STRING", error.message)
            try:
                await self._run_block(block.exception_handler, frame_kind="block")
            finally:
                self._frames.pop()
                self.handled = outer

    ScriptInterpreter._exec_begin = begin


def raising() -> None:
    """RAISE alone raises again the error that is being handled (GoogleSQL, procedural language).

    The emulator forgets its text.
    """
    raises = ScriptInterpreter._exec_raise

    async def raised(self: Any, statement: RaiseStmt) -> None:
        if statement.message_expr is None and self.handled:
            raise self.handled
        await raises(self, statement)

    ScriptInterpreter._exec_raise = raised


def endings() -> None:
    """What is not committed when a script ends is rolled back, and an error fails the job (BigQuery, transactions).

    The emulator commits at the end, and answers 500 to a RAISE, after which the client sends the script again.
    """

    async def run(self: Any, source: str) -> ScriptResult:
        for name, kind, value in VARIABLES:
            self._frames.declare(_plain(name), kind, value)
        try:
            for statement in interpreter.parse_script(source).statements:
                await self._exec_statement(statement)
        except ScriptRaise as raised:
            raise raised.error from raised
        finally:
            await self._restore_txn_snapshots()
            if self._temp_routines is not None:
                self._temp_routines.cleanup()
        return ScriptResult(final_table=self._final_table, statements_executed=self._statements_executed)

    ScriptInterpreter.run = run


def system_variables() -> None:
    """@@query_label can be set, @@row_count, @@error.message and @@script.* can be read (GoogleSQL, system variables).

    The emulator cannot parse them: here they are variables of the script.
    """
    execute = jobs.execute_query_job

    async def executed(project: str, job: str, sql: str, *rest: Any, **context: Any) -> Any:
        return await execute(project, job, SYSTEM.sub(lambda found: _plain(found[1]), sql), *rest, **context)

    jobs.execute_query_job = executed


def _plain(variable: str) -> str:
    """A system variable by a name the emulator can parse."""
    return f"__{variable.lower().replace('.', '_')}__"


def variables() -> None:
    """A variable is a value of its declared type (GoogleSQL, procedural language, DECLARE).

    The emulator binds parameters, and reads DuckDB's `$1 = '' AND $2` as a text between dollars.
    """
    bound = interpreter._build_scalar_placeholder

    def spelt(value: Any, kind: str | None, parameters: list[Any]) -> exp.Expression:
        if isinstance(value, list | dict | bytes) or kind in (None, "ANY"):
            return bound(value, kind, parameters)
        if isinstance(value, str) and kind.upper() == "STRING":
            return exp.Literal.string(value)
        text = exp.Null() if value is None else exp.Literal.string(str(value))
        return exp.Cast(this=text, to=exp.DataType.build(kind, dialect="bigquery"))

    interpreter._build_scalar_placeholder = spelt


def lone_transactions() -> None:
    """A transaction lives in one script (BigQuery, transactions); a lone BEGIN would hold every client in it."""
    fetch = DuckDBEngine.fetch_arrow

    def fetched(self: DuckDBEngine, sql: str, parameters: list[Any] | None = None) -> Any:
        if TRANSACTION.match(sql):
            raise InvalidQueryError("Transaction control statements are supported only in scripts or sessions")
        return fetch(self, sql, parameters)

    DuckDBEngine.fetch_arrow = fetched


def row_counts_and_children() -> None:
    """@@row_count is what the last DML statement changed (GoogleSQL, system variables).

    Each statement of a script is a child job with statistics of its own, and so is an expression that reads a table
    (BigQuery, multi-statement queries): the proxy makes jobs of what is noted here.
    """
    query, statement, execute = ScriptInterpreter._run_query, ScriptInterpreter._exec_sql, jobs.execute_query_job
    noted: list[dict[str, Any]] = []

    async def counted(self: Any, sql: str) -> Any:
        began = time.time()
        table = await query(self, sql)
        is_dml = bool(interpreter._dml_targets(sql, self._project_id))
        if is_dml:
            self._frames.set(_plain("row_count"), table.column(0)[0].as_py())
        if self.in_statement or re.search(r"\bFROM\b", sql):
            noted.append(_child(self, sql, began, table.column(0)[0].as_py() if is_dml else None))
        return table

    async def executed(self: Any, sql: str) -> None:
        self.in_statement = True
        try:
            await statement(self, sql)
        finally:
            self.in_statement = False

    async def with_children(*arguments: Any, **context: Any) -> Any:
        noted.clear()
        job = await execute(*arguments, **context)
        if "scriptStatistics" in job.statistics:
            job.statistics["scriptStatistics"]["children"] = list(noted)
        return job

    ScriptInterpreter.in_statement = False
    ScriptInterpreter._run_query, ScriptInterpreter._exec_sql = counted, executed
    jobs.execute_query_job = with_children


def _child(script: Any, sql: str, began: float, rows: int | None) -> dict[str, Any]:
    moments = {"creationTime": began, "startTime": began, "endTime": time.time()}
    statistics: dict[str, Any] = {name: str(int(moment * 1000)) for name, moment in moments.items()}
    statistics["query"] = {"statementType": executor.classify_statement_type(sql)}
    if rows is not None:
        statistics["query"]["numDmlAffectedRows"] = str(rows)
    kind = "STATEMENT" if script.in_statement else "EXPRESSION"
    statistics["scriptStatistics"] = {"evaluationKind": kind}
    return {"query": sql, "label": script._frames.lookup(_plain("query_label")), "statistics": statistics}


SCRIPT_MENDS = (handlers, raising, endings, system_variables, variables, lone_transactions, row_counts_and_children)
