"""A script as the text of one multi-statement job: everything happens in its transaction, or nothing does.

    DECLARE script_verdict STRING DEFAULT 'accepted';
    BEGIN
        BEGIN TRANSACTION;
        MERGE INTO ops.writer ...;                one row: of two writers at once, BigQuery aborts one
        IF (a stop) THEN ROLLBACK TRANSACTION; SET script_verdict = ...;
        ELSE
            MERGE ...; DELETE ...;                the steps, each with its label, rows and seconds
            SET answer_x = (...);                 what is asked, as JSON; failing assertions are noted
            IF script_failures != '' THEN ROLLBACK TRANSACTION; SET script_verdict = 'rejected';
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

from fees_etl.engines.bigquery.cells import CHANGES, CHECKS, FAILURES, compared, expression, judged, variable
from fees_etl.engines.bigquery.jobs import label
from fees_etl.engines.bigquery.values import as_json
from fees_etl.project.template import literal
from fees_etl.script import Ask, Changes, Fill, Record, Script, Stop, Verdicts, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fees_etl.script import Part
    from fees_etl.types import Table


_TAB = "    "


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the text of a job depends on besides its script.

    ``columns`` names the columns that a query yields, ``types`` are those of each table, ``suffixed`` puts a statement
    on the target's datasets.
    """

    columns: Callable[[str], Sequence[str]]
    types: Mapping[Table, Mapping[str, str]]
    suffixed: Callable[[str], str]


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
        *(f"DECLARE {name} STRING DEFAULT '';" for name in (CHECKS, FAILURES, CHANGES)),
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
            case Fill():
                return self._labelled(part.name, self._fill(part))
            case _:
                raise AssertionError(f"{type(part).__name__} has no place inside of a job")

    def _fill(self, part: Fill) -> str:
        lines = ["SET script_began = CURRENT_TIMESTAMP();", "SET script_rows = 0;"]
        for at, sql in enumerate(part.statements):
            lines.append(self._statement(sql))
            if at >= part.clears:
                lines.append("SET script_rows = script_rows + @@row_count;")
        lines += [self._statement(sql) for sql in part.books]
        return "\n".join([*lines, _STEP.format(name=part.name)])

    def _stop(self, stop: Stop, otherwise: str) -> str:
        condition = indent(self.dialect.suffixed(stop.sql), _TAB)
        ending = f"ROLLBACK TRANSACTION;\nSET script_verdict = {literal(stop.verdict)};"
        return f"IF (\n{condition}\n) THEN\n{indent(ending, _TAB)}\nELSE\n{indent(otherwise, _TAB)}\nEND IF;"

    def _ask(self, ask: Ask) -> str:
        lines = [f"SET {variable(ask.name)} = (\n{_answer(ask, self.dialect)}\n);"]
        cells = self.script.accepted.cells.values() if self.script.accepted else ()
        verdicts = [one for cell in cells if isinstance(cell, Verdicts) for one in cell.verdicts]
        return "\n".join(lines + [judged(one, self._columns(ask.name)) for one in verdicts if one.ask == ask.name])

    def _end(self) -> str:
        if not any(ask.fatal for ask in self.asks):
            return self._accepted()
        rejected = indent("ROLLBACK TRANSACTION;\nSET script_verdict = 'rejected';", _TAB)
        return f"IF {FAILURES} != '' THEN\n{rejected}\nELSE\n{indent(self._accepted(), _TAB)}\nEND IF;"

    def _accepted(self) -> str:
        if not self.script.keep:
            return "ROLLBACK TRANSACTION;"
        written = [self._record(self.script.accepted)] if self.script.accepted else []
        return "\n".join([*written, "COMMIT TRANSACTION;"])

    def _record(self, record: Record) -> str:
        kinds = self.dialect.types[record.table]
        cells = [f"{expression(cell, kinds[name], self._columns)} AS {name}" for name, cell in record.cells.items()]
        listed = indent(",\n".join(cells), _TAB)
        found = [compared(cell) for cell in record.cells.values() if isinstance(cell, Changes) and cell.before]
        insert = self._statement(f"INSERT INTO {record.table} ({', '.join(record.cells)})\nSELECT\n{listed}")
        return "\n".join([*found, "SET script_bytes = @@script.bytes_processed;", insert])

    def _columns(self, ask: str) -> Sequence[str]:
        return self.dialect.columns(next(one.sql for one in self.asks if one.name == ask))

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
