"""Models by rows: a case is a folder with what a model reads and what it makes of that.

``tests/models/<table>/<case>/`` beside ``sql/`` holds ``<input>.csv`` and ``expect.csv``. An input that is left out is
empty; a column that is left out is NULL there, and not compared in expect.csv; a blank cell is NULL.
"""

from __future__ import annotations

import csv
import io
import os
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fees_etl.engines import connect
from fees_etl.errors import FeesError, ProjectError
from fees_etl.explain.show import value
from fees_etl.privacy import mask
from fees_etl.project.contracts import is_a
from fees_etl.project.files import collected, read, refuse
from fees_etl.project.graph import did_you_mean
from fees_etl.project.load import contract
from fees_etl.project.template import literal
from fees_etl.runs.plan import render
from fees_etl.script import Ask, Rows, Script, Write

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from fees_etl.engines import Engine
    from fees_etl.types import Contract, Model, Project, Scalar

FOLDER = "tests/models"
_FIRST = {
    "BOOL": "true",
    "DATE": "2025-01-31",
    "DATETIME": "2025-01-31T12:00:00",
    "INT64": "1",
    "NUMERIC": "100",
    "STRING": "a",
    "TIMESTAMP": "2025-01-31T12:00:00+00:00",
}
_EXPECT, _TOLD = "expect", 20


