"""``init``: a project of one's own, whose SQL can be changed and whose exceptions can be waived."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from fees_etl.cli.session import emit
from fees_etl.cli.show import as_csv
from fees_etl.cli.text import grid
from fees_etl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fees_etl.cli.session import Session

FILES = {
    "sql": "models, contracts, assertions, variables, waivers",
    "tests/models": "cases: rows that a model reads, and what it makes of them",
    "fees_etl.toml": "targets: where it runs, and what it reads",
    ".github/workflows/fees.yml": "what a change must pass",
}
"""What is made, and what it is for; a name that is there already is left alone, and nothing is made."""
BEGINNING = {
    "waivers.yml": "sql/waivers.yml",
    "fees_etl.toml": "fees_etl.toml",
    "fees.yml": ".github/workflows/fees.yml",
}
NEXT = ("fees-etl test", "fees-etl run", "echo 'fees.duckdb*' >> .gitignore")


def init(
    context: typer.Context,
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Where to; made if need be. Left out, this folder.")
    ] = None,
    *,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Begin a model in it: SQL, contract, a case; of your SQL a contract."),
    ] = None,
) -> int:
    """Begin a project of your own: SQL, settings and a workflow to change.

    \b
    fees-etl init
    fees-etl init fees && cd fees && fees-etl run
    fees-etl init --model rpt_adviser_month
    """
    session: Session = context.obj
    where = (directory or session.project_dir or Path()).absolute()
    if model is not None:
        return _model(session, where, model)
    for name in FILES:
        if os.path.lexists(where / name):
            raise UsageError(f"{where / name} is there already, and nothing is overwritten.", hint="fees-etl init NEW")
    try:
        where.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=where, prefix=".init-") as made:  # so that there is all of it or nothing
            _write(Path(made))
            for name in FILES:
                (where / name).parent.mkdir(parents=True, exist_ok=True)
            for name in FILES:
                (Path(made) / name).rename(where / name)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{where} cannot be written: {said}.", hint="fees-etl init DIR, in a folder of yours"
        ) from error
    _say(where, FILES, NEXT)
    return 0


def _say(where: Path, files: Mapping[str, str], commands: Sequence[str]) -> None:
    there = [] if where.resolve() == Path.cwd() else [f"  cd {shlex.quote(str(where))}"]
    lines = [f"Made in {where}", *grid([*files.items()], "<<")]
    emit("text", {}, [*lines, "", "Next", *there, *(f"  {line}" for line in commands)])


def _model(session: Session, where: Path, name: str) -> int:
    """A model, its contract and a first case; where the project would not load with them, nothing is left."""
    from fees_etl.project.draft import draft
    from fees_etl.project.load import load
    from fees_etl.runs.cases import FOLDER, first

    if not os.path.lexists(where / "sql"):
        hint = f"fees-etl init && fees-etl init --model {shlex.quote(name)}"
        raise UsageError(f"there is no sql/ in {where}, and the bundled project is nobody's to change.", hint=hint)
    session.project_dir = where
    overrides = session.read().vars
    files, told = draft(where, name, overrides), dict[str, str]()
    made = list[Path]()
    try:
        for path, text in files.items():
            made.append(where / path)
            made[-1].parent.mkdir(parents=True, exist_ok=True)
            made[-1].write_text(text, encoding="utf-8")
            told[str(path)] = "which rows" if path.suffix == ".sql" else "which table: inferred from the SQL"
        project = load(where, overrides)
        model = next(one for one in project.models.values() if one.contract.path == path)
        cases = {} if (where / FOLDER / model.name).exists() else first(project, model)
        for path, rows in cases.items():
            (where / path).parent.mkdir(parents=True, exist_ok=True)
            (where / path).write_text("\n".join([*as_csv(rows.columns, rows.rows), ""]), encoding="utf-8")
            told[str(path.parent)] = "a case, which passes: make it say what is meant"
    except BaseException as error:
        for one in made:
            with suppress(OSError):  # it may not have come so far
                one.unlink()
        if isinstance(error, OSError):
            raise UsageError(
                f"{where} cannot be written: {error.strerror}.", hint="chmod, or another folder"
            ) from error
        raise
    _say(where, told, (f"fees-etl test {model.name}", "fees-etl check", "fees-etl run --rehearse", "fees-etl run"))
    return 0


def _write(folder: Path) -> None:
    """The files of a new project."""
    from fees_etl.project.load import folder as project

    beginning = Path(__file__).parent / "beginning"
    places = {
        path: Path(name, path.relative_to(project(None).parent / name))
        for name in ("sql", "tests/models")
        for path in (project(None).parent / name).rglob("[!.]*")
    }
    places |= {beginning / name: Path(place) for name, place in BEGINNING.items()}
    for path, place in places.items():
        if path.is_file():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(path.read_bytes())  # with a mode of its own: the bundled one may be read-only
