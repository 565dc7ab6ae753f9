"""SQL text -> Query: one statement, the tables it reads and the tables it writes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import TokenType

from fees_etl.errors import ProjectError
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from sqlglot.tokenizer_core import Token


Lines: TypeAlias = "Callable[[int], int] | int"

BIGQUERY = BigQuery()
logging.getLogger("sqlglot").setLevel(logging.ERROR)  # what it warns about is refused here
_WRITERS = (exp.Insert, exp.Merge, exp.Delete, exp.Update, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)


@dataclass(frozen=True, slots=True)
class Query:
    """One parsed GoogleSQL statement. ``tree`` is shared: read it, never change it.

    ``line`` maps a line of ``sql`` to the line of the file it was rendered from.
    """

    sql: str
    path: Path | str
    reads: frozenset[Table]
    writes: frozenset[Table]
    tree: Any = field(repr=False, compare=False)
    line: Lines = field(default=0, repr=False, compare=False)

    def too_deep(self) -> ProjectError:
        """The error for what would overflow the stack."""
        return self.wrong("nested too deeply")

    def wrong(self, message: str, node: Any = None, hint: str = "") -> ProjectError:
        """The error to raise: it begins with the file and the line of ``node``."""
        line = _line_of(node)
        return ProjectError(message, path=self.path, line=line and _placed(line, self.line), hint=hint)


def parse(sql: str, path: Path | str, line: Lines = 0) -> Query:
    """Parse one statement.

    >>> query = parse("WITH fees AS (SELECT * FROM raw.fees) SELECT COUNT(*) AS n FROM fees", "n.sql")
    >>> sorted(map(str, query.reads)), sorted(map(str, query.writes))
    (['raw.fees'], [])
    """
    tree = _tree(sql, path, line)
    written = target(tree)
    reads: set[Table] = set()
    writes: set[Table] = set()
    for table in tree.walk():
        if table.__class__ is exp.Table and is_stored(table):
            if (name := _named(table)) is None:
                draft = Query(sql, path, frozenset(), frozenset(), tree, line)
                shown = table.sql(dialect=BIGQUERY, comments=False).split(" AS ")[0]
                raise draft.wrong(f"table {shown} must be written dataset.name", table)
            (writes if written and any(table is one for one in written) else reads).add(name)
    return Query(sql, path, frozenset(reads), frozenset(writes), tree, line)


def with_suffix(sql: str, suffix: str, datasets: Collection[str] | None = None) -> str:
    """The same text, with a suffix on every dataset (or on ``datasets`` only); names of CTEs and aliases stay.

    >>> with_suffix("SELECT raw.fee_id FROM raw.fees AS raw -- of `raw`", "_ci")
    'SELECT raw.fee_id FROM raw_ci.fees AS raw -- of `raw`'
    """
    if not suffix:
        return sql
    places = {
        dataset.meta["start"]: dataset.this
        for dataset in dataset_nodes(parse(sql, "query").tree)
        if datasets is None or dataset.this in datasets
    }
    for start in sorted(places, reverse=True):
        at = sql.index(places[start], start) + len(places[start])
        sql = f"{sql[:at]}{suffix}{sql[at:]}"
    return sql


def dataset_nodes(tree: exp.Expr) -> list[exp.Identifier]:
    """Every dataset that a statement names, as nodes."""
    return [table.args["db"] for table in tree.find_all(exp.Table) if table.args.get("db")]


def target(tree: exp.Expr) -> tuple[exp.Table, ...]:
    """The tables a statement writes, as nodes; none for a query."""
    if not isinstance(tree, _WRITERS):
        return ()
    found = tree.expressions if isinstance(tree, exp.TruncateTable) else [tree.this, *(tree.args.get("tables") or ())]
    tables = (node.this if isinstance(node, exp.Schema) else node for node in found if node)
    return tuple(table for table in tables if isinstance(table, exp.Table) and table.args.get("this"))


def visible(node: exp.Expr) -> Iterator[exp.CTE]:
    """The CTEs that ``node`` can name, nearest first; a CTE sees those before it, and itself only if recursive."""
    child: exp.Expr | None = node
    parent = node.parent
    while child is not None and parent is not None:
        if isinstance(parent, exp.With):
            siblings = parent.expressions
            known = siblings if parent.recursive else siblings[: _place(child, siblings)]
            yield from reversed(known)
            parent = parent.parent
        elif with_ := parent.args.get("with_"):
            yield from with_.expressions
        child, parent = parent, parent and parent.parent


def _place(child: exp.Expr, siblings: list[exp.Expr]) -> int:
    """``list.index`` compares whole trees."""
    return next(at for at, other in enumerate(siblings) if other is child)


def _tree(sql: str, path: Path | str, line: Lines) -> exp.Expr:
    """The one statement in ``sql``."""

    def wrong(message: str, at: int | None) -> ProjectError:
        return ProjectError(message, path=path, line=at and _placed(at, line))

    try:
        tokens = BIGQUERY.tokenize(sql)
        trees = BIGQUERY.parser().parse(tokens, sql)
    except ParseError as error:
        raise wrong(_sentence(error), error.errors[0]["line"] if error.errors else None) from None
    except RecursionError:
        raise wrong("nested too deeply", None) from None
    except TokenError:
        raise wrong("unclosed quote or comment", _unclosed_line(sql)) from None
    if misread := _misread(tokens, sql):
        raise wrong(*misread)
    trees = [tree for tree in trees if tree is not None]
    if len(trees) != 1:
        raise wrong(f"expected one statement, found {len(trees)}", None)
    if not isinstance(trees[0], (exp.Query, *_WRITERS)):
        raise wrong(f"not a statement that fees-etl runs: {sql.strip()[:40]!r}", None)
    return trees[0]


def _unclosed_line(sql: str) -> int:
    """The first line after the longest beginning of the text that can be read."""
    lines = sql.split("\n")
    return next(count for count in range(len(lines) - 1, -1, -1) if _is_readable("\n".join(lines[:count]))) + 1


def _is_readable(sql: str) -> bool:
    try:
        BIGQUERY.tokenize(sql)
    except TokenError:
        return False
    return True


def _misread(tokens: list[Token], sql: str) -> tuple[str, int] | None:
    """What sqlglot reads and BigQuery refuses: ``f(a,, b,)`` is not ``f(a, b)``, and 'a line break' ends a quote."""
    comma, closing, text = TokenType.COMMA, (TokenType.COMMA, TokenType.R_PAREN), TokenType.STRING
    before = None
    for token in tokens:
        kind = token.token_type
        if before == comma and kind in closing:
            return "syntax error: a comma with nothing after it", token.line
        if kind == text and "\n" in token.text and _is_broken(sql[token.start : token.end + 1]):
            return "unclosed quote: a text of several lines takes three quotes", token.line - token.text.count("\n")
        before = kind
    return None


def _is_broken(written: str) -> bool:
    return "\n" in written and written[:3] not in {"'''", '"""'}


