"""Contracts, settings of assertions and waivers: what their YAML may say, as models, and the values made of it.

The models also write ``sql/*.schema.json``, by which editors complete and check.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo

from fees_etl.privacy import redact
from fees_etl.project.files import Document, collected, is_name, is_number, refuse
from fees_etl.project.graph import did_you_mean
from fees_etl.project.watched import Due  # noqa: TC001 - pydantic reads it
from fees_etl.types import Column, Contract, Freshness, Layout, Severity, Table, Waiver, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from fees_etl.errors import ProjectError


Type = Literal["BOOL", "DATE", "DATETIME", "INT64", "NUMERIC", "STRING", "TIMESTAMP"]
"""The GoogleSQL types a column may have; there is no FLOAT64, because money is exact."""
_Text = Annotated[str, Field(min_length=1)]
_SPELLINGS = {"BOOL": "true|false", "INT64": "-?[0-9]{1,18}", "NUMERIC": r"-?[0-9]{1,29}(\.[0-9]{1,9})?"}
_MOMENTS = {"DATE": date, "DATETIME": datetime, "TIMESTAMP": datetime}
RULES = (
    "layers", "names", "descriptions", "keys", "cases", "owner", "privacy", "macros", "variables", "dead_columns",
    "dead_tables",
)  # fmt: skip
"""What ``fees-etl check`` knows to ask."""
CHECKS = {f"check_{rule}": ("subject",) for rule in RULES}
"""How they are called in waivers, with the key of a finding."""
_MOST_WAIVERS = 300
"""More would make statements that an engine does not read."""
_MADE = {"columns", "like", "layouts", "lookback", "freshness"}
_FOR_SOURCES = "is for sources: a model's columns come from its query."


def _known_type(value: object, info: ValidationInfo) -> object:
    if value not in get_args(Type):
        raise ValueError(f"column '{info.data.get('name')}' has type '{value}'; known are {', '.join(get_args(Type))}.")
    return value


class _Column(BaseModel, extra="forbid", title="a column"):
    name: str = Field(pattern="^[a-z_][a-z0-9_]*$", description="Lower case letters, digits and _.")
    type: Annotated[Type, BeforeValidator(_known_type)]
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
    required_in_file: bool = Field(default=False, description="Of a source: whether a file without it is refused.")
    aliases: tuple[_Text, ...] = Field((), description="Of a source: names that other systems give it in a header.")


class _Layout(BaseModel, extra="forbid", title="a layout"):
    files: _Text = Field(description="Pattern of paths below the source: fees_v2/**.")
    delimiter: str = Field(
        ",", pattern=r"""^[^\w"'\r\n]$""", description="One character, no quote, line end, letter or digit."
    )
    date_format: str = Field(
        "YYYY-MM-DD",
        pattern="^(YYYY[-/. ]MM[-/. ]DD|DD[-/. ]MM[-/. ]YYYY|MM[-/. ]DD[-/. ]YYYY)$",
        description="YYYY-MM-DD, DD/MM/YYYY or MM/DD/YYYY, with - / . or a blank between.",
    )
    columns: dict[_Text, str] = Field({}, description="Names in the header to columns of the contract.")


class _Contract(BaseModel, extra="forbid", title="a contract"):
    description: str = Field(min_length=1, description="The first sentence states the grain.")
    owner: _Text | None = Field(
        None, description="Of a model: whom to ask before its numbers change, a team or a mailbox."
    )
    materialized: _Text | None = Field(None, description="The template in sql/materializations, as merge or rebuild.")
    key: tuple[str, ...] = Field((), description="Columns that identify a row.")
    partition_by: _Text | None = None
    cluster_by: tuple[str, ...] = Field((), json_schema_extra={"maxItems": 4})
    lookback: _Text | None = Field(
        None, description="The variable with the days before the newest date to stage again."
    )
    beforehand: _Text | None = Field(
        None, description="Template in sql/operations that keeps why a merge changes rows."
    )
    afterwards: _Text | None = Field(None, description="Template in sql/operations that keeps the books after a merge.")
    shared: _Text | None = Field(None, description="The query's last CTE: computed once for the merge and its books.")
    like: _Text | None = Field(
        None, description="Of a source: the table whose columns come first, but for those that begin with _; nullable."
    )
    total: _Text | None = Field(None, description="Of a source: the NUMERIC column that control totals add up.")
    layouts: tuple[_Layout, ...] = Field((), description="Of a source: files of another make; the first match counts.")
    freshness: Due | None = Field(None, description="Of a source: when its fees have to have come.")
    columns: tuple[_Column, ...] = ()


