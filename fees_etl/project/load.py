"""A folder of SQL and YAML -> Project: everything loaded, rendered, ordered and proven.

Path is identity: ``sql/reporting/dim_clients.sql`` is ``reporting.dim_clients``. A ``.yml`` alone is a source.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fees_etl import query
from fees_etl.errors import ProjectError
from fees_etl.project import contracts, proof
from fees_etl.project.files import Folder, survey
from fees_etl.project.graph import CycleError, order
from fees_etl.project.template import Templates, source_line
from fees_etl.project.workers import spread
from fees_etl.types import Assertion, Column, Contract, Model, Project, Table
from fees_etl.window import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


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
    folder = survey(root, variables or {})
    templates = Templates(folder.root, folder.variables)
    schema = {table: made.types for table, made in folder.contracts.items()}
    texts = spread(lambda name: _proven(folder, templates, name, schema), folder.queries, processes)
    return _project(folder, templates, texts)


def unproven(root: Path | None = None, variables: Mapping[str, Any] | None = None) -> Project:
    """As :func:`load` without the proof of columns and types."""
    folder = survey(root, variables or {})
    templates = Templates(folder.root, folder.variables)
    return _project(folder, templates, [_read(templates, name) for name in folder.queries])


def outline(root: Path | None = None, variables: Mapping[str, Any] | None = None, *, processes: int = 1) -> Project:
    """Names, kinds and arrows only: contracts have no columns and their tests no SQL; there is no fingerprint."""
    folder = survey(root, variables or {})
    templates = Templates(folder.root, folder.variables)
    texts = spread(lambda name: _read(templates, name), folder.queries, processes)
    return _project(folder, templates, texts, whole=False)


def edges(project: Project) -> dict[str, tuple[str, ...]]:
    """Each model's full name with the names of the models it reads."""
    return {
        str(table): tuple(sorted(str(read) for read in model.reads if read in project.models))
        for table, model in project.models.items()
    }


class _Text(NamedTuple):
    """A query that was read; plain strings, because it may have been read in another process."""

    sql: str
    reads: tuple[str, ...]
    columns: tuple[str, ...] = ()

    @property
    def tables(self) -> frozenset[Table]:
        return frozenset(map(Table.parse, self.reads))


def _read(templates: Templates, name: str) -> _Text:
    """One query, parsed."""
    parsed = _parse(templates, name)
    return _Text(parsed.sql, tuple(map(str, parsed.reads)))


def _proven(folder: Folder, templates: Templates, name: str, schema: query.Schema) -> _Text:
    """One query, parsed and compared with the YAML beside it."""
    parsed, path = _parse(templates, name), Path("sql", name)
    found = query.columns(parsed, schema)
    columns = tuple(column.name for column in found)
    if path.parent.name == "assertions":
        proof.yields(folder.settings[path.stem]["key"], columns, path.with_suffix(".yml"))
    else:
        proof.keeps(folder.made[Table(path.parent.name, path.stem)], found, folder.root)
    return _Text(parsed.sql, tuple(map(str, parsed.reads)), columns)


def _parse(templates: Templates, name: str) -> query.Query:
    context = {} if name.startswith("assertions/") else {"window": WHOLE}
    text = templates.render(name, **context)

    def line(number: int) -> int:
        return source_line(templates.text(name), text)(number)

    return query.parse(text, Path("sql", name), line)


def _project(folder: Folder, templates: Templates, texts: Sequence[_Text], *, whole: bool = True) -> Project:
    """The queries put in their places and checked against each other."""
    read, known = dict(zip(folder.queries, texts, strict=True)), folder.contracts
    models = _ordered({t: _model(made, read[f"{t.dataset}/{t.name}.sql"]) for t, made in folder.made.items()})
    assertions = [_assertion(name, read[f"assertions/{name}.sql"], said) for name, said in folder.settings.items()]
    tested = (*models, *(table for table, source in folder.sources.items() if source.key))
    assertions += [_contract_test(known[table], templates if whole else None) for table in tested]
    keys = {one.name: one.key for one in assertions}
    waivers = contracts.waivers(folder.root, keys)
    fingerprint = folder.fingerprint() if whole else ""
    return Project(
        folder.root, folder.variables, folder.sources, models, tuple(assertions), waivers, fingerprint, templates
    )


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
