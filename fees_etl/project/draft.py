"""A new model: SQL to begin with, and the contract of what a query yields."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fees_etl import query
from fees_etl.errors import ProjectError, UsageError
from fees_etl.project.files import NOT_DATASETS, is_name, listed, variables
from fees_etl.project.load import PERSONAL, contracts_of, folder, parsed_of, types_of
from fees_etl.types import REPORTING, Table
from fees_etl.window import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fees_etl.types import Column, Contract

UNSAID = "TODO: say what it is."
"""The description of a column that nobody has described; ``check`` finds it."""


def draft(root: Path, name: str, overrides: Mapping[str, Any]) -> dict[Path, str]:
    """The files of a new model, by their path from the project's folder: its SQL, unless it is there, and its contract.

    Args:
        root: the folder that contains ``sql/``.
        name: the table's name, with its dataset or for ``reporting``.
        overrides: of project variables.

    Raises:
        UsageError: the name is none, or the model is there already.
        ProjectError: its query, or another file of the project, is wrong; a column's type cannot be told.
    """
    table = Table.parse(name if "." in name else f"{REPORTING}.{name}")
    file = f"{table.dataset}/{table.name}"
    if not (is_name(table.dataset) and is_name(table.name)) or table.dataset in NOT_DATASETS:
        raise UsageError(f"{name!r} is no name of a table: lower case letters, digits and _, no word of SQL.")
    place = folder(root)
    if os.path.lexists(place / f"{file}.yml"):
        again = f"rm sql/{file}.yml && fees-etl init --model {table}"
        raise UsageError(f"sql/{file}.yml is there already.", hint=f"To infer its columns anew: {again}")
    values = variables(place, overrides)
    known, templates = contracts_of(place, [one for one in listed(place) if one != f"{file}.sql"], values)
    made, path = dict[Path, str](), Path("sql", f"{file}.sql")
    if os.path.lexists(place / f"{file}.sql"):
        parsed = parsed_of(templates, f"{file}.sql", window=WHOLE)
    else:
        made[path] = _beginning(table, known)
        parsed = query.parse(made[path], path)
    made[path.with_suffix(".yml")] = _contract(parsed, known, tags=table.dataset in PERSONAL)
    return made


def _beginning(table: Table, known: Mapping[Table, Contract]) -> str:
    """Rows, and pounds, by month of the first staged table, and by the column that the new table is called after."""
    staged = [made for made in known.values() if made.materialized and made.table.dataset != REPORTING]
    if not staged or table.dataset != REPORTING:
        hint = f"Write sql/{table.dataset}/{table.name}.sql; then fees-etl init --model {table}"
        raise UsageError("only a reporting model is begun from a staged table, and there must be one.", hint=hint)
    source = staged[0]
    plain = [one for one in source.columns if not one.policy_tag]
    by = [one.name for one in plain if one.name.endswith("_id") and one.name[:-3] in table.name.split("_")][:1]
    items = [*by]
    if day := next((one.name for one in plain if one.type == "DATE"), ""):
        by.append(f"{day.removesuffix('_date')}_month")
        items.append(f"FORMAT_DATE('%Y-%m', {day}) AS {by[-1]}")
    if not by:
        by = items = list(source.key)
    items.append("COUNT(*) AS row_count")
    items += [f"SUM({one.name}) AS {one.name}" for one in plain if one.type == "NUMERIC"][:1]
    lines = ["SELECT", *(f"    {item}," for item in items)]
    lines[-1] = lines[-1].removesuffix(",")
    return "\n".join([*lines, f"FROM {source.table}", f"GROUP BY {', '.join(by)}", ""])


def _contract(parsed: query.Query, known: Mapping[Table, Contract], *, tags: bool) -> str:
    """What a query yields, as a contract; a column is described as where it comes from, if it is called so there."""
    found = query.columns(parsed, {at: types_of(made) for at, made in known.items()})
    for one in found:
        if not one.name or one.type == "UNKNOWN":
            what = f"the type of column '{one.name}' cannot be told" if one.name else "a column has no name"
            raise ProjectError(
                f"{what}.", path=parsed.path, hint="Wrap it in a CAST." if one.name else "Write AS NAME."
            )
    key = query.grouped(parsed) or tuple(one.name for one in found[:1])
    said = {one.name: one for at in sorted(parsed.reads) for one in known[at].columns}
    return "\n".join([
        f"description: One row per {' and '.join(key)}.",
        "materialized: rebuild",
        f"key: [{', '.join(key)}]",
        "columns:",
        *(_column(one, said.get(one.name), is_key=one.name in key, tags=tags) for one in found),
        "",
    ])  # fmt: skip


def _column(one: Column, source: Column | None, *, is_key: bool, tags: bool) -> str:
    words = {"name": one.name, "type": one.type} | ({"required": "true"} if is_key else {})
    if tags and isinstance(one.type, query.Tagged):  # elsewhere the SQL is refused
        words["policy_tag"] = one.type.tag
    alike = source is not None and source.type == one.type
    words["description"] = json.dumps(source.description if source and alike else UNSAID, ensure_ascii=False)
    return f"  - {{{', '.join(f'{name}: {word}' for name, word in words.items())}}}"
