"""YAML beside the SQL -> values. The only door to yaml.

What a file may say is told once, by the models below, which also write ``sql/*.schema.json`` for editors. Their words
are taken as written: ``no`` and ``0123`` are texts, so that Terraform and editors, which read YAML 1.2, see the same.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, Field, RootModel, ValidationError

from fees_etl.errors import ProjectError
from fees_etl.privacy import redact
from fees_etl.project.graph import did_you_mean
from fees_etl.types import Column, Contract, Layout, Severity, Table, Waiver, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Type = Literal["BOOL", "DATE", "DATETIME", "INT64", "NUMERIC", "STRING", "TIMESTAMP"]
"""The GoogleSQL types a column may have; there is no FLOAT64, because money is exact."""
_Text = Annotated[str, Field(min_length=1)]
_Model = TypeVar("_Model", bound=BaseModel)
_Words: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _Values(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Of variables: YAML's own numbers and days, which may be impossible ones."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - as yaml calls it
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(problem=f"{error}", problem_mark=node.start_mark) from error


def _day(text: object) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", str(text)):
        raise ValueError
    return date.fromisoformat(str(text))


class _Column(BaseModel, extra="forbid", title="Column"):
    name: str = Field(pattern="^[a-z_][a-z0-9_]*$", description="Lower case letters, digits and _.")
    type: Type
    description: _Text
    required: bool = False
    unique: bool = False
    policy_tag: _Text | None = Field(None, description="Alias of a policy tag; a target maps it to the tag's name.")
    accepted: tuple[str, ...] = Field((), min_length=1)
    minimum: _Text | None = Field(None, description="Inclusive.")
    maximum: _Text | None = Field(None, description="Inclusive.")
    references: str | None = Field(
        None, pattern=r"^[a-z_0-9]+\.[a-z_0-9]+\.[a-z_0-9]+$", description="Written dataset.table.column."
    )
    required_in_file: bool = Field(False, description="Of a source: whether a file without it is refused.")
    aliases: tuple[_Text, ...] = Field((), description="Of a source: names that other systems give it in a header.")


class _Layout(BaseModel, extra="forbid", title="Layout"):
    files: _Text = Field(description="Pattern of paths below the source: fees_v2/**.")
    delimiter: str = Field(
        ",", pattern=r"""^[^\w"'\r\n]$""", description="One character, no quote, line end, letter or digit."
    )
    date_format: str = Field(
        "YYYY-MM-DD",
        pattern="^[YMD]+[-/. ][YMD]+[-/. ][YMD]+$",
        description="YYYY, MM and DD once each, with - / . or a blank between.",
    )
    columns: dict[_Text, str] = Field({}, description="Names in the header to columns of the contract.")


class _Contract(BaseModel, extra="forbid", title="Contract of a table"):
    description: str = Field(min_length=1, description="The first sentence states the grain.")
    materialized: _Text | None = Field(None, description="The template in sql/materializations, as merge or rebuild.")
    key: tuple[str, ...] = Field((), description="Columns that identify a row.")
    partition_by: _Text | None = None
    cluster_by: tuple[str, ...] = Field((), json_schema_extra={"maxItems": 4})
    lookback: _Text | None = Field(
        None, description="The variable with the days before the newest date to stage again."
    )
    afterwards: _Text | None = Field(None, description="Template in sql/operations that keeps the books after a merge.")
    like: _Text | None = Field(
        None, description="Of a source: the table whose columns come first, but for those that begin with _; nullable."
    )
    total: _Text | None = Field(None, description="Of a source: the NUMERIC column that control totals add up.")
    layouts: tuple[_Layout, ...] = Field((), description="Of a source: files of another make; the first match counts.")
    columns: tuple[_Column, ...] = ()


class _Assertion(BaseModel, extra="forbid", title="Settings of an assertion"):
    description: str = Field(min_length=1, description="What is true when the query returns no rows.")
    severity: Severity
    key: tuple[str, ...] = Field(min_length=1, description="Output columns that identify a row, for waivers.")


class _Waiver(BaseModel, extra="forbid"):
    assertion: _Text
    key: Annotated[tuple[str, ...], BeforeValidator(lambda key: [key] if isinstance(key, str) else key)]
    reason: _Text
    expires: Annotated[date, BeforeValidator(_day)]


