"""Names and arrows: order, cycles, selectors. Strings only."""

from __future__ import annotations

import difflib
import fnmatch
import graphlib
import re
from typing import TYPE_CHECKING

from fees_etl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


CycleError = graphlib.CycleError
_SELECTOR = re.compile(r"(?:([0-9]{0,4})\+)?([^+\s]+?)(?:\+([0-9]{0,4}))?")


def order(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Every name after those it reads; ties by name, so that a plan is the same each time.

    Args:
        edges: each name with the names it reads; names that are read but are no key are left out.

    Raises:
        CycleError: with the cycle's names in ``args[1]``.

    >>> order({"b": ["a"], "c": ["b"], "a": ["raw"]})
    ('a', 'b', 'c')
    """
    inner = {name: [read for read in reads if read in edges] for name, reads in edges.items()}
    sorter = graphlib.TopologicalSorter(inner)
    sorter.prepare()
    found: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found += ready
        sorter.done(*ready)
    return tuple(found)


def select(edges: Mapping[str, Iterable[str]], include: Sequence[str], exclude: Sequence[str] = ()) -> tuple[str, ...]:
    """The names that the selectors choose, in order; no selector chooses all.

    A selector is a name (``stg_fees`` or ``staging.stg_fees``), a glob, or ``layer:DATASET``; ``+`` before it adds what
    it reads, ``+`` after it what reads it, a number how far. Spaces and repetition are a union.

    >>> edges = {"staging.stg_fees": [], "reporting.dim": ["staging.stg_fees"], "reporting.rpt": ["reporting.dim"]}
    >>> select(edges, ["stg_fees+1"]), select(edges, [], ["layer:reporting"])
    (('staging.stg_fees', 'reporting.dim'), ('staging.stg_fees',))
    """
    included, excluded = (
        {name for text in texts for part in text.split() for name in _one(edges, part)} for texts in (include, exclude)
    )
    every = not any(text.strip() for text in include)
    return tuple(name for name in order(edges) if (every or name in included) and name not in excluded)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """A hint when one of the words is close, else the words themselves.

    >>> did_you_mean("stg_fee", ["stg_fees", "dim_clients"])
    'Did you mean stg_fees?'
    """
    known = sorted(words)
    close = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {close[0]}?" if close else f"Known are: {', '.join(known)}." if known else ""


def _one(edges: Mapping[str, Iterable[str]], selector: str) -> set[str]:
    match = _SELECTOR.fullmatch(selector)
    if match is None:
        raise UsageError(
            f"'{selector}' is not a selector.", hint="Write NAME, +NAME, NAME+, 2+NAME, layer:DATASET or a glob."
        )
    before, name, after = match.groups()
    chosen = _named(edges, name)
    upstream = _reach(chosen, lambda one: edges.keys() & set(edges[one]), before)
    downstream = _reach(chosen, lambda one: {other for other in edges if one in edges[other]}, after)
    return chosen | upstream | downstream


def _named(edges: Mapping[str, Iterable[str]], name: str) -> set[str]:
    """The tables that a name, a glob or a layer stands for."""
    layers = name.startswith("layer:")
    called = {one: [f"layer:{one.partition('.')[0]}"] if layers else [one, one.rpartition(".")[2]] for one in edges}
    found = {one for one, names in called.items() if any(fnmatch.fnmatchcase(other, name) for other in names)}
    if not found:
        hint = did_you_mean(name, {names[-1] for names in called.values()})
        raise UsageError(f"no model is called '{name}'.", hint=hint)
    return found


def _reach(names: set[str], step: Callable[[str], set[str]], depth: str | None) -> set[str]:
    """What lies ``depth`` steps from the names, at most: ``""`` is any number of them, None is none."""
    reached, border, left = set(names), names, 0 if depth is None else int(depth or -1)
    while border and left != 0:
        border = set().union(*map(step, border)) - reached
        reached |= border
        left -= 1
    return reached
