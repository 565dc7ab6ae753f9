"""YAML files: what they say, and the line of each word. The only door to yaml.

Words are taken as written: ``no`` and ``0123`` are texts, as for Terraform and editors, which read YAML 1.2.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from fees_etl.errors import ProjectError
from fees_etl.project.graph import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


Said = TypeVar("Said", bound=BaseModel)
_MOST_DAYS = 36_500
_KINDS: dict[str, tuple[type, int | float, str]] = {
    "lookback_days": (int, _MOST_DAYS, f"a whole number of days from 0 to {_MOST_DAYS:,}"),
    "tolerance": (object, float("inf"), "pounds, 0 or more"),
    "max_lost": (object, 1, "a share from 0 to 1"),
    "max_rejected": (object, 1, "a share from 0 to 1"),
}


class _Words(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    def resolve(self, *_: object) -> str:
        return ""  # whatever it looks like, it is text


class _Values(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML's own numbers and days, which may be impossible ones."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - as yaml calls it
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from error


class Document:
    """One YAML file of a project; ``data`` is what it says, in words unless ``typed``.

    Raises:
        ProjectError: it is not YAML.
    """

    def __init__(self, root: Path, name: str, *, typed: bool = False) -> None:
        self.shown, self._text = Path("sql", name), (root / name).read_bytes()
        try:
            self.data = yaml.load(self._text, Loader=_Values) if typed else _plain(self._compose())  # noqa: S506 - safe
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            raise ProjectError(f"not YAML: {error.problem}.", path=self.shown, line=line) from None
        except yaml.reader.ReaderError as error:
            line = self._text.count(b"\n", 0, error.position) + 1
            hint = "Save the file as UTF-8, without control characters."
            raise ProjectError(f"not YAML: {error.reason}.", path=self.shown, line=line, hint=hint) from error
        except RecursionError as error:
            raise ProjectError("not YAML: an anchor within itself.", path=self.shown) from error

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
        node, line = self._compose(), None
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

    def _compose(self) -> Any:
        return yaml.compose(self._text, Loader=_Words)


def variables(root: Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Project variables with their overrides.

    Raises:
        ProjectError: an override names no variable of the project, or a value is impossible.
    """
    document = Document(root, "variables.yml", typed=True)
    if not isinstance(document.data or {}, dict):
        raise document.error("the file must be a mapping.")
    known = {str(name): value for name, value in (document.data or {}).items()}
    for name in overrides:
        if name not in known:
            raise document.error(f"there is no project variable '{name}' to override.", hint=did_you_mean(name, known))
    for name, value in (known | dict(overrides)).items():
        kind, most, words = _KINDS.get(name, (object, None, ""))
        if most is not None and not is_number(value, kind, most):
            where = "its override (FEES_ETL_VARS or the target's vars)" if name in overrides else "the file"
            raise document.error(f"'{name}' must be {words}; {where} says {value!r}.", name)
    return known | dict(overrides)


def is_number(value: Any, kind: type = int, most: float = _MOST_DAYS) -> bool:
    """Whether a variable's value is of a kind, and from 0 to ``most``; texts of digits are numbers, too."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return False
    return isinstance(value, kind) and not isinstance(value, bool) and number.is_finite() and 0 <= number <= most


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


def _plain(node: Any) -> Any:
    """The words of a file as lists and dictionaries; None of an empty one."""
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    if not isinstance(node, yaml.MappingNode):
        return node and node.value
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value in found:
            raise yaml.MarkedYAMLError(problem="a key that is no word, or there twice", problem_mark=key.start_mark)
        found[key.value] = _plain(value)
    return found
