"""A chart is a Vega-Lite spec with its data in it; vl-convert makes it an SVG, offline. The only door to vl-convert.

What is not complete is hatched or dashed: a pattern which Vega-Lite does not have, and SVG does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

from fees_etl.errors import UsageError
from fees_etl.privacy import redact, redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

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


@dataclass(frozen=True, slots=True)
class Chart:
    """A spec, its title, and in words what it shows to whoever cannot see it. Its data stand in a table beside it."""

    title: str
    says: str
    spec: Mapping[str, Any]


def require() -> None:
    """Raise a UsageError where charts cannot be drawn, before anything else is done."""
    try:
        import vl_convert  # noqa: F401, PLC0415  (heavy, and an extra)
    except ImportError as error:
        raise UsageError(
            "charts need vl-convert, which is not installed.", hint="pip install 'fees-etl[pages]'"
        ) from error


def svg(chart: Chart, name: str) -> str:
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
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{says}" {size}>{inner}'