@dataclass(frozen=True, slots=True)
class Case:
    """One case; ``path`` is its folder, as a user would write it."""

    model: Model
    name: str
    path: Path
    inputs: tuple[tuple[Contract, Rows], ...]
    expect: Rows


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell that is not as expected; without ``column`` a row that is there or not: then both are BOOLs.

    ``key`` names the row: by the model's key, or where that cannot tell rows apart by all that is compared.
    """

    key: dict[str, Scalar]
    column: str | None
    expected: Scalar
    made: Scalar


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case that passed, or what differs; ``error`` is why its query could not answer."""

    case: Case
    differences: tuple[Difference, ...]
    seconds: float
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether the model made exactly the expected rows."""
        return not (self.differences or self.error)


def cases(project: Project, models: Collection[Model]) -> tuple[Case, ...]:
    """The cases of these models, in order, every file read and typed.

    Raises:
        ProjectError: a folder is of no model, a file of no table that the model reads, a column is unknown, a cell is
            not of its column's type; it names all of them with file and line.
    """
    root = project.root.parent
    named = {model.name: model for model in project.models.values()}
    errors: list[ProjectError] = []
    found = []
    for folder in _folders(root.glob(f"{FOLDER}/[!._]*")):
        if folder.name not in named:
            hint = did_you_mean(folder.name, named)
            errors.append(ProjectError("no model is called so.", path=folder.relative_to(root), hint=hint))
        elif named[folder.name] in models:
            for path in _folders(folder.glob("[!._]*")):
                with collected(errors):
                    found.append(_case(project, named[folder.name], path))
    if rest := errors[_TOLD:]:
        errors[_TOLD:] = [ProjectError(f"and {len(rest)} more.", path=FOLDER)]
    refuse(errors)
    return tuple(found)


def _folders(paths: Iterable[Path]) -> list[Path]:
    """Those of them that are folders; a link to a name that no disk has is none, and no error."""
    return sorted(path for path in paths if os.path.isdir(path))  # noqa: PTH112 - Path.is_dir() raises there


def judged(project: Project, chosen: Sequence[Case]) -> Iterator[CaseResult]:
    """What became of each case, on an embedded engine in memory, as soon as it is known."""
    with closing(connect("duckdb://", suffix="")) as engine:
        engine.prepare(project.contracts)
        for case in chosen:
            began = time.monotonic()
            try:
                made, error = _made(project, engine, case), ""
            except FeesError as failure:
                made, error = case.expect, failure.message
            yield CaseResult(case, tuple(_differences(case, made)), time.monotonic() - began, error)


def first(project: Project, model: Model) -> dict[Path, Rows]:
    """The files of a case to begin with: a row of every table that is read, and what is made of them now."""
    folder = Path(FOLDER, model.name, "first")
    inputs = []
    for table in sorted(model.reads):
        made = contract(project, str(table))
        columns = tuple(one.name for one in made.columns if not one.policy_tag)
        inputs.append(
            (made, Rows(columns, (tuple(value(name, kind := made.types[name], _FIRST[kind]) for name in columns),)))
        )
    columns = tuple(one.name for one in model.contract.columns if not one.policy_tag)
    case = Case(model, folder.name, folder, tuple(inputs), Rows(columns, ()))
    with closing(connect("duckdb://", suffix="")) as engine:
        engine.prepare(project.contracts)
        expect = _made(project, engine, case)
    files = {f"{made.table}.csv": rows for made, rows in inputs} | {"expect.csv": expect}
    return {folder / name: rows for name, rows in files.items()}


def _case(project: Project, model: Model, folder: Path) -> Case:
    root, errors = project.root.parent, list[ProjectError]()
    shown, tables = folder.relative_to(root), {str(table): table for table in model.reads}
    tables |= {table.name: table for table in model.reads}
    inputs: list[tuple[Contract, Rows]] = []
    expect = None
    for path in sorted(folder.glob("*.csv")):
        file = path.relative_to(root)
        with collected(errors):
            if path.stem == _EXPECT:
                expect = _rows(root, file, model.contract)
            elif path.stem in tables:
                inputs.append((made := contract(project, str(tables[path.stem])), _rows(root, file, made)))
            else:
                message = f"{model.table} reads no table '{path.stem}'."
                raise ProjectError(message, path=file, hint=did_you_mean(path.stem, map(str, model.reads)))
    if expect is None and not errors:
        errors.append(ProjectError("a case needs expect.csv.", path=shown, hint=f"Write {shown}/{_EXPECT}.csv."))
    for table, files in Counter(made.table for made, _ in inputs).items():
        if files > 1:
            errors.append(ProjectError(f"two files hold the rows of {table}.", path=shown))
    if errors:
        raise ExceptionGroup(str(shown), errors)
    assert expect is not None  # noqa: S101 - else there was an error
    return Case(model, folder.name, shown, tuple(inputs), expect)


def _rows(root: Path, path: Path, made: Contract) -> Rows:
    """The rows of one file, typed by a contract."""
    wrong, types = partial(ProjectError, path=path), made.types
    header, *records = _records(root, path) or [(1, [])]
    columns = tuple(header[1])
    hints = {name: did_you_mean(name, types) for name in columns if name not in types}
    errors = [wrong(f"{made.table} has no column '{name}'.", line=1, hint=hint) for name, hint in hints.items()]
    if not columns or len(columns) != len(set(columns)):
        errors.append(wrong("a column is there twice." if columns else "no header.", line=1))
    rows = []
    for line, cells in records:
        if len(cells) != len(columns):
            errors.append(wrong(f"{len(cells)} cells, but {len(columns)} columns.", line=line))
        elif not hints:
            kinds = [types[name] for name in columns]
            lowered = [cell.lower() if kind == "BOOL" else cell for kind, cell in zip(kinds, cells, strict=True)]
            triples = [*zip(columns, kinds, lowered, strict=True)]
            errors += [
                wrong(f"'{cell[:40]}' is no {kind} for column '{name}'.", line=line)
                for name, kind, cell in triples
                if cell and not is_a(kind, cell)
            ]
            rows.append(() if errors else tuple(value(*one) if one[2] else None for one in triples))
    if errors:
        raise ExceptionGroup(str(path), errors)
    return Rows(columns, tuple(rows))


def _records(root: Path, path: Path) -> list[tuple[int, list[str]]]:
    """The records of a CSV file, each with the line it begins at; empty lines are none."""
    line = 1
    try:
        text = read(root, str(path), path).decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        found = []
        for cells in reader:
            found.append((line, cells))
            line = reader.line_num + 1
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ProjectError("not UTF-8.", path=path, line=line, hint="Save the file as UTF-8.") from error
    except csv.Error as error:
        raise ProjectError(f"no CSV: {error}.", path=path, line=line) from error
    return [one for one in found if one[1]]


def _made(project: Project, engine: Engine, case: Case) -> Rows:
    """The compared columns of what the model makes of the inputs, in a transaction that is rolled back."""
    writes = [
        Write(f"INSERT INTO {made.table} ({', '.join(given.columns)}) VALUES {values}")  # noqa: S608 - names of a contract
        for made, given in case.inputs
        if (values := ", ".join(f"({', '.join(map(literal, row))})" for row in given.rows))
    ]
    columns, query = ", ".join(case.expect.columns), render(project, str(case.model.table))
    ask = Ask("made", f"SELECT {columns} FROM ({query}\n)")  # noqa: S608 - names of a contract
    outcome = engine.transact(Script(case.name, (*writes, ask), keep=False))
    return Rows(case.expect.columns, outcome.answers["made"].rows.rows)


def _differences(case: Case, made: Rows) -> Iterator[Difference]:
    """Row by row where the model's key is compared and tells them apart, else each row as a whole."""
    columns = case.expect.columns
    hidden = {one.name for one in case.model.contract.columns if one.policy_tag}
    places = [columns.index(name) for name in case.model.contract.key if name in columns]
    want, have = ({tuple(row[at] for at in places): row for row in rows} for rows in (case.expect.rows, made.rows))
    is_keyed = len(places) == len(case.model.contract.key)
    if not is_keyed or len(want) < len(case.expect.rows) or len(have) < len(made.rows):
        places = list(range(len(columns)))

    def named(row: tuple[Scalar, ...], at: Sequence[int]) -> dict[str, Scalar]:
        return {columns[place]: shown(place, row[place]) for place in at}

    def shown(place: int, value: Scalar) -> Scalar:
        return mask(value) if columns[place] in hidden else value

    if len(places) == len(columns):
        wanted, had = Counter(case.expect.rows), Counter(made.rows)
        yield from (Difference(named(row, places), None, True, False) for row in (wanted - had).elements())  # noqa: FBT003
        yield from (Difference(named(row, places), None, False, True) for row in (had - wanted).elements())  # noqa: FBT003
        return
    for key, row in want.items():
        answered = have.pop(key, None)
        if answered is None:
            yield Difference(named(row, places), None, True, False)  # noqa: FBT003
            continue
        for at, (one, other) in enumerate(zip(row, answered, strict=True)):
            if one != other:
                yield Difference(named(row, places), columns[at], shown(at, one), shown(at, other))
    for row in have.values():
        yield Difference(named(row, range(len(columns))), None, False, True)  # noqa: FBT003
