"""SQL text -> Query: one statement, the tables it reads and the tables it writes."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import TokenType

from fees_etl.errors import ProjectError
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from sqlglot.tokenizer_core import Token


Lines: TypeAlias = "Callable[[int], int] | int"

TOO_DEEP = "nested too deeply"
INCOMPLETE = "syntax error: a function has not the arguments that it needs"
BIGQUERY = BigQuery()
logging.getLogger("sqlglot").setLevel(logging.ERROR)  # what it warns about is refused here
SESSION = "_SESSION"
"""The dataset of temporary tables until a statement is sent: BigQuery knows them by their bare names, too."""
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

    def wrong(self, message: str, node: exp.Expr | None = None, at: int | None = None) -> ProjectError:
        """The error to raise: it begins with the file, and the line of ``node`` or of the line ``at`` of ``sql``."""
        if node is not None:
            at = line_of(node)
        line = at and (at + self.line if isinstance(self.line, int) else self.line(at))
        return ProjectError(message, path=self.path, line=line)


def line_of(node: exp.Expr) -> int | None:
    """The line of the first token below a node that knows its place."""
    return next((part.meta["line"] for part in node.walk() if "line" in part.meta), None)


CONFUSED = (ArithmeticError, AttributeError, LookupError, StopIteration, TypeError, ValueError)
"""What comes of arguments that a function never has; where we or sqlglot are at fault, this is still its statement."""


def parse(sql: str, path: Path | str, line: Lines = 0) -> Query:
    """Parse one statement.

    Raises:
        ProjectError: it is not one statement that BigQuery reads, or a table lacks its dataset.

    >>> query = parse("WITH fees AS (SELECT * FROM raw.fees) SELECT COUNT(*) AS n FROM fees", "n.sql")
    >>> sorted(map(str, query.reads)), sorted(map(str, query.writes))
    (['raw.fees'], [])
    """
    draft = Query(sql, path, frozenset(), frozenset(), None, line)
    tree = _tree(draft)
    written = _targets(tree)
    reads: set[Table] = set()
    writes: set[Table] = set()
    for table in tree.walk():
        if table.__class__ is exp.Table and _is_stored(table):
            if (name := _named(table)) is None:
                shown = table.sql(dialect=BIGQUERY, comments=False).split(" AS ")[0]
                raise draft.wrong(f"table {shown} must be written dataset.name", table)
            (writes if any(table is one for one in written) else reads).add(name)
    return Query(sql, path, frozenset(reads), frozenset(writes), tree, line)


def with_suffix(sql: str, suffix: str, datasets: Collection[str] | None = None) -> str:
    """The same text, with a suffix on every dataset (or on ``datasets`` only); names of CTEs and aliases stay.

    Temporary tables are written without a dataset.

    >>> with_suffix("SELECT raw.fee_id FROM raw.fees AS raw, _SESSION.kept -- of `raw`", "_ci")
    'SELECT raw.fee_id FROM raw_ci.fees AS raw, kept -- of `raw`'
    """
    if not suffix and SESSION not in sql:
        return sql
    places = {
        dataset.meta["start"]: dataset.this
        for dataset in dataset_nodes(parse(sql, "query").tree)
        if datasets is None or dataset.this in {*datasets, SESSION}
    }
    for start in sorted(places, reverse=True):
        name = places[start]
        at = sql.index(name, start) + len(name)
        sql = f"{sql[:start]}{sql[at + 1 :]}" if name == SESSION else f"{sql[:at]}{suffix}{sql[at:]}"
    return sql


@lru_cache(maxsize=256)
def canonical(sql: str) -> str:
    """The statement as its syntax tree alone has it: without comments, layout and the names that its CTEs go by.

    A CTE keeps its name where anything else in the statement is called so, too: then the name may mean something.

    >>> canonical("WITH a AS (SELECT 1 AS n) SELECT a.n FROM a") == canonical(
    ...     "with b as (select 1 as n) select b.n from b"
    ... )
    True
    """
    tree = parse(sql, "query").tree
    named: dict[str, list[exp.Identifier]] = {}
    for one in tree.find_all(exp.Identifier):
        named.setdefault(one.name.lower(), []).append(one)
    for place, cte in enumerate([cte.args["alias"].this for cte in tree.find_all(exp.CTE)]):
        same = named[cte.name.lower()]
        if all(one is cte or _names_source(one) for one in same):
            for one in same:
                one.set("this", f"\0{place}")
    try:
        return str(tree.sql(dialect=BIGQUERY, comments=False, identify=True))
    except Exception:  # noqa: BLE001 - sqlglot cannot write some of what BigQuery refuses; then every letter counts
        return sql


def _names_source(name: exp.Identifier) -> bool:
    """Whether it stands in FROM without a dataset, or before the dot of a column."""
    at = name.parent
    return (isinstance(at, exp.Table) and name is at.this and not at.args.get("db")) or (
        isinstance(at, exp.Column) and name is at.args.get("table") and not at.args.get("db")
    )


def dataset_nodes(tree: exp.Expr) -> list[exp.Identifier]:
    """Every dataset that a statement names, as nodes."""
    return [table.args["db"] for table in tree.find_all(exp.Table) if table.args.get("db")]


def parted(query: Query, cte: str, table: Table) -> tuple[str, str]:
    r"""The statement that keeps the last CTE of a query in a temporary table, and what is left of the query.

    Raises:
        ProjectError: the query's last CTE has another name.

    >>> query = parse("WITH a AS (SELECT 1 AS n) SELECT n FROM a", "n.sql")
    >>> parted(query, "a", Table(SESSION, "n_a"))
    ('CREATE TEMP TABLE _SESSION.n_a AS\nWITH a AS (SELECT 1 AS n)\nSELECT * FROM a', 'SELECT n FROM _SESSION.n_a AS a')
    """
    with_ = query.tree.args.get("with_")
    if not with_ or with_.expressions[-1].alias != cte:
        raise query.wrong(f"the contract shares {cte!r}, which is not the query's last CTE", query.tree)
    depth = start = 0
    for token in BIGQUERY.tokenize(query.sql):
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if depth == 0 and token.token_type == TokenType.SELECT:
            start = token.start
            break
    head, rest = query.sql[:start], query.sql[start:]
    found = [node for node in query.tree.find_all(exp.Table) if node.name == cte and not node.args.get("db")]
    for node in sorted(found, key=lambda node: node.this.meta["start"], reverse=True):
        at, end = node.this.meta["start"] - start, node.this.meta["end"] + 1 - start
        if at >= 0:
            rest = f"{rest[:at]}{table}{'' if node.alias else f' AS {cte}'}{rest[end:]}"
    return f"CREATE TEMP TABLE {table} AS\n{head.strip()}\nSELECT * FROM {cte}", rest


def grouped(query: Query) -> tuple[str, ...]:
    """The output columns by which a SELECT groups its rows: there is one row for each of their values.

    >>> grouped(parse("SELECT a AS b, SUM(c) AS d FROM x.y GROUP BY 1", "y.sql"))
    ('b',)
    """
    group = query.tree.args.get("group")
    wanted = [item.sql() for item in group.expressions] if group else []
    return tuple(
        item.alias_or_name
        for place, item in enumerate(query.tree.expressions if wanted else (), 1)
        if {str(place), item.alias_or_name, item.unalias().sql()}.intersection(wanted)
    )


def mentioned(query: Query) -> frozenset[str]:
    """The names of all columns that a query reads, whichever table they are of; with ``*`` it may read any of one.

    >>> sorted(mentioned(parse("SELECT COUNT(*), a.b FROM x.y AS a JOIN x.z USING (c)", "y.sql")))
    ['b', 'c']
    """
    found = {node.name.lower() for node in query.tree.find_all(exp.Column)}
    found |= {name.name.lower() for join in query.tree.find_all(exp.Join) for name in join.args.get("using") or ()}
    rows = {table.alias_or_name.lower() for table in query.tree.find_all(exp.Table)}
    stars = [
        star
        for star in query.tree.find_all(exp.Star)
        if not isinstance(star.parent, exp.Count)
        and any(map(_is_stored, (star.find_ancestor(exp.Select) or query.tree).args["from_"].find_all(exp.Table)))
    ]
    return frozenset(found | ({"*"} if stars or found & rows else set()))


def _tree(draft: Query) -> exp.Expr:
    """The one statement in the text."""
    sql = draft.sql
    try:
        tokens = BIGQUERY.tokenize(sql)
        trees = [tree for tree in BIGQUERY.parser().parse(tokens, sql) if tree is not None]
    except ParseError as error:
        found = error.errors[0] if error.errors else {}
        what = (found.get("description") or str(error)).partition(" but got <Token")[0].partition(" for <class")[0]
        near = (found.get("highlight") or "").strip()
        raise draft.wrong(f"syntax error: {what}" + (f" near {near!r}" if near else ""), at=found.get("line")) from None
    except RecursionError:
        raise draft.wrong(TOO_DEEP) from None
    except TokenError:
        raise draft.wrong("unclosed quote or comment", at=_unclosed_line(sql)) from None
    except CONFUSED:
        raise draft.wrong(INCOMPLETE) from None
    _refuse_misread(draft, tokens)
    if len(trees) != 1:
        raise draft.wrong(f"expected one statement, found {len(trees)}")
    if not isinstance(trees[0], (exp.Query, *_WRITERS)):
        raise draft.wrong(f"not a statement that fees-etl runs: {sql.strip()[:40]!r}")
    return trees[0]


def _unclosed_line(sql: str) -> int:
    """The first line after the longest beginning of the text that can be read."""
    lines = sql.split("\n")
    for count in range(len(lines) - 1, 0, -1):
        with suppress(TokenError):
            BIGQUERY.tokenize("\n".join(lines[:count]))
            return count + 1
    return 1


def _refuse_misread(draft: Query, tokens: list[Token]) -> None:
    """What sqlglot reads and BigQuery does not: ``f(a,, b,)`` is not ``f(a, b)``, and 'a line break' ends a quote."""
    comma, closing, text = TokenType.COMMA, (TokenType.COMMA, TokenType.R_PAREN), TokenType.STRING
    before = None
    for token in tokens:
        kind = token.token_type
        if before == comma and kind in closing:
            raise draft.wrong("syntax error: a comma with nothing after it", at=token.line)
        if kind == text and "\n" in token.text:
            written, line = draft.sql[token.start : token.end + 1], token.line - token.text.count("\n")
            if "\n" in written and written[:3] not in {"'''", '"""'}:
                raise draft.wrong("unclosed quote: a text of several lines takes three quotes", at=line)
        before = kind


