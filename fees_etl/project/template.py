"""Files of Jinja SQL -> GoogleSQL text. The only door to jinja2.

Rendering is a pure function of the files and of what is passed in: the sandbox has no clock, no environment and no
``ref()``; an undefined name is an error that names file and line.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment, safe_range

from fees_etl.errors import ProjectError
from fees_etl.project.files import read
from fees_etl.script import Ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


_QUERY = re.compile(r"(?is)(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*+(?:SELECT|WITH|FROM|VALUES)\b")
_ESCAPES = str.maketrans({"\\": r"\\", "'": r"\'", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
_MOST_TEXT, _MOST_TURNS, _MOST_KEPT = 16 * 2**20, 10_000_000, 1_000


class _Sandbox(SandboxedEnvironment):
    """Jinja's, in which products, powers and ranges end; other words could still ask for much."""

    intercepted_binops = frozenset({"*", "**"})
    turns = 0

    def range(self, *bounds: int) -> range:
        """Numbers to count with; those of one rendering end somewhere, too."""
        found = safe_range(*bounds)
        self.turns += len(found)
        if self.turns > _MOST_TURNS:
            raise OverflowError(f"its ranges make more than {_MOST_TURNS:,} turns")
        return found

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        size = 0
        match left, right:
            case int(), int():
                size = left.bit_length() * (abs(right) if operator == "**" else 1)
            case (str() | list() | tuple() as some, int(times)) | (int(times), str() | list() | tuple() as some):
                size = len(some) * times
        if size > _MOST_TEXT:
            raise OverflowError(f"{operator} makes too much of it")
        return super().call_binop(context, operator, left, right)


class _Compiled(jinja2.BytecodeCache):
    """What this process has compiled: projects are loaded again and again, and their files seldom differ.

    On disk it would spare a command a tenth of its start, and be code in a folder that nobody looks at.
    """

    def __init__(self) -> None:
        self._known = dict[tuple[str, str], Any]()

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


class Templates:
    """The templates of one project, named by their path in ``sql/``; macros are imported by file name alone."""

    def __init__(self, root: Path, variables: dict[str, Any]) -> None:
        self.root = root
        self._environment = _Sandbox(
            loader=jinja2.FunctionLoader(self._source),
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # SQL text, not HTML; values pass through `literal`
            keep_trailing_newline=False,
            bytecode_cache=_COMPILED,
        )
        self._environment.filters["literal"] = literal
        for kind, name in ((self._environment.filters, "random"), (self._environment.globals, "lipsum")):
            kind.pop(name)  # two renderings are the same
        self._environment.globals.update({"range": self._environment.range, **variables})

    def render(self, name: str, **context: Any) -> str:
        """The text of one template, with project variables and ``context`` in sight."""
        text = self.text(name)
        if "{" not in text:
            return text.strip()
        wrote, self._environment.turns = StringIO(), 0
        try:
            for part in self._environment.get_template(name).generate(context):
                if wrote.write(part) and wrote.tell() > _MOST_TEXT:
                    raise OverflowError(f"it writes more than {_MOST_TEXT >> 20} MiB")  # noqa: TRY301
        except ProjectError:
            raise
        except Exception as error:  # whatever goes wrong in there, a template did it
            path, line = self._place(error, name)
            message = f"template {error.name!r} does not exist" if isinstance(error, jinja2.TemplateNotFound) else error
            message = "templates include each other in a circle" if isinstance(error, RecursionError) else message
            raise ProjectError(f"{message or type(error).__name__}.", path=_shown(path), line=line) from error
        return wrote.getvalue().strip()

    def ask(self, name: str, called: str = "", **context: Any) -> Ask:
        """The query of one template of ``sql/operations``."""
        return Ask(called or name, self.render(f"operations/{name}.sql", **context))

    def operation(self, name: str, **context: Any) -> tuple[str, ...]:
        """The statements of one template of ``sql/operations``."""
        return statements(self.render(f"operations/{name}.sql", **context))

    def text(self, name: str) -> str:
        """The template as written."""
        path = _shown(self.root / name)
        if not (self.root / name).exists():
            raise ProjectError(f"template {name!r} does not exist.", path=path)
        try:
            return read(self.root, name).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise ProjectError("not UTF-8.", path=path, line=line, hint="Save the file as UTF-8.") from error

    def _source(self, name: str) -> tuple[str, str, Callable[[], bool]] | None:
        """Where jinja finds a template: macros by file name alone; nothing outside of the project."""
        for place in ("macros/" + name, name):
            path = Path(place)
            if ".." not in path.parts and not path.is_absolute() and (self.root / path).is_file():
                return self.text(place), str(self.root / place), lambda: True
        return None

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
            if not text.isprintable():
                text = "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in text)
            return f"'{text}'"


def statements(text: str) -> tuple[str, ...]:
    r"""The statements of a rendered template: they are separated by a line that holds only a semicolon.

    >>> statements("DELETE FROM a WHERE TRUE\n;\nDELETE FROM b WHERE TRUE\n;\n")
    ('DELETE FROM a WHERE TRUE', 'DELETE FROM b WHERE TRUE')
    """
    parts = "\n".join("\0" if line.strip() == ";" else line for line in text.split("\n")).split("\0")
    return tuple(part.strip("\n") for part in parts if part.strip())


def writing(found: Sequence[str], name: str) -> Sequence[str]:
    """The statements of a template of ``sql/`` that fills tables or keeps books.

    Raises:
        ProjectError: one of them is a query; nothing would become of it.
    """
    if any(map(_QUERY.match, found)):
        hint = f"Write statements into sql/{name}, or name another file in the contract."
        raise ProjectError("a query stands where statements must that write.", path=Path("sql", name), hint=hint)
    return found


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
