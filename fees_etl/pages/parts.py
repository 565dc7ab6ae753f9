"""A page: its parts as values, and how Jinja files make one file of HTML of them.

A sheet is a table of it: a table is one of the warehouse elsewhere. A chart is a Vega-Lite spec with its data in it;
vl-convert makes it an SVG, offline. What is not complete is hatched or dashed: a pattern which Vega-Lite does not have,
and SVG does. Everything is escaped, and what looks like a NINO is masked on its way in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
from markupsafe import Markup

from fees_etl.errors import UsageError
from fees_etl.figures import cell
from fees_etl.privacy import redact, redacted
from fees_etl.runs.ledger import package_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WITHOUT = "This page has no National Insurance number and loads nothing from elsewhere."
FOLDER = Path(__file__).parent / "templates"
SOLID: Final = "#1f5a92"
INK: Final = "#1b1b1b"
OPEN: Final = "#a34700"
"""What is not complete; each of the three has 4.5:1 or more on white."""
HATCHED: Final = "url(#hatch)"
_HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect width="6" height="6" fill="#fff"/><rect width="2.2" height="6" fill="{OPEN}"/></pattern></defs>'
)
_QUIET = "#595959"
_AXIS = {
    "labelFontSize": 13,
    "titleFontSize": 13,
    "titleFontWeight": "normal",
    "domainColor": _QUIET,
    "tickColor": _QUIET,
    "gridColor": "#dddddd",
    "labelColor": INK,
    "titleColor": INK,
    "labelLimit": 150,
}
_THEME: Mapping[str, Any] = {
    "aria": False,  # the figure around it is one image, with its text
    "font": "Helvetica, Arial, sans-serif",
    "background": "#ffffff",
    "view": {"stroke": None},
    "axis": _AXIS,
    "header": {"labelFontSize": 13, "labelFontWeight": "bold", "labelColor": INK, "titleColor": INK},
    "text": {"fontSize": 13, "fill": INK},
}
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.20.json"
_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)" viewBox="([^"]+)">')
_FIGURE = re.compile(r"[+-][\d,.]+|\d+%|\d+\.\d\d")
NARROW = 46
"""Characters that have room beside a chart, on paper too."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A value of which something must be known beside it: ``so far`` of one that still grows."""

    value: Any
    note: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows below heads, the first cell of each names its row. Cells are values: the template writes them out.

    ``trace`` is a command that tells where the numbers come from, ``notes`` is what else there is to say; ``is_form``:
    its empty cells are to be filled in by hand.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    trace: str = ""
    notes: Sequence[str] = ()
    is_form: bool = False

    @property
    def is_wide(self) -> bool:
        """Whether it needs the width of the page: a column is at least as wide as its longest word."""
        texts = zip(self.heads, *self.rows, strict=True)
        return sum(max(len(word) for cell in column for word in [*str(cell).split(), ""]) for column in texts) > NARROW

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Of each column whether it is of figures, which stand on the right."""
        columns = ([row[at] for row in self.rows] for at in range(len(self.heads)))
        return tuple(
            any(map(_is_figure, cells)) and all(cell in (None, "") or _is_figure(cell) for cell in cells)
            for cells in columns
        )


@dataclass(frozen=True, slots=True)
class Chart:
    """A spec, its title, and in words what it shows to whoever cannot see it. Its data stand in a table beside it."""

    title: str
    says: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Block:
    """Charts and the tables that hold their numbers, side by side where there is room."""

    charts: Sequence[Chart] = ()
    sheets: Sequence[Sheet] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page with its heading; ``anchor`` is its name within the page."""

    anchor: str
    title: str
    said: Sequence[str] = ()
    """Paragraphs."""
    blocks: Sequence[Block] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A headline number, what it is, and the command that tells where it comes from."""

    label: str
    value: Any
    note: str = ""
    trace: str = ""
    is_open: bool = False
    """Whether it warns of something."""


def page(name: str, **context: Any) -> str:
    """The text of one page, which extends ``layout.html``."""
    return _environment().get_template(name).render(context, package_version=package_version()) + "\n"


def require_charts() -> None:
    """Raise a UsageError where charts cannot be drawn, before anything else is done."""
    try:
        import vl_convert  # noqa: F401, PLC0415  (heavy, and an extra)
    except ImportError as error:
        raise UsageError(
            "charts need vl-convert, which is not installed.", hint="pip install 'fees-etl[pages]'"
        ) from error


def svg(chart: Chart, name: str) -> Markup:
    """The chart as an image of a page; ``name`` tells its parts from those of others on the page."""
    import vl_convert  # noqa: PLC0415  (heavy, and an extra)

    drawn = vl_convert.vegalite_to_svg({"$schema": _SCHEMA, "config": _THEME, **redacted(chart.spec)})
    found = _SIZE.match(drawn)
    if found is None:
        raise TypeError(f"the SVG of {name} does not begin as expected: {drawn[:200]}")
    inner = _HATCH + re.sub(r' (?:role|aria-roledescription|aria-hidden|aria-label)="[^"]*"', "", drawn[found.end() :])
    for at, old in enumerate(dict.fromkeys(re.findall(r' id="([^"]+)"', inner))):
        inner = inner.replace(f' id="{old}"', f' id="{name}-{at}"').replace(f"url(#{old})", f"url(#{name}-{at})")
    says, size = escape(redact(chart.says)), f'viewBox="{found[3]}" style="max-width:{float(found[1]):.0f}px"'
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{says}" {size}>{inner}'
    return Markup(drawn)  # noqa: S704 - the texts of a spec are escaped


def figure(value: Any) -> str:
    """One value as readers write it.

    >>> figure(True), figure(1234)
    ('yes', '1,234')
    """
    if value is None:
        return "–"  # noqa: RUF001 - a dash is what stands in an empty cell
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cell(value)


@cache
def _environment() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_masked,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"figure": figure, "svg": svg}
    return found


def _is_figure(cell: Any) -> bool:
    value = cell.value if isinstance(cell, Noted) else cell
    if isinstance(value, str):
        return bool(_FIGURE.fullmatch(value))
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _masked(value: Any) -> Any:
    return redact(value) if isinstance(value, str) and not isinstance(value, Markup) else value
