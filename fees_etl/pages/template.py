"""Jinja files -> one file of HTML. Everything is escaped, and what looks like a NINO is masked on its way in."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from fees_etl.figures import cell
from fees_etl.pages.parts import Chart, svg
from fees_etl.privacy import redact

WITHOUT = "This page has no National Insurance number and loads nothing from elsewhere."
FOLDER = Path(__file__).parent / "templates"


def page(name: str, **context: Any) -> str:
    """The text of one page, which extends ``layout.html``."""
    return _environment().get_template(name).render(context) + "\n"


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
    found.filters |= {"figure": figure, "svg": _drawn}
    return found


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


def _drawn(one: Chart, name: str) -> Markup:
    return Markup(svg(one, name))  # noqa: S704 - it escapes the texts of a spec


def _masked(value: Any) -> Any:
    return redact(value) if isinstance(value, str) and not isinstance(value, Markup) else value
