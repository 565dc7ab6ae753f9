"""The catalogue as pages: one file of everything, or a folder of a page a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fees_etl.pages.catalogue import Catalogue, Seen, catalogue
from fees_etl.pages.parts import WITHOUT, page
from fees_etl.runs.ledger import package_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fees_etl.types import Project

TITLE = "Catalogue of tables"
PARTS = ("tests", "columns", "glossary")
"""The pages of a folder besides those of tables."""


def whole(project: Project, found: Seen) -> str:
    """Everything on one page.

    Raises:
        ProjectError: the glossary is wrong.
    """
    made = catalogue(project, found, lambda name: f"#{name}")
    return _page(project, made, TITLE, ["overview", *made.entries, *PARTS], lambda name: f"#{name}")


def folder(project: Project, found: Seen) -> dict[str, str]:
    """Pages by the names of their files; ``index.html`` leads to all others.

    Raises:
        ProjectError: the glossary is wrong.
    """
    tables = {str(table) for table in project.contracts}

    def link(name: str) -> str:
        if name in ("map", "tables"):
            return f"index.html#{name}"
        first, second, *rest = [*name.split("."), ""]
        if f"{first}.{second}" in tables:
            return f"{first}.{second}.html#{name}" if any(rest) else f"{first}.{second}.html"
        return f"{first}.html#{name}" if first in PARTS else "index.html"

    made = catalogue(project, found, link)
    pages: dict[str, Sequence[Any]] = {"index.html": ["overview"]}
    pages |= {f"{one.name}.html": [one] for one in made.entries} | {f"{name}.html": [name] for name in PARTS}
    titles = {f"{one.name}.html": one.name for one in made.entries}
    return {name: _page(project, made, titles.get(name, TITLE), parts, link) for name, parts in pages.items()}


def _page(project: Project, made: Catalogue, title: str, parts: Sequence[Any], link: Any) -> str:
    at = made.seen.published
    said = f"As run {at.run_id} left it, {at.at:%Y-%m-%d %H:%M} UTC." if at else "Nothing has been published yet."
    return page(
        "catalogue.html",
        title=title,
        mark=f"Fingerprint {project.fingerprint[:16]}",
        subtitle=[said] if title == TITLE else [],
        found=made,
        parts=parts,
        link=link,
        footer=[
            f"{f'Run {at.run_id} · ' if at else ''}fingerprint of SQL, contracts and variables {project.fingerprint}",
            f"fees-etl {package_version()}. {WITHOUT}",
        ],
    )