class _Assertion(BaseModel, extra="forbid", title="an assertion"):
    description: str = Field(min_length=1, description="What is true when the query returns no rows.")
    severity: Severity
    key: tuple[str, ...] = Field(min_length=1, description="Output columns that identify a row, for waivers.")
    in_runs: Literal["all", "full_refresh", "none"] = Field(
        "all",
        description="Which runs are judged by it, besides `fees-etl assert`: full_refresh are those that stage all.",
    )


class _Waiver(BaseModel, extra="forbid", title="a waiver"):
    assertion: _Text
    key: Annotated[tuple[str, ...], BeforeValidator(lambda key: [key] if isinstance(key, str) else key)]
    reason: _Text
    expires: date


def contracts(
    root: Path, files: Iterable[str], values: Mapping[str, Any], errors: list[ProjectError]
) -> dict[Table, Contract]:
    """Those of ``files`` (``raw/fees.yml``) that are sound; what is wrong with the others is added to ``errors``.

    ``values`` are the project's variables.
    """
    said: dict[Table, tuple[Document, _Contract]] = {}
    for name in files:
        with collected(errors):
            document = Document(root, name)
            said[Table(*name.removesuffix(".yml").split("/"))] = document, document.said(_Contract)
    known = {table: one for table, (_, one) in said.items()}
    made = {}
    for table, (document, one) in said.items():
        like = known.get(Table.parse(one.like)) if one.like else None
        made[table] = _contract(document, table, one, like, values)
        if one.like and (like is None or like.like):
            message = f"'like' names '{one.like}', which is no other table with columns of its own."
            own = [str(other) for other, its in known.items() if not its.like]
            errors.append(document.error(message, "like", hint=did_you_mean(one.like, own)))
        errors += _wrong(document, one, made[table])
        errors += _wrong_columns(document, one, made[table])
        errors += _wrong_layouts(document, made[table])
    for document, one in said.values():
        errors += _wrong_references(document, one, made)
    return made


def settings(root: Path, name: str) -> dict[str, Any]:
    """Description, severity and key of the assertion that ``name`` (``assertions/a.yml``) lies beside.

    Raises:
        ExceptionGroup: a ProjectError for each thing that is wrong.
    """
    return vars(Document(root, name).said(_Assertion))


def waivers(root: Path, known: Mapping[str, tuple[str, ...]]) -> tuple[Waiver, ...]:
    """The reviewed exceptions; an absent file has none.

    ``known`` are the assertions with their keys; what ``check`` finds can be waived, too.

    Raises:
        ProjectError: the file is wrong, waives what is not there, or quotes a National Insurance number.
    """
    if not (root / "waivers.yml").exists():
        return ()
    document = Document(root, "waivers.yml")
    if not isinstance(document.data or [], list):
        raise document.error("expected a list.")
    if len(document.data or ()) > _MOST_WAIVERS:
        hint = "Correct the rows, or write an assertion that lets them pass."
        raise document.error(f"there are more than {_MOST_WAIVERS} waivers.", _MOST_WAIVERS, hint=hint)
    known = {**known, **CHECKS}
    errors: list[ProjectError] = []
    made = []
    for number in range(len(document.data or ())):
        with collected(errors):
            one = document.said(_Waiver, number)
            if one.assertion not in known:
                message, hint = f"a waiver names no assertion: '{one.assertion}'.", did_you_mean(one.assertion, known)
                raise document.error(message, number, "assertion", hint=hint)
            if any(redact(text) != text for text in (one.reason, *one.key)):
                raise document.error("a waiver must not quote a National Insurance number.", number)
            if len(one.key) != len(needed := known[one.assertion]):
                message = f"'key' has {len(one.key)} values, but '{one.assertion}' needs {', '.join(needed)}."
                raise document.error(message, number)
            made.append(Waiver(**vars(one), path=document.shown, line=document.line(number) or 1))
    refuse(errors)
    return tuple(made)


def _contract(
    document: Document, table: Table, said: _Contract, like: _Contract | None, values: Mapping[str, Any]
) -> Contract:
    inherited = [
        replace(Column(**vars(one)), required=False, unique=False, required_in_file=False, aliases=())
        for one in (like.columns if like else ())
        if not one.name.startswith("_")
    ]
    return Contract(
        table=table,
        path=document.shown,
        columns=(*inherited, *(Column(**vars(one)) for one in said.columns)),
        lookback_days=values.get(said.lookback) if said.lookback else None,
        layouts=tuple(Layout(**vars(one)) for one in said.layouts),
        freshness=Freshness(**vars(said.freshness)) if said.freshness else None,
        **{name: value for name, value in vars(said).items() if name not in _MADE},
    )


