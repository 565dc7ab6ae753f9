"""One walk over a statement: the columns it yields, what every name in it means, what type every expression has.

sqlglot's own qualify and annotate_types do more and cost four times the parse; a project of a thousand models feels it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from sqlglot import exp

from fees_etl.query.names import Scope, aliases, fields, implied_name, relation, table_columns, unnested
from fees_etl.query.read import CONFUSED, INCOMPLETE, TOO_DEEP, line_of
from fees_etl.query.tags import like, placed, traced
from fees_etl.query.types import RULES, UNKNOWN, common, element, settled
from fees_etl.types import Column

if TYPE_CHECKING:
    from collections.abc import Callable

    from fees_etl.query.names import Aliases, Relation, Schema
    from fees_etl.query.read import Query
    from fees_etl.query.types import Kinds


def columns(query: Query, schema: Schema) -> tuple[Column, ...]:
    """The output columns of a query, or of the table it makes, by name, order and inferred type.

    A type of the schema may be :class:`Tagged`; so are then those of all columns that are made of it.

    Raises:
        ProjectError: a name in it means nothing, or two things.

    >>> from fees_etl.query import parse
    >>> from fees_etl.types import Table
    >>> fees = {Table("raw", "fees"): {"client_id": "STRING", "fee_amount": "NUMERIC"}}
    >>> query = parse("SELECT client_id, AVG(fee_amount) AS mean FROM raw.fees GROUP BY client_id", "mean.sql")
    >>> [(column.name, column.type) for column in columns(query, fees)]
    [('client_id', 'STRING'), ('mean', 'NUMERIC')]
    """
    try:
        found = Walk(query, schema).statement(query.tree)
    except RecursionError:
        raise query.wrong(TOO_DEEP) from None
    return tuple([Column(name, settled(kind)) for name, kind in found])


class Walk:
    """The walk over ``asked``; ``kinds`` lives as long as the tree."""

    def __init__(self, asked: Query, schema: Schema) -> None:
        self.asked = asked
        self.schema = schema
        self.kinds: Kinds = {}
        self.edits: list[tuple[exp.Expr, exp.Expr]] = []
        """What DuckDB must be told in other words: INSERT ROW, and names that mean an item of the select list here."""

    def statement(self, tree: exp.Expr) -> list[tuple[str, str]]:
        """The output columns of a query, also of one that fills a new table; of any other statement none.

        Every name in it has been looked up.
        """
        if isinstance(tree, exp.Query):
            return self.query(tree, self._scope())
        if isinstance(tree, exp.Insert):
            self._insert(tree)
        elif isinstance(tree, exp.Merge):
            self._merge(tree)
        elif isinstance(tree, (exp.Delete, exp.Update)):
            self._where(tree)
        elif isinstance(tree, exp.Create) and isinstance(tree.expression, exp.Query):
            return self.query(tree.expression, self._scope())
        return []

    def _insert(self, tree: exp.Insert) -> None:
        into, given = tree.this, tree.expression
        listed = into.expressions if isinstance(into, exp.Schema) else None
        scope = self._scope(into if listed is None else into.this)
        for name in listed or ():
            scope.column(exp.Column(this=name))
        if isinstance(given, exp.Values):
            widths = {len(row.expressions) for row in given.expressions}
            self.kind(given, self._scope())
        else:
            widths = {len(self.query(given, self._scope()))}
        wanted = len(scope.names() if listed is None else listed)
        if widths != {wanted}:
            raise self.asked.wrong(f"INSERT has {min(widths)} values for {wanted} columns", tree)  # noqa: S608 - no SQL

    def _merge(self, tree: exp.Merge) -> None:
        mine, theirs = self._scope(tree.this), self._scope(tree.args["using"])
        both = Scope(self.asked, {}, sources={**mine.sources, **theirs.sources})
        self.kind(tree.args["on"], both)
        for when in tree.args["whens"].expressions:
            scope = both if when.args["matched"] else mine if when.args.get("source") else theirs
            if condition := when.args.get("condition"):
                self.kind(condition, scope)
            then = when.args["then"]
            if isinstance(then, exp.Update):
                self._assigned(then, mine, scope)
            elif isinstance(then, exp.Insert) and isinstance(then.this, exp.Tuple):
                self.kind(then.this, mine)
                self.kind(then.expression, theirs)
            elif isinstance(then, exp.Insert):  # INSERT ROW: the source's columns, in order
                ((alias, given),) = theirs.sources.items()
                into = [exp.column(name, quoted=True) for name in mine.names()]
                row = [exp.column(name, table=alias, quoted=True) for name, _ in (given or {}).values()]
                plain = exp.Insert(this=exp.Tuple(expressions=into), expression=exp.Tuple(expressions=row))
                self.edits.append((then, plain))

    def _where(self, tree: exp.Delete | exp.Update) -> None:
        table, from_ = tree.this or tree.args["tables"][0], tree.args.get("from_")
        scope = self._scope(table, *((from_.this,) if from_ else ()))
        if isinstance(tree, exp.Update):
            self._assigned(tree, self._scope(table), scope)
        if not tree.args.get("where"):
            raise self.asked.wrong(f"{tree.key.upper()} needs WHERE, if only WHERE TRUE", tree)
        self.kind(tree.args["where"], scope)

    def _assigned(self, tree: exp.Update, mine: Scope, scope: Scope) -> None:
        """SET: the target's column on the left, anything in sight on the right."""
        for pair in tree.expressions:
            self.kind(pair.this, mine)
            self.kind(pair.expression, scope)

    def _scope(self, *sources: exp.Expr) -> Scope:
        scope = Scope(self.asked, {})
        for source in sources:
            self._source(source, scope)
        return scope

    def query(self, node: Any, outer: Scope) -> list[tuple[str, str]]:
        """The columns of a SELECT, a set operation or either in parentheses."""
        if isinstance(node, exp.Select):
            return self._select(node, outer)
        scope = Scope(self.asked, self._ctes(node, outer), outer.outer, outer.sources)
        if isinstance(node, exp.Subquery):
            found = self.query(node.this, scope)
        elif isinstance(node, exp.SetOperation):
            left, right = self.query(node.this, scope), self.query(node.expression, scope)
            if len(left) != len(right):
                raise self.asked.wrong(f"{node.key.upper()} of {len(left)} and {len(right)} columns", node)
            found = [(name, common((kind, other))) for (name, kind), (_, other) in zip(left, right, strict=True)]
        else:
            return []
        self._tail(node.args, Scope(self.asked, scope.ctes, outer, {"": relation(found)}), {})
        return found

    def _select(self, node: exp.Select, outer: Scope) -> list[tuple[str, str]]:
        args = node.args
        scope = Scope(self.asked, self._ctes(node, outer), outer)
        if from_ := args.get("from_"):
            self._source(from_.this, scope)
            for join in args.get("joins") or ():
                self._join(join, scope)
        if where := args.get("where"):
            self.kind(where.this, scope)
        if not args["expressions"]:
            raise self.asked.wrong("SELECT without columns", node)
        found: list[tuple[str, str]] = []
        for item in args["expressions"]:
            self._item(item, scope, found)
        for window in args.get("windows") or ():
            self.kind(window, scope)
        if not {"group", "having", "qualify", "order"}.isdisjoint(args):
            self._tail(args, scope, aliases(args["expressions"], found))
        return found

    def _tail(self, args: dict[str, Any], scope: Scope, names: Aliases) -> None:
        """What is read after the select list: its names come before those of FROM, in GROUP BY only as a whole item."""
        if group := args.get("group"):
            for item in group.iter_expressions():
                scope.aliases = {} if isinstance(item, exp.Expression) and item.find(exp.Func, exp.Binary) else names
                self.kind(item, scope)
        scope.aliases = names
        for clause in ("having", "qualify", "order"):
            if found := args.get(clause):
                self.kind(found, scope)

    def _ctes(self, node: exp.Expr, outer: Scope) -> dict[str, Relation]:
        with_ = node.args.get("with_")
        if not with_:
            return outer.ctes
        scope = Scope(self.asked, dict(outer.ctes), outer.outer, outer.sources)
        for cte in with_.expressions:
            name, body = cte.alias.lower(), cte.this
            if with_.recursive and isinstance(body, exp.SetOperation):
                scope.ctes[name] = relation(self.query(body.this, scope))
            scope.ctes[name] = relation((column, settled(kind)) for column, kind in self.query(body, scope))
        return scope.ctes

    def _join(self, join: exp.Join, scope: Scope) -> None:
        seen = set().union(*(found for found in scope.sources.values() if found))
        self._source(join.this, scope)
        if on := join.args.get("on"):
            self.kind(on, scope)
        elif not (join.args.get("using") or join.args.get("kind") == "CROSS" or isinstance(join.this, exp.Unnest)):
            raise self.asked.wrong("JOIN without ON", join)
        for name in join.args.get("using") or ():
            if name.name.lower() not in seen:
                raise scope.unknown(name.name, name)
            scope.merged.add(name.name.lower())

    def _source(self, node: Any, scope: Scope) -> None:
        """Add one item of FROM to the scope."""
        alias, found = node.alias_or_name, None
        if isinstance(node, exp.Table):
            found = table_columns(self.asked, node, self.schema) if node.db else scope.ctes.get(node.name.lower())
        elif isinstance(node, exp.Unnest):
            alias, found = unnested(node, element(self.kind(node.expressions[0], scope)))
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            inner = self.query(node, Scope(self.asked, scope.ctes, scope.outer))
            found = relation((name, settled(kind)) for name, kind in inner)
        key = alias.lower() or f"#{len(scope.sources)}"
        if key in scope.sources:
            raise self.asked.wrong(f"two tables in FROM are called {alias!r}", node)
        if node.args.get("pivots"):
            scope.unseen, found = like(scope.unseen, scope.unseen, *(kind for _, kind in (found or {}).values())), None
        scope.sources[key] = found

    def _item(self, item: Any, scope: Scope, found: list[tuple[str, str]]) -> None:
        """Add one item of the select list; a star is several columns."""
        before = len(found)
        if isinstance(item, exp.Alias):
            kind = self.kinds[id(item)] = self.kind(item.args["this"], scope)
            found.append((item.args["alias"].this, kind))
        elif item.is_star:
            self._star(item, scope, found)
        else:
            found.append((implied_name(item), self.kind(item, scope)))
        found[before:] = [(name, placed(kind, line_of(item))) for name, kind in found[before:]]

    def _star(self, item: Any, scope: Scope, found: list[tuple[str, str]]) -> None:
        star, sources = item, scope.sources
        if isinstance(item, exp.Column):
            star, sources = item.this, {item.table: scope.source(item.table, item)}
        dropped = {column.name.lower() for column in star.args.get("except_") or ()}
        replaced = {new.alias.lower(): self.kind(new.this, scope) for new in star.args.get("replace") or ()}
        seen: set[str] = set()
        for columns in sources.values():
            for low, (name, kind) in (columns or {"": ("", scope.unseen)}).items():
                if low not in dropped and not (low in scope.merged and low in seen):
                    found.append((name, replaced.get(low, kind)))
                seen.add(low)
        if missing := (dropped | replaced.keys()) - seen:
            raise scope.unknown(min(missing), item)

    def kind(self, node: Any, scope: Scope) -> str:
        """The type of an expression; every name below it is looked up on the way."""
        if walk := self._WALKS.get(node.__class__):
            found = walk(self, node, scope)
        else:
            for child in node.iter_expressions():
                self.kind(child, scope)
            rule = RULES.get(node.__class__, UNKNOWN)
            try:
                found = rule if isinstance(rule, str) else rule(self.kinds, node)
            except CONFUSED:  # sqlglot reads some functions without what they are about
                raise self.asked.wrong(INCOMPLETE, node.parent) from None
        found = self.kinds[id(node)] = traced(self.kinds, node, found)
        return found

    def _column(self, node: exp.Column, scope: Scope) -> str:
        kind, meant = scope.column(node)
        if meant is not None:
            self.edits.append((node, exp.Paren(this=meant.copy())))
        return kind

    def _field(self, node: exp.Dot, scope: Scope) -> str:
        if not isinstance(node.expression, exp.Identifier):
            return UNKNOWN
        return (fields(self.kind(node.this, scope)) or {}).get(node.expression.name.lower(), ("", UNKNOWN))[1]

    def _connected(self, node: exp.Connector, scope: Scope) -> str:
        """AND and OR, without a frame for each: a window of many dates is a long OR."""
        waiting: list[Any] = [node]
        while waiting:
            for side in waiting.pop().iter_expressions():
                if isinstance(side, exp.Connector):
                    self.kinds[id(side)] = "BOOL"
                    waiting.append(side)
                else:
                    self.kind(side, scope)
        return "BOOL"

    def _value(self, node: exp.Query, scope: Scope) -> str:
        """A subquery where a value is expected."""
        columns = self.query(node, scope)
        inner = node.unnest()
        if isinstance(inner, exp.Select) and inner.args.get("kind") == "STRUCT":
            listed = ", ".join(f"{name} {settled(kind)}".strip() for name, kind in columns)
            return like(f"STRUCT<{listed}>", *(kind for _, kind in columns))
        return settled(columns[0][1]) if len(columns) == 1 else UNKNOWN

    _WALKS: ClassVar[dict[type[exp.Expr], Callable[[Walk, Any, Scope], str]]] = {
        exp.Column: _column,
        exp.Dot: _field,
        **dict.fromkeys((exp.And, exp.Or), _connected),
        **dict.fromkeys((exp.Select, exp.Subquery, exp.Union, exp.Except, exp.Intersect), _value),
    }
