"""Each statement of the embedded engine is translated once a process, whatever run it is of: a third of a test's time.

Translation depends on nothing but the text and what is known of its tables, and takes run ids, times and hashes of files
as they stand. So they are taken out, and put back into what was made of the rest. Commands that tests start as processes,
and all tests by night, translate as users' do; test_memo holds that it makes no difference.
"""

from __future__ import annotations

import re
from functools import lru_cache

from fees_etl.engines.duckdb import engine, values

OWN = re.compile(
    r"(?<![0-9A-Za-z])(?:\d{8}T\d{6}-[0-9a-f]{6}|test-\d+|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"
    r"|[0-9a-f]{96}|[0-9a-f]{64}|[0-9a-f]{32})(?![0-9A-Za-z])"
    r"|(?<=\\n)[0-9a-f]{64}(?![0-9A-Za-z])|(?<=file://)/tmp/[\w./-]+(?=/)"
    r"|(?<=\"rows\": )\d+|(?<=\"seconds\": )\d+\.\d+"
)
"""Run ids, times to the microsecond, hashes, folders of tests, what the ledger says of steps."""
direct = values.to_native
_made = lru_cache(maxsize=4096)(direct.__wrapped__)


def to_native(sql, known):
    """As the product's function of that name."""
    names = list(dict.fromkeys(OWN.findall(sql)))
    held = {name: _stand_in(name, at) for at, name in enumerate(names)}
    back = {stand_in: name for name, stand_in in held.items()}
    made = _made(OWN.sub(lambda found: held[found[0]], sql), known)
    return OWN.sub(lambda found: back.get(found[0], found[0]), made)


def _stand_in(name, at):
    """One of the same kind that no statement has."""
    if name.startswith(("/", "test-")):
        return f"/tmp/stand-in-{at}" if name[0] == "/" else f"test-{10**6 + at}"
    if re.fullmatch(r"\d{,31}(\.\d+)?", name):
        return f"{10**9 + at}" + ".5" * ("." in name)
    if len(name) >= 32:
        return f"{at:0{len(name)}x}"
    return f"1999-01-01 00:00:00.{at:06}" if " " in name else f"19990101T000000-{at:06x}"


def install():
    """For the rest of this process."""
    engine.to_native = to_native
