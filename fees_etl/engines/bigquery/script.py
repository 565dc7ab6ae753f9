"""A script as the text of one multi-statement job: everything happens in its transaction, or nothing does.

    DECLARE script_verdict STRING DEFAULT 'accepted';
    BEGIN
        BEGIN TRANSACTION;
        MERGE ...;                                the lock, one row: of two writers at once, BigQuery aborts one
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
    IF script_verdict = 'rejected' AND (it is not recorded) THEN
        BEGIN TRANSACTION; ... INSERT the attempt into the ledger; COMMIT TRANSACTION;
    END IF;                                   outside: what failed has been rolled back
    SELECT script_verdict, script_steps, answer_x, ...;

DECLARE stands at the top, because a variable of an inner block is invisible to EXCEPTION. Variables are named so that
no column can shadow them. Documentation: "Procedural language", "Multi-statement transactions", "System variables".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from textwrap import indent
from typing import TYPE_CHECKING, Any

from fees_etl.engines.bigquery.jobs import label
from fees_etl.project.template import literal
from fees_etl.script import Ask, Record, Rows, Script, Step, Stop, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fees_etl.script import Part

_TAB = "    "
_READERS: dict[str, Callable[[str], Any]] = {
    "STRING": str,
    "INT64": int,
    "NUMERIC": Decimal,
    "DATE": date.fromisoformat,
    "DATETIME": datetime.fromisoformat,
    "TIMESTAMP": lambda text: datetime.fromisoformat(text).astimezone(UTC),
    "BOOL": "true".__eq__,
}
"""How a cell that GoogleSQL cast to a text is read again, by its type."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the text of a job depends on besides its script.

    ``columns`` names the columns that a query yields, ``suffixed`` puts a statement on the target's datasets.
    """

    columns: Callable[[str], Iterable[str]]
    suffixed: Callable[[str], str]

    def answer(self, ask: Ask) -> str:
        """The query for all rows of an ask as one STRING, in no particular order; at most 1 MB fits a variable."""
        cells = ", ".join(f"CAST({column} AS STRING)" for column in self.columns(ask.sql))
        listed = f"CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([{cells}]), ','), ''), ']')"
        return f"SELECT {listed}\nFROM (\n{self.suffixed(ask.sql)}\n)"


def variable(ask: str) -> str:
    """The script variable that holds an answer."""
    return f"answer_{ask}"


def question(asks: Sequence[Ask], dialect: Dialect) -> str:
    """One query that answers them all in one row, a column each."""
    answers = [f"(\n{dialect.answer(ask)}\n) AS {variable(ask.name)}" for ask in asks]
    return "SELECT\n" + indent(",\n".join(answers), _TAB)


def job(script: Script, parts: Sequence[Part], dialect: Dialect, identity: str) -> str:
    """The text of the job ``identity`` that executes ``parts``, which are the script's without its files."""
    asks = [part for part in parts if isinstance(part, Ask)]
    writer = _Writer(script, asks, dialect)
    body = "\n".join(["BEGIN TRANSACTION;", writer.locked(identity), writer.block(parts)])
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
        *writer.rejected(f"{identity} (rejected)"),
        f"SELECT {', '.join(['script_verdict', 'script_steps', *(variable(ask.name) for ask in asks)])};",
    ]
    return "\n".join(lines)


