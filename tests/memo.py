"""What does not change is made once a process: a statement's translation for the embedded engine, the bundled project.

Commands that tests start as processes, and all tests by night, make it each time as users' do; test_memo holds that it
makes no difference.
"""

from __future__ import annotations

from functools import lru_cache

from emulator.masks import masked

from fees_etl.engines import duckdb as engine
from fees_etl.engines.duckdb import values
from fees_etl.project import load as loading

direct = values.to_native
_made = lru_cache(maxsize=4096)(direct.__wrapped__)
directly = loading.load
_loaded = {}


def to_native(sql, known):
    """As the product's function of that name, whatever run the statement is of."""
    text, back = masked(sql)
    return back(_made(text, known))


def load(root=None, variables=None, *, proven=True):
    """As the product's function of that name; projects of tests' own change, and are read each time."""
    if root is not None:
        return directly(root, variables, proven=proven)
    key = (repr(sorted((variables or {}).items())), proven)
    if key not in _loaded:
        _loaded[key] = directly(None, variables, proven=proven)
    return _loaded[key]


def install():
    """For the rest of this process."""
    engine.to_native = to_native
    loading.load = load
