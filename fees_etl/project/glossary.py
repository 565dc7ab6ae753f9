"""``sql/glossary.yml``: the words of the reports, and the columns that they are about."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, Field

from fees_etl.errors import ProjectError
from fees_etl.project.files import Document, collected, refuse
from fees_etl.project.load import folder

if TYPE_CHECKING:
    from pathlib import Path

FILE = "glossary.yml"


class Term(NamedTuple):
    """A word, what it means, and patterns of the names of columns that it is about."""

    name: str
    description: str
    columns: tuple[str, ...]

    def is_about(self, column: str) -> bool:
        """Whether a column is one of them.

        >>> Term("ltv", "Lifetime value.", ("*ltv*",)).is_about("avg_ltv_6_month")
        True
        """
        return any(fnmatchcase(column, pattern) for pattern in self.columns)


class _Said(BaseModel, extra="forbid", title="a term"):
    description: str = Field(min_length=1)
    columns: tuple[str, ...] = ()


def glossary(root: Path) -> tuple[Term, ...]:
    """The terms in the order of their names; a project without the file has the bundled ones.

    Raises:
        ProjectError: the file is wrong; it names all that is.
    """
    place = root if (root / FILE).exists() else folder(None)
    document = Document(place, FILE)
    if not isinstance(document.data or {}, dict):
        raise document.error("expected words, each with its description.")
    found, errors = list[Term](), list[ProjectError]()
    for name in sorted(document.data or {}):
        with collected(errors):
            said = document.said(_Said, name)
            found.append(Term(name, said.description, said.columns))
    refuse(errors)
    return tuple(found)
