"""How much is tried: by day a part of what is alike, so that a change waits for minutes; by night (`nox -s night`) all.

What by day leaves out differs from what it tries in its place only: one statement more, one world more.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

NIGHT = os.environ.get("TESTS") == "night"


def part(every, n, first=0):
    """By day each n-th, from the first or another one on, with the last; by night every one."""
    every = list(every)
    chosen = range(len(every)) if NIGHT else {*range(first % n, len(every), n), len(every) - 1}
    return [every[at] for at in sorted(chosen)]


def worlds_of(by_day):
    """A property of whole pipelines, in which an example takes a second or more: so many by day, twenty times by night."""
    return settings(
        max_examples=by_day * 20 if NIGHT else by_day, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
