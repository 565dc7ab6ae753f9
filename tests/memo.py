"""What a text alone decides is made once a process: a statement's translation for the embedded engine.

Commands that tests start as processes, and all tests by night, make it each time as users' do; test_memo holds that it
makes no difference.
"""

from __future__ import annotations

from functools import lru_cache

from emulator.masks import masked

from fees_etl.engines import duckdb as engine
from fees_etl.engines.duckdb import values

direct = values.to_native
_made = lru_cache(maxsize=4096)(direct.__wrapped__)


def to_native(sql, known):
    """As the product's function of that name, whatever run the statement is of."""
    text, back = masked(sql)
    return back(_made(text, known))


def install():
    """For the rest of this process."""
    engine.to_native = to_native