def _sentence(error: ParseError) -> str:
    found = error.errors[0] if error.errors else {}
    near = (found.get("highlight") or "").strip()
    what = (found.get("description") or str(error)).partition(" but got <Token")[0].partition(" for <class")[0]
    return f"syntax error: {what}" + (f" near {near!r}" if near else "")


def _placed(line: int, lines: Lines) -> int:
    return line + lines if isinstance(lines, int) else lines(line)


def _line_of(node: Any) -> int | None:
    """The line of the first token below ``node`` that knows its place."""
    if node is None:
        return None
    return next((part.meta["line"] for part in node.walk() if "line" in part.meta), None)


def is_stored(table: exp.Table) -> bool:
    """Whether a name in FROM is a table, not a CTE; a bare dataset (CREATE SCHEMA) is neither."""
    if table.args.get("db"):
        return bool(table.args.get("this"))
    name = table.name.lower()
    return all(cte.alias.lower() != name for cte in visible(table))


def _named(table: exp.Table) -> Table | None:
    """``dataset.name`` of a node; the project belongs to the target, never to SQL."""
    args = table.args
    name, dataset = args["this"], args.get("db")
    if not (name.__class__ is dataset.__class__ is exp.Identifier) or args.get("catalog"):
        return None
    return Table(dataset.args["this"], name.args["this"])
