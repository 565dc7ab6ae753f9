"""YAML beside the SQL -> values. The only door to yaml.

A file is read with the fast loader; only when something is wrong is it looked at again to name the line.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import yaml

from fees_etl.errors import ProjectError
from fees_etl.privacy import redact
from fees_etl.project.graph import did_you_mean
from fees_etl.types import Column, Contract, Table, Waiver

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path


TYPES = ("BOOL", "DATE", "INT64", "NUMERIC", "STRING", "TIMESTAMP")
"""The GoogleSQL types a column may have; there is no FLOAT64, because money is exact."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KEYS = {"description", "materialized", "key", "partition_by", "cluster_by", "lookback", "afterwards", "columns"}
_COLUMN_KEYS = {
    "name", "type", "required", "unique", "description", "policy_tag", "accepted", "minimum", "maximum", "references",
}  # fmt: skip
_ASSERTION_KEYS = {"description", "severity", "key"}
_WAIVER_KEYS = {"assertion", "key", "reason", "expires"}
_COLUMNS = re.compile(r"^columns:\n(?:(?:[ #-].*)?\n)*", re.MULTILINE)
"""Most of a contract: the columns, in the lines below their key."""


class _File:
    """One YAML file while it is being checked; ``fail`` finds the line that a needle is on."""

    def __init__(self, path: Path, shown: Path, *, columns: bool = True) -> None:
        self.shown = shown
        self.text = path.read_text(encoding="utf-8")
        text = self.text if columns or "references:" in self.text else _COLUMNS.sub("", self.text)
        try:
            self.data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, the one written in C
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            raise ProjectError(f"not YAML: {error.problem}.", path=shown, line=line) from error

    def fail(self, message: str, needle: str = "", hint: str = "") -> ProjectError:
        pattern = re.compile(rf"(?<![\w-]){re.escape(needle)}(?![\w-])")
        lines = (number for number, line in enumerate(self.text.splitlines(), 1) if pattern.search(line))
        return ProjectError(message, path=self.shown, line=next(lines, None) if needle else None, hint=hint)

    def mapping(self, data: Any, known: Collection[str], needed: Collection[str], what: str) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise self.fail(f"{what} must be a mapping.")
        for name in data:
            if name not in known:
                raise self.fail(f"unknown key '{name}'.", str(name), did_you_mean(str(name), known))
        for name in needed:
            if not data.get(name):
                raise self.fail(f"{what} needs '{name}'.", str(data.get("name", "")))
        return data

    def names(self, value: Any, what: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(f"{what} must be a list of names.", what)
        return tuple(value)


def contract(path: Path, table: Table, project_variables: Mapping[str, Any], shown: Path) -> Contract:
    """The contract in ``path`` for ``table``.

    Raises:
        ProjectError: a key, a type or a column name is wrong, or a merge could not be safe.
    """
    file = _File(path, shown)
    data = file.mapping(file.data, _KEYS, ("description", "columns"), "a contract")
    columns = tuple(_column(file, item) for item in _list(file, data["columns"]))
    made = Contract(
        table=table,
        path=shown,
        description=str(data["description"]),
        columns=columns,
        materialized=data.get("materialized"),
        key=file.names(data.get("key", []), "key"),
        partition_by=data.get("partition_by"),
        cluster_by=file.names(data.get("cluster_by", []), "cluster_by"),
        lookback_days=_lookback(file, data, project_variables),
        afterwards=data.get("afterwards"),
    )
    _check(file, made)
    return made


def outline(path: Path, table: Table, shown: Path) -> Contract:
    """As :func:`contract` without columns, unless one of them references another table; much quicker, and less checked.

    Raises:
        ProjectError: the file is no contract.
    """
    try:
        file = _File(path, shown, columns=False)
    except ProjectError:
        file = _File(path, shown)  # columns in another style, or an error: its line counts from the file's beginning
    data = file.mapping(file.data, _KEYS, ("description",), "a contract")
    columns = tuple(_column(file, item) for item in data.get("columns", ()))
    key = file.names(data.get("key", []), "key")
    return Contract(table, shown, str(data["description"]), columns, data.get("materialized"), key)


def variables(path: Path, overrides: Mapping[str, Any], shown: Path) -> dict[str, Any]:
    """Project variables with their overrides.

    Raises:
        ProjectError: an override names no variable of the project.
    """
    file = _File(path, shown)
    known: dict[str, Any] = file.mapping(file.data or {}, file.data or {}, (), "the file")
    for name in overrides:
        if name not in known:
            raise file.fail(f"there is no project variable '{name}' to override.", hint=did_you_mean(name, known))
    for name, value in (known | dict(overrides)).items():
        if name in _KINDS and not _KINDS[name][0](value):
            where = "its override (FEES_ETL_VARS or the target's vars)" if name in overrides else "the file"
            raise file.fail(f"'{name}' must be {_KINDS[name][1]}; {where} says {value!r}.", name)
    return known | dict(overrides)


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


def assertion_settings(path: Path, shown: Path) -> dict[str, Any]:
    """Description, severity and key of one assertion."""
    file = _File(path, shown)
    data = file.mapping(file.data, _ASSERTION_KEYS, ("description", "severity", "key"), "an assertion")
    if data["severity"] not in ("error", "warn"):
        raise file.fail(f"severity is 'error' or 'warn', not '{data['severity']}'.", "severity")
    return data | {"key": file.names(data["key"], "key")}


def waivers(path: Path, known: Mapping[str, tuple[str, ...]], shown: Path) -> tuple[Waiver, ...]:
    """The reviewed exceptions; an absent file has none. ``known`` are the assertions with their keys."""
    if not path.exists():
        return ()
    file = _File(path, shown)
    items = _list(file, file.data or [])
    composed: Any = yaml.compose(file.text, Loader=_Loader) if items else None
    lines = [node.start_mark.line + 1 for node in composed.value] if items else []
    return tuple(_waiver(file, item, known, line) for item, line in zip(items, lines, strict=True))


def _waiver(file: _File, item: Any, known: Mapping[str, tuple[str, ...]], line: int) -> Waiver:
    data = file.mapping(item, _WAIVER_KEYS, _WAIVER_KEYS, "a waiver")
    name = str(data["assertion"])
    if name not in known:
        raise file.fail(f"a waiver names no assertion: '{name}'.", name, did_you_mean(name, known))
    if redact(str(data["reason"])) != str(data["reason"]):
        raise ProjectError("a waiver must not quote a National Insurance number.", path=file.shown, line=line)
    if not isinstance(data["expires"], date):
        raise file.fail("'expires' must be a date (YYYY-MM-DD).", "expires")
    key = data["key"] if isinstance(data["key"], list) else [data["key"]]
    if len(key) != len(known[name]):
        raise ProjectError(
            f"'key' has {len(key)} values, but '{name}' needs {', '.join(known[name])}.", path=file.shown, line=line
        )
    return Waiver(name, tuple(str(part) for part in key), str(data["reason"]), data["expires"], file.shown, line)


def _list(file: _File, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise file.fail("expected a list.", "columns")
    return value


def _column(file: _File, item: Any) -> Column:
    data = file.mapping(item, _COLUMN_KEYS, ("name", "type", "description"), "a column")
    if data["type"] not in TYPES:
        raise file.fail(
            f"column '{data['name']}' has type '{data['type']}'; known are {', '.join(TYPES)}.", data["name"]
        )
    texts: dict[str, Any] = {
        name: str(data[name]) for name in ("minimum", "maximum", "references", "policy_tag") if name in data
    }
    return Column(
        name=data["name"],
        type=data["type"],
        required=bool(data.get("required", False)),
        unique=bool(data.get("unique", False)),
        description=str(data["description"]),
        accepted=tuple(str(value) for value in data.get("accepted", ())),
        **texts,
    )


def _lookback(file: _File, data: Mapping[str, Any], project_variables: Mapping[str, Any]) -> int | None:
    name = data.get("lookback")
    if name is None:
        return None
    days = project_variables.get(name)
    if not isinstance(days, int) or isinstance(days, bool) or days < 0:
        raise file.fail(f"lookback names '{name}', which is no project variable with a number of days.", "lookback")
    return days


def _check(file: _File, made: Contract) -> None:
    rules: list[tuple[Callable[[], bool], str, str]] = [
        (lambda: len(made.types) == len(made.columns), "a column is there twice.", "columns"),
        (lambda: set(made.key) <= set(made.types), "'key' names a column that is not there.", "key"),
        (lambda: made.partition_by in {None, *made.types}, "'partition_by' names no column.", "partition_by"),
        (
            lambda: set(made.cluster_by) <= set(made.types),
            "'cluster_by' names a column that is not there.",
            "cluster_by",
        ),
        (lambda: made.materialized is None or bool(made.key), "a model needs 'key'.", "materialized"),
        (
            lambda: made.materialized != "merge" or made.partition_by in made.key,
            (
                "a merge is confined to a window of its partition column, so the column must be part of 'key': "
                "otherwise a row that moved to a date outside the window would be inserted a second time."
            ),
            "key",
        ),
    ]
    for holds, message, needle in rules:
        if not holds():
            raise file.fail(message, needle)
