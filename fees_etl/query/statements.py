"""The same look-up for statements that write: which names their clauses see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fees_etl.query.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from fees_etl.query.resolve import Resolver


def _insert(resolver: Resolver, tree: exp.Insert) -> None:
    into, given = tree.this, tree.expression
    table = into.this if isinstance(into, exp.Schema) else into
    scope = _scope(resolver, table)
    listed = [column.name for column in into.expressions] if isinstance(into, exp.Schema) else scope.names()
    for name in into.expressions if isinstance(into, exp.Schema) else ():
        resolver.column(exp.Column(this=name), scope)
    if isinstance(given, exp.Values):
        widths = {len(row.expressions) for row in given.expressions}
        resolver.kind(given, Scope({}))
    else:
        widths = {len(resolver.query(given, Scope({})))}
    if widths != {len(listed)}:
        counts = f"{min(widths)} values for {len(listed)} columns"
        raise resolver.asked.wrong(f"INSERT has {counts}", tree)


def _merge(resolver: Resolver, tree: exp.Merge) -> None:
    mine, theirs = _scope(resolver, tree.this), _scope(resolver, tree.args["using"])
    both = Scope({}, sources={**mine.sources, **theirs.sources})
    resolver.kind(tree.args["on"], both)
    for when in tree.args["whens"].expressions:
        scope = both if when.args["matched"] else mine if when.args.get("source") else theirs
        if condition := when.args.get("condition"):
            resolver.kind(condition, scope)
        then = when.args["then"]
        if isinstance(then, exp.Update):
            _assigned(resolver, then, mine, scope)
        elif isinstance(then, exp.Insert) and isinstance(then.this, exp.Tuple):
            resolver.kind(then.this, mine)
            resolver.kind(then.expression, theirs)
        elif isinstance(then, exp.Insert):
            resolver.edits.append((then, _insert_row(mine, theirs)))


def _insert_row(mine: Scope, theirs: Scope) -> exp.Insert:
    """INSERT ROW, with the columns it means: the source's, in order."""
    ((alias, given),) = theirs.sources.items()
    columns = [exp.column(name, quoted=True) for name in mine.names()]
    values = [exp.column(name, table=alias, quoted=True) for name, _ in (given or {}).values()]
    return exp.Insert(this=exp.Tuple(expressions=columns), expression=exp.Tuple(expressions=values))


def _delete(resolver: Resolver, tree: exp.Delete) -> None:
    table = tree.this or tree.args["tables"][0]
    resolver.kind(_where(resolver, tree), _scope(resolver, table))


def _update(resolver: Resolver, tree: exp.Update) -> None:
    from_ = tree.args.get("from_")
    scope = _scope(resolver, tree.this, *((from_.this,) if from_ else ()))
    _assigned(resolver, tree, _scope(resolver, tree.this), scope)
    resolver.kind(_where(resolver, tree), scope)


def _where(resolver: Resolver, tree: Any) -> Any:
    if not tree.args.get("where"):
        raise resolver.asked.wrong(f"{tree.key.upper()} needs WHERE, if only WHERE TRUE", tree)
    return tree.args["where"]


def _create(resolver: Resolver, tree: exp.Create) -> None:
    if isinstance(tree.expression, exp.Query):
        resolver.query(tree.expression, Scope({}))


def _assigned(resolver: Resolver, tree: Any, mine: Scope, scope: Scope) -> None:
    """SET: the target's column on the left, anything in sight on the right."""
    for pair in tree.expressions:
        resolver.kind(pair.this, mine)
        resolver.kind(pair.expression, scope)


def _scope(resolver: Resolver, *nodes: Any) -> Scope:
    scope = Scope({})
    for node in nodes:
        resolver.source(node, scope)
    return scope


STATEMENTS: dict[type[exp.Expr], Callable[[Resolver, Any], None]] = {
    exp.Insert: _insert,
    exp.Merge: _merge,
    exp.Delete: _delete,
    exp.Update: _update,
    exp.Create: _create,
}
