"""Which column every name means and what type every expression has, query by query, in one walk.

sqlglot's own qualify and annotate_types do more and cost four times the parse; a project of a thousand models feels it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fees_etl.query.kinds import UNKNOWN, common, element, settled
from fees_etl.query.rules import RULES
from fees_etl.query.scopes import AMBIGUOUS, Scope, did_you_mean, fields, relation, table_columns
from fees_etl.query.statements import STATEMENTS
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fees_etl.query.read import Query
    from fees_etl.query.scopes import Relation


class Resolver:
    """One walk over one statement; ``kinds`` is the type of each node by ``id`` and lives as long as the tree."""

    def __init__(self, query: Query, schema: Mapping[Table, Mapping[str, str]]) -> None:
        self.asked = query
        self.schema = schema
        self.kinds: dict[int, str] = {}
        self.edits: list[tuple[exp.Expr, exp.Expr]] = []
        """What DuckDB must be told in other words: INSERT ROW, and names that mean an item of the select list here."""

    def statement(self, tree: exp.Expr) -> list[tuple[str, str]]:
        """The output columns of a query; of any other statement none, but every name in it has been looked up."""
        if isinstance(tree, exp.Query):
            return self.query(tree, Scope({}))
        if walk := STATEMENTS.get(type(tree)):
            walk(self, tree)
        return []

    def query(self, node: Any, outer: Scope) -> list[tuple[str, str]]:
        """The columns of a SELECT, a set operation or either in parentheses."""
        if isinstance(node, exp.Select):
            return self._select(node, outer)
        scope = Scope(self._ctes(node, outer), outer.outer, outer.sources)
        if isinstance(node, exp.Subquery):
            found = self.query(node.this, scope)
        elif isinstance(node, exp.SetOperation):
            left, right = self.query(node.this, scope), self.query(node.expression, scope)
            if len(left) != len(right):
                raise self.asked.wrong(f"{node.key.upper()} of {len(left)} and {len(right)} columns", node)
            found = [(name, common((kind, other))) for (name, kind), (_, other) in zip(left, right, strict=True)]
        else:
            return []
        self._tail(node.args, Scope(scope.ctes, outer, {"": relation(found)}), {})
        return found

    def _select(self, node: exp.Select, outer: Scope) -> list[tuple[str, str]]:
        args = node.args
        scope = Scope(self._ctes(node, outer), outer)
        if from_ := args.get("from_"):
            self.source(from_.this, scope)
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
        if not _TAIL.isdisjoint(args):
            self._tail(args, scope, _aliases(args["expressions"], found))
        return found

    def _tail(self, args: dict[str, Any], scope: Scope, aliases: dict[str, tuple[str, Any]]) -> None:
        """What is read after the select list: its names come before those of FROM, in GROUP BY only as a whole item."""
        if group := args.get("group"):
            for item in group.iter_expressions():
                scope.aliases = {} if isinstance(item, exp.Expression) and item.find(exp.Func, exp.Binary) else aliases
                self.kind(item, scope)
        scope.aliases = aliases
        for clause in ("having", "qualify", "order"):
            if found := args.get(clause):
                self.kind(found, scope)

    def _ctes(self, node: exp.Expr, outer: Scope) -> dict[str, Relation]:
        with_ = node.args.get("with_")
        if not with_:
            return outer.ctes
        scope = Scope(dict(outer.ctes), outer.outer, outer.sources)
        for cte in with_.expressions:
            name, body = cte.alias.lower(), cte.this
            if with_.recursive and isinstance(body, exp.SetOperation):
                scope.ctes[name] = relation(self.query(body.this, scope))
            scope.ctes[name] = relation((column, settled(kind)) for column, kind in self.query(body, scope))
        return scope.ctes

    def _join(self, join: exp.Join, scope: Scope) -> None:
        seen = set().union(*(found for found in scope.sources.values() if found))
        self.source(join.this, scope)
        args = join.args
        if on := args.get("on"):
            self.kind(on, scope)
        elif not (args.get("using") or args.get("kind") == "CROSS" or isinstance(join.this, exp.Unnest)):
            raise self.asked.wrong("JOIN without ON", join)
        for name in args.get("using") or ():
            if name.name.lower() not in seen:
                raise self._unknown(name.name, name, scope)
            scope.merged.add(name.name.lower())

    def source(self, node: Any, scope: Scope) -> None:
        """Add one item of FROM to the scope."""
        alias = node.alias_or_name
        if isinstance(node, exp.Table):
            found = self._table(node, scope)
        elif isinstance(node, exp.Unnest):
            alias, found = self._unnest(node, scope)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            found = relation((name, settled(kind)) for name, kind in self.query(node, Scope(scope.ctes, scope.outer)))
        else:
            found = None
        key = alias.lower() or f"#{len(scope.sources)}"
        if key in scope.sources:
            raise self.asked.wrong(f"two tables in FROM are called {alias!r}", node)
        scope.sources[key] = None if node.args.get("pivots") else found

    def _table(self, node: exp.Table, scope: Scope) -> Relation:
        dataset, name = node.db, node.name
        if not dataset:
            return scope.ctes.get(name.lower())
        table = Table(dataset, name)
        if table not in self.schema:
            known = map(str, self.schema)
            raise self.asked.wrong(f"unknown table {str(table)!r}{did_you_mean(str(table), known)}", node)
        return table_columns(self.schema[table])

    def _unnest(self, node: exp.Unnest, scope: Scope) -> tuple[str, Relation]:
        inner = element(self.kind(node.expressions[0], scope))
        columns = node.alias_column_names
        found: dict[str, tuple[str, str]] = dict(fields(inner) or {})
        if columns:
            found[columns[0].lower()] = (columns[0], inner)
        if isinstance(offset := node.args.get("offset"), exp.Identifier):
            found[offset.name.lower()] = (offset.name, "INT64")
        return (columns[0] if columns else ""), found

    def _item(self, item: Any, scope: Scope, found: list[tuple[str, str]]) -> None:
        """Add one item of the select list; a star is several columns."""
        if isinstance(item, exp.Alias):
            kind = self.kinds[id(item)] = self.kind(item.args["this"], scope)
            found.append((item.args["alias"].this, kind))
        elif item.is_star:
            self._star(item, scope, found)
        else:
            found.append((_named_by(item), self.kind(item, scope)))

    def _star(self, item: Any, scope: Scope, found: list[tuple[str, str]]) -> None:
        star = item if isinstance(item, exp.Star) else item.this
        if isinstance(item, exp.Column):
            sources = {item.table: self._named_source(item, item.table, scope)}
        else:
            sources = scope.sources
        dropped = {column.name.lower() for column in star.args.get("except_") or ()}
        replaced = {new.alias.lower(): self.kind(new.this, scope) for new in star.args.get("replace") or ()}
        seen: set[str] = set()
        for columns in sources.values():
            for low, (name, kind) in (columns or {"": ("", UNKNOWN)}).items():
                if low not in dropped and not (low in scope.merged and low in seen):
                    found.append((name, replaced.get(low, kind)))
                seen.add(low)
        if missing := (dropped | replaced.keys()) - seen:
            raise self._unknown(min(missing), item, scope)

    def kind(self, node: Any, scope: Scope) -> str:
        """The type of an expression; every name below it is looked up on the way."""
        rule = RULES.get(node.__class__)
        if rule is None:
            for child in node.iter_expressions():
                self.kind(child, scope)
            found = UNKNOWN
        elif isinstance(rule, str):
            for child in node.iter_expressions():
                self.kind(child, scope)
            found = rule
        else:
            found = rule(self, node, scope)
        self.kinds[id(node)] = found
        return found

    def column(self, node: exp.Column, scope: Scope) -> str:
        """The type of a column, found in the nearest scope that has it."""
        args = node.args
        name = args["this"].name
        if table := args.get("table"):
            if outer := args.get("db"):
                source = fields(self._member(node, table.this, self._named_source(node, outer.this, scope), scope))
            else:
                source = self._named_source(node, table.this, scope)
            return self._member(node, name, source, scope) if source is not None else UNKNOWN
        low = name.lower()
        at: Scope | None = scope
        while at is not None:
            if low in at.aliases:
                return self._aliased(node, low, at)
            holders = at.holders(low)
            if len(holders) > 1 and low not in at.merged:
                raise self.asked.wrong(f"column {name!r} is ambiguous: more than one table in FROM has it", node)
            if holders:
                return self._member(node, name, holders[0], scope)
            if low in at.sources or None in at.sources.values():
                return UNKNOWN
            at = at.outer
        raise self._unknown(name, node, scope)

    def _aliased(self, node: exp.Column, low: str, scope: Scope) -> str:
        kind, meant = scope.aliases[low]
        if kind == AMBIGUOUS:
            raise self.asked.wrong(f"column {node.name!r} is ambiguous: the select list has it twice", node)
        if scope.holders(low) and not _is_order_item(node) and not _is_column(meant, low):
            self.edits.append((node, exp.Paren(this=meant.copy())))
        return kind

    def _member(self, node: Any, name: str, source: Relation, scope: Scope) -> str:
        held = (source or {}).get(name.lower())
        if held is None:
            raise self._unknown(name, node, scope, [written for written, _ in (source or {}).values()])
        if held[1] == AMBIGUOUS:
            raise self.asked.wrong(f"column {name!r} is ambiguous: its query yields it twice", node)
        return held[1]

    def _named_source(self, node: exp.Column, alias: str, scope: Scope) -> Relation:
        """The source called ``alias``, or the fields of a STRUCT column of that name."""
        low = alias.lower()
        at: Scope | None = scope
        while at is not None:
            if low in at.sources:
                return at.sources[low]
            if holders := at.holders(low):
                return fields((holders[0] or {})[low][1])
            if None in at.sources.values():
                return None
            at = at.outer
        known = [name for name in scope.sources if not name.startswith("#")]
        raise self.asked.wrong(f"unknown table or alias {alias!r}{did_you_mean(alias, known)}", node)

    def _unknown(self, name: str, node: Any, scope: Scope, known: Iterable[str] | None = None) -> Exception:
        guess = did_you_mean(name, scope.names() if known is None else known)
        return self.asked.wrong(f"unknown column {name!r}{guess}", node)


_TAIL = {"group", "having", "qualify", "order"}


def _aliases(items: list[Any], found: list[tuple[str, str]]) -> dict[str, tuple[str, Any]]:
    """The names of a select list, with what each stands for."""
    meant = {item.alias.lower(): item.this for item in items if isinstance(item, exp.Alias)}
    names: dict[str, tuple[str, Any]] = {}
    for name, kind in found:
        if name:
            low = name.lower()
            names[low] = (AMBIGUOUS if low in names else kind, meant.get(low))
    return names


def _is_order_item(node: Any) -> bool:
    """Whether a name is all there is between ORDER BY and a comma: there DuckDB reads it as BigQuery does."""
    order = node.parent.parent if isinstance(node.parent, exp.Ordered) else None
    return order is not None and isinstance(order.parent, exp.Query)


def _is_column(meant: Any, low: str) -> bool:
    """Whether an item of the select list is just the column of that name."""
    return meant is None or (isinstance(meant, exp.Column) and meant.name.lower() == low)


def _named_by(item: Any) -> str:
    """The name of an item without AS: a column has one, a field has one, nothing else."""
    if isinstance(item, exp.Column):
        return item.name
    return item.expression.name if isinstance(item, exp.Dot) else ""
