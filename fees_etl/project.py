"""A folder of SQL and YAML -> Project: everything loaded, rendered, ordered and proven.

Path is identity: ``sql/reporting/dim_clients.sql`` is ``reporting.dim_clients``. A ``.yml`` alone is a source.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fees_etl import contract as contracts
from fees_etl import proof, query
from fees_etl.errors import ProjectError
from fees_etl.graph import CycleError, order
from fees_etl.template import Templates, source_line
from fees_etl.types import Assertion, Column, Contract, Model, Project, Table
from fees_etl.window import WHOLE
from fees_etl.workers import spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["edges", "load", "outline", "unproven"]

_NOT_DATASETS = {"macros", "materializations", "operations", "assertions"}
_KINDS = {".sql", ".yml"}
_PERSONAL = {"raw", "staging", "ops"}
"""Datasets that may hold a column with a policy tag: a NINO stays out of reporting."""


def load(root: Path | None = None, variables: Mapping[str, Any] | None = None, *, processes: int = 1) -> Project:
    """The project in ``root``, proven: each contract equals its query's output columns by name, order and type.

    Args:
        root: the folder that contains ``sql/``, or that folder itself; the bundled project when left out.
        variables: overrides of project variables.
        processes: how many may read the queries of a large project; more than one for programs without threads only.

    Raises:
        ProjectError: with file and line, when a file is wrong, or when files contradict each other.

    >>> [model.name for model in load().models.values()]
    ['stg_fees', 'dim_clients', 'rpt_client_ltv', 'rpt_adviser_ltv', 'rpt_cohort_ltv']
    """
    draft = _draft(root, variables)
    schema = {table: made.types for table, made in draft.contracts.items()}
    return _project(draft, spread(lambda name: _proven(draft, name, schema), draft.queries, processes))


def unproven(root: Path | None = None, variables: Mapping[str, Any] | None = None) -> Project:
    """As :func:`load` without the proof of columns and types."""
    draft = _draft(root, variables)
    return _project(draft, [_text(draft, name) for name in draft.queries])


def outline(root: Path | None = None, variables: Mapping[str, Any] | None = None, *, processes: int = 1) -> Project:
    """Names, kinds and arrows only: contracts have no columns and their tests no SQL; there is no fingerprint."""
    draft = _draft(root, variables, whole=False)
    return _project(draft, spread(lambda name: _text(draft, name), draft.queries, processes), whole=False)


def edges(project: Project) -> dict[str, tuple[str, ...]]:
    """Each model's full name with the names of the models it reads."""
    return {
        str(table): tuple(sorted(str(read) for read in model.reads if read in project.models))
        for table, model in project.models.items()
    }


@dataclass(frozen=True, slots=True)
class _Draft:
    """A project whose queries are still to be read."""

    templates: Templates
    variables: dict[str, Any]
    sources: dict[Table, Contract]
    made: dict[Table, Contract]
    settings: dict[str, dict[str, Any]]
    """Of each assertion by name."""

    @property
    def contracts(self) -> dict[Table, Contract]:
        return self.sources | self.made

    @property
    def queries(self) -> list[str]:
        """The files of models and assertions."""
        return [*map(_file, self.made), *(f"assertions/{name}.sql" for name in self.settings)]


class _Text(NamedTuple):
    """A query that was read; plain strings, because it may have been read in another process."""

    sql: str
    reads: tuple[str, ...]
    columns: tuple[str, ...] = ()

    @property
    def tables(self) -> frozenset[Table]:
        return frozenset(map(Table.parse, self.reads))


def _draft(root: Path | None, overrides: Mapping[str, Any] | None, *, whole: bool = True) -> _Draft:
    folder = _folder(root)
    values = contracts.variables(folder / "variables.yml", overrides or {}, Path("sql/variables.yml"))
    found = {made.table: made for made in _contracts(folder, values, whole=whole)}
    made = {table: one for table, one in found.items() if one.materialized}
    _check_orphans(folder, made)
    sources = {table: one for table, one in found.items() if not one.materialized}
    return _Draft(Templates(folder, values), values, sources, made, dict(_settings(folder)))


def _project(draft: _Draft, texts: Sequence[_Text], *, whole: bool = True) -> Project:
    """The queries put in their places and checked against each other."""
    folder, known = draft.templates.root, draft.contracts
    found = dict(zip(draft.queries, texts, strict=True))
    models = _ordered({table: _model(made, found[_file(table)]) for table, made in draft.made.items()})
    assertions = [_assertion(name, found[f"assertions/{name}.sql"], given) for name, given in draft.settings.items()]
    tested = (*models, *(table for table, source in draft.sources.items() if source.key))
    assertions += [_contract_test(known[table], draft.templates if whole else None) for table in tested]
    waivers = contracts.waivers(folder / "waivers.yml", {one.name for one in assertions}, Path("sql/waivers.yml"))
    fingerprint = _fingerprint(folder, draft.variables) if whole else ""
    return Project(
        folder, draft.variables, draft.sources, models, tuple(assertions), waivers, fingerprint, draft.templates
    )