class _Waivers(RootModel[tuple[_Waiver, ...]]):
    pass


_WHAT: dict[type[BaseModel], str] = {
    _Assertion: "an assertion", _Column: "a column", _Contract: "a contract", _Layout: "a layout", _Waiver: "a waiver",
}  # fmt: skip


def schemas() -> dict[str, str]:
    """The JSON schemas of contracts and of the settings of assertions, by the names of their files in ``sql/``."""
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    models = {"assertion.schema.json": _Assertion, "contract.schema.json": _Contract}
    return {name: json.dumps(draft | model.model_json_schema(), indent=2) + "\n" for name, model in models.items()}


def contracts(
    root: Path, files: Iterable[str], values: Mapping[str, Any], errors: list[ProjectError]
) -> dict[Table, Contract]:
    """The contracts in ``root``, but for those that are wrong; what is wrong with them is added to ``errors``.

    ``files`` are named as ``raw/fees.yml``, ``values`` are the project's variables.
    """
    said: dict[Table, tuple[_Document, _Contract]] = {}
    for name in files:
        if found := _read(root, name, _Contract, errors):
            said[Table(*name.removesuffix(".yml").split("/"))] = found
    known = {table: one for table, (_, one) in said.items()}
    return {table: _contract(document, one, table, values, known, errors) for table, (document, one) in said.items()}


def settings(root: Path, name: str, errors: list[ProjectError]) -> dict[str, Any]:
    """Description, severity and key of one assertion; nothing when they are wrong, which is added to ``errors``."""
    found = _read(root, name, _Assertion, errors)
    return dict(found[1]) if found else {}


def waivers(root: Path, known: Mapping[str, tuple[str, ...]]) -> tuple[Waiver, ...]:
    """The reviewed exceptions; an absent file has none. ``known`` are the assertions with their keys.

    Raises:
        ProjectError: the file is wrong, waives what is not there, or quotes a National Insurance number.
    """
    errors: list[ProjectError] = []
    found = _read(root, "waivers.yml", _Waivers, errors) if (root / "waivers.yml").exists() else None
    made = []
    for number, one in enumerate(found[1].root if found else ()):
        document = found[0]
        if one.assertion not in known:
            message = f"a waiver names no assertion: '{one.assertion}'."
            errors.append(document.error(message, number, "assertion", hint=did_you_mean(one.assertion, known)))
        elif redact(one.reason) != one.reason:
            errors.append(document.error("a waiver must not quote a National Insurance number.", number, "reason"))
        elif len(one.key) != len(needed := known[one.assertion]):
            message = f"'key' has {len(one.key)} values, but '{one.assertion}' needs {', '.join(needed)}."
            errors.append(document.error(message, number, "key"))
        made.append(Waiver(**dict(one), path=document.shown, line=document.line(number) or 1))
    refuse(errors)
    return tuple(made)


