"""The options that commands share: one place for each spelling, its help, and what some of them mean together."""

from __future__ import annotations

import re
import shlex
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from fees_etl.cli import completion
from fees_etl.cli.logs import logger
from fees_etl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fees_etl.cli.session import Session
    from fees_etl.types import Project
    from fees_etl.window import Window


_MODIFIED = re.compile(r"((?:[0-9]{0,4}\+)?)state:modified((?:\+[0-9]{0,4})?)")


def _day(text: str) -> date:
    """A fee date; the calendar is checked too."""
    try:
        if re.fullmatch(r"[0-8][0-9]{3}-[0-9]{2}-[0-9]{2}", text):  # windows reckon beyond their ends
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise typer.BadParameter(f"{text!r} is no date; write it as 2025-09-30")


_START = typer.Option("--start", metavar="DATE", parser=_day, help="First fee date, inclusive (2025-09-01).")
_END = typer.Option("--end", metavar="DATE", parser=_day, help="Last fee date, inclusive (2025-09-30).")
_model = partial(typer.Option, metavar="MODEL", autocompletion=completion.models)
_selectors = partial(typer.Option, metavar="EXPR", autocompletion=completion.selectors)
run = partial(typer.Option, metavar="RUN|DATE", autocompletion=completion.runs)

Start: TypeAlias = Annotated[date, _START]
End: TypeAlias = Annotated[date, _END]
OptionalStart: TypeAlias = Annotated[date | None, _START]
OptionalEnd: TypeAlias = Annotated[date | None, _END]
From: TypeAlias = Annotated[str | None, _model("--from", help="This model and all downstream of it; no ingestion.")]
To: TypeAlias = Annotated[str | None, _model("--to", help="This model and all upstream of it.")]
Select: TypeAlias = Annotated[
    list[str] | None,
    _selectors("--select", help="stg_fees+, 2+x, layer:reporting, rpt_*, state:modified+; repeatable."),
]
Exclude: TypeAlias = Annotated[
    list[str] | None, _selectors("--exclude", help="The same grammar; taken out of the selection.")
]
State: TypeAlias = Annotated[
    str | None,
    typer.Option("--state", metavar="REF|RUN", help="What state:modified compares with: a commit, or a run; HEAD."),
]
FullRefresh: TypeAlias = Annotated[
    bool, typer.Option("--full-refresh", help="Rebuild staging from all of raw, still in one transaction.")
]
Rehearse: TypeAlias = Annotated[
    bool, typer.Option("--rehearse", help="Do all of it on the live data, show the result, and roll back.")
]
AllowWithdraw: TypeAlias = Annotated[
    bool, typer.Option("--allow-withdraw", help="Accept that more than half of files, rows or pounds are gone.")
]
Output: TypeAlias = Annotated[
    Literal["text", "json"], typer.Option("--output", help="What stdout carries: a screen, or one JSON document.")
]
JUnit: TypeAlias = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", dir_okay=False, help="Write verdicts as JUnit XML, too.")
]
Reload: TypeAlias = Annotated[
    str | None, typer.Option(metavar="[FILE]", help="Read known content again: of FILE, a folder or a glob, or all.")
]
Forget: TypeAlias = Annotated[
    str | None, typer.Option("--forget", metavar="PLACE", help="Withdraw what came from a path, folder, glob or gs://.")
]


class Bare(typer.core.TyperCommand):
    """A command whose --reload or --source may stand without a value; typer has no such options."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer's own context
        """Give it the empty one, which means everything."""
        at = next((place for place, word in enumerate(args, 1) if word in {"--reload", "--source"}), 0)
        if at and (at == len(args) or args[at].startswith("-")):
            args = [*args[:at], "", *args[at:]]
        return super().parse_args(ctx, args)


def window(again: str, start: date | None, end: date | None, *, full_refresh: bool = False) -> Window | None:
    """The fee dates asked for, None when that is left to the plan; a UsageError where none can be meant."""
    from fees_etl.window import Window

    if start is None and end is None:
        return None
    if start is None or end is None:
        day = start or end
        raise UsageError(
            "--start and --end come together; both are inclusive.",
            hint=f"For one day: {again} --start {day} --end {day}",
        )
    if end < start:
        raise UsageError(f"--end {end} is before --start {start}.", hint=f"{again} --start {end} --end {start}")
    if full_refresh:
        raise UsageError(
            "--full-refresh means every fee date, so --start and --end mean nothing.",
            hint=f"{again} --full-refresh   or   {again} --start {start} --end {end}",
        )
    return Window.between(start, end)


def variables(words: Sequence[str]) -> dict[str, str | int]:
    """``NAME=VALUE``, each name once; a whole number is one, as it is in FEES_ETL_VARS."""
    found: dict[str, str | int] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals) or name in found:
            said = f"--var {name} is given twice" if name in found else f"--var {word!r} is not NAME=VALUE"
            raise UsageError(f"{said}.", hint="Write each variable once, as --var max_lost=0.10.")
        found[name] = int(value) if re.fullmatch("0|[1-9][0-9]{0,17}", value) else value
    return found


def stated(session: Session, project: Project, state: str | None, *selectors: Sequence[str] | None) -> list[list[str]]:
    """The selectors with the models that ``state:modified`` stands for; with none it has ended well."""
    found = [" ".join(some or ()).split() for some in selectors]
    if not any(_MODIFIED.fullmatch(word) for words in found for word in words):
        if state is not None:
            hint = f"{session.without('--state')} --select state:modified+ --state {shlex.quote(state)}"
            raise UsageError("--state means nothing without state:modified in a selector.", hint=hint)
        return found
    from fees_etl.runs import modified as states
    from fees_etl.types import Table

    state = state or "HEAD"
    if states.is_run(state):
        with session.warehouse(project, read_only=True, tables=[Table("ops", "runs"), Table("ops", "built")]) as engine:
            was = states.by_run(project, engine, state)
    else:
        was = states.by_commit(project, state)
    names = states.modified(project, was)
    logger.info("Modified since %s: %s.", state, ", ".join(names) or "no model")

    def meant_by(word: str) -> list[str]:
        return [_MODIFIED.sub(rf"\g<1>{name}\g<2>", word) for name in names] if _MODIFIED.fullmatch(word) else [word]

    meant = [[each for word in words for each in meant_by(word)] for words in found]
    if found[0] and not meant[0]:
        raise typer.Exit
    return meant


def chosen(project: Project, select: Sequence[str], exclude: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of the models that selectors choose, each after those it reads."""
    from fees_etl.project import graph
    from fees_etl.project.load import edges

    return graph.select(edges(project), select, exclude)


def selection(
    project: Project, start_at: str | None, end_at: str | None, select: list[str], exclude: list[str]
) -> tuple[Sequence[str], Sequence[str]]:
    """What a plan includes and excludes: --from, --to and --select each narrow it, to nothing is a UsageError."""
    ends = [f"{start_at}+"] if start_at else [], [f"+{end_at}"] if end_at else []
    asked = [selectors for selectors in (*ends, select) if selectors]
    found = [chosen(project, selectors, exclude) for selectors in asked or [[]]]
    common = tuple(name for name in found[0] if all(name in one for one in found))
    if not common:
        raise UsageError("nothing is selected: the flags have no model in common.", hint="See their names: fees-etl ls")
    return (common, ()) if len(asked) > 1 else (asked[0] if asked else (), exclude)
