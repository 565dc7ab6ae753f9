"""The commands: their options and their help.

The work is in :mod:`transform` and :mod:`look`, imported when asked for, so that ``--help`` and completion are quick.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path  # noqa: TC003  (typer reads annotations)
from typing import Annotated, Any, Literal

import typer

from fees_etl.cli import options as opt
from fees_etl.cli.logs import bind, configure

SETTINGS: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}
NARROW = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

app = typer.Typer(name="fees-etl", context_settings=NARROW, **SETTINGS)
history = typer.Typer(name="runs", context_settings=NARROW, **SETTINGS)
app.add_typer(history)


def _version(wanted: bool) -> None:  # noqa: FBT001  (called by typer)
    if wanted:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            typer.echo(f"fees-etl {version('fees-etl')}")
        except PackageNotFoundError:
            typer.echo("fees-etl, not installed")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    *,
    target: Annotated[str | None, typer.Option(metavar="NAME", help="Where to: a target of fees_etl.toml.")] = None,
    project_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, exists=True, help="Folder of sql/ and fees_etl.toml.")
    ] = None,
    log_format: Annotated[
        Literal["auto", "text", "json", "gcp"], typer.Option(help="How stderr is written; auto knows Cloud Run.")
    ] = "auto",
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Errors only on stderr.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Everything on stderr.")] = False,
    version: Annotated[  # noqa: ARG001  (its callback prints and leaves)
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Fees from CSV files to audited lifetime values, right to the penny.

    \b
    fees-etl run                                 the whole pipeline, on a bundled sample
    fees-etl run --source 'lake/*.csv'           on your files, into ./fees.duckdb
    fees-etl plan                                what a run would do
    fees-etl runs                                what was done

    Data goes to stdout, everything else to stderr. Exit codes: 0 ok, 1 an assertion failed (nothing
    published), 2 usage or project, 3 input refused, 4 refused by a guard, 5 warehouse failed,
    70 bug, 75 busy (safe to repeat), 130 interrupted.
    """  # noqa: D301  (\b keeps typer from wrapping the examples)
    configure(log_format, -1 if quiet else int(verbose))
    context.obj = replace(context.obj, target=target, project_dir=project_dir)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
    else:
        bind(command=context.invoked_subcommand)


@app.command()
def run(  # noqa: PLR0913  (each is an option)
    context: typer.Context,
    *,
    source: opt.Source = None,
    start_at: opt.From = None,
    end_at: opt.To = None,
    select: opt.Select = None,
    exclude: opt.Exclude = None,
    full_refresh: opt.FullRefresh = False,
    start: opt.OptionalStart = None,
    end: opt.OptionalEnd = None,
    rehearse: opt.Rehearse = False,
    skip_ingest: opt.SkipIngest = False,
    allow_withdraw: opt.AllowWithdraw = False,
    output: opt.Output = "text",
) -> int:
    """Ingest, transform and assert, then publish in one transaction.

    \b
    fees-etl run --source 'lake/*.csv'           new, changed and vanished files; then the models
    fees-etl run --from stg_fees                 the models again, without looking at files
    fees-etl run --rehearse --source new.csv     all of it, shown and rolled back
    fees-etl run --output json | jq .status
    """  # noqa: D301
    from fees_etl.cli import transform  # noqa: PLC0415

    return transform.run(
        context.obj,
        transform.Request(
            "run",
            source=source,
            start_at=start_at,
            end_at=end_at,
            select=tuple(select or ()),
            exclude=tuple(exclude or ()),
            full_refresh=full_refresh,
            start=start,
            end=end,
            rehearse=rehearse,
            skip_ingest=skip_ingest,
            allow_withdraw=allow_withdraw,
        ),
        output,
    )


@app.command()
def backfill(
    context: typer.Context,
    *,
    start: opt.Start,
    end: opt.End,
    chunk: opt.Chunks = "none",
    resume: opt.Resume = False,
    rehearse: opt.Rehearse = False,
    output: opt.Output = "text",
) -> int:
    """Mirror these fee dates from raw again and rebuild reporting.

    \b
    fees-etl backfill --start 2025-09-01 --end 2025-09-30
    fees-etl backfill --start 2024-01-01 --end 2025-12-31 --chunk month
    fees-etl backfill --start 2024-01-01 --end 2025-12-31 --chunk month --resume

    In chunks, each month is committed and recorded; reporting and assertions come once, at the end.
    """  # noqa: D301
    from fees_etl.cli import transform  # noqa: PLC0415

    request = transform.Request(
        "backfill", start=start, end=end, rehearse=rehearse, skip_ingest=True, chunk=chunk, resume=resume
    )
    return transform.run(context.obj, request, output)


