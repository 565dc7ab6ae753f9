"""``init``: a project of one's own, whose SQL can be changed and whose exceptions can be waived."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from fees_etl.cli.session import emit
from fees_etl.cli.text import grid
from fees_etl.errors import UsageError

if TYPE_CHECKING:
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
) -> int:
    """Begin a project of your own: SQL, settings and a workflow to change.

    \b
    fees-etl init
    fees-etl init fees && cd fees && fees-etl run
    """
    session: Session = context.obj
    where = (directory or session.project_dir or Path()).absolute()
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
    there = [] if where.resolve() == Path.cwd() else [f"  cd {shlex.quote(str(where))}"]
    lines = [f"Made in {where}", *grid([*FILES.items()], "<<")]
    emit("text", {}, [*lines, "", "Next", *there, *(f"  {line}" for line in NEXT)])
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