def _wrong(document: Document, said: _Contract, made: Contract) -> Iterator[ProjectError]:
    """What contradicts itself in a contract, or names what is not there."""
    names, dates = made.types.keys(), [name for name, kind in made.types.items() if kind == "DATE"]
    lookback = f"lookback names '{said.lookback}', which is no project variable with a number of days."
    merge = (
        "a merge is confined to a window of its partition column, so the column must be part of 'key': "
        "otherwise a row that moved to a date outside the window would be inserted a second time."
    )
    rules: list[tuple[str, bool, str]] = [
        ("columns", bool(names), "a contract needs 'columns'."),
        ("key", len(names & made.key) == len(made.key), "'key' names a column that is not there, or one twice."),
        ("partition_by", made.partition_by in {None, *dates}, "'partition_by' names no DATE column."),
        ("cluster_by", names >= set(made.cluster_by), "'cluster_by' names a column that is not there."),
        ("lookback", not said.lookback or is_number(made.lookback_days), lookback),
        ("total", not made.total or made.types.get(made.total) == "NUMERIC", "'total' names no NUMERIC column."),
        ("beforehand", not made.beforehand or bool(made.shared), "'beforehand' reads what 'shared' keeps."),
        ("materialized", not made.materialized or bool(made.key), "a model needs 'key'."),
        ("key", made.materialized != "merge" or not made.key or made.partition_by in made.key, merge),
    ]
    rules += [
        (name, not made.materialized or name not in said.model_fields_set, f"'{name}' {_FOR_SOURCES}")
        for name in ("like", "total", "layouts", "freshness")
    ]
    yield from (document.error(message, place) for place, holds, message in rules if not holds)


def _wrong_columns(document: Document, said: _Contract, made: Contract) -> Iterator[ProjectError]:
    """Columns that are there twice, aliases that mean two columns, and keys of files in the contract of a model."""
    owners = {folded(column.name): column.name for column in made.columns}
    seen = {column.name for column in made.columns[: len(made.columns) - len(said.columns)]}
    for number, column in enumerate(said.columns):
        if column.name in seen:
            yield document.error("a column is there twice.", "columns", number, "name")
        is_ours = bool(made.materialized) and column.name.startswith("_")  # history has two of them
        if is_ours or not is_name(column.name):
            why = "begins with _, as only columns of fees-etl do" if is_ours else "is a word of SQL"
            yield document.error(f"'{column.name}' {why}.", "columns", number, "name")
        bounds: list[tuple[str | None, tuple[str | int, ...]]]
        bounds = [(text, ("accepted", place)) for place, text in enumerate(column.accepted)]
        bounds += [(column.minimum, ("minimum",)), (column.maximum, ("maximum",))]
        for text, where in bounds:
            if text is not None and not is_a(column.type, text):
                yield document.error(f"'{text[:40]}' is no {column.type}.", "columns", number, *where)
        seen.add(column.name)
        for place, alias in enumerate(column.aliases):
            if (owner := owners.setdefault(folded(alias), column.name)) != column.name:
                message = f"the alias '{alias}' of column '{column.name}' is a name of column '{owner}', too."
                yield document.error(message, "columns", number, "aliases", place)
        for name in ("required_in_file", "aliases"):
            if made.materialized and name in column.model_fields_set:
                yield document.error(f"'{name}' {_FOR_SOURCES}", "columns", number, name)


def _wrong_references(document: Document, said: _Contract, made: Mapping[Table, Contract]) -> Iterator[ProjectError]:
    for number, column in enumerate(said.columns):
        name, _, other = (column.references or "").rpartition(".")
        types = made[Table.parse(name)].types if Table.parse(name) in made else {}
        if name and types.get(other) != column.type:
            message = f"'references' names '{column.references}', which is no {column.type} column of a table."
            yield document.error(message, "columns", number, "references")


def is_a(kind: str, text: str) -> bool:
    """Whether a text can be cast to the type, spelt so that both engines agree."""
    if kind in _SPELLINGS:
        return bool(re.fullmatch(_SPELLINGS[kind], text))
    try:
        return kind == "STRING" or (text[4:8:3] == "--" and bool(_MOMENTS[kind].fromisoformat(text)))
    except ValueError:
        return False


def _wrong_layouts(document: Document, made: Contract) -> Iterator[ProjectError]:
    for number, layout in enumerate(made.layouts):
        taken: set[str] = set()
        for header, name in layout.columns.items():
            place = ("layouts", number, "columns", header)
            if name not in made.types or name.startswith("_"):
                hint = did_you_mean(name, (one for one in made.types if not one.startswith("_")))
                yield document.error(f"a file has no column '{name}'.", *place, hint=hint)
            elif name in taken:
                yield document.error(f"column '{name}' is there twice.", *place)
            taken.add(name)
