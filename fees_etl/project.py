"""A folder of SQL and YAML -> Project: everything loaded, rendered, ordered and proven.

Path is identity: ``sql/reporting/dim_clients.sql`` is ``reporting.dim_clients``. A ``.yml`` alone is a source.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fees_etl import contract as contracts
from fees_etl import query
from fees_etl.errors import ProjectError
from fees_etl.graph import CycleError, did_you_mean, order
from fees_etl.template import Templates, source_line
from fees_etl.types import Assertion, Column, Contract, Model, Project, Table
from fees_etl.window import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["edges", "load", "outline"]

_NOT_DATASETS = {"macros", "materializations", "operations", "assertions"}
_KINDS = {".sql", ".yml"}
_PERSONAL = {"raw", "staging", "ops"}
"""Datasets that may hold a column with a policy tag: a NINO stays out of reporting."""


def load(root: Path | None = None, variables: Mapping[str, Any] | None = None) -> Project:
    """The project in ``root``, proven: each contract equals its query's output columns by name, order and type.

    Args:
        root: the folder that contains ``sql/``, or that folder itself; the bundled project when left out.
        variables: overrides of project variables.

    Raises:
        ProjectError: with file and line, when a file is wrong, or when files contradict each other.

    >>> [model.name for model in load().models.values()]
    ['stg_fees', 'dim_clients', 'rpt_client_ltv', 'rpt_adviser_ltv', 'rpt_cohort_ltv']
    """
    project, parsed = _read(root, variables)
    schema = {table: made.types for table, made in project.contracts.items()}
    for table, model in project.models.items():
        _prove(model, query.columns(parsed[str(table)], schema), project)
    assertions = tuple(
        _proven(one, query.columns(parsed[one.name], schema)) if one.path else one for one in project.assertions
    )
    return replace(project, assertions=assertions)


def outline(root: Path | None = None, variables: Mapping[str, Any] | None = None) -> Project:
    """As :func:`load` without the proof of columns and types: names, files and arrows."""
    return _read(root, variables)[0]


def edges(project: Project) -> dict[str, tuple[str, ...]]:
    """Each model's full name with the names of the models it reads."""
    return {
        str(table): tuple(sorted(str(read) for read in model.reads if read in project.models))
        for table, model in project.models.items()
    }


def _read(root: Path | None, overrides: Mapping[str, Any] | None) -> tuple[Project, dict[str, query.Query]]:
    folder = _folder(root)
    values = contracts.variables(folder / "variables.yml", overrides or {}, Path("sql/variables.yml"))
    templates = Templates(folder, values)
    sources, made = _contracts(folder, values)
    known = {**sources, **made}
    parsed = {str(table): _parse(templates, f"{table.dataset}/{table.name}.sql", window=WHOLE) for table in made}
    models = _ordered({t: Model(made[t], made[t].path.with_suffix(".sql"), *_text(parsed[str(t)])) for t in made})
    for name, found in parsed.items():
        _check_layer(found, Table.parse(name))
    assertions = list(_assertions(templates, parsed))
    assertions += _contract_tests(
        templates, (*models, *(table for table, source in sources.items() if source.key)), known
    )
    waivers = contracts.waivers(folder / "waivers.yml", {one.name for one in assertions}, Path("sql/waivers.yml"))
    fingerprint = _fingerprint(folder, values)
    return Project(folder, values, sources, models, tuple(assertions), waivers, fingerprint, templates), parsed


def _folder(root: Path | None) -> Path:
    here = Path(__file__).parent
    places = [here / "sql", here.parent / "sql"] if root is None else [root / "sql", root]
    for place in places:
        if (place / "variables.yml").is_file():
            return place.resolve()
    raise ProjectError(
        "there is no sql/variables.yml here, so this is no project folder.",
        path=root or here,
        hint="Point --project-dir at the folder that contains sql/, or leave it out to use the bundled project.",
    )


def _contracts(folder: Path, values: Mapping[str, Any]) -> tuple[dict[Table, Contract], dict[Table, Contract]]:
    sources: dict[Table, Contract] = {}
    models: dict[Table, Contract] = {}
    for path in sorted(folder.glob("*/*.yml")):
        if path.parent.name in _NOT_DATASETS:
            continue
        shown = Path("sql") / path.relative_to(folder)
        table = Table(path.parent.name, path.stem)
        made = contracts.contract(path, table, values, shown)
        _check_files(made, folder)
        (models if made.materialized else sources)[table] = made
    _check_orphans(folder, models)
    return sources, models


def _check_files(made: Contract, folder: Path) -> None:
    query_path = folder / made.table.dataset / f"{made.table.name}.sql"
    if made.materialized and not query_path.is_file():
        raise ProjectError(
            f"the contract has 'materialized', but there is no {query_path.name} beside it.", path=made.path
        )
    if not made.materialized and query_path.is_file():
        raise ProjectError(
            f"{query_path.name} lies beside it, but the contract has no 'materialized'.",
            path=made.path,
            hint="Write 'materialized: rebuild' or 'materialized: merge'.",
        )
    if made.materialized and not (folder / "materializations" / f"{made.materialized}.sql").is_file():
        raise ProjectError(f"there is no sql/materializations/{made.materialized}.sql.", path=made.path)
    tagged = [column.name for column in made.columns if column.policy_tag]
    if tagged and made.table.dataset not in _PERSONAL:
        raise ProjectError(f"'{tagged[0]}' has a policy tag, which only raw and staging may hold.", path=made.path)


def _check_orphans(folder: Path, models: Mapping[Table, Contract]) -> None:
    for path in sorted(folder.glob("*/*.sql")):
        if path.parent.name not in _NOT_DATASETS and Table(path.parent.name, path.stem) not in models:
            raise ProjectError(
                "a model needs a contract.",
                path=Path("sql") / path.relative_to(folder),
                hint=f"Write sql/{path.parent.name}/{path.stem}.yml beside it.",
            )