def variables(root: Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Project variables with their overrides.

    Raises:
        ProjectError: an override names no variable of the project, or a value is none.
    """
    document = _Document(root / "variables.yml", Path("sql/variables.yml"), _Values)
    if not isinstance(document.data or {}, dict):
        raise document.error("the file must be a mapping.")
    known = {str(name): value for name, value in (document.data or {}).items()}
    for name in overrides:
        if name not in known:
            raise document.error(f"there is no project variable '{name}' to override.", hint=did_you_mean(name, known))
    for name, value in (known | dict(overrides)).items():
        if name in _KINDS and not _KINDS[name][0](value):
            where = "its override (FEES_ETL_VARS or the target's vars)" if name in overrides else "the file"
            raise document.error(f"'{name}' must be {_KINDS[name][1]}; {where} says {value!r}.", name)
    return known | dict(overrides)


def column_line(root: Path, made: Contract, number: int) -> int | None:
    """The line of the contract that its column ``number``, from 0, is on."""
    return _Document(root / made.path.relative_to("sql"), made.path).line("columns", number)


def refuse(errors: Sequence[ProjectError]) -> None:
    """Raise the first of several errors, which then names the others too; do nothing without any."""
    if not errors:
        return
    first, *others = errors
    first.message = "\n".join([first.message, *(f"{one.message} {one.hint}".rstrip() for one in others)])
    first.args = (first.message,)
    raise first


class _Document:
    """One YAML file, and the line of each key in it."""

    def __init__(self, path: Path, shown: Path, loader: Any = _Words) -> None:
        self.shown, self.text = shown, path.read_bytes()
        try:
            self.data = yaml.load(self.text, Loader=loader)  # noqa: S506 - a safe loader, the one written in C
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            raise ProjectError(f"not YAML: {error.problem}.", path=shown, line=line) from error
        except yaml.reader.ReaderError as error:
            line = self.text.count(b"\n", 0, error.position) + 1
            hint = "Save the file as UTF-8, without control characters."
            raise ProjectError(f"not YAML: {error.reason}.", path=shown, line=line, hint=hint) from error

    def line(self, *place: str | int) -> int | None:
        """Where a key or item begins, given by the keys and numbers that lead to it; as far as they lead."""
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
        return ProjectError(message, path=self.shown, line=self.line(*place), hint=hint)

    @cached_property
    def _root(self) -> Any:
        return yaml.compose(self.text, Loader=_Words)


def _read(root: Path, name: str, kind: type[_Model], errors: list[ProjectError]) -> tuple[_Document, _Model] | None:
    """A file that says what it may; else None, and its errors: unknown keys first, they explain missing ones."""
    try:
        document = _Document(root / name, Path("sql", name))
    except ProjectError as error:
        errors.append(error)
        return None
    try:
        return document, kind.model_validate(document.data or ())
    except ValidationError as found:
        wrong = sorted(
            found.errors(), key=lambda one: (one["type"] != "extra_forbidden", document.line(*one["loc"]) or 0)
        )
        errors += [_explained(document, dict(one), kind) for one in wrong]
        return None


def _explained(document: _Document, wrong: Mapping[str, Any], kind: type[BaseModel]) -> ProjectError:
    """A sentence for what pydantic found in a file."""
    place = wrong["loc"]
    if kind is _Waivers and place:
        kind = _Waiver
    elif len(place) > 1:
        kind = {"columns": _Column, "layouts": _Layout}.get(place[0], kind)
    name = next((step for step in reversed(place) if isinstance(step, str)), "")
    field = kind.model_fields.get(name)
    hint = (field and field.description) or ""
    match wrong["type"]:
        case "extra_forbidden":
            message, hint = f"unknown key '{name}'.", did_you_mean(name, kind.model_fields)
        case "missing" | "string_too_short" | "too_short":
            message, hint = f"{_WHAT[kind]} needs '{name}'.", ""
        case "model_type":
            message = f"{_WHAT[kind]} must be a mapping."
        case "tuple_type" if name in {"", "columns", "layouts"}:
            message, hint = "expected a list.", ""
        case "tuple_type" | "string_type" if not isinstance(place[-1], str) or wrong["type"] == "tuple_type":
            message, hint = f"{name} must be a list of names.", ""
        case "literal_error" if name == "severity":
            message = f"severity is 'error' or 'warn', not '{wrong['input']}'."
        case "literal_error":
            column = document.data["columns"][place[1]].get("name")
            message = f"column '{column}' has type '{wrong['input']}'; known are {', '.join(get_args(Type))}."
        case "bool_parsing" | "bool_type":
            message, hint = f"'{name}' must be true or false.", ""
        case "value_error":
            message = f"'{name}' must be a date (YYYY-MM-DD)."
        case "string_pattern_mismatch":
            message = f"'{name}' may not be '{redact(str(wrong['input']))}'."
        case _:
            message = f"'{name}': {wrong['msg'][:1].lower()}{wrong['msg'][1:]}."
    return document.error(message, *place, hint=hint)


def _contract(
    document: _Document, said: _Contract, table: Table, values: Mapping[str, Any], known: Mapping[Table, _Contract],
    errors: list[ProjectError],
) -> Contract:  # fmt: skip
    like = known.get(Table.parse(said.like)) if said.like else None
    inherited = [
        replace(Column(**dict(one)), required=False, unique=False, required_in_file=False, aliases=())
        for one in (like.columns if like else ())
        if not one.name.startswith("_")
    ]
    days = values.get(said.lookback) if said.lookback else None
    made = Contract(
        table=table,
        path=document.shown,
        columns=(*inherited, *(Column(**dict(one)) for one in said.columns)),
        lookback_days=days,
        layouts=tuple(Layout(**dict(one)) for one in said.layouts),
        **{name: value for name, value in said if name not in {"columns", "lookback", "layouts", "like"}},
    )
    if said.like and (like is None or like.like):
        own = (str(other) for other, one in known.items() if not one.like)
        message = f"'like' names '{said.like}', which is no other table with columns of its own."
        errors.append(document.error(message, "like", hint=did_you_mean(said.like, own)))
    if said.lookback and not _is_days(days):
        message = f"lookback names '{said.lookback}', which is no project variable with a number of days."
        errors.append(document.error(message, "lookback"))
    wrong = [*_wrong(made), *_wrong_columns(made, len(inherited))]
    wrong += [*_wrong_layouts(made)] if not made.materialized else [*_only_sources(said)]
    errors += [document.error(message, *place) for message, *place in wrong]
    return made


def _wrong(made: Contract) -> Iterator[tuple[str, *tuple[str | int, ...]]]:
    """What contradicts itself in a contract, and where."""
    if not made.columns:
        yield ("a contract needs 'columns'.",)
    if not set(made.key) <= set(made.types):
        yield "'key' names a column that is not there.", "key"
    if made.partition_by not in {None, *made.types}:
        yield "'partition_by' names no column.", "partition_by"
    if not set(made.cluster_by) <= set(made.types):
        yield "'cluster_by' names a column that is not there.", "cluster_by"
    if made.total and made.types.get(made.total) != "NUMERIC":
        yield "'total' names no NUMERIC column.", "total"
    if made.materialized and not made.key:
        yield "a model needs 'key'.", "materialized"
    elif made.materialized == "merge" and made.partition_by not in made.key:
        yield (
            (
                "a merge is confined to a window of its partition column, so the column must be part of 'key': "
                "otherwise a row that moved to a date outside the window would be inserted a second time."
            ),
            "key",
        )


def _wrong_columns(made: Contract, inherited: int) -> Iterator[tuple[str, *tuple[str | int, ...]]]:
    """Columns that are there twice, and aliases that mean two columns; the first ones are ``inherited``."""
    names = [column.name for column in made.columns]
    owners = {folded(name): name for name in names}
    for number, column in enumerate(made.columns):
        if column.name in names[:number]:
            yield "a column is there twice.", "columns", number - inherited, "name"
        for place, alias in enumerate(column.aliases):
            if (owner := owners.setdefault(folded(alias), column.name)) != column.name:
                message = f"the alias '{alias}' of column '{column.name}' is a name of column '{owner}', too."
                yield message, "columns", number - inherited, "aliases", place


def _wrong_layouts(made: Contract) -> Iterator[tuple[str, *tuple[str | int, ...]]]:
    for number, layout in enumerate(made.layouts):
        if sorted(re.split("[-/. ]", layout.date_format)) != ["DD", "MM", "YYYY"]:
            yield "'date_format' needs YYYY, MM and DD once each.", "layouts", number, "date_format"
        taken = []
        for header, name in layout.columns.items():
            if name not in made.types or name.startswith("_"):
                yield f"'{header}' is no column of a file: '{name}'.", "layouts", number, "columns", header
            elif name in taken:
                yield f"'{header}' is column '{name}', as is another.", "layouts", number, "columns", header
            taken.append(name)


def _only_sources(said: _Contract) -> Iterator[tuple[str, *tuple[str | int, ...]]]:
    """Keys that tell how files look, in the contract of a model."""
    message = "is for sources: a model's columns come from its query."
    for name in ("like", "total", "layouts"):
        if name in said.model_fields_set:
            yield f"'{name}' {message}", name
    for number, column in enumerate(said.columns):
        for name in ("required_in_file", "aliases"):
            if name in column.model_fields_set:
                yield f"'{name}' {message}", "columns", number, name


def _is_share(value: Any) -> bool:
    return _is_pounds(value) and Decimal(str(value)) <= 1


def _is_pounds(value: Any) -> bool:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return False
    return not isinstance(value, bool) and found.is_finite() and found >= 0


def _is_days(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_DAYS


_MOST_DAYS = 36_500
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "lookback_days": (_is_days, f"a whole number of days from 0 to {_MOST_DAYS:,}"),
    "tolerance": (_is_pounds, "pounds, 0 or more"),
    "max_lost": (_is_share, "a share from 0 to 1"),
    "max_rejected": (_is_share, "a share from 0 to 1"),
}
