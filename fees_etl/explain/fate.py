"""What became of a line of a file: why it is in no number, or which numbers it is in."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from fees_etl import query
from fees_etl.errors import UsageError
from fees_etl.explain.history import tampered
from fees_etl.explain.levels import found_ways
from fees_etl.figures import EXACT, shown
from fees_etl.ingestion.mirror import FEES
from fees_etl.project.graph import did_you_mean
from fees_etl.project.template import literal
from fees_etl.types import REPORTING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fees_etl.engines import Engine
    from fees_etl.query import Way
    from fees_etl.types import Model, Project, Scalar, Table

Ending: TypeAlias = Literal[
    "rejected", "refused", "blank", "duplicate", "left out", "superseded", "withdrawn", "pending", "staged"
]
IN_RAW = frozenset({"blank", "duplicate", "left out", "pending", "staged"})
Reached: TypeAlias = "dict[tuple[Table, str], dict[tuple[Scalar, ...], Decimal]]"
"""Of each column of each table: the rows that a line is in, with its pounds in them."""


@dataclass(frozen=True, slots=True)
class Number:
    """A published number and what the line adds to it."""

    table: str
    key: dict[str, Scalar]
    column: str
    pounds: Decimal


@dataclass(frozen=True, slots=True)
class Fate:
    """One line of a file version; ``why`` are words, ``fee`` is the key of the staged fee, ``kept`` FILE:ROW."""

    file: str
    version: str
    row: int
    fate: Ending
    why: str = ""
    fee: Mapping[str, Scalar] | None = None
    kept: str = ""
    numbers: tuple[Number, ...] = ()


def fate(project: Project, engine: Engine, file: str, row: int) -> Fate:
    """What became of the record ``row`` (from 1) of a file, which is a URI, a path, or the end of one.

    Raises:
        UsageError: no such file was ever seen, several are called so, or none of its versions had so many records.
        WarehouseError: somebody wrote to raw or its books by hand.
    """
    found = engine.query(project.templates.ask("file_versions", limit=None).sql)
    seen = found.records
    uri = _meant(file, sorted({str(one["uri"]) for one in seen if one["uri"] is not None}))
    versions = [one for one in seen if one["uri"] == uri]
    for name in ("version", "row_count", "status"):
        if any(one[name] is None for one in versions):
            raise tampered(name, "raw.files")
    most = max(one["row_count"] for one in versions)
    by_status = {
        one["status"]: one for one in reversed(versions) if row <= one["row_count"] or one["status"] == "refused"
    }
    if row < 1 or not by_status:
        raise UsageError(f"{shown(uri)} has no record {row}: it has {most:,}.", hint="The header is not counted.")
    status = next((one for one in ("loaded", "refused", "superseded", "withdrawn") if one in by_status), None)
    if status is None:
        raise tampered("status", "raw.files")
    at = by_status[status]
    line = (uri, at["version"], row)
    rejected = engine.query(project.templates.ask("rejected_line", uri=uri, version=at["version"], row=row).sql).rows
    if status == "refused":
        reasons = f"; the record itself: {rejected[0][0]}" if rejected else ""
        return Fate(*line, "refused", f"nothing of the file is loaded: {at['reason']}{reasons}")
    if status in {"superseded", "withdrawn"}:
        if at["ended_at"] is None:
            raise tampered("ended_at", "raw.files")
        since = f"since {at['ended_at']:%Y-%m-%d %H:%M:%S} UTC"
        if status == "superseded":
            return Fate(*line, "superseded", f"the version that replaced it is shorter, {since}")
        return Fate(*line, "withdrawn", f"the file is gone, {since}")
    if rejected:
        return Fate(*line, "rejected", str(rejected[0][0]))
    return _loaded(project, engine, line)


def _meant(file: str, known: Sequence[str]) -> str:
    """The URI of the file that a text means."""
    path = str(Path(file).absolute())
    names = {uri: shown(uri) for uri in known}
    whole = [uri for uri, name in names.items() if file in {uri, name} or name == path]
    found = whole or [uri for uri, name in names.items() if name.endswith(f"/{file}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"'{file}' may mean {len(found)} files.", hint=f"Write it whole: {shown(found[0])}:ROW")
    near = did_you_mean(file.rpartition("/")[2], {name.rpartition("/")[2] for name in names.values()})
    raise UsageError(f"no file '{file}' was ever seen. {near}".strip(), hint="fees-etl files")


def _loaded(project: Project, engine: Engine, line: tuple[str, str, int]) -> Fate:
    """A record of raw: staged and in which numbers, or why not."""
    uri, _, row = line
    contract = project.sources[FEES]
    names = [one.name for one in contract.file_columns if one.type in {"NUMERIC", "INT64"}]
    cells = engine.query(project.templates.ask("cells", table=FEES, uri=uri, columns=names, rows=[row]).sql).rows
    if not cells:  # its books have it
        raise tampered("_source_row", "raw.fees")
    reached: Reached = {(FEES, name): {line: Decimal(value or 0)} for name, value in zip(names, cells[0], strict=True)}
    fee: dict[str, Scalar] | None = None
    for model in project.models.values():
        for column in model.contract.types:
            pounds = _pounds(project, engine, model, column, reached)
            if not pounds:
                continue
            reached[model.table, column] = pounds
            if fee is None and model.is_merged:
                fee = dict(zip(model.contract.key, next(iter(pounds)), strict=True))
                same = " AND ".join(f"{name} = {literal(value)}" for name, value in fee.items())
                if not engine.query(f"SELECT 1 AS found FROM {model.table} WHERE {same}").rows:  # noqa: S608 - a contract's names
                    return Fate(*line, "pending", "its fee date is not staged yet", fee)
    if fee is not None:
        numbers = (
            Number(str(table), dict(zip(project.contracts[table].key, key, strict=True)), column, pounds)
            for (table, column), rows in reached.items()
            if table.dataset == REPORTING
            for key, pounds in rows.items()
        )
        return Fate(*line, "staged", fee=fee, numbers=tuple(numbers))
    is_whole, file, kept = engine.query(project.templates.ask("fate", uri=uri, row=row).sql).rows[0]
    if not is_whole:
        return Fate(*line, "blank", "a field of it is blank")
    if (file, kept) not in {(None, None), (uri, row)}:
        return Fate(*line, "duplicate", "the same fee is there before", kept=f"{shown(file)}:{kept}")
    return Fate(*line, "left out", "the SQL of staging leaves it out")


def _pounds(
    project: Project, engine: Engine, model: Model, column: str, reached: Reached
) -> dict[tuple[Scalar, ...], Decimal]:
    """The rows of a model in which a column adds up what was reached, with the pounds of it."""
    if model.contract.types[column] not in {"NUMERIC", "INT64"}:
        return {}
    try:
        ways = [way for way in found_ways(project, model, column) if (way.table, way.column) in reached]
    except query.NotAdditive:
        return {}
    found: dict[tuple[Scalar, ...], Decimal] = defaultdict(Decimal)
    width = len(model.contract.key)
    for way in ways:
        rows = reached[way.table, way.column]
        for cells in engine.query(_above(way, width, list(rows))).rows:
            key, of, by = cells[:width], cells[width : width + len(way.key)], cells[width + len(way.key) :]
            worth = rows[of]
            for factor in by:
                worth = EXACT.multiply(worth, Decimal(factor))
            found[key] = EXACT.add(found[key], worth)
    return dict(found)


def _above(way: Way, width: int, rows: Sequence[tuple[Scalar, ...]]) -> str:
    """What of an answer is made of these rows."""
    wanted = [*(f"why.key_{at}" for at in range(width)), *(f"why.of_{at}" for at in range(len(way.key)))]
    wanted += [f"why.by_{at}" for at in range(way.factors)]
    tests = [" AND ".join(f"why.of_{at} = {literal(value)}" for at, value in enumerate(row)) for row in rows]
    return f"SELECT {', '.join(wanted)} FROM (\n{way.sql}\n) AS why\nWHERE ({') OR ('.join(tests)})"  # noqa: S608 - names of ours
