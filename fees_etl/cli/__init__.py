"""The command line: parse, call the library in order, print, exit."""

from __future__ import annotations

import itertools
import shlex
import sys
from typing import TYPE_CHECKING

import typer

from fees_etl.cli import finished
from fees_etl.cli.app import app
from fees_etl.cli.exits import guarded
from fees_etl.cli.logs import configure
from fees_etl.cli.options import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

OUTSIDE = {"--target", "--project-dir", "--log-format"}
SWITCHES = {"-q", "--quiet", "-v", "--verbose"}


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    line = list(sys.argv[1:] if args is None else args)
    outside, inside = _parted(line)
    configure("auto", 0)
    call = Call(line=shlex.join(["fees-etl", *line]), start=shlex.join(["fees-etl", *outside]))
    verbose = not {"-v", "--verbose"}.isdisjoint(outside)
    code = guarded(lambda: _call([*outside, *inside], call), call, verbose=verbose)
    finished.tell(call.findings, "".join(inside[:1]), code)
    return code


def _call(args: list[str], call: Call) -> int:
    command = typer.main.get_command(app)
    command._main_shell_completion({}, "fees-etl")  # noqa: SLF001  (what ``main`` does first, and it leaves if asked to)
    with command.make_context("fees-etl", args, obj=call) as context:
        return command.invoke(context) or 0


def _parted(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """Global options and the rest: they are understood after the command too.

    >>> _parted(["run", "--rehearse", "--target", "dev", "-q"])
    (['--target', 'dev', '-q'], ['run', '--rehearse'])
    """
    outside: list[str] = []
    inside: list[str] = []
    rest = iter(args)
    for word in rest:
        if word in OUTSIDE:
            outside += [word, *itertools.islice(rest, 1)]
        elif word in SWITCHES or word.partition("=")[0] in OUTSIDE:
            outside.append(word)
        else:
            inside += [word, *(rest if word == "--" else ())]
    return outside, inside
