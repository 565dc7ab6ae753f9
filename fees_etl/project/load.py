"""A folder of SQL and YAML -> Project: everything loaded, rendered, ordered and proven.

Path is identity: ``sql/reporting/dim_clients.sql`` is ``reporting.dim_clients``. A ``.yml`` alone is a source.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fees_etl import query
from fees_etl.errors import ProjectError, UsageError
from fees_etl.project import contracts, watched
from fees_etl.project.files import NOT_DATASETS, Document, collected, listed, read, refuse
from fees_etl.project.files import variables as project_variables
from fees_etl.project.graph import CycleError, did_you_mean, order
from fees_etl.project.template import Templates, literal, source_line
from fees_etl.types import Assertion, Column, Contract, Model, Project, Table
from fees_etl.window import WHOLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence


PERSONAL = {"raw", "staging", "ops"}
"""Datasets that may hold a column with a policy tag: a NINO stays out of reporting."""


def load(root: Path | None = None, variables: Mapping[str, Any] | None = None, *, proven: bool = True) -> Project:
    """The project in ``root``, proven: each contract equals its query's output columns by name, order and type.

    Args:
        root: the folder that contains ``sql/``, or that folder itself; the bundled project when left out.
        variables: overrides of project variables.
        proven: whether columns are compared; to list, render and look up, queries need only be parsed.

    Raises:
        ProjectError: with file and line, when files are wrong or contradict each other; it names all of them.

    >>> [model.name for model in load().models.values()]
    ['stg_fees', 'dim_clients', 'rpt_client_ltv', 'rpt_adviser_ltv', 'rpt_cohort_ltv']
    """
    place = folder(root)
    values = project_variables(place, variables or {})
    files = listed(place)
    known, templates = contracts_of(place, files, values)
    sources = {table: made for table, made in known.items() if not made.materialized}
    errors: list[ProjectError] = []
    models: dict[Table, Model] = {}
    assertions: list[Assertion] = []
    types = {table: types_of(made) for table, made in known.items()} if proven else None
    for made in known.values():
        if made.materialized:
            with collected(errors):
                models[made.table] = _model(made, templates, types)
    for name in files:
        if name.startswith("assertions/") and name.endswith(".sql"):
            with collected(errors):
                assertions.append(_assertion(name, templates, types))
    refuse(errors)
    reads = {str(table): sorted(map(str, model.reads)) for table, model in models.items()}
    try:
        models = {table: models[table] for table in map(Table.parse, order(reads))}
    except CycleError as error:
        cycle = error.args[1]
        message = f"models read each other in a circle: {' -> '.join(reversed(cycle))}."
        raise ProjectError(message, path=models[Table.parse(cycle[0])].path) from error
    tested = (*models, *(table for table, source in sources.items() if source.key))
    warned = watched.keys(sources)
    refuse([*_doubled([known[table] for table in tested], assertions, warned)])
    assertions += [_contract_test(known[table], templates) for table in tested]
    waivers = contracts.waivers(place, {one.name: one.key for one in assertions} | warned)
    fingerprint = _fingerprint(place, files, values)
    return Project(place, values, sources, models, tuple(assertions), waivers, fingerprint, templates)


def contract(project: Project, name: str) -> Contract:
    """The contract of a table by its name, with or without the dataset.

    Raises:
        UsageError: there is no such table.
    """
    named = {text: made for at, made in project.contracts.items() for text in (at.name, str(at))}
    if name not in named:
        near = did_you_mean(name, {at.name for at in project.contracts})
        raise UsageError(f"no table is called '{name}'.", hint=near or "See their names: fees-etl ls")
    return named[name]


def edges(project: Project) -> dict[str, tuple[str, ...]]:
    """Each model's full name with the names of the models it reads."""
    return {
        str(table): tuple(sorted(str(read) for read in model.reads if read in project.models))
        for table, model in project.models.items()
    }


def folder(root: Path | None) -> Path:
    """Where the files of the project in ``root`` are, or of the bundled one.

    Raises:
        ProjectError: there is no project.
    """
    here = Path(__file__).parents[1]
    places = [here / "sql", here.parent / "sql"] if root is None else [root / "sql", root]
    for place in places:
        if os.path.lexists(place / "variables.yml"):
            return place.resolve()
    raise ProjectError(
        "there is no sql/variables.yml here, so this is no project folder.",
        path=(root or here).absolute(),
        hint="Point --project-dir at the folder that contains sql/, or leave it out to use the bundled project.",
    )


