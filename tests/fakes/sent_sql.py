"""Which tables the SQL that is sent reads and writes: by sqlglot's parser, not by the project's own.

    touched("BEGIN TRANSACTION; INSERT INTO a.b SELECT c FROM d.e; ...")
    [Touched("insert", "a.b", {"d.e"}, {"c"})]

A script is taken apart at its semicolons and control words. What is neither known nor parsed is an error, so that no
statement is overlooked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlglot
from sqlglot import exp, tokens

WRITES = {exp.Insert: "insert", exp.Delete: "delete", exp.Merge: "merge", exp.Update: "update"}
SILENT = ("DECLARE", "ROLLBACK TRANSACTION", "COMMIT TRANSACTION", "RAISE", "SET @@QUERY_LABEL")
"""How statements begin that touch no table."""
BLOCKS = ("BEGIN TRANSACTION", "BEGIN", "ELSE", "END IF", "END", "EXCEPTION WHEN ERROR THEN")
COLUMNS = "INFORMATION_SCHEMA.COLUMNS"


@dataclass(frozen=True)
class Touched:
    """A statement; ``columns`` are names that it reads, of whichever table, "*" for all of them."""

    kind: str
    target: str | None
    reads: frozenset[str]
    columns: frozenset[str]
    described: frozenset[str] = frozenset()
    """The datasets whose INFORMATION_SCHEMA it reads."""


def touched(sql):
    """Every statement of a query or a script that touches a table."""
    return [found for text in statements(sql) if (found := _touched(text)).reads or found.target or found.described]


def statements(script):
    """The queries and statements of a script, its conditions and assignments as queries."""
    for piece in _pieces(script):
        rest = piece
        while rest:
            head, rest = _split(rest)
            if head:
                yield head


def _pieces(script):
    start = 0
    for token in sqlglot.tokenize(script, read="bigquery"):
        if token.token_type == tokens.TokenType.SEMICOLON:
            yield script[start : token.start].strip()
            start = token.end + 1
    yield script[start:].strip()


def _split(text):
    """The first statement of a piece, "" where it is a control word, and what follows it."""
    upper = " ".join(text[:40].upper().split())
    for words in BLOCKS:
        if re.match(rf"{words}\b(?!\s*\()", upper):
            return "", " ".join(text.split(maxsplit=len(words.split()))[len(words.split()) :])
    if re.match(r"IF\b", upper):
        then = _then(text)
        return f"SELECT {text[2:then]}", text[then + 4 :].strip()
    if upper.startswith(SILENT):
        return "", ""
    if assigned := re.match(r"SET\s+\w+\s*=", text, re.IGNORECASE):
        return f"SELECT {text[assigned.end() :]}", ""
    return text, ""


def _then(text):
    """Where the THEN of an IF is, outside of brackets."""
    depth = 0
    for token in sqlglot.tokenize(text, read="bigquery"):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if not depth and token.text.upper() == "THEN":
            return token.start
    raise AssertionError(f"an IF without THEN: {text[:80]}")


def _touched(text):
    tree = sqlglot.parse_one(text, dialect="bigquery")
    if isinstance(tree, exp.TruncateTable):
        (target,) = tree.expressions
        return Touched("truncate", _name(target), frozenset(), frozenset())
    kind = next((kind for node, kind in WRITES.items() if isinstance(tree, node)), None)
    if isinstance(tree, exp.Create) and tree.find(exp.TemporaryProperty):
        tree = tree.expression  # what it keeps, nobody else sees
    if isinstance(tree, exp.Drop) and {table.db for table in tree.find_all(exp.Table)} == {""}:
        return Touched("drop", None, frozenset(), frozenset())
    if kind is None and not isinstance(tree, exp.Query):
        raise AssertionError(f"what does this do? {text[:80]}")
    written = tree.this.find(exp.Table) if kind else None
    others = [one for one in tree.find_all(exp.Table) if one is not written and one.db]
    columns = {column.name for column in tree.find_all(exp.Column)} | ({"*"} if _takes_all(tree) else set())
    return Touched(
        kind or "select",
        _name(written) if written else None,
        frozenset(_name(table) for table in others if not _is_view(table)),
        frozenset(columns),
        frozenset(_dataset(table) for table in others if _is_view(table)),
    )


def _takes_all(tree):
    return any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star))


def _name(table):
    return f"{table.db}.{table.name}"


def _is_view(table):
    return COLUMNS in table.sql(dialect="bigquery").replace("`", "").upper()


def _dataset(table):
    return table.sql(dialect="bigquery").replace("`", "").partition(".")[0]