def _text(draft: _Draft, name: str) -> _Text:
    """One query, parsed."""
    parsed = _parse(draft.templates, name)
    return _Text(parsed.sql, tuple(map(str, parsed.reads)))


def _proven(draft: _Draft, name: str, schema: query.Schema) -> _Text:
    """One query, parsed and compared with the YAML beside it."""
    parsed, path = _parse(draft.templates, name), Path("sql") / name
    found = query.columns(parsed, schema)
    columns = tuple(column.name for column in found)
    if path.parent.name == "assertions":
        proof.yields(draft.settings[path.stem]["key"], columns, path.with_suffix(".yml"))
    else:
        proof.keeps(draft.made[Table(path.parent.name, path.stem)], found, draft.templates.root)
    return _Text(parsed.sql, tuple(map(str, parsed.reads)), columns)


def _parse(templates: Templates, name: str) -> query.Query:
    context = {} if name.startswith("assertions/") else {"window": WHOLE}
    text = templates.render(name, **context)
    return query.parse(text, Path("sql") / name, lambda line: source_line(templates.text(name), text)(line))


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


def _contracts(folder: Path, values: Mapping[str, Any], *, whole: bool) -> Iterator[Contract]:
    for path in sorted(folder.glob("*/*.yml")):
        if path.parent.name not in _NOT_DATASETS:
            table, shown = Table(path.parent.name, path.stem), Path("sql") / path.relative_to(folder)
            made = contracts.contract(path, table, values, shown) if whole else contracts.outline(path, table, shown)
            _check_files(made, folder)
            yield made


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


def _settings(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((folder / "assertions").glob("*.sql")):
        shown = Path("sql/assertions") / path.name
        if not path.with_suffix(".yml").is_file():
            raise ProjectError(
                "an assertion needs its settings.", path=shown, hint=f"Write {shown.with_suffix('.yml')}."
            )
        yield path.stem, contracts.assertion_settings(path.with_suffix(".yml"), shown.with_suffix(".yml"))


def _model(made: Contract, text: _Text) -> Model:
    model = Model(made, made.path.with_suffix(".sql"), text.sql, text.tables)
    _check_layer(model)
    return model


def _ordered(models: Mapping[Table, Model]) -> dict[Table, Model]:
    names = {str(table): [str(read) for read in model.reads] for table, model in models.items()}
    try:
        return {Table.parse(name): models[Table.parse(name)] for name in order(names)}
    except CycleError as error:
        cycle = error.args[1]
        path = models[Table.parse(cycle[0])].path
        raise ProjectError(f"models read each other in a circle: {' -> '.join(reversed(cycle))}.", path=path) from error


def _check_layer(model: Model) -> None:
    """Reporting knows nothing of raw: a NINO has no way there."""
    for read in sorted(model.reads):
        if model.table.dataset == "reporting" and read.dataset not in {"staging", "reporting"}:
            raise ProjectError(
                f"a reporting model reads '{read}'; it may read staging and reporting only.", path=model.path
            )


def _assertion(name: str, text: _Text, settings: Mapping[str, Any]) -> Assertion:
    path = Path(f"sql/assertions/{name}.sql")
    return Assertion(name, path, sql=text.sql, reads=text.tables, columns=text.columns, **settings)


def _contract_test(made: Contract, templates: Templates | None) -> Assertion:
    """The assertion that a table keeps its contract; without templates it has no SQL."""
    conditions = [test for column in made.columns for test in _conditions(column)]
    uniques = [[column.name] for column in made.columns if column.unique]
    uniques += [list(made.key)] if list(made.key) not in uniques else []
    references = [(column.name, *column.references.rsplit(".", 1)) for column in made.columns if column.references]
    sql = templates and templates.render(
        "materializations/contract.sql",
        table=made.table, key=made.key, conditions=conditions, uniques=uniques, references=references,
    )  # fmt: skip
    reads = frozenset({made.table, *(Table.parse(other) for _, other, _ in references)})
    sentence = f"{made.table} keeps its contract."
    return Assertion(f"contract_{made.table.name}", None, sentence, "error", sql or "", reads, ("problem", "subject"))


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


def _file(table: Table) -> str:
    return f"{table.dataset}/{table.name}.sql"


def _fingerprint(folder: Path, values: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode())
    for name in sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*.*") if path.suffix in _KINDS):
        with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123 - a thousand times, Path costs
            digest.update(f"\0{name}\0".encode() + file.read())
    return digest.hexdigest()
