"""What a text alone decides is made once a process: a statement's translation for the embedded engine, a template's code.

Commands that tests start as processes, and all tests by night, make it each time as users' do; test_memo holds that it
makes no difference.
"""

from __future__ import annotations

from functools import lru_cache

from emulator.masks import masked
from jinja2 import BytecodeCache

from fees_etl.engines.duckdb import engine, values
from fees_etl.project.template import Templates

direct = values.to_native
_made = lru_cache(maxsize=4096)(direct.__wrapped__)


def to_native(sql, known):
    """As the product's function of that name, whatever run the statement is of."""
    text, back = masked(sql)
    return back(_made(text, known))


class Codes(BytecodeCache):
    """By the template's place; jinja2 compares the checksum of its text."""

    def __init__(self):
        self.held = {}

    def load_bytecode(self, bucket):
        if bucket.key in self.held:
            bucket.bytecode_from_string(self.held[bucket.key])

    def dump_bytecode(self, bucket):
        self.held[bucket.key] = bucket.bytecode_to_string()


def install():
    """For the rest of this process."""
    engine.to_native = to_native
    begin, codes = Templates.__init__, Codes()

    def begun(self, *arguments):
        begin(self, *arguments)
        self._environment.bytecode_cache = codes

    Templates.__init__ = begun
