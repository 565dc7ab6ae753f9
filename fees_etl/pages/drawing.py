"""Boxes and arrows in layers, from left to right, as SVG: what is made of what.

Layered as Sugiyama et al.: the longest way to a box is its layer, an arrow over several layers bends at a place of its
own in each, and boxes are moved beside what they are joined to until fewer arrows cross.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from fees_etl.privacy import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LETTER, BOX, GAP, BEND, BETWEEN, MARGIN = 7.9, 30, 12, 8, 56, 8
"""Pixels: a letter's width, a box's height, the room below it, that of a bend, between layers, and around it all."""
_SWEEPS = 12


class Box(NamedTuple):
    """A name, what is written, where it leads, and its class in the style sheet."""

    name: str
    label: str
    href: str = ""
    kind: str = ""


class Arrow(NamedTuple):
    """From one box to another; what is not ``is_direct`` is dashed."""

    start: str
    end: str
    is_direct: bool = True


@dataclass(slots=True)
class _Layers:
    """Names by layer, those of bends included, and the ways of arrows through them."""

    rows: list[list[str]]
    ways: list[list[str]]
    beside: dict[str, dict[int, list[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    """Of each name those that it is joined to in the layer before (-1) and in the one after (1)."""


def draw(boxes: Sequence[Box], arrows: Iterable[Arrow], says: str, between: int = BETWEEN) -> Markup:
    """The drawing, in pixels, as one group of links that is called ``says``; arrows that make a circle are left out."""
    known = {box.name: box for box in boxes}
    ends = {
        (one.start, one.end): one for one in arrows if {one.start, one.end} <= known.keys() and one.start != one.end
    }
    layers = _layered(list(known), list(ends))
    _untangle(layers)
    heights = [sum(_height(name, known) for name in row) for row in layers.rows]
    tall = max(heights, default=0)
    places: dict[str, tuple[float, float, float]] = {}
    x: float = MARGIN
    for row, height in zip(layers.rows, heights, strict=True):
        width = max((len(known[name].label) * LETTER + 20 for name in row if name in known), default=0)
        y = MARGIN + (tall - height) / 2
        for name in row:
            places[name] = (x, y, width)
            y += _height(name, known)
        x += width + between
    paths = [_path(way, places, known, ends[way[0], way[-1]]) for way in layers.ways]
    shown = [_box(box, *places[box.name]) for box in boxes]
    wide, high = max(x - between, MARGIN) + MARGIN, tall + 2 * MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="group" aria-label="{_text(says)}" class="graph" '
    size = f'width="{wide:.0f}" height="{high:.0f}" viewBox="0 0 {wide:.0f} {high:.0f}">'
    drawn = "\n".join([f"{head}{size}", *paths, *shown, "</svg>"])
    return Markup(drawn)  # noqa: S704 - what is written in it is escaped


def _layered(names: Sequence[str], ends: Sequence[tuple[str, str]]) -> _Layers:
    above: dict[str, list[str]] = {name: [] for name in names}
    for start, end in ends:
        above[end].append(start)
    depths: dict[str, int] = {}
    for name in names:
        _descend(name, above, depths)
    count = max(depths.values(), default=-1) + 1
    rows: list[list[str]] = [[] for _ in range(count)]
    for name in sorted(names):
        rows[depths[name]].append(name)
    found = _Layers(rows, [])
    for start, end in sorted(ends):
        if depths[start] >= depths[end]:
            continue  # a circle
        bends = [f"{start}\0{end}\0{at}" for at in range(depths[start] + 1, depths[end])]
        for at, name in enumerate(bends, depths[start] + 1):
            rows[at].append(name)
        way = [start, *bends, end]
        found.ways.append(way)
        for one, other in pairwise(way):
            found.beside[one][1].append(other)
            found.beside[other][-1].append(one)
    return found


def _descend(name: str, above: Mapping[str, Sequence[str]], depths: dict[str, int]) -> None:
    """The longest way to it, without recursion: there may be thousands below each other."""
    waiting, open_ones = [name], set[str]()
    while waiting:
        at = waiting[-1]
        missing = [one for one in above[at] if one not in depths and one not in open_ones]
        open_ones.add(at)
        if missing and at not in depths:
            waiting += missing
            continue
        waiting.pop()
        depths.setdefault(at, 1 + max((depths.get(one, -1) for one in above[at]), default=-1))


def _untangle(layers: _Layers) -> None:
    """Each layer in the order of the mean places of what its names are joined to, from both sides by turns."""
    sides = {-1: layers.rows, 1: layers.rows[::-1]}
    for side in [-1, 1] * (_SWEEPS // 2):
        for before, row in pairwise(sides[side]):
            at = {name: place for place, name in enumerate(before)}
            middles = {}
            for place, name in enumerate(row):
                found = [at[one] for one in layers.beside[name][side] if one in at]
                middles[name] = sum(found) / len(found) if found else place * len(at) / len(row)
            row.sort(key=middles.__getitem__)


def _height(name: str, known: Mapping[str, Box]) -> float:
    return BOX + GAP if name in known else BEND


def _path(
    way: Sequence[str], places: Mapping[str, tuple[float, float, float]], known: Mapping[str, Box], arrow: Arrow
) -> str:
    """A curve that leaves and enters level, straight across each layer on its way."""
    said = []
    for name in way:
        x, y, width = places[name]
        middle = y + (BOX if name in known else BEND) / 2
        said.append((x, middle, x + width))
    _, y, x = said[0]
    path = f"M{x:.1f} {y:.1f}"
    for left, level, right in said[1:]:
        half = (left - x) / 2
        path += f"C{x + half:.1f} {y:.1f} {left - half:.1f} {level:.1f} {left:.1f} {level:.1f}"
        if right != left and (left, level, right) != said[-1]:
            path += f"H{right:.1f}"
        x, y = right, level
    end, level, _ = said[-1]
    dashed = "" if arrow.is_direct else ' class="indirect"'
    head = f'<path class="head" d="M{end:.1f} {level:.1f}l-7 -3.5v7z"/>'
    return f'<path d="{path}"{dashed}/>{head}'


def _box(box: Box, x: float, y: float, width: float) -> str:
    kind = f' class="{box.kind}"' if box.kind else ""
    drawn = f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BOX}" rx="4"/>'
    text = f'<text x="{x + 10:.1f}" y="{y + BOX / 2 + 4.5:.1f}">{_text(box.label)}</text>'
    inside = f"<g{kind}>{drawn}{text}</g>"
    return f'<a href="{_text(box.href)}">{inside}</a>' if box.href else inside


def _text(words: str) -> str:
    return escape(redact(words))
