"""The catalogue of a project: tables, columns, tests and what is made of what, as values and as pages.

It is one file of everything, or a folder of a page a table.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from fees_etl import query
from fees_etl.errors import FeesError
from fees_etl.explain import history
from fees_etl.pages.drawing import Arrow, Box, draw
from fees_etl.pages.parts import WITHOUT, page
from fees_etl.project.glossary import glossary
from fees_etl.runs import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from fees_etl.engines import Engine
    from fees_etl.explain.history import Moment
    from fees_etl.project.glossary import Term
    from fees_etl.query import Edge
    from fees_etl.types import Assertion, Column, Contract, Project, Table

TITLE = "Catalogue of tables"
PARTS = ("tests", "columns", "glossary")
"""The pages of a folder besides those of tables."""
NEAR = 12
"""Neighbours of a table on its own map; more are in the lists beside."""
WIDE = 180
"""Pixels between columns that are joined by many arrows."""


class Seen(NamedTuple):
    """What a warehouse adds: the run that published last, its verdicts by assertion, and how fresh its data are."""

    published: Moment | None = None
    verdicts: Mapping[str, str] = {}
    newest_fee: date | None = None
    newest_file: datetime | None = None


class Cell(NamedTuple):
    """A column of a table: its contract, the terms that explain it, and the columns that it is made of, by how."""

    column: Column
    checked: str
    terms: tuple[Term, ...]
    made_of: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A table of the catalogue."""

    contract: Contract
    kind: str
    fresh: str
    reads: tuple[str, ...]
    read_by: tuple[str, ...]
    cells: tuple[Cell, ...]
    tests: tuple[Assertion, ...]
    verdicts: str
    """How many of its tests came to what."""
    sql: str
    written: str
    """Its contract, as written."""
    near: Markup
    """The map around it."""
    lineage: Markup
    """Its columns and those they are made of; empty of a source."""

    @property
    def name(self) -> str:
        """With its dataset."""
        return str(self.contract.table)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of it."""

    entries: tuple[Entry, ...]
    map: Markup
    terms: tuple[Term, ...]
    tests: tuple[Assertion, ...]
    columns: tuple[tuple[str, tuple[Entry, ...]], ...]
    """Names of columns in order, each with the tables that have it."""
    seen: Seen


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


def seen(project: Project, engine: Engine) -> Seen:
    """What the newest run that published has left, and how fresh it is."""
    known = history.moments(project, engine)
    asked = {name: engine.query(project.templates.ask(name, limit=1).sql).rows for name in ("state", "file_versions")}
    newest = asked["file_versions"][0][12] if asked["file_versions"] else None
    if not known:
        return Seen(None, {}, asked["state"][0][3], newest)
    found = ledger.history(project, engine, run_id=known[-1].run_id)
    verdicts = {one["name"]: _verdict(one) for record in ledger.records(found) for one in record["assertions"]}
    return Seen(known[-1], verdicts, asked["state"][0][3], newest)


def catalogue(project: Project, found: Seen, link: Callable[[str], str]) -> Catalogue:
    """The catalogue; ``link`` says where a table, or ``table.column``, is within the pages.

    Raises:
        ProjectError: the glossary is wrong.
    """
    terms, schema = glossary(project.root), project.schema
    reads = {str(at): tuple(sorted(map(str, model.reads))) for at, model in project.models.items()}
    read_by: dict[str, list[str]] = defaultdict(list)
    for name, above in reads.items():
        for one in above:
            read_by[one].append(name)
    models = [model.contract for model in project.models.values()]
    tables = [*models, *sorted(project.sources.values(), key=lambda made: made.table.dataset == "ops")]
    boxes = {
        str(one.table): Box(str(one.table), str(one.table), link(str(one.table)), one.table.dataset) for one in tables
    }
    entries = []
    for made in tables:
        name, model = str(made.table), project.models.get(made.table)
        edges = _edges(query.parse(model.sql, model.path), schema) if model else {}
        around = [*reads.get(name, ())[:NEAR], name, *read_by[name][:NEAR]]
        arrows = [Arrow(one, name) for one in reads.get(name, ())] + [Arrow(name, one) for one in read_by[name]]
        tests = tuple(one for one in project.assertions if made.table in one.reads)
        counts = Counter(found.verdicts.get(one.name, "not asked in runs").partition(",")[0] for one in tests)
        entries.append(
            Entry(
                made,
                made.materialized or "source",
                _fresh(made, found),
                reads.get(name, ()),
                tuple(sorted(read_by[name])),
                tuple(_cell(one, terms, edges) for one in made.columns),
                tests,
                ", ".join(f"{many} {word}" for word, many in sorted(counts.items())),
                model.sql if model else "",
                project.templates.text(f"{made.table.dataset}/{made.table.name}.yml"),
                draw([boxes[one] for one in dict.fromkeys(around) if one in boxes], arrows, f"Tables around {name}"),
                _columns(made, edges, link) if edges else Markup(),
            )
        )
    used = {one for name, above in reads.items() for one in (name, *above)}
    arrows = [Arrow(one, name) for name, above in reads.items() for one in above]
    by_name: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        for cell in entry.cells:
            by_name[cell.column.name].append(entry)
    return Catalogue(
        tuple(entries),
        draw([box for name, box in boxes.items() if name in used], arrows, "Which table is made of which"),
        terms,
        project.assertions,
        tuple((name, tuple(by_name[name])) for name in sorted(by_name)),
        found,
    )


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
            f"fees-etl {ledger.package_version()}. {WITHOUT}",
        ],
    )


def _edges(parsed: Any, schema: Mapping[Table, Mapping[str, str]]) -> Mapping[str, Iterable[Edge]]:
    """None where the SQL does not tell."""
    try:
        return query.lineage(parsed, schema)
    except FeesError:
        return {}


def _cell(column: Column, terms: Sequence[Term], edges: Mapping[str, Iterable[Edge]]) -> Cell:
    ways: dict[tuple[str, str], list[str]] = defaultdict(list)
    for edge in sorted(edges.get(column.name.lower(), ())):
        ways[str(edge.table), edge.column].append(edge.kind)
    made_of = tuple((table, name, ", ".join(kinds)) for (table, name), kinds in ways.items())
    return Cell(column, _checked(column), tuple(one for one in terms if one.is_about(column.name)), made_of)


def _checked(column: Column) -> str:
    """What the contract asks of its values."""
    said = ["required"] * column.required + ["unique"] * column.unique
    said += [f"one of {', '.join(column.accepted)}"] * bool(column.accepted)
    said += [f"from {column.minimum}"] * (column.minimum is not None)
    said += [f"to {column.maximum}"] * (column.maximum is not None)
    said += [f"in {column.references}"] * bool(column.references)
    return ", ".join(said)


def _columns(made: Contract, edges: Mapping[str, Iterable[Edge]], link: Callable[[str], str]) -> Markup:
    """The columns of a table on the right, those that they are made of on the left."""
    own = [Box(f"{made.table}.{name}", name, link(f"{made.table}.{name}"), made.table.dataset) for name in made.types]
    pairs: dict[tuple[str, str], bool] = {}
    for name in made.types:
        for edge in edges.get(name.lower(), ()):
            pair = f"{edge.table}.{edge.column}", f"{made.table}.{name}"
            pairs[pair] = pairs.get(pair, False) or edge.kind in query.DIRECT
    above = sorted({start for start, _ in pairs})
    boxes = [Box(f"< {one}", one.partition(".")[2], link(one), one.partition(".")[0]) for one in above]
    arrows = [Arrow(f"< {start}", end, is_direct) for (start, end), is_direct in pairs.items()]
    return draw([*boxes, *own], arrows, f"Columns of {made.table} and what they are made of", WIDE)


def _verdict(one: Mapping[str, Any]) -> str:
    if not one["failing"]:
        return "pass" + (f", {one['waived']} waived" if one["waived"] else "")
    return f"{'FAIL' if one['severity'] == 'error' else 'warn'}, {one['failing']} rows"


def _fresh(made: Contract, found: Seen) -> str:
    if made.history and found.published:
        return f"As run {found.published.run_id} published it, {found.published.at:%Y-%m-%d %H:%M} UTC."
    if made.table.dataset == "staging" and found.newest_fee:
        return f"Newest fee date {found.newest_fee}."
    if made.table.dataset == "raw" and made.key == () and found.newest_file and made.total:
        return f"Newest file seen {found.newest_file:%Y-%m-%d %H:%M} UTC."
    return ""
