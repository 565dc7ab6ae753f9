"""``docs``: the catalogue of tables and columns, what is made of what, and the words, as pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fees_etl.cli.logs import logger
from fees_etl.cli.pages import BEGINNING, put, spare, writing
from fees_etl.cli.session import Session, emit
from fees_etl.errors import FeesError, UsageError
from fees_etl.streams import replace

if TYPE_CHECKING:
    from fees_etl import Project
    from fees_etl.pages.catalogue import Seen


def docs(
    context: typer.Context,
    *,
    out: Annotated[
        str, typer.Option(metavar="DIR|FILE", help="A folder, a page a table; or one FILE.html, - for stdout.")
    ] = "catalogue.html",
) -> int:
    """Write the catalogue: tables, columns, tests, what is made of what, and a glossary.

    \b
    fees-etl docs                                catalogue.html in this folder
    fees-etl docs --out catalogue                a folder, a page a table
    fees-etl --target prod docs --out catalogue

    It has no scripts and loads nothing from elsewhere. Without a warehouse it has no verdicts.
    """
    from fees_etl.pages import catalogue as pages

    session: Session = context.obj
    project = session.open()
    found = _seen(session, project)
    if out == "-" or out.endswith((".html", ".htm")):
        put(pages.whole(project, found), out, out)
        return 0
    where, hint = Path(out), "Name a folder, or FILE.html: --out catalogue"
    with writing(where, hint):
        if where.exists() and not where.is_dir():
            raise UsageError(f"{out} is no folder.", hint=hint)
    made = pages.folder(project, found)
    with writing(where, hint):
        where.mkdir(exist_ok=True)
        for name in made:
            spare(where / name, hint, BEGINNING, "page")
        for name, text in made.items():
            replace(where / name, text)
    emit("text", {}, [f"{len(made)} pages: {(where / 'index.html').absolute()}, for any browser."])
    return 0


def _seen(session: Session, project: Project) -> Seen:
    """What the warehouse adds; where there is none, or it cannot be read, nothing, and why is said."""
    from fees_etl.pages import catalogue

    try:
        with session.warehouse(project, read_only=True) as engine:
            return catalogue.seen(project, engine)
    except FeesError as error:
        logger.warning("No verdicts: the warehouse cannot be read here: %s", error)
        return catalogue.Seen()