def contracts_of(
    folder: Path, files: Collection[str], values: Mapping[str, Any]
) -> tuple[dict[Table, Contract], Templates]:
    """The contract of each table, with a file beside each file that needs one; and the templates, which see them."""
    errors: list[ProjectError] = []
    tables = [name for name in files if name.partition("/")[0] not in NOT_DATASETS]
    found = contracts.contracts(folder, (name for name in tables if name.endswith(".yml")), values, errors)
    there = set(files)
    for made in found.values():
        errors += _misplaced(made, there)
    for name in tables:
        if name.endswith(".sql") and (beside := name.removesuffix(".sql") + ".yml") not in there:
            hint = f"Write sql/{beside} beside it, or: fees-etl init --model {beside[:-4].replace('/', '.')}"
            errors.append(ProjectError("a model needs a contract.", path=Path("sql", name), hint=hint))
    refuse(errors)
    return found, Templates(folder, {"contracts": {str(at): made.types for at, made in found.items()}, **values})


def _misplaced(made: Contract, files: Collection[str]) -> Iterator[ProjectError]:
    query = f"{made.table.name}.sql"
    beside = f"{made.table.dataset}/{query}" in files
    if made.materialized and not beside:
        yield ProjectError(f"the contract has 'materialized', but there is no {query} beside it.", path=made.path)
    if not made.materialized and beside:
        message = f"{query} lies beside it, but the contract has no 'materialized'."
        yield ProjectError(message, path=made.path, hint="Write 'materialized: rebuild' or 'materialized: merge'.")
    if made.materialized and f"materializations/{made.materialized}.sql" not in files:
        yield ProjectError(f"there is no sql/materializations/{made.materialized}.sql.", path=made.path)
    for name in filter(None, (made.beforehand, made.afterwards)):
        if f"operations/{name}.sql" not in files:
            yield ProjectError(f"there is no sql/operations/{name}.sql.", path=made.path)
    tagged = [column.name for column in made.columns if column.policy_tag]
    if tagged and made.table.dataset not in PERSONAL:
        yield ProjectError(f"'{tagged[0]}' has a policy tag, which only raw and staging may hold.", path=made.path)


def parsed_of(templates: Templates, name: str, **context: Any) -> query.Query:
    """The query of one file, rendered; errors in it name the file's own lines."""
    text = templates.render(name, **context)
    return query.parse(text, Path("sql", name), source_line(templates.text(name), text))


def _model(made: Contract, templates: Templates, types: query.Schema | None) -> Model:
    parsed = parsed_of(templates, f"{made.table.dataset}/{made.table.name}.sql", window=WHOLE)
    path = made.path.with_suffix(".sql")
    if types is not None:
        found = query.columns(parsed, types)
        _prove(made, found, templates.root)
        _protect(made, parsed, found)
    for source in sorted(parsed.reads):  # reporting knows nothing of raw: a NINO has no way there
        if made.table.dataset == "reporting" and source.dataset not in {"staging", "reporting"}:
            raise ProjectError(
                f"a reporting model reads '{source}'; it may read staging and reporting only.", path=path
            )
    if made.shared:
        query.parted(parsed, made.shared, made.table)  # it can be done
    return Model(made, path, parsed.sql, parsed.reads)


def _prove(made: Contract, found: Sequence[Column], root: Path) -> None:
    """The columns that a query yields are those of its contract, so that the two files cannot drift apart."""
    for number, (want, have) in enumerate(zip(made.columns, found, strict=False)):
        if want.name != have.name:
            message = f"column {number + 1} of the contract is '{want.name}', but the query yields '{have.name}' there."
        elif have.type == "UNKNOWN":
            message = f"the type of column '{want.name}' cannot be told."
            raise ProjectError(message, path=made.path.with_suffix(".sql"), hint="Wrap it in a CAST.")
        elif have.type != want.type:
            message = f"column '{want.name}' is {want.type} by contract, but the query yields {have.type}."
        else:
            continue
        raise Document(root, f"{made.table.dataset}/{made.table.name}.yml").error(message, "columns", number)
    if len(made.columns) != len(found):
        more, fewer = sorted((made.columns, found), key=len, reverse=True)
        where = "the query does not yield it" if more is made.columns else "the query yields it, the contract does not"
        raise ProjectError(
            f"{len(made.columns)} columns by contract, {len(found)} in the query: '{more[len(fewer)].name}': {where}.",
            path=made.path,
        )


def types_of(made: Contract) -> dict[str, str]:
    """The types of a table's columns, each with its policy tag."""
    return {
        one.name: query.Tagged(one.type, one.policy_tag, f"{made.table}.{one.name}") if one.policy_tag else one.type
        for one in made.columns
    }


