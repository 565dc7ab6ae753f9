"""A script as the text of one multi-statement job: everything happens in its transaction, or nothing does.

    DECLARE script_verdict STRING DEFAULT 'accepted';
    BEGIN
        BEGIN TRANSACTION;
        MERGE INTO ops.writer ...;                one row: of two writers at once, BigQuery aborts one
        IF (a stop) THEN ROLLBACK TRANSACTION; SET script_verdict = ...;
        ELSE
            MERGE ...; DELETE ...;                the steps, each with its label, rows and seconds
            SET answer_x = (...);                 what is asked, as JSON
            IF (rows fail) THEN ROLLBACK TRANSACTION; SET script_verdict = 'rejected';
            ELSE INSERT the ledger's row; COMMIT TRANSACTION;
            END IF;
        END IF;
    EXCEPTION WHEN ERROR THEN
        ROLLBACK TRANSACTION; RAISE;
    END;
    IF script_verdict = 'rejected' AND (it is not recorded) THEN INSERT the attempt into the ledger;
    END IF;                                   outside: there is nothing to roll back, and a job that fails is repeated
    SELECT script_verdict, script_steps, answer_x, ...;

DECLARE stands at the top, because a variable of an inner block is invisible to EXCEPTION. Variables are named so that
no column can shadow them. Documentation: "Procedural language", "Multi-statement transactions", "System variables".
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING

from fees_etl.engines.bigquery.jobs import label
from fees_etl.engines.bigquery.values import as_json
from fees_etl.project.template import literal
from fees_etl.script import Ask, Record, Script, Step, Stop, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fees_etl.script import Part


_TAB = "    "


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the text of a job depends on besides its script.

    ``columns`` names the columns that a query yields, ``suffixed`` puts a statement on the target's datasets.
    """

    columns: Callable[[str], Sequence[str]]
    suffixed: Callable[[str], str]


def variable(ask: str) -> str:
    """The script variable that holds an answer."""
    return f"answer_{ask}"


def question(asks: Sequence[Ask], dialect: Dialect) -> str:
    """One query that answers them all in one row, a column each."""
    answers = [f"(\n{_answer(ask, dialect)}\n) AS {variable(ask.name)}" for ask in asks]
    return "SELECT\n" + indent(",\n".join(answers), _TAB)


def job(script: Script, parts: Sequence[Part], dialect: Dialect, identity: str) -> str:
    """The text of the job ``identity`` that executes ``parts``, which are the script's without its files."""
    asks = [part for part in parts if isinstance(part, Ask)]
    writer = _Writer(script, asks, dialect)
    body = "BEGIN TRANSACTION;\n" + writer.body(parts, identity)
    lines = [
        "DECLARE script_verdict STRING DEFAULT 'accepted';",
        "DECLARE script_steps STRING DEFAULT '';",
        "DECLARE script_rows INT64;",
        "DECLARE script_bytes INT64;",
        "DECLARE script_began TIMESTAMP;",
        *(f"DECLARE {variable(ask.name)} STRING;" for ask in asks),
        "BEGIN",
        indent(body, _TAB),
        "EXCEPTION WHEN ERROR THEN",
        indent("ROLLBACK TRANSACTION;\nRAISE;", _TAB),
        "END;",
        *writer.rejected(),
        f"SELECT {', '.join(['script_verdict', 'script_steps', *(variable(ask.name) for ask in asks)])};",
    ]
    return "\n".join(lines)


