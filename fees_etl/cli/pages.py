"""``report`` and ``docs``, and how a page is written: whole or not at all, over nothing that is no page."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from fees_etl.cli import options as opt
from fees_etl.cli.logs import logger
from fees_etl.cli.session import Session, emit, write
from fees_etl.errors import FeesError, UsageError
from fees_etl.streams import replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BEGINNING = "<!doctype html>"
STDOUT = "-"
Out: TypeAlias = Annotated[
    str | None, typer.Option("--out", metavar="FILE", help="Where to; - is stdout. Left out, a file of this folder.")
]


def report(
    context: typer.Context,
    *,
    run: Annotated[str, opt.run(help="What that run published: an id, latest, previous or a day.")] = "latest",
    out: Out = None,
    clients: Annotated[
        bool, typer.Option("--clients", help="With the ids of clients, where changed or failing rows name them.")
    ] = False,
) -> int:
    """Write what a run published as one page to read and print.

    \b
    fees-etl report                              report.html in this folder
    fees-etl report --run previous --out september.html
    fees-etl report --out - > report.html

    It has no scripts, loads nothing from elsewhere and holds no National Insurance number.
    Charts need: pip install 'fees-etl[pages]'
    """
    from fees_etl.pages import facts
    from fees_etl.pages.parts import require_charts
    from fees_etl.pages.report import report as written

    require_charts()
    session: Session = context.obj
    project = session.open(proven=False)
    with session.warehouse(project, read_only=True, tables=facts.needed(project)) as engine:
        found = facts.read(project, engine, run)
    text = written(found, start=session.start, is_with_clients=clients)
    put(text, out, "report.html", [f"What run {found.moment.run_id} published.", *found.lacking])
    return 0


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
    from fees_etl.pages import catalogue

    session: Session = context.obj
    project = session.open()
    try:
        with session.warehouse(project, read_only=True) as engine:
            found = catalogue.seen(project, engine)
    except FeesError as error:
        logger.warning("No verdicts: the warehouse cannot be read here: %s", error)
        found = catalogue.Seen()
    if out == STDOUT or out.endswith((".html", ".htm")):
        put(catalogue.whole(project, found), out, out)
        return 0
    where, hint = Path(out), "Name a folder, or FILE.html: --out catalogue"
    with writing(where, hint):
        if where.exists() and not where.is_dir():
            raise UsageError(f"{out} is no folder.", hint=hint)
    made = catalogue.folder(project, found)
    with writing(where, hint):
        where.mkdir(exist_ok=True)
        for name in made:
            spare(where / name, hint, BEGINNING, "page")
        for name, text in made.items():
            replace(where / name, text)
    emit("text", {}, [f"{len(made)} pages: {(where / 'index.html').absolute()}, for any browser."])
    return 0


def put(text: str, out: str | None, default: str, notes: Sequence[str] = ()) -> None:
    """Write a page to a file, or to stdout for ``-``, and say where it is.

    Raises:
        UsageError: it cannot be written, or what stands there is no page.
    """
    if out == STDOUT:
        write(text.removesuffix("\n"))
        return
    path = Path(out or default)
    hint = "Name another: --out FILE.html"
    with writing(path, hint):
        spare(path, hint, BEGINNING, "page")
        replace(path, text)
    emit("text", {}, [*notes, f"{path.absolute()}: {len(text.encode()) / 1024:.0f} kB, for any browser."])


@contextmanager
def writing(path: Path, hint: str) -> Iterator[None]:
    """A block that looks at what stands there and writes; where the system lets it not, that is a UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", hint=hint) from None


def spare(path: Path, hint: str, beginning: str, kind: str) -> None:
    """A file that is there is only written over where it is of this kind, or empty.

    Raises:
        UsageError: it is something else.
    """
    if path.is_file():
        with path.open("rb") as found:  # a warehouse may be large
            head = found.read(len(beginning)).lower()
        if head not in (b"", beginning.encode()):
            raise UsageError(f"{path} is there and is no {kind}; it was left alone.", hint=hint)
