"""What a shell offers to complete: names that files alone tell, quickly, and nothing where they cannot be read.

For names of a project none is loaded: files are listed, not understood. Run ids alone are asked of a warehouse, where
that is a file which is there and free.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer  # noqa: TC002  (typer reads annotations)

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMN = re.compile(r"^\s*-\s*(?:\{\s*)?name:\s*[\"']?([a-z_][a-z0-9_]*)", re.MULTILINE)
_HOPS = re.compile(r"(?:[0-9]{0,4}\+)?")


def models(context: typer.Context) -> list[str]:
    """Names of tables that a query fills."""
    return sorted(path.stem for path in _contracts(context) if path.with_suffix(".sql").is_file())


def tables(context: typer.Context) -> list[str]:
    """Names of all tables, sources with their datasets."""
    sources = (path for path in _contracts(context) if not path.with_suffix(".sql").is_file())
    return models(context) + sorted(f"{path.parent.name}.{path.stem}" for path in sources)


def rendered(context: typer.Context) -> list[str]:
    """Names of models and assertions."""
    place = _sql(context)
    return models(context) + sorted(path.stem for path in (place.glob("assertions/*.sql") if place else ()))


def selectors(context: typer.Context, incomplete: str) -> list[str]:
    """Models and layers, after the hops that are typed already."""
    begun = _HOPS.match(incomplete)
    layers = {f"layer:{path.parent.name}" for path in _contracts(context) if path.with_suffix(".sql").is_file()}
    return [f"{begun[0] if begun else ''}{name}" for name in (*models(context), *sorted(layers), "state:modified")]


def columns(context: typer.Context) -> list[str]:
    """Columns of the table that the line names; the parser has not read it where an option lacks its value yet."""
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    words = set(line.split())
    found = [path for path in _contracts(context) if {path.stem, f"{path.parent.name}.{path.stem}"} & words]
    return [column for path in found for column in _COLUMN.findall(_text(path))]


def targets(context: typer.Context) -> list[str]:
    """Targets that are written in the project's folder, and the one that needs no section."""
    import tomllib

    written = {"local"}
    for file, names in (("fees_etl.toml", ["targets"]), ("pyproject.toml", ["tool", "fees-etl", "targets"])):
        try:
            found = tomllib.loads(_text(_folder(context) / file))
        except (ValueError, RecursionError):
            continue
        for name in names:
            found = found.get(name, {}) if isinstance(found, dict) else {}
        written |= set(found) if isinstance(found, dict) else set()
    return sorted(written)


def runs(context: typer.Context) -> list[str]:
    """The two that have names, and the newest ids of a warehouse that is a file."""
    import fees_etl
    from fees_etl.engines import path_of
    from fees_etl.runs import ledger
    from fees_etl.settings import read
    from fees_etl.types import Table

    names = ["latest", "previous"]
    try:
        found = read(_folder(context), target=context.find_root().params.get("target"))
        if (path := path_of(found.warehouse)) is None or not os.path.lexists(path):
            return names
        project, books = fees_etl.load(proven=False), Table("ops", "runs")
        with fees_etl.connect(found.warehouse, read_only=True, settings=found) as engine:
            engine.prepare({books: project.contracts[books]}, create=False)
            rows = ledger.history(project, engine)
    except fees_etl.FeesError:
        return names
    return [*names, *(str(row[rows.columns.index("run_id")]) for row in rows.rows)]


def _contracts(context: typer.Context) -> Iterator[Path]:
    place = _sql(context)
    yield from (path for path in place.glob("[!.]*/*.yml") if path.parent.name != "assertions") if place else ()


def _sql(context: typer.Context) -> Path | None:
    own, package = _folder(context) / "sql", Path(__file__).parents[1]
    places = [own] if os.path.lexists(own) else [package / "sql", package.parent / "sql"]
    return next((place for place in places if (place / "variables.yml").is_file()), None)


def _folder(context: typer.Context) -> Path:
    return Path(context.find_root().params.get("project_dir") or "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return ""