def _protect(made: Contract, parsed: query.Query, found: Sequence[Column]) -> None:
    """What is made of a column with a policy tag has that tag, whatever it is called."""
    for want, have in zip(made.columns, found, strict=True):
        if isinstance(have.type, query.Tagged) and want.policy_tag != have.type.tag:
            made_of = f"'{want.name}' is made of {have.type.origin}, which has the policy tag '{have.type.tag}'"
            may = made.table.dataset in PERSONAL
            message = (
                f"{made_of}{', and the contract does not say so' if may else ': only raw and staging may hold it'}."
            )
            hint = f"Write 'policy_tag: {have.type.tag}' for it in {made.path}, or leave it out." if may else ""
            error = parsed.wrong(message, at=have.type.line)
            error.hint = hint or "Leave it out; what it is needed for, count or compare in staging."
            raise error


def _assertion(name: str, templates: Templates, types: query.Schema | None) -> Assertion:
    path, beside = Path("sql", name), name.removesuffix(".sql") + ".yml"
    if not (templates.root / beside).exists():
        raise ProjectError("an assertion needs its settings.", path=path, hint=f"Write sql/{beside}.")
    settings = contracts.settings(templates.root, beside)
    parsed = parsed_of(templates, name)
    found = () if types is None else query.columns(parsed, types)
    columns = tuple(column.name for column in found)
    for number, one in enumerate(columns):
        if one.startswith("_") or one in columns[:number]:
            raise ProjectError(f"the query yields '{one}': once, please, and without _ in front.", path=path)
    tagged = frozenset(column.name for column in found if isinstance(column.type, query.Tagged))
    for one in settings["key"]:
        if types is not None and one not in columns:
            message = f"the key names '{one}', which the query does not yield."
            raise ProjectError(message, path=path.with_suffix(".yml"), hint=did_you_mean(one, columns))
    return Assertion(
        path.stem, path, query=lambda: parsed.sql, reads=parsed.reads, columns=columns, tagged=tagged, **settings
    )


def _doubled(tested: Sequence[Contract], own: Sequence[Assertion], warned: Collection[str]) -> Iterator[ProjectError]:
    """Two assertions of one name would have one verdict."""
    seen = {"published_before", "published_after", "left_out", "staged_before", "staged_after"}
    seen |= {made.table.name for made in tested} | contracts.CHECKS.keys() | set(warned)
    names = [(f"{kind}_{made.table.name}", made.path) for kind in ("contract", "matches") for made in tested]
    for name, path in [*names, *((one.name, Path(one.path or "")) for one in own)]:
        if name in seen:
            yield ProjectError(f"the name '{path.stem}' is taken: another table or check is called so.", path=path)
        seen.add(name)


def _contract_test(made: Contract, templates: Templates) -> Assertion:
    """The assertion that a table keeps its contract."""
    uniques = [[column.name] for column in made.columns if column.unique]
    uniques += [list(made.key)] if list(made.key) not in uniques else []
    references = [(column.name, *column.references.rsplit(".", 1)) for column in made.columns if column.references]
    sql = partial(
        templates.render,
        "materializations/contract.sql",
        table=made.table,
        key=made.key,
        conditions=[test for column in made.columns for test in _conditions(column)],
        uniques=uniques,
        references=references,
    )
    reads = frozenset({made.table, *(Table.parse(other) for _, other, _ in references)})
    sentence = f"{made.table} keeps its contract."
    return Assertion(f"contract_{made.table.name}", None, sentence, "error", sql, reads, ("problem", "subject"))


def _conditions(column: Column) -> Iterator[tuple[str, str]]:
    """What makes a row break the contract, as (sentence, GoogleSQL condition)."""
    name = column.name
    if column.required:
        yield f"{name} is NULL", f"{name} IS NULL"
    if column.accepted:
        values = ", ".join(
            literal(one) if column.type == "STRING" else f"CAST({literal(one)} AS {column.type})"
            for one in column.accepted
        )
        yield f"{name} is none of {', '.join(column.accepted)}", f"{name} NOT IN ({values})"
    for bound, sign, words in ((column.minimum, "<", "below"), (column.maximum, ">", "above")):
        if bound is not None:
            yield f"{name} is {words} {bound}", f"{name} {sign} CAST({literal(bound)} AS {column.type})"


def _fingerprint(folder: Path, files: Collection[str], values: Mapping[str, Any]) -> str:
    """The SHA-256 of SQL, contracts and variables."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode())
    for name in files:
        digest.update(f"\0{name}\0".encode() + read(folder, name))
    return digest.hexdigest()
