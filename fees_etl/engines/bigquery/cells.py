"""The cells of a record as GoogleSQL over the variables of the script that writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fees_etl.project.template import literal
from fees_etl.script import FAILING, WAIVED, Bytes, Changes, Failures, Found, Now, Steps, Verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fees_etl.script import Cell, Verdict


CHECKS, FAILURES, CHANGES = "script_checks", "script_failures", "script_changes"
"""Variables that a record is written from: verdicts and changes as the inside of JSON lists, failures as words."""


def variable(ask: str) -> str:
    """The script variable that holds an answer."""
    return f"answer_{ask}"


def counted(ask: str, column: str, columns: Sequence[str]) -> str:
    """An INT64 that is the same in each row of an answer; 0 when there is no row.

    >>> counted("x", "n", ["a", "n"])
    "COALESCE(CAST(JSON_VALUE(answer_x, '$[0][1]') AS INT64), 0)"
    """
    return f"COALESCE(CAST({_at(ask, column, columns)} AS INT64), 0)"


def expression(cell: Cell, kind: str, columns: Callable[[str], Sequence[str]]) -> str:  # noqa: PLR0911 - one return a kind
    """A cell as an expression of the type its column has; ``columns`` names the columns of an answer."""
    match cell:
        case Found(ask, column):
            return f"CAST({_at(ask, column, columns(ask))} AS {kind})"
        case Steps():
            return "CONCAT('[', script_steps, ']')"
        case Changes(before):
            return f"CONCAT('[', {CHANGES}, ']')" if before else "'[]'"
        case Verdicts():
            return f"CONCAT('[', {CHECKS}, ']')"
        case Failures():
            return FAILURES
        case Bytes():
            return "script_bytes"
        case Now():
            return "CURRENT_TIMESTAMP()"
        case None:
            return f"CAST(NULL AS {kind})"
        case _:
            return literal(cell)


def judged(verdict: Verdict, columns: Sequence[str]) -> str:
    """After an assertion's answer: its verdict joins the list, and its name the failures if it is fatal and fails."""
    failing, waived = (counted(verdict.ask, column, columns) for column in (FAILING, WAIVED))
    notes = [
        f"IF({number} > 0, {literal(text)}, NULL)"
        for number, text in ((waived, verdict.used), (failing, verdict.ended))
        if text
    ]
    waivers = f"TO_JSON_STRING(ARRAY_TO_STRING([{', '.join(notes)}], '; '))" if notes else "'\"\"'"
    head = literal(f'{{"name": "{verdict.ask}", "severity": "{verdict.severity}", "failing": ')
    lines = [
        f"SET {CHECKS} = CONCAT(",
        f"    {CHECKS}, IF({CHECKS} = '', '', ', '),",
        f"    {head}, CAST({failing} AS STRING),",
        f"    ', \"waived\": ', CAST({waived} AS STRING),",
        f"    ', \"waivers\": ', {waivers}, '}}'",
        ");",
    ]
    if verdict.severity == "error":
        name = literal(verdict.ask)
        lines += [
            f"IF {failing} > 0 THEN",
            f"    SET {FAILURES} = CONCAT({FAILURES}, IF({FAILURES} = '', '', ', '), {name});",
            "END IF;",
        ]
    return "\n".join(lines)


def compared(cell: Changes) -> str:
    """Before the record: the dates that differ between two answers."""
    return f"SET {CHANGES} = {_CHANGES.format(was=_staged(cell.before), now=_staged(cell.after))};"


def _at(ask: str, column: str, columns: Sequence[str]) -> str:
    return f"JSON_VALUE({variable(ask)}, '$[0][{list(columns).index(column)}]')"


def _staged(ask: str) -> str:
    return _STAGED.format(answer=variable(ask))


_STAGED = """\
SELECT
    JSON_VALUE(line, '$[0]') AS fee_date,
    JSON_VALUE(line, '$[1]') AS row_count,
    JSON_VALUE(line, '$[2]') AS amount
FROM UNNEST(JSON_QUERY_ARRAY({answer})) AS line"""

_CHANGES = """\
(
SELECT
    COALESCE(STRING_AGG(
        CONCAT(
            '{{"fee_date": "', fee_date, '", "rows": [', rows_before, ', ', rows_after,
            '], "amount": ["', amount_before, '", "', amount_after, '"]}}'
        ), ', ' ORDER BY fee_date
    ), '')
FROM (
SELECT
    COALESCE(was.fee_date, now.fee_date) AS fee_date,
    COALESCE(was.row_count, '0') AS rows_before,
    COALESCE(now.row_count, '0') AS rows_after,
    COALESCE(was.amount, '0') AS amount_before,
    COALESCE(now.amount, '0') AS amount_after
FROM (
{was}
) AS was
FULL OUTER JOIN (
{now}
) AS now ON was.fee_date = now.fee_date
WHERE was.row_count IS DISTINCT FROM now.row_count OR was.amount IS DISTINCT FROM now.amount
)
)"""
