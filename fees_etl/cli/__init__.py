"""The command line: parse, call the library in order, print, exit."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence

import typer

from fees_etl.cli.app import app
from fees_etl.cli.exits import guarded
from fees_etl.cli.logs import configure
from fees_etl.cli.options import Call

__all__ = ["main"]

OUTSIDE = {"--target", "--project-dir", "--log-format"}
SWITCHES = {"-q", "--quiet", "-v", "--verbose"}


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    line = list(sys.argv[1:] if args is None else args)
    configure("auto", 0)
    hoisted = list(_hoisted(line))
    return guarded(
        lambda: _call(hoisted, shlex.join(["fees-etl", *line])),
        line,
        verbose=not {"-v", "--verbose"}.isdisjoint(hoisted),
    )


def _call(args: list[str], line: str) -> int:
    command = typer.main.get_command(app)
    command._main_shell_completion({}, "fees-etl")  # noqa: SLF001  (what ``main`` does first, and it leaves if asked to)
    with command.make_context("fees-etl", args, obj=Call(line=line)) as context:
        return command.invoke(context) or 0


def _hoisted(args: Sequence[str]) -> Iterator[str]:
    """Global options are understood after the command too.

    >>> list(_hoisted(["run", "--rehearse", "--target", "dev", "-q"]))
    ['--target', 'dev', '-q', 'run', '--rehearse']
    """
    front, back, rest = [], [], iter(args)
    for word in rest:
        if word in OUTSIDE:
            front += [word, *([value] if (value := next(rest, None)) is not None else [])]
        elif word in SWITCHES or word.partition("=")[0] in OUTSIDE:
            front.append(word)
        else:
            back.append(word)
            if word == "--":
                back += rest
    yield from (*front, *back)
