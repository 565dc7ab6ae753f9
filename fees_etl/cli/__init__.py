"""The command line: parse, call the library in order, print, exit.

A file holds the options, the help and the work of its commands; it is imported for them alone, and what is heavy when
they are called, so that ``--help`` and completion are quick.
"""

from __future__ import annotations

import itertools
import shlex
import sys
from importlib import import_module
from pathlib import Path  # noqa: TC003  (typer reads annotations)
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fees_etl import signals
from fees_etl.cli import completion
from fees_etl.cli import options as opt
from fees_etl.cli.exits import guarded, tell
from fees_etl.cli.logs import bind, configure
from fees_etl.cli.session import Session
from fees_etl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["commands", "main"]

COMMANDS = {
    "run": ("run:run", "Ingest, transform and assert, then publish in one transaction."),
    "backfill": ("run:backfill", "Mirror these fee dates from raw again and rebuild reporting."),
    "ingest": ("ingest:ingest", "Make raw mirror the source; publish nothing."),
    "assert": ("plan:check", "Judge what is published now; change nothing."),
    "plan": ("plan:plan", "Show what a run would do: steps, fee dates, tables, cost."),
    "show": ("show:show", "Show the rows of a table, exact; what has a policy tag is masked."),
    "diff": ("diff:diff", "Show what differs between two runs, or would by a changed project."),
    "files": ("show:files", "List every file version, newest first."),
    "trace": ("trace:trace", "Tell which fees and lines a number is made of, or what became of a line."),
    "evidence": ("evidence:evidence", "Write one file of what an auditor asks of a run, or verify such files."),
    "docs": ("pages:docs", "Write the catalogue: tables, columns, tests, what is made of what."),
    "render": ("ls:render", "Print the finished SQL of one model."),
    "ls": ("ls:listing", "List tables, models and assertions in order; or what a column is made of."),
    "report": ("pages:report", "Write what a run published as one page to read and print."),
    "test": ("cases:cases", "Try models on rows, in memory."),
    "check": ("check:check", "Check the conventions of the project's files."),
    "init": ("init:init", "Begin a project of your own: SQL, settings and a workflow to change."),
    "runs": ("runs:runs", "List every attempt and what became of it."),
}
"""In the order of the help: where each is, and how what it says of itself begins."""
BARE = {"ingest", "assert"}
"""Commands with an option that may stand without a value."""
OUTSIDE = {"--target", "--project-dir", "--log-format", "--var"}
REPEATED = {"--select", "--exclude", "--column", "--var"}
COMPLETION = {"--install-completion", "--show-completion"}
SWITCHES = {"-q", "--quiet", "-v", "--verbose"}
SETTINGS: dict[str, Any] = {
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
}


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    line = list(sys.argv[1:] if args is None else args)
    outside, inside = _parted(line)
    configure("auto", int(not {"-v", "--verbose"}.isdisjoint(outside)))
    start, command = shlex.join(["fees-etl", *outside]), "".join(inside[:1])
    session = Session(line=shlex.join(["fees-etl", *line]), start=start, command=command)

    def act() -> int:
        signals.release()
        code = _call([*outside, *inside], session)
        signals.require_calm()
        return code

    code = guarded(act, session)
    tell(session, code)
    return code


def commands() -> typer.Typer:
    """Every command, in the order of the help."""
    return typer.Typer(name="fees-etl", cls=_Group, callback=_start, invoke_without_command=True, **SETTINGS)


class _Group(typer.core.TyperGroup):
    """Imports the one command that is asked for, and for the help of all of them none."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # their names, in the order of the help

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # noqa: ARG002 - typer's
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name][0].partition(":")
        room = import_module(f"fees_etl.cli.{module}")
        if cmd_name == "runs":
            found = typer.Typer(name=cmd_name, callback=room.runs, invoke_without_command=True, **SETTINGS)
            found.command()(room.show)
            return typer.main.get_group(found)
        found = typer.Typer(name=cmd_name, add_completion=False, **SETTINGS)
        found.command(cmd_name, cls=opt.Bare if cmd_name in BARE else None)(getattr(room, function))
        return typer.main.get_command(found)

    def format_commands(self, ctx: object, formatter: Any) -> None:  # noqa: ARG002 - typer's
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _version(wanted: bool) -> None:  # noqa: FBT001  (called by typer)
    if wanted:
        from fees_etl.runs.ledger import package_version

        typer.echo(f"fees-etl {package_version()}")
        raise typer.Exit


def _start(
    context: typer.Context,
    *,
    target: Annotated[
        str | None,
        typer.Option(metavar="NAME", autocompletion=completion.targets, help="Where to: a target of fees_etl.toml."),
    ] = None,
    project_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, exists=True, help="Folder of sql/ and fees_etl.toml.")
    ] = None,
    var: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable of the project, for once; repeatable.")
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
    """
    configure(log_format, -1 if quiet else int(verbose))
    context.obj.target, context.obj.project_dir, context.obj.vars = target, project_dir, opt.variables(var or ())
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
    else:
        bind(command=context.invoked_subcommand)


def _call(args: list[str], session: Session) -> int:
    _refuse_doubt(args, session)
    command = typer.main.get_command(commands())
    command._main_shell_completion({}, "fees-etl")  # noqa: SLF001  (what ``main`` does first, and it leaves if asked to)
    completes = not COMPLETION.isdisjoint(args)  # parsing uses them up
    try:
        with command.make_context("fees-etl", args, obj=session) as context:
            return command.invoke(context) or 0
    except typer.Exit as done:
        if done.exit_code and completes:
            script = "_FEES_ETL_COMPLETE=source_bash fees-etl"
            raise UsageError(
                "which shell this is cannot be told, or it is none that completes names.",
                hint=f"For bash (or zsh, fish, powershell): {script}",
            ) from None
        raise


def _refuse_doubt(args: Sequence[str], session: Session) -> None:
    """Words that would be passed over: the last of two sources would count, and an empty target is the default."""
    words = list(itertools.takewhile(lambda word: word != "--", args))
    if any(not word or (word.startswith("--") and word.endswith("=")) for word in words):
        raise UsageError("an argument is empty: a variable that is not set?", hint=f"{session.start} --help")
    names = [name for word in words if (name := word.partition("=")[0]) not in REPEATED and word.startswith("--")]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"{twice[0]} is given twice, and only one can be meant.", hint=f"{session.start} --help")


def _parted(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """Global options and the rest: they are understood after the command too.

    >>> _parted(["run", "--rehearse", "--target", "dev", "-q"])
    (['--target', 'dev', '-q'], ['run', '--rehearse'])
    """
    outside, inside = list[str](), list[str]()
    rest = iter(args)
    for word in rest:
        if word in OUTSIDE:
            outside += [word, next(rest, "")]
        elif word in SWITCHES or word.partition("=")[0] in OUTSIDE:
            outside.append(word)
        else:
            inside += [word, *(rest if word == "--" else ())]
    return outside, inside