@app.command(cls=opt.Reloading)
def ingest(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Argument(metavar="[SOURCE]", help="A CSV file, a folder or a quoted glob.")
    ] = None,
    *,
    reload: opt.Reload = None,
    allow_withdraw: opt.AllowWithdraw = False,
    rehearse: opt.Rehearse = False,
    output: opt.Output = "text",
) -> int:
    """Make raw mirror the source; publish nothing.

    \b
    fees-etl ingest 'lake/*.csv'
    fees-etl ingest lake/fees_2025_09.csv.gz --rehearse
    fees-etl ingest lake --reload                    (after the contract of the files changed)
    """  # noqa: D301
    from fees_etl.cli import transform  # noqa: PLC0415

    request = transform.Request(
        "ingest", source=source, rehearse=rehearse, allow_withdraw=allow_withdraw, reload=reload
    )
    return transform.ingest(context.obj, request, output)


@app.command("assert")
def check(context: typer.Context, *, output: opt.Output = "text") -> int:
    """Judge what is published now; change nothing. Exit 1 when an assertion fails.

    \b
    fees-etl assert
    fees-etl assert --output json | jq '.assertions[] | select(.verdict == "fail")'
    """  # noqa: D301
    from fees_etl.cli import look  # noqa: PLC0415

    return look.check(context.obj, output)


@app.command()
def plan(  # noqa: PLR0913  (each is an option)
    context: typer.Context,
    *,
    start_at: opt.From = None,
    end_at: opt.To = None,
    select: opt.Select = None,
    exclude: opt.Exclude = None,
    full_refresh: opt.FullRefresh = False,
    start: opt.OptionalStart = None,
    end: opt.OptionalEnd = None,
    output: opt.Output = "text",
) -> int:
    """Show what a run would do: steps, fee dates, tables, cost. Changes nothing.

    \b
    fees-etl plan
    fees-etl plan --from rpt_client_ltv --start 2025-09-01 --end 2025-09-30
    """  # noqa: D301
    from fees_etl.cli import look, transform  # noqa: PLC0415

    request = transform.Request(
        "plan",
        start_at=start_at,
        end_at=end_at,
        select=tuple(select or ()),
        exclude=tuple(exclude or ()),
        full_refresh=full_refresh,
        start=start,
        end=end,
    )
    return look.plan(context.obj, request, output)


@app.command()
def render(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model or an assertion.")],
    *,
    dialect: Annotated[Literal["bigquery", "duckdb"], typer.Option(help="Whose SQL.")] = "bigquery",
    start: opt.OptionalStart = None,
    end: opt.OptionalEnd = None,
) -> int:
    """Print the finished SQL of one model.

    \b
    fees-etl render rpt_client_ltv
    fees-etl render stg_fees --dialect duckdb --start 2025-09-01 --end 2025-09-30
    """  # noqa: D301
    from fees_etl.cli import look  # noqa: PLC0415

    return look.render(context.obj, model, dialect, start, end)


@app.command("ls")
def listing(
    context: typer.Context,
    select: Annotated[
        list[str] | None, typer.Argument(metavar="EXPR", help="Selectors, as many as you like; all when left out.")
    ] = None,
    *,
    output: opt.Output = "text",
) -> int:
    """List tables, models and assertions in order.

    \b
    fees-etl ls
    fees-etl ls stg_fees+ 'layer:reporting'
    """  # noqa: D301
    from fees_etl.cli import look  # noqa: PLC0415

    return look.listing(context.obj, tuple(select or ()), output)


@history.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="How many, newest first.")] = 20,
    output: opt.Output = "text",
) -> int:
    """List every attempt and what became of it.

    \b
    fees-etl runs
    fees-etl runs show ID                        everything the ledger keeps of one
    fees-etl runs --limit 100 --output json
    """  # noqa: D301
    if context.invoked_subcommand:
        return 0
    from fees_etl.cli import look  # noqa: PLC0415

    return look.runs(context.obj, limit, output)


@history.command()
def show(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="ID", help="A run id, or how it begins.")],
    *,
    output: opt.Output = "text",
) -> int:
    """Everything the ledger keeps of one run.

    \b
    fees-etl runs show 20250930T071500
    """  # noqa: D301
    from fees_etl.cli import look  # noqa: PLC0415

    return look.show_run(context.obj, run_id, output)