def _parse(templates: Templates, name: str, **context: Any) -> query.Query:
    text = templates.render(name, **context)
    return query.parse(text, Path("sql") / name, source_line(templates.text(name), text))


def _text(parsed: query.Query) -> tuple[str, frozenset[Table]]:
    return parsed.sql, parsed.reads


def _ordered(models: Mapping[Table, Model]) -> dict[Table, Model]:
    names = {str(table): [str(read) for read in model.reads] for table, model in models.items()}
    try:
        return {Table.parse(name): models[Table.parse(name)] for name in order(names)}
    except CycleError as error:
        cycle = error.args[1]
        path = models[Table.parse(cycle[0])].path
        raise ProjectError(f"models read each other in a circle: {' -> '.join(reversed(cycle))}.", path=path) from error


def _check_layer(found: query.Query, table: Table) -> None:
    """Reporting knows nothing of raw: a NINO has no way there."""
    for read in sorted(found.reads):
        if table.dataset == "reporting" and read.dataset not in {"staging", "reporting"}:
            raise ProjectError(
                f"a reporting model reads '{read}'; it may read staging and reporting only.", path=found.path
            )


def _assertions(templates: Templates, parsed: dict[str, query.Query]) -> Iterable[Assertion]:
    for path in sorted((templates.root / "assertions").glob("*.sql")):
        shown = Path("sql/assertions") / path.name
        if not path.with_suffix(".yml").is_file():
            raise ProjectError(
                "an assertion needs its settings.", path=shown, hint=f"Write {shown.with_suffix('.yml')}."
            )
        settings = contracts.assertion_settings(path.with_suffix(".yml"), shown.with_suffix(".yml"))
        found = parsed[path.stem] = _parse(templates, f"assertions/{path.name}")
        yield Assertion(path.stem, shown, sql=found.sql, reads=found.reads, **settings)


def _contract_tests(
    templates: Templates, tables: Iterable[Table], known: Mapping[Table, Contract]
) -> Iterable[Assertion]:
    for table in tables:
        made = known[table]
        conditions = [test for column in made.columns for test in _conditions(column)]
        uniques = [[column.name] for column in made.columns if column.unique]
        uniques += [list(made.key)] if list(made.key) not in uniques else []
        references = [(column.name, *column.references.rsplit(".", 1)) for column in made.columns if column.references]
        sql = templates.render(
            "materializations/contract.sql",
            table=table, key=made.key, conditions=conditions, uniques=uniques, references=references,
        )  # fmt: skip
        reads = frozenset({table, *(Table.parse(other) for _, other, _ in references)})
        yield Assertion(
            f"contract_{table.name}", None, f"{table} keeps its contract.", "error", sql, reads, ("problem", "subject")
        )


def _conditions(column: Column) -> Iterable[tuple[str, str]]:
    """What makes a row break the contract, as (sentence, GoogleSQL condition)."""
    name = column.name
    if column.required:
        yield f"{name} is NULL", f"{name} IS NULL"
    if column.accepted:
        values = ", ".join(f"'{value}'" for value in column.accepted)
        yield f"{name} is none of {', '.join(column.accepted)}", f"{name} NOT IN ({values})"
    for bound, sign, words in ((column.minimum, "<", "below"), (column.maximum, ">", "above")):
        if bound is not None:
            yield f"{name} is {words} {bound}", f"{name} {sign} CAST('{bound}' AS {column.type})"


def _prove(model: Model, found: tuple[Column, ...], project: Project) -> None:
    promised = model.contract.columns
    for number, (want, have) in enumerate(zip(promised, found, strict=False), 1):
        if want.name != have.name:
            raise ProjectError(
                f"column {number} of the contract is '{want.name}', but the query yields '{have.name}' there.",
                path=model.contract.path,
                line=_column_line(model.contract, want.name, project),
            )
        if have.type not in (want.type, "UNKNOWN"):
            raise ProjectError(
                f"column '{want.name}' is {want.type} by contract, but the query yields {have.type}.",
                path=model.contract.path,
                line=_column_line(model.contract, want.name, project),
            )
        if have.type == "UNKNOWN":
            raise ProjectError(
                f"the type of column '{want.name}' cannot be told.", path=model.path, hint="Wrap it in a CAST."
            )
    if len(promised) != len(found):
        extra = (found if len(found) > len(promised) else promised)[min(len(found), len(promised))].name
        where = (
            "the query yields it, the contract does not"
            if len(found) > len(promised)
            else "the query does not yield it"
        )
        raise ProjectError(
            f"{len(promised)} columns by contract, {len(found)} in the query: '{extra}': {where}.",
            path=model.contract.path,
        )


def _column_line(made: Contract, name: str, project: Project) -> int | None:
    lines = project.templates.text(f"{made.table.dataset}/{made.table.name}.yml").splitlines()
    return next((number for number, line in enumerate(lines, 1) if f"name: {name}," in line + ","), None)


def _proven(assertion: Assertion, found: tuple[Column, ...]) -> Assertion:
    names = tuple(column.name for column in found)
    for name in assertion.key:
        if name not in names:
            raise ProjectError(
                f"the key names '{name}', which the query does not yield.",
                path=(assertion.path or Path()).with_suffix(".yml"),
                hint=did_you_mean(name, names),
            )
    return replace(assertion, columns=names)


def _fingerprint(folder: Path, values: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode())
    for name in sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*.*") if path.suffix in _KINDS):
        with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123 - a thousand times, Path costs
            digest.update(f"\0{name}\0".encode() + file.read())
    return digest.hexdigest()