def _targets(tree: exp.Expr) -> tuple[exp.Table, ...]:
    """The tables a statement writes, as nodes; none for a query."""
    if not isinstance(tree, _WRITERS):
        return ()
    found = tree.expressions if isinstance(tree, exp.TruncateTable) else [tree.this, *(tree.args.get("tables") or ())]
    tables = (node.this if isinstance(node, exp.Schema) else node for node in found if node)
    return tuple(table for table in tables if isinstance(table, exp.Table) and table.args.get("this"))


def _is_stored(table: exp.Table) -> bool:
    """Whether a name in FROM is a table, not a CTE; a bare dataset (CREATE SCHEMA) is neither."""
    if table.args.get("db"):
        return bool(table.args.get("this"))
    name = table.name.lower()
    child: exp.Expr = table
    parent = table.parent
    while parent is not None:
        with_: Any = parent if isinstance(parent, exp.With) else parent.args.get("with_")
        for cte in with_.expressions if with_ else ():
            if cte is child and not with_.recursive:
                break  # a CTE sees those before it, and itself only if recursive
            if cte.alias.lower() == name:
                return False
        child = parent.parent if with_ is parent and parent.parent else parent  # the statement that has this WITH
        parent = child.parent
    return True


def _named(table: exp.Table) -> Table | None:
    """``dataset.name`` of a node; the project belongs to the target, never to SQL."""
    args = table.args
    name, dataset = args["this"], args.get("db")
    if not (name.__class__ is dataset.__class__ is exp.Identifier) or args.get("catalog"):
        return None
    return Table(dataset.args["this"], name.args["this"])
