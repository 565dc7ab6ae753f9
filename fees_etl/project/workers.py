"""The same work on many items, in as many processes as the caller allows."""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


Item = TypeVar("Item")
Found = TypeVar("Found")

MANY = 200
"""Fewer items are done before a process has begun."""
_MOST = 8
"""More processes begin more slowly than they work."""


def processors() -> int:
    """How many processes may work at once here."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST)


def spread(work: Callable[[Item], Found], items: Sequence[Item], processes: int = 1) -> list[Found]:
    """``[work(item) for item in items]``; of many items each forked process does a part.

    A fork has all that ``work`` needs, and only what it finds must be pickled. More than one process is for programs
    without threads. Whatever goes wrong in one, the work is done again here, where its error belongs.

    >>> spread(abs, [-1, 2])
    [1, 2]
    """
    if processes == 1 or len(items) < MANY or not hasattr(os, "fork"):
        return [work(item) for item in items]
    begun = [_begin(work, items[number::processes]) for number in range(processes)]
    parts: list[list[Found] | None] = [_end(*one) for one in begun]
    found: list[Found] = [None] * len(items)  # type: ignore[list-item]  # each place is filled below
    for number, part in enumerate(parts):
        if part is None:
            return [work(item) for item in items]
        found[number::processes] = part
    return found


def _begin(work: Callable[[Item], Found], items: Sequence[Item]) -> tuple[int, int]:
    """A child that writes what it finds into a pipe: its id and the pipe's end."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    try:
        with open(writer, "wb") as pipe:  # noqa: PTH123 - a descriptor
            pickle.dump([work(item) for item in items], pipe, pickle.HIGHEST_PROTOCOL)
        os._exit(0)
    finally:  # nothing that this process inherited may happen twice: no cleanup, no message
        os._exit(1)


def _end(child: int, reader: int) -> list[Found] | None:
    """What a child found, or None when it failed."""
    with open(reader, "rb") as pipe:
        written = pipe.read()
    _, status = os.waitpid(child, 0)
    return pickle.loads(written) if status == 0 else None  # noqa: S301 - our own child wrote it
