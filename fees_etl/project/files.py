"""What lies in a project's folder: its files, its contracts, the settings of its assertions. No query is read yet."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fees_etl.errors import ProjectError
from fees_etl.project import contracts
from fees_etl.types import Contract, Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


_NOT_DATASETS = {"macros", "materializations", "operations", "assertions"}
_PERSONAL = {"raw", "staging", "ops"}
"""Datasets that may hold a column with a policy tag: a NINO stays out of reporting."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A project whose queries are still to be read; files are named by their path below ``root``."""

    root: Path
    files: tuple[str, ...]
    variables: dict[str, Any]
    sources: dict[Table, Contract]
    made: dict[Table, Contract]
    """Contracts of tables that a query fills."""
    settings: dict[str, dict[str, Any]]
    """Of each assertion by name."""

    @property
    def contracts(self) -> dict[Table, Contract]:
        """Of every table, sources first."""
        return self.sources | self.made

    @property
    def queries(self) -> list[str]:
        """The files of models and assertions."""
        models = [f"{table.dataset}/{table.name}.sql" for table in self.made]
        return models + [f"assertions/{name}.sql" for name in self.settings]

    def fingerprint(self) -> str:
        """The SHA-256 of SQL, contracts and variables."""
        digest = hashlib.sha256(json.dumps(self.variables, sort_keys=True, default=str).encode())
        for name in self.files:
            with open(f"{self.root}/{name}", "rb") as file:  # noqa: PTH123 - a thousand times, Path costs
                digest.update(f"\0{name}\0".encode() + file.read())
        return digest.hexdigest()


def survey(root: Path | None, overrides: Mapping[str, Any]) -> Folder:
    """The project in ``root``.

    Raises:
        ProjectError: YAML files are wrong, or lie beside the wrong files; it names all of them.
    """
    folder = _folder(root)
    values = contracts.variables(folder, overrides)
    files = tuple(sorted(_files(folder)))
    errors: list[ProjectError] = []
    yamls = [name for name in files if name.endswith(".yml") and name.partition("/")[0] not in _NOT_DATASETS]
    found = contracts.contracts(folder, yamls, values, errors)
    errors += [error for made in found.values() for error in _wrong_places(made, set(files))]
    errors += _orphans(files)
    settings = dict(_settings(folder, files, errors))
    contracts.refuse(errors)
    made = {table: one for table, one in found.items() if one.materialized}
    sources = {table: one for table, one in found.items() if not one.materialized}
    return Folder(folder, files, values, sources, made, settings)


def _folder(root: Path | None) -> Path:
    here = Path(__file__).parents[1]
    places = [here / "sql", here.parent / "sql"] if root is None else [root / "sql", root]
    for place in places:
        if (place / "variables.yml").is_file():
            return place.resolve()
    raise ProjectError(
        "there is no sql/variables.yml here, so this is no project folder.",
        path=root or here,
        hint="Point --project-dir at the folder that contains sql/, or leave it out to use the bundled project.",
    )


def _files(folder: Path) -> Iterator[str]:
    """Each ``reporting/dim_clients.sql``: plain text, because a large project has thousands."""
    for kind in os.scandir(folder):
        if kind.is_dir():
            yield from (f"{kind.name}/{file.name}" for file in os.scandir(kind) if file.name.endswith((".sql", ".yml")))


def _wrong_places(made: Contract, files: Collection[str]) -> Iterator[ProjectError]:
    query = f"{made.table.name}.sql"
    beside = f"{made.table.dataset}/{query}" in files
    if made.materialized and not beside:
        yield ProjectError(f"the contract has 'materialized', but there is no {query} beside it.", path=made.path)
    if not made.materialized and beside:
        yield ProjectError(
            f"{query} lies beside it, but the contract has no 'materialized'.",
            path=made.path,
            hint="Write 'materialized: rebuild' or 'materialized: merge'.",
        )
    if made.materialized and f"materializations/{made.materialized}.sql" not in files:
        yield ProjectError(f"there is no sql/materializations/{made.materialized}.sql.", path=made.path)
    tagged = [column.name for column in made.columns if column.policy_tag]
    if tagged and made.table.dataset not in _PERSONAL:
        yield ProjectError(f"'{tagged[0]}' has a policy tag, which only raw and staging may hold.", path=made.path)


def _orphans(files: Collection[str]) -> Iterator[ProjectError]:
    for name in files:
        beside = name.removesuffix(".sql") + ".yml"
        if name.endswith(".sql") and name.partition("/")[0] not in _NOT_DATASETS and beside not in files:
            yield ProjectError(
                "a model needs a contract.", path=Path("sql", name), hint=f"Write sql/{beside} beside it."
            )


def _settings(folder: Path, files: Collection[str], errors: list[ProjectError]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in files:
        if name.startswith("assertions/") and name.endswith(".sql"):
            beside = name.removesuffix(".sql") + ".yml"
            if beside in files:
                yield Path(name).stem, contracts.settings(folder, beside, errors)
            else:
                hint = f"Write sql/{beside}."
                errors.append(ProjectError("an assertion needs its settings.", path=Path("sql", name), hint=hint))
