"""``ingest``: the first part of a run by itself; and what a run has of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import fees_etl
from fees_etl.cli import options as opt  # noqa: TC001  (typer reads annotations)
from fees_etl.cli.logs import logger, progress
from fees_etl.cli.session import Session, emit
from fees_etl.errors import InputRefused, UsageError
from fees_etl.figures import plural, shown
from fees_etl.streams import inline, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fees_etl import Engine, Project, State


def ingest(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Argument(metavar="[SOURCE]", help="A CSV file, a folder or a quoted glob.")
    ] = None,
    *,
    reload: opt.Reload = None,
    forget: opt.Forget = None,
    allow_withdraw: opt.AllowWithdraw = False,
    rehearse: opt.Rehearse = False,
    output: opt.Output = "text",
) -> int:
    """Make raw mirror the source; publish nothing.

    \b
    fees-etl ingest 'lake/*.csv'
    fees-etl ingest lake/fees_2025_09.csv.gz --rehearse
    fees-etl ingest lake --reload                    (after the contract of the files changed)
    fees-etl ingest --forget copy_of_lake            (what was ingested by mistake)
    """
    session: Session = context.obj
    if forget is not None and (source or reload is not None):
        raise UsageError(
            "--forget reads no files, so a source and --reload mean nothing.",
            hint=f"{session.start} ingest --forget {quoted(forget)}",
        )
    project = session.open(source=source, writes=True)
    if forget is None:
        require_source(session)
    if rehearse and session.is_remote and forget is None:
        raise UsageError(
            "an ingestion into BigQuery begins with a load job, which cannot be rolled back.",
            hint="Rehearse on an embedded warehouse: FEES_ETL_WAREHOUSE=duckdb:///tmp/try.duckdb "
            + session.without("--target"),
        )
    seen = project.sources if session.is_remote else ()  # an account may see raw and ops only
    with session.warehouse(project, rehearse=rehearse, tables=seen) as engine:
        if session.settings.source is None and forget is None:
            session.state = fees_etl.state(project, engine)  # which reads staging
        again = True if reload == "" else reload
        if forget is None:
            read_files(session, project, engine, allow_withdraw=allow_withdraw, reload=again)
        else:
            session.ingested = fees_etl.forget(
                project, engine, forget, run_id=session.run_id, now=session.now, allow_withdraw=allow_withdraw
            )
        require_files(session, output)
        show_files(session, output)
    return 0


def next_step(session: Session, failed: Collection[str], *, held: State | None = None, compared: bool = False) -> str:
    """What to type where assertions fail: tables are never made again from a raw that nobody compared."""
    named = source_of(session, held)
    source = "SOURCE" if named is None else quoted(named) if session.settings.source else ""
    if compared and not {"raw_matches_source", "assert_raw_as_ingested"}.isdisjoint(failed):
        return f"{session.start} ingest {source} --reload   (raw becomes what the files say), then run as ever"
    if set(failed) <= {"assert_ledger"}:
        return "The ledger was written to by hand, see docs/TAMPERING.md: no command makes it true again."
    if set(failed) <= {"assert_ledger", "contract_columns"}:
        return "Drop what the contract does not know: ALTER TABLE ... DROP COLUMN ...; or write it into the contract."
    if compared:
        return f"{session.start} run --full-refresh --skip-ingest   (makes every table from raw again, then asserts)"
    return f"{session.start} assert --source {source}".rstrip() + "   (is raw what its files say? It names the rows)"


def require_source(session: Session) -> None:
    """The bundled sample stays on DuckDB: elsewhere a command that reads files is told which, or ends as misused."""
    found = session.settings
    if found.source is None and session.is_remote:
        raise UsageError(
            f"Target {found.target!r} is {found.warehouse} and no source is named; the bundled sample is for DuckDB.",
            hint=f"{session.start} {session.command} --source 'gs://BUCKET/PREFIX/*.csv'; "
            f"or write source into [targets.{found.target}].",
        )


def source_of(session: Session, held: State | None = None) -> str | None:
    """What to ingest: where no source is named the sample, unless raw holds real files or is elsewhere.

    What raw holds is in ``held``, or in the session where the command tells of it at its end.
    """
    from fees_etl.ingestion import SAMPLE

    held = held or session.state
    is_taken = session.is_remote or (held is not None and held.real)
    return SAMPLE if session.settings.source is None and not is_taken else session.settings.source


def read_files(
    session: Session,
    project: Project,
    engine: Engine,
    *,
    reads: bool = True,
    allow_withdraw: bool = False,
    reload: bool | str | None = None,
) -> None:
    """Mirror the source in raw; without one, raw stays as it is. ``reload`` says what known content is read again."""
    from fees_etl.ingestion import SAMPLE

    source = source_of(session) if reads else None
    if source is None and reload:
        named = "" if reload is True else f" {quoted(reload)}"
        raise UsageError(
            "--reload reads files of a source again, and none is named.",
            hint=f"{session.start} ingest SOURCE --reload{named}",
        )
    if source is None:
        held = session.state.files if session.state else 0
        logger.info("No files are read: this works on the %s that raw holds.", plural(held, "file"))
        return
    with progress() as steps:
        steps.say("Reading the bundled sample." if source == SAMPLE else f"Reading {source}.")
        session.ingested = fees_etl.ingest(
            project, engine, source, run_id=session.run_id, now=session.now,
            allow_withdraw=allow_withdraw, reload=reload,
        )  # fmt: skip


def show_files(session: Session, output: opt.Output) -> None:
    """What became of the files, where no model ran."""
    from fees_etl.cli import document, report

    settings, found = session.settings, session.ingested
    told = document.ingest(found, settings, session.command, session.run_id)
    emit(output, told, [*report.heading(settings, found, session.start), *(report.files(found) if found else ())])


def require_files(
    session: Session, output: opt.Output, known: Sequence[tuple[str, str]] = (), *, reads: bool = True
) -> None:
    """Show the files and end where some are refused, now or (``known``: uri and reason) since an earlier ingestion."""
    now = {file.uri: file.note for file in session.ingested.refused} if session.ingested else {}
    session.refused = refused = [*now.items(), *(one for one in known if one[0] not in now)]
    if not refused:
        return
    show_files(session, output)
    lines = [f"    {inline(shown(uri))}: {inline(reason)}" for uri, reason in refused]
    were, them = ("file is", "it") if len(refused) == 1 else ("files are", "them")
    name = quoted(shown(refused[0][0]))
    others = f"{session.start} run --source {name}   or   {session.start} ingest --forget {name}"
    raise InputRefused(
        "\n".join([f"{len(refused)} {were} refused, and nothing of {them} was loaded:", *lines]),
        published="No model ran: readers see what the last committed run published. "
        "Every run stops here until the file is replaced or removed; other files are in raw and wait.",
        hint=f"Replace or remove the file, then: {session.line if reads else others}",
    )
