"""Commands in processes of their own, which have imported everything: they can be killed and interrupted."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from emulator.world import enter, small

from fees_etl import cli, signals
from fees_etl.cli import report
from fees_etl.runs import backfill

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from emulator.world import World

__all__ = ["Child", "begin", "until"]

FORK = multiprocessing.get_context("forkserver")
IMPORTED = (backfill, report)
small()  # where this module is loaded beforehand, for every child


@dataclass(frozen=True, slots=True)
class Child:
    """A command under way; what it says on stderr is in a file."""

    process: BaseProcess
    errors: Path

    def ended(self) -> tuple[int | None, str]:
        """Exit code, or minus the signal that killed it, and what it said, in one line."""
        self.process.join(60)
        said = self.errors.read_text()
        assert "Traceback" not in said
        return self.process.exitcode, " ".join(said.split())

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)


def begin(world: World, name: str, *more: str) -> Child:
    """Begin a command in a process of its own; the folder is this process's."""
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # for the server that children are forked from
    FORK.set_forkserver_preload(["emulator.children"])
    errors = Path(f"{uuid4().hex}.err")
    process = FORK.Process(target=_command, args=(world.environment, Path.cwd(), errors, world.line(name, *more)))
    process.start()
    return Child(process, errors)


def until(condition, what="it happens"):
    """Wait, for half a minute at most."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def _command(environment: dict[str, str], folder: Path, errors: Path, line: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a command in the background ignores it
    signals.hold()
    enter(environment, folder, pytest.MonkeyPatch())
    with errors.open("w") as said, Path(os.devnull).open("w") as nothing:
        os.dup2(said.fileno(), 2)
        os.dup2(nothing.fileno(), 1)
        raise SystemExit(cli.main(line))