def rows(text: str, types: Mapping[str, str]) -> Rows:
    """The rows of the text of an answer, by the names and GoogleSQL types of their columns.

    >>> rows('[["1.50","2025-01-31",null]]', {"pounds": "NUMERIC", "day": "DATE", "why": "STRING"}).rows
    ((Decimal('1.50'), datetime.date(2025, 1, 31), None),)
    """
    readers = [_READERS[kind] for kind in types.values()]
    return Rows(
        tuple(types),
        tuple(
            tuple(None if cell is None else read(cell) for read, cell in zip(readers, row, strict=True))
            for row in json.loads(text)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the statements of one script."""

    script: Script
    asks: Sequence[Ask]
    dialect: Dialect

    def block(self, parts: Sequence[Part]) -> str:
        """These parts and the end; what follows a stop is its ELSE."""
        lines: list[str] = []
        for at, part in enumerate(parts, 1):
            match part:
                case Stop(verdict, sql):
                    otherwise = indent(self.block(parts[at:]), _TAB)
                    condition = indent(self.dialect.suffixed(sql), _TAB)
                    return "\n".join(
                        [*lines, f"IF (\n{condition}\n) THEN\n{_rolled_back(verdict)}\nELSE\n{otherwise}\nEND IF;"]
                    )
                case Write(sql):
                    lines.append(self.statement(sql))
                case Ask(name):
                    lines += [_labelled(name), f"SET {variable(name)} = (\n{self.dialect.answer(part)}\n);"]
                case Step(name):
                    lines += [_labelled(name), *self._fill(part)]
                case _:
                    raise AssertionError(f"{type(part).__name__} has no place inside of a job")
        return "\n".join([*lines, self._end()])

    def locked(self, identity: str) -> str:
        """The first statement of a transaction."""
        return self.statement(self.script.lock[0].replace("@job", literal(identity), 1))

    def rejected(self, identity: str) -> list[str]:
        """What follows the transaction where assertions failed in it: another one, since each record seals the last."""
        if self.script.rejected is None or not self.script.keep:
            return []
        record = self.script.rejected
        known = f"SELECT COUNT(*) = 0 FROM {record.table} WHERE run_id = {literal(self.script.run_id)}"  # noqa: S608 - a literal
        condition = f"script_verdict = 'rejected' AND (\n{indent(self.dialect.suffixed(known), _TAB)}\n)"
        lines = ["BEGIN TRANSACTION;", self.locked(identity), self._record(record), "COMMIT TRANSACTION;"]
        return [f"IF {condition} THEN\n{indent(chr(10).join(lines), _TAB)}\nEND IF;"]

    def statement(self, sql: str) -> str:
        """It, on the target's datasets."""
        return f"{self.dialect.suffixed(sql)}\n;"

    def _fill(self, step: Step) -> list[str]:
        lines = ["SET script_began = CURRENT_TIMESTAMP();", "SET script_rows = 0;"]
        for sql in step.statements:
            lines.append(self.statement(sql))
            if step.counts(sql):
                lines.append("SET script_rows = script_rows + @@row_count;")
        return [*lines, *map(self.statement, step.books), _STEP.format(name=step.name)]

    def _end(self) -> str:
        accepted = "ROLLBACK TRANSACTION;"
        if self.script.keep:
            written = [self._record(self.script.accepted)] if self.script.accepted else []
            accepted = "\n".join([*written, "COMMIT TRANSACTION;"])
        fatal = [variable(ask.name) for ask in self.asks if ask.severity == "error"]
        if not fatal:
            return accepted
        failing = "\n    OR ".join(f"COALESCE(CAST(JSON_VALUE({name}, '$[0][0]') AS INT64), 0) > 0" for name in fatal)
        return f"IF {failing} THEN\n{_rolled_back('rejected')}\nELSE\n{indent(accepted, _TAB)}\nEND IF;"

    def _record(self, record: Record) -> str:
        """The record; what was never asked, as in the one of a failure, is NULL."""
        asked = {ask.name for ask in self.asks}
        cells = ["CONCAT('[', script_steps, ']') AS steps", "CURRENT_TIMESTAMP() AS finished_at"]
        cells += ["script_bytes AS bytes_processed"]
        for ask in record.answers:
            cells.append(f"{variable(ask) if ask in asked else 'CAST(NULL AS STRING)'} AS {variable(ask)}")
        written = self.statement(record.of("SELECT\n" + indent(",\n".join(cells), _TAB * 2)))
        then = f"\n{self.statement(record.then)}" if record.then else ""
        return f"SET script_bytes = @@script.bytes_processed;\n{written}{then}"


def _labelled(step: str) -> str:
    return f"SET @@query_label = 'step:{label(step)}';"


def _rolled_back(verdict: str) -> str:
    return indent(f"ROLLBACK TRANSACTION;\nSET script_verdict = {literal(verdict)};", _TAB)


_STEP = """\
SET script_steps = CONCAT(
    script_steps, IF(script_steps = '', '', ', '),
    '{{"name": "{name}", "rows": ', COALESCE(CAST(script_rows AS STRING), 'null'),
    ', "seconds": ',
    CAST(CAST(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), script_began, MILLISECOND) AS NUMERIC) / 1000 AS STRING), '}}'
);"""
