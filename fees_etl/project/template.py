"""Files of Jinja SQL -> GoogleSQL text. The only door to jinja2.

Rendering is a pure function of the files and of what is passed in: the sandbox has no clock, no environment and no
``ref()``; an undefined name is an error that names file and line.
"""

from __future__ import annotations

import difflib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from fees_etl.errors import ProjectError
from fees_etl.script import Ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


_ESCAPES = str.maketrans({"\\": r"\\", "'": r"\'", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


class Templates:
    """The templates of one project, named by their path in ``sql/``; macros are imported by file name alone."""

    def __init__(self, root: Path, variables: dict[str, Any]) -> None:
        self.root = root
        self._environment = SandboxedEnvironment(
            loader=jinja2.FileSystemLoader([root / "macros", root]),
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # SQL text, not HTML; values pass through `literal`
            keep_trailing_newline=False,
        )
        self._environment.filters["literal"] = literal
        self._environment.globals.update(variables)

    def render(self, name: str, **context: Any) -> str:
        """The text of one template, with project variables and ``context`` in sight."""
        text = self.text(name)
        if "{" not in text:
            return text.strip()
        try:
            return self._environment.get_template(name).render(context).strip()
        except (jinja2.TemplateError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            path, line = self._place(error, name)
            message = f"template {error.name!r} does not exist" if isinstance(error, jinja2.TemplateNotFound) else error
            raise ProjectError(f"{message}.", path=_shown(path), line=line) from error

    def ask(self, name: str, called: str = "", **context: Any) -> Ask:
        """The query of one template of ``sql/operations``."""
        return Ask(called or name, self.render(f"operations/{name}.sql", **context))

    def operation(self, name: str, **context: Any) -> tuple[str, ...]:
        """The statements of one template of ``sql/operations``."""
        return statements(self.render(f"operations/{name}.sql", **context))

    def text(self, name: str) -> str:
        """The template as written."""
        try:
            with open(f"{self.root}/{name}", encoding="utf-8") as file:  # noqa: PTH123 - a thousand times, Path costs
                return file.read()
        except FileNotFoundError as error:
            raise ProjectError(f"template {name!r} does not exist.", path=_shown(self.root / name)) from error
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise ProjectError("not UTF-8.", path=_shown(self.root / name), line=line) from error

    def _place(self, error: BaseException, name: str) -> tuple[Path, int | None]:
        found: tuple[Path, int | None] = (self.root / name, None)
        for frame, line in walk_tb(error.__traceback__):
            path = Path(frame.f_code.co_filename)
            found = (path, line) if path.is_relative_to(self.root) else found
        return found


def literal(value: Any) -> str:  # noqa: PLR0911 - one return a type
    r"""A value as a GoogleSQL literal; text is escaped so that it is always exactly one literal.

    >>> print(literal("it's"), literal(Decimal("1.60")), literal(date(2025, 1, 31)), literal(None), literal(True))
    'it\'s' NUMERIC '1.60' DATE '2025-01-31' NULL TRUE
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case Decimal():
            return f"NUMERIC '{value:f}'"
        case datetime() if value.tzinfo is None:
            return f"DATETIME '{value:%Y-%m-%d %H:%M:%S.%f}'"
        case datetime():
            return f"TIMESTAMP '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00:00'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case _:
            text = str(value).translate(_ESCAPES)
            return "'" + "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in text) + "'"


def statements(text: str) -> tuple[str, ...]:
    r"""The statements of a rendered template: they are separated by a line that holds only a semicolon.

    >>> statements("DELETE FROM a WHERE TRUE\n;\nDELETE FROM b WHERE TRUE\n;\n")
    ('DELETE FROM a WHERE TRUE', 'DELETE FROM b WHERE TRUE')
    """
    parts = "\n".join("\0" if line.strip() == ";" else line for line in text.split("\n")).split("\0")
    return tuple(part.strip("\n") for part in parts if part.strip())


def source_line(template: str, rendered: str) -> Callable[[int], int]:
    """A function from a line of the rendered text to the line of the template it came from, both from 1.

    Lines that Jinja left alone are matched exactly; a line that Jinja wrote belongs to the template's lines between its
    matched neighbours, and the first of them is named.
    """

    def line(number: int) -> int:
        written, wrote = ([one.strip() for one in text.splitlines()] for text in (template, rendered))
        last = 1
        for block in difflib.SequenceMatcher(None, written, wrote, autojunk=False).get_matching_blocks():
            if number - 1 < block.b:
                return last
            if number - 1 < block.b + block.size:
                return block.a + (number - 1 - block.b) + 1
            last = block.a + block.size + 1
        return last

    return line


def _shown(path: Path) -> Path:
    """The path as a user would write it: from the project's folder on."""
    parts: Iterable[Path] = (parent.parent for parent in path.parents if parent.name == "sql")
    return next((path.relative_to(parent) for parent in parts), path)
