"""Texts of statements without what differs from run to run: one that was read or translated before need not be again.

Neither reading nor translating depends on a run's id, on a time or on a hash of a file: such are taken out, and put back
into what was made of the rest.
"""

from __future__ import annotations

import re

OWN = re.compile(
    r"(?<![0-9A-Za-z])(?:\d{8}T\d{6}-[0-9a-f]{6}|test-\d+|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"
    r"|[0-9a-f]{96}|[0-9a-f]{64}|[0-9a-f]{32})(?![0-9A-Za-z])"
    r"|(?<=\\n)[0-9a-f]{64}(?![0-9A-Za-z])|(?<=file://)/tmp/[\w./-]+(?=/)"
    r"|(?<=\"rows\": )\d+|(?<=\"seconds\": )\d+\.\d+"
)
"""Run ids, times to the microsecond, hashes, folders of tests, what the ledger says of steps."""


def masked(text):
    """The text with stand-ins, each of the kind it stands for, and what puts their names back into another text."""
    held = {name: _stand_in(name, at) for at, name in enumerate(dict.fromkeys(OWN.findall(text)))}
    back = {stand_in: name for name, stand_in in held.items()}
    return OWN.sub(lambda found: held[found[0]], text), lambda made: OWN.sub(lambda one: back.get(one[0], one[0]), made)


def _stand_in(name, at):
    """No statement has it."""
    if name.startswith(("/", "test-")):
        return f"/tmp/stand-in-{at}" if name[0] == "/" else f"test-{10**6 + at}"
    if re.fullmatch(r"\d{,31}(\.\d+)?", name):
        return f"{10**9 + at}" + ".5" * ("." in name)
    if len(name) >= 32:
        return f"{at:0{len(name)}x}"
    return f"1999-01-01 00:00:00.{at:06}" if " " in name else f"19990101T000000-{at:06x}"
