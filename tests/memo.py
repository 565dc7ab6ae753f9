"""Each statement of the embedded engine is translated once a process, whatever run it is of: a third of a test's time.

Commands that tests start as processes, and all tests by night, translate as users' do; test_memo holds that it makes no
difference.
"""

from __future__ import annotations

from functools import lru_cache

from emulator.masks import masked

from fees_etl.engines.duckdb import engine, values

direct = values.to_native
_made = lru_cache(maxsize=4096)(direct.__wrapped__)


def to_native(sql, known):
    """As the product's function of that name."""
    text, back = masked(sql)
    return back(_made(text, known))


def install():
    """For the rest of this process."""
    engine.to_native = to_native
