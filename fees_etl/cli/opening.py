"""From the global options to settings, project and warehouse."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fees_etl import engines
from fees_etl.cli.logs import bind, logger
from fees_etl.errors import UsageError
from fees_etl.project import load as projects
from fees_etl.settings import Settings, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fees_etl.cli.options import Call
    from fees_etl.types import Project


def settings(call: Call, command: str, *, run_id: str = "", source: str | None = None) -> Settings:
    """The settings of this command line, and their names on every log record from here on."""
    found = read(call.project_dir or Path(), target=call.target, source=source)
    bind(**{name: text for name, text in (("run_id", run_id), ("command", command), ("target", found.target)) if text})
    call.findings.settings = found
    logger.debug("target %s, warehouse %s, dataset suffix %r", found.target, found.warehouse, found.dataset_suffix)
    return found


def load(found: Settings, *, proven: bool = True) -> Project:
    """The project folder's sql/; the bundled one when the folder has none."""
    return projects.load(_root(found), found.vars, proven=proven)


@contextmanager
def warehouse(
    found: Settings, project: Project, *, read_only: bool = False, rehearse: bool = False, models: bool = True
) -> Iterator[engines.Engine]:
    """The target's engine, opened and prepared; a rehearsal leaves no file where there was none.

    Without ``models`` nothing of BigQuery is looked at but raw and ops: who ingests or reads history may see no more.
    """
    leaves_nothing = rehearse and not exists(found)
    contracts = project.contracts if models or not is_remote(found) else project.sources
    try:
        with engines.connect(found.warehouse, read_only=read_only, settings=found) as engine:
            engine.prepare(contracts, create=not read_only)
            yield engine
    finally:
        if leaves_nothing and (path := engines.path_of(found.warehouse)):
            for leftover in (path, path.with_name(f"{path.name}.wal")):
                leftover.unlink(missing_ok=True)


def require_source(found: Settings, again: str) -> None:
    """The bundled sample stays on DuckDB: elsewhere a command that reads files is told which; ``again`` is its words.

    Raises:
        UsageError: no source is named.
    """
    if found.source is None and is_remote(found):
        raise UsageError(
            f"Target {found.target!r} is {found.warehouse} and no source is named; the bundled sample is for DuckDB.",
            hint=f"{again} --source 'gs://BUCKET/PREFIX/*.csv'; or write source into [targets.{found.target}].",
        )


def is_remote(found: Settings) -> bool:
    """Whether the warehouse is BigQuery."""
    return found.warehouse.startswith("bigquery:")


def exists(found: Settings) -> bool:
    """Whether there is a warehouse to look at."""
    path = engines.path_of(found.warehouse)
    return path is None or path.is_file()


def _root(found: Settings) -> Path | None:
    return found.project_dir if (found.project_dir / "sql").is_dir() else None
