"""The options that commands share: one place for each spelling and its help."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path  # noqa: TC003  (typer reads annotations)
from typing import Annotated, Literal, TypeAlias

import typer

from fees_etl.cli.finished import Findings


@dataclass(frozen=True, slots=True)
class Call:
    """What stands before the command, and the words to quote in a hint."""

    line: str
    """All of it, to be repeated."""
    start: str
    """Its beginning with the global options, for another command on the same target."""
    target: str | None = None
    project_dir: Path | None = None
    findings: Findings = field(default_factory=Findings)
    """What the command tells about itself at its end."""


def _day(text: str) -> date:
    """A fee date; the calendar is checked too."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise typer.BadParameter(f"{text!r} is no date; write it as 2025-09-30")


_START = typer.Option("--start", metavar="DATE", parser=_day, help="First fee date, inclusive (2025-09-01).")
_END = typer.Option("--end", metavar="DATE", parser=_day, help="Last fee date, inclusive (2025-09-30).")

Start: TypeAlias = Annotated[date, _START]
End: TypeAlias = Annotated[date, _END]
OptionalStart: TypeAlias = Annotated[date | None, _START]
OptionalEnd: TypeAlias = Annotated[date | None, _END]
Source: TypeAlias = Annotated[
    str | None, typer.Option("--source", metavar="SOURCE", help="A CSV file, a folder or a glob; quote the glob.")
]
From: TypeAlias = Annotated[
    str | None, typer.Option("--from", metavar="MODEL", help="This model and all downstream of it; no ingestion.")
]
To: TypeAlias = Annotated[str | None, typer.Option("--to", metavar="MODEL", help="This model and all upstream of it.")]
Select: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--select", metavar="EXPR", help="stg_fees+, +rpt_client_ltv, 2+x, layer:reporting, rpt_*; repeatable."
    ),
]
Exclude: TypeAlias = Annotated[
    list[str] | None, typer.Option("--exclude", metavar="EXPR", help="The same grammar; taken out of the selection.")
]
FullRefresh: TypeAlias = Annotated[
    bool, typer.Option("--full-refresh", help="Rebuild staging from all of raw, still in one transaction.")
]
Chunks: TypeAlias = Annotated[
    Literal["none", "month"], typer.Option("--chunk", help="One transaction for all, or one a calendar month.")
]
Resume: TypeAlias = Annotated[
    bool, typer.Option("--resume", help="Continue the last stopped backfill of the same range and chunks.")
]
Rehearse: TypeAlias = Annotated[
    bool, typer.Option("--rehearse", help="Do all of it on the live data, show the result, and roll back.")
]
SkipIngest: TypeAlias = Annotated[bool, typer.Option("--skip-ingest", help="Transform what is in raw already.")]
AllowWithdraw: TypeAlias = Annotated[
    bool, typer.Option("--allow-withdraw", help="Accept that more than half of the known files are gone.")
]
Output: TypeAlias = Annotated[
    Literal["text", "json"], typer.Option("--output", help="What stdout carries: a screen, or one JSON document.")
]
Reload: TypeAlias = Annotated[
    str | None, typer.Option(metavar="[FILE]", help="Read known content again: of FILE, a folder or a glob, or all.")
]


class Reloading(typer.core.TyperCommand):
    """A command whose --reload may stand without a value; typer has no such options."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer's own context
        """Give it the empty one, which means everything."""
        at = args.index("--reload") + 1 if "--reload" in args else 0
        if at and (at == len(args) or args[at].startswith("-")):
            args = [*args[:at], "", *args[at:]]
        return super().parse_args(ctx, args)