def _answer(ask: Ask, dialect: Dialect) -> str:
    return as_json(dialect.suffixed(ask.sql), dialect.columns(ask.sql))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the statements of one script."""

    script: Script
    asks: Sequence[Ask]
    dialect: Dialect

    def body(self, parts: Sequence[Part], identity: str) -> str:
        """The transaction; the first statement of every writer changes the one row that two at once conflict on."""
        lock = _LOCK.format(job_id=literal(identity), run_id=literal(self.script.run_id))
        return f"{self._statement(lock)}\n{self._block(parts)}"

    def rejected(self) -> list[str]:
        """What follows the transaction where assertions failed in it."""
        if self.script.rejected is None or not self.script.keep:
            return []
        record = self.script.rejected
        known = f"SELECT COUNT(*) = 0 FROM {record.table} WHERE run_id = {literal(self.script.run_id)}"  # noqa: S608 - a literal
        condition = f"script_verdict = 'rejected' AND (\n{indent(self.dialect.suffixed(known), _TAB)}\n)"
        return [f"IF {condition} THEN\n{indent(self._record(record), _TAB)}\nEND IF;"]

    def _block(self, parts: Sequence[Part]) -> str:
        """These parts and the end; what follows a stop is its ELSE."""
        for at, part in enumerate(parts):
            if isinstance(part, Stop):
                before = [self._part(one) for one in parts[:at]]
                return "\n".join([*before, self._stop(part, self._block(parts[at + 1 :]))])
        return "\n".join([*(self._part(part) for part in parts), self._end()])

    def _part(self, part: Part) -> str:
        match part:
            case Write(sql):
                return self._statement(sql)
            case Ask():
                return self._labelled(part.name, self._ask(part))
            case Step():
                return self._labelled(part.name, self._fill(part))
            case _:
                raise AssertionError(f"{type(part).__name__} has no place inside of a job")

    def _fill(self, part: Step) -> str:
        lines = ["SET script_began = CURRENT_TIMESTAMP();", "SET script_rows = 0;"]
        for at, sql in enumerate(part.statements):
            lines.append(self._statement(sql))
            if at >= (part.kind == "rebuild"):  # which first deletes
                lines.append("SET script_rows = script_rows + @@row_count;")
        lines += [self._statement(sql) for sql in part.books]
        return "\n".join([*lines, _STEP.format(name=part.name)])

    def _stop(self, stop: Stop, otherwise: str) -> str:
        condition = indent(self.dialect.suffixed(stop.sql), _TAB)
        ending = f"ROLLBACK TRANSACTION;\nSET script_verdict = {literal(stop.verdict)};"
        return f"IF (\n{condition}\n) THEN\n{indent(ending, _TAB)}\nELSE\n{indent(otherwise, _TAB)}\nEND IF;"

    def _ask(self, ask: Ask) -> str:
        return f"SET {variable(ask.name)} = (\n{_answer(ask, self.dialect)}\n);"

    def _end(self) -> str:
        fatal = [variable(ask.name) for ask in self.asks if ask.severity == "error"]
        if not fatal:
            return self._accepted()
        failing = "\n    OR ".join(f"COALESCE(CAST(JSON_VALUE({name}, '$[0][0]') AS INT64), 0) > 0" for name in fatal)
        rejected = indent("ROLLBACK TRANSACTION;\nSET script_verdict = 'rejected';", _TAB)
        return f"IF {failing} THEN\n{rejected}\nELSE\n{indent(self._accepted(), _TAB)}\nEND IF;"

    def _accepted(self) -> str:
        if not self.script.keep:
            return "ROLLBACK TRANSACTION;"
        written = [self._record(self.script.accepted)] if self.script.accepted else []
        return "\n".join([*written, "COMMIT TRANSACTION;"])

    def _record(self, record: Record) -> str:
        """The record; what was never asked, as in the one of a failure, is NULL."""
        asked = {ask.name for ask in self.asks}
        cells = ["CONCAT('[', script_steps, ']') AS steps", "CURRENT_TIMESTAMP() AS finished_at"]
        cells += ["script_bytes AS bytes_processed"]
        cells += [
            f"{name if ask in asked else 'CAST(NULL AS STRING)'} AS {name}"
            for ask in record.answers
            for name in [variable(ask)]
        ]
        written = self._statement(record.of("SELECT\n" + indent(",\n".join(cells), _TAB * 2)))
        return f"SET script_bytes = @@script.bytes_processed;\n{written}"

    def _statement(self, sql: str) -> str:
        return f"{self.dialect.suffixed(sql)}\n;"

    def _labelled(self, step: str, text: str) -> str:
        return f"SET @@query_label = 'step:{label(step)}';\n{text}"


_LOCK = """\
MERGE INTO ops.writer AS writer
USING (
    SELECT
        {job_id} AS job_id,
        {run_id} AS run_id,
        CURRENT_TIMESTAMP() AS began_at
) AS now
ON TRUE
WHEN MATCHED THEN
    UPDATE SET job_id = now.job_id, run_id = now.run_id, began_at = now.began_at
WHEN NOT MATCHED THEN
    INSERT (job_id, run_id, began_at)
    VALUES (now.job_id, now.run_id, now.began_at)"""

_STEP = """\
SET script_steps = CONCAT(
    script_steps, IF(script_steps = '', '', ', '),
    '{{"name": "{name}", "rows": ', COALESCE(CAST(script_rows AS STRING), 'null'),
    ', "seconds": ',
    CAST(CAST(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), script_began, MILLISECOND) AS NUMERIC) / 1000 AS STRING), '}}'
);"""
