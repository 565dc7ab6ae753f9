"""YAML files: what they say, and the line of each word. The only door to yaml.

Words are taken as written: ``no`` and ``0123`` are texts, as for Terraform and editors, which read YAML 1.2.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from stat import S_ISREG
from textwrap import shorten
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from fees_etl.errors import ProjectError
from fees_etl.project.graph import did_you_mean
from fees_etl.query import RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence


Said = TypeVar("Said", bound=BaseModel)
_MOST_BYTES, _MOST_NODES, _DEEPEST = 10 * 2**20, 200_000, 50
_MOST_DAYS, _MOST_POUNDS = 36_500, 10**28
KINDS: dict[str, tuple[type, int, str]] = {
    "lookback_days": (int, _MOST_DAYS, f"a whole number of days from 0 to {_MOST_DAYS:,}"),
    "tolerance": (object, _MOST_POUNDS, 'pounds, 0 or more, with at most 9 decimals: "0.01"'),
    "max_lost": (object, 1, 'a share from 0 to 1, with at most 9 decimals: "0.05"'),
    "max_rejected": (object, 1, 'a share from 0 to 1, with at most 9 decimals: "0.05"'),
}
NOT_DATASETS = {"macros", "materializations", "operations", "assertions"}
_OF_DUCKDB = {"information_schema", "pg_catalog", "system", "temp"}
_NUMBER = re.compile(r"[0-9]{1,29}(\.[0-9]{1,9})?")
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


def read(root: Path, name: str, shown: Path | None = None) -> bytes:
    """The bytes of one file of a project, which errors call ``shown``, or ``sql/name``.

    Raises:
        ProjectError: it is no plain file, cannot be read, or is too big to be meant.
    """
    shown = shown or Path("sql", name)
    try:
        with open(os.open(f"{root}/{name}", os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 - a pipe must not block
            found = os.fstat(file.fileno())
            if S_ISREG(found.st_mode) and found.st_size <= _MOST_BYTES:
                return file.read()
    except OSError as error:
        raise ProjectError(f"cannot be read: {error.strerror}.", path=shown) from error
    raise ProjectError(f"this is no plain file of at most {_MOST_BYTES >> 20} MiB.", path=shown)


def listed(root: Path) -> list[str]:
    """Every ``.sql`` and ``.yml`` file of a project's folders, as ``reporting/dim_clients.sql``, in order.

    Raises:
        ProjectError: what looks like one of them would be passed over in silence; it names all of those.
    """
    found, errors = list[str](), list[ProjectError]()
    try:
        for path in sorted(path for pattern in ("*", "*/*", "*/*/*") for path in root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            if path.suffix.lower() not in {".sql", ".yml", ".yaml"} or re.search(r"(^|/)\.", name):
                continue
            if said := _misnamed(path, name):
                errors.append(ProjectError(said, path=Path("sql", ascii(name)[1:-1])))
            elif "/" in name:
                found.append(name)
    except OSError as error:
        raise ProjectError(f"cannot be read: {error.strerror}.", path=Path("sql")) from error
    refuse(errors)
    return found


def is_name(text: str, words: Collection[str] = RESERVED) -> bool:
    """Whether it means the same on both engines, in templates, and on disks that do not tell capitals apart."""
    return bool(re.fullmatch("[a-z_][a-z0-9_]*", text)) and text not in words


def _misnamed(path: Path, name: str) -> str:
    """Why a file would not be found under the name it has; empty when it would."""
    folder, _, own = name.rpartition("/")
    if path.suffix not in {".sql", ".yml"}:
        return f"files end in .sql and .yml: rename it to {path.stem}{'.sql' if path.suffix == '.SQL' else '.yml'}."
    if "/" in folder or (not folder and own not in {"checks.yml", "glossary.yml", "variables.yml", "waivers.yml"}):
        return "nothing is read from here: files of tables are called sql/DATASET/NAME.sql and .yml."
    words = set() if folder in NOT_DATASETS else RESERVED | _OF_DUCKDB
    if wrong := [part for part in (folder or "sql", path.stem) if not is_name(part, words)]:
        return (
            f"'{ascii(wrong[0])[1:-1]}' is no name: lower case letters, digits and _, no digit first, no word of SQL."
        )
    if folder == "history" or (folder in {"raw", "ops"} and path.suffix == ".sql"):
        return f"models do not go into {folder}: fees-etl writes its tables. Put it into another folder of sql/."
    return "" if path.is_file() else "this is no plain file."


class _Words(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    def resolve(self, *_: object) -> str:
        return ""  # whatever it looks like, it is text


class Document:
    """One YAML file of a project; ``data`` is what it says in words, or ``typed``.

    Raises:
        ProjectError: it is not YAML, or says it in a way that people cannot follow.
    """

    def __init__(self, root: Path, name: str, *, typed: bool = False) -> None:
        self.shown, text, self._nodes = Path("sql", name), read(root, name), 0
        try:
            self._root = yaml.compose(text, Loader=_Words)
            self.data = self._plain(self._root, _value if typed else _word)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            raise ProjectError(f"not YAML: {error.problem}.", path=self.shown, line=line) from None
        except yaml.reader.ReaderError as error:
            line = text.count(b"\n", 0, error.position) + 1
            hint = "Save the file as UTF-8, without control characters."
            raise ProjectError(f"not YAML: {error.reason}.", path=self.shown, line=line, hint=hint) from error

    def said(self, kind: type[Said], *place: str | int) -> Said:
        """What the file, or the part of it at ``place``, says as a model.

        Raises:
            ExceptionGroup: a ProjectError for each thing it may not say.
        """
        data = self.data
        for step in place:
            data = data[step]
        try:
            return kind.model_validate(data)
        except ValidationError as found:  # unknown keys first: they explain missing ones
            wrong = sorted(
                found.errors(), key=lambda one: (one["type"] != "extra_forbidden", self.line(*place, *one["loc"]) or 0)
            )
            raise ExceptionGroup(str(self.shown), [self._wrong(kind, place, dict(one)) for one in wrong]) from None

    def line(self, *place: str | int) -> int | None:
        """Where a key or an item begins, given by the keys and numbers that lead to it, as far as they lead."""
        node, line = self._root, None
        for step in place:
            if isinstance(node, yaml.MappingNode):
                inner = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            else:
                inner = (node.value[step],) * 2 if isinstance(node, yaml.SequenceNode) else None
            if inner is None:
                break
            line, node = inner[0].start_mark.line + 1, inner[1]
        return line

    def error(self, message: str, *place: str | int, hint: str = "") -> ProjectError:
        """The error that something at ``place`` is wrong."""
        return ProjectError(message, path=self.shown, line=self.line(*place), hint=hint)

    def _wrong(self, kind: type[BaseModel], place: tuple[str | int, ...], one: Mapping[str, Any]) -> ProjectError:
        for step in one["loc"][:-1]:
            inner = get_args(kind.model_fields[step].annotation) if step in kind.model_fields else ()
            kind = inner[0] if inner and hasattr(inner[0], "model_fields") else kind
        name = next((step for step in reversed(one["loc"]) if isinstance(step, str)), "")
        what, field, hint = kind.model_config.get("title"), kind.model_fields.get(name), ""
        match one["type"]:
            case "extra_forbidden":
                message, hint = f"unknown key '{name}'.", did_you_mean(name, kind.model_fields)
            case "missing" | "string_too_short" | "too_short":
                message = f"{what} needs '{name}'."
            case "model_type":
                message = f"{what} must be a mapping."
            case "literal_error":
                message = f"{name} is {one['ctx']['expected']}, not '{one['input']}'."
            case "value_error":
                message = str(one["ctx"]["error"])
            case "tuple_type":
                message = f"'{name}' must be a list."
            case kind_of if kind_of.startswith("date_"):
                message = f"'{name}' must be a date (YYYY-MM-DD)."
            case _:  # pydantic's own words quote nothing
                message = re.sub("^(Input|String) should", f"'{name}' should", one["msg"]) + "."
                hint = (field and field.description) or ""
        return self.error(message, *place, *one["loc"], hint=hint)

    def _plain(self, node: Any, word: Callable[[yaml.ScalarNode], Any], depth: int = 0) -> Any:
        """A node as lists, dictionaries and words; None of an empty file. Aliases count as what they stand for."""
        self._nodes += 1
        if node is None:
            return None
        if depth > _DEEPEST or self._nodes > _MOST_NODES:
            raise _refused(node, f"more than {_DEEPEST} levels or {_MOST_NODES:,} words; an anchor may hold itself")
        if node.tag:
            raise _refused(
                node, f"a tag ({node.tag.removeprefix('tag:yaml.org,2002:')}); write the value alone, a text in quotes"
            )
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, word, depth + 1) for item in node.value]
        if not isinstance(node, yaml.MappingNode):
            return word(node)
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused(key, "a key that is no word")
            if key.value in found:
                raise _refused(key, f"the key '{key.value}' is there twice")
            found[_word(key)] = self._plain(value, word, depth + 1)
        return found


def _refused(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _word(node: yaml.ScalarNode) -> str:
    if _UNSEEN.search(node.value):
        raise _refused(node, "control characters are not allowed")
    return str(node.value)


def _value(node: yaml.ScalarNode) -> Any:
    """A word that is not in quotes as YAML 1.2 reads it: a number (exact), a day, true, false or null; else text."""
    text = _word(node)
    if node.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if re.fullmatch(r"[-+]?(0|[1-9][0-9]{0,37})", text):
        return int(text)
    if re.fullmatch(r"[-+]?[0-9]{1,38}\.[0-9]{1,38}", text):
        return Decimal(text)
    try:
        found = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ]+[0-9:.]+([Zz]|[-+][0-9:]+)?)?", text)
        return text if not found else datetime.fromisoformat(text) if found[1] else date.fromisoformat(text)
    except ValueError:
        raise _refused(node, f"{text} is no day or time of the calendar") from None


def variables(root: Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Project variables with their overrides.

    Raises:
        ProjectError: a name is none, an override names no variable of the project, or a value is impossible.
    """
    document = Document(root, "variables.yml", typed=True)
    if not isinstance(known := document.data or {}, dict):
        raise document.error("the file must be a mapping.")
    errors = [
        document.error(f"'{name}' is no name: lower case letters, digits and _.", name)
        for name in known
        if not is_name(name)
    ]
    errors += [
        document.error(f"there is no project variable '{name}' to override.", hint=did_you_mean(name, known))
        for name in overrides
        if name not in known
    ]
    for name, value in (known | dict(overrides)).items():
        kind, most, words = KINDS.get(name, (object, None, ""))
        if most is not None and not is_number(value, kind, most):
            where = "its override (--var, FEES_ETL_VARS or the target's vars)" if name in overrides else "the file"
            said = shorten(str(value), 60, placeholder="...") if not isinstance(value, str) else repr(value[:60])
            errors.append(document.error(f"'{name}' must be {words}; {where} says {said}.", name))
    refuse(errors)
    return known | dict(overrides)


def is_number(value: Any, kind: type = int, most: int = _MOST_DAYS) -> bool:
    """Whether a variable's value is of a kind, and from 0 to ``most``; texts of digits are numbers, too."""
    if not isinstance(value, kind) or isinstance(value, bool):
        return False
    if isinstance(value, int):
        return 0 <= value <= most
    text = f"{value:f}" if isinstance(value, Decimal) else value
    return isinstance(text, str) and bool(_NUMBER.fullmatch(text)) and Decimal(text) <= most


@contextmanager
def collected(errors: list[ProjectError]) -> Iterator[None]:
    """What is wrong with a project in here is added to ``errors``, so that the next file can be looked at, too."""
    try:
        yield
    except* ProjectError as group:
        errors += [error for error in group.exceptions if isinstance(error, ProjectError)]


def refuse(errors: Sequence[ProjectError]) -> None:
    """Raise the first of several errors, which then names the others too; do nothing without any."""
    if not errors:
        return
    first = errors[0]
    if len(errors) > 1:
        first.message, first.hint = "\n".join(f"{one.message} {one.hint}".rstrip() for one in errors), ""
        first.args = (first.message,)
    raise first
