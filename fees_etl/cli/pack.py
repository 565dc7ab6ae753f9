"""The members of evidence: what the books, history and traces of a run come to as files of JSON, CSV and SQL."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import TYPE_CHECKING, Any

from fees_etl.cli import differences, runs
from fees_etl.cli.document import written
from fees_etl.cli.show import RUNS, as_csv
from fees_etl.errors import UsageError
from fees_etl.evidence import collect
from fees_etl.evidence.contents import ADDS_TO, SCHEMA
from fees_etl.explain import bridge, diff
from fees_etl.figures import plain, total
from fees_etl.privacy import redact, redact_lines
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fees_etl import Engine, Project
    from fees_etl.evidence.collect import Books
    from fees_etl.explain.history import Moment
    from fees_etl.explain.trace import Trace
    from fees_etl.results import LeftOut
    from fees_etl.script import Rows

_redact = cache(redact)
TRACED = 500_000
"""Staged fees up to which headline numbers are traced to lines of files."""
MOST = 12
"""Tables of which a row is traced."""
PACKAGES = ("duckdb", "fees-etl", "google-cloud-bigquery", "google-cloud-storage", "jinja2", "pydantic", "sqlglot")
READ_ME = """Evidence of fees-etl, run {run}

report.html       the report of the run, for people
run.json          what the run did and found
ledger.json       its row of the ledger and those since the evidence before, with their seals
sql.json, sql/    the SQL, contracts and variables that its numbers were made by
files.json        the files: place, version, SHA-256, control totals. Their bytes are not here: they hold
                  National Insurance numbers
assertions.json   what was asked of the numbers, by which SQL, and the answers
published.json    what it published, with the tables themselves in published/
traces.json       headline numbers and the lines of files that they are made of, in traces/
bridge.json       why totals moved since the run before; a first run has none
manifest.json     the SHA-256 of each of these, and of itself

To check all of it, with no warehouse and no network:

    pip install fees-etl
    fees-etl evidence verify FILE

Who changes a member and every sum with it cannot change what was noted elsewhere: add --digest with the digest that
was told when this was written, or the evidence that follows this one.
"""


def members(
    project: Project, engine: Engine, now: Moment, was: Moment | None, *, start: str, clients: bool
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The members by name, and what the manifest says of them; ``start`` is how commands on the target begin.

    Raises:
        AssertionsFailed: the ledger does not lead back, or a number is not the sum of its fees.
    """
    books = collect.books(project, engine, now, was)
    record, _ = runs.recorded(project, engine, now.run_id)
    record["tables"] = _unnamed(project, record["tables"], clients=clients)
    limits = list[str]()
    found: dict[str, Any] = {"run.json": {"schema": runs.SCHEMA, "runs": [record]}}
    found["ledger.json"] = _ledger(project, books)
    found["files.json"] = {name: getattr(books, name) for name in ("files", "totals", "left_out", "staged")}
    texts, index = _texts(books.texts)
    found["sql.json"] = index
    found["assertions.json"] = [
        one | {"sql": next((text["query"] for text in index["texts"] if text["name"] == one["name"]), None)}
        for one in record["assertions"]
    ]
    if was:
        sql, why = diff.edited(project, engine, was, now), bridge.between(project, engine, was, now)
        moved = diff.between(project, engine, was, now)
        told = differences.as_document(moved, sql, why, before=was.run_id, after=now.run_id)
        found["bridge.json"] = told | {"tables": _unnamed(project, told["tables"], clients=clients)}
    tables = collect.published(project, engine, now)
    listed, rows = _tables(project, tables, clients=clients)
    found["published.json"], found["traces.json"] = listed, []
    rows_staged = record["rows_after"]
    traceable = [Table.parse(one["table"]) for one in listed if one["member"]]
    if not books.is_current or rows_staged > TRACED:
        traceable = []
        limits.append(_untraced(books, rows_staged))
    for at in traceable:
        if len(found["traces.json"]) == MOST:
            limits.append(f"{at} and what follows are not traced to lines of files; fees-etl trace does it")
            break
        try:
            traced = collect.traces(project, engine, project.contracts[at], tables[at])
        except UsageError as error:
            limits.append(f"{at} is not traced to lines of files: {error.message}")
        else:
            found["traces.json"] += _traced(traced, rows, clients=clients)
    page, undrawn = _page(project, engine, now, start, clients=clients)
    limits += undrawn
    if not clients:
        limits.append("client ids are left out, and tables of a row a client; --clients has them")
    about = {
        "schema": SCHEMA, "run_id": now.run_id, "finished_at": now.at.isoformat(), "fingerprint": record["fingerprint"],
        "git_sha": record["git_sha"], "package_version": record["package_version"], "written_by": _versions(),
        "files_known": _are_files_known(books, record["left_out"]), "pending": books.pending_then,
        "chain": {"seal": books.attempts[0]["seal"], "after": books.after}, "limits": limits,
    }  # fmt: skip
    documents = {name: f"{written(document)}\n".encode() for name, document in found.items()}
    read_me = {"README.txt": READ_ME.format(run=now.run_id).encode()}
    return read_me | page | documents | texts | {
        name: "\n".join([*lines, ""]).encode() for name, lines in rows.items()
    }, about


def _page(
    project: Project, engine: Engine, now: Moment, start: str, *, clients: bool
) -> tuple[dict[str, bytes], list[str]]:
    """The report as a member; none, and why, where its charts cannot be drawn."""
    from fees_etl.pages import facts
    from fees_etl.pages.parts import require_charts
    from fees_etl.pages.report import report

    try:
        require_charts()
    except UsageError:
        return {}, ["report.html is left out: charts need pip install 'fees-etl[pages]'"]
    text = report(facts.read(project, engine, now.run_id), start=start, is_with_clients=clients)
    return {"report.html": text.encode()}, []


def _ledger(project: Project, books: Books) -> dict[str, Any]:
    kinds = {name: project.contracts[table].types for name, table in (("types", RUNS), ("change_types", runs.CHANGES))}
    rows = [*books.attempts, *books.changes]
    masked = any(redact(cell) != cell for row in rows for cell in row.values() if isinstance(cell, str))
    return {**kinds, "attempts": books.attempts, "changes": books.changes, "masked": masked}


def _texts(kept: Sequence[Mapping[str, Any]]) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Each text as a member, and the list of them."""
    found, listed, masked = dict[str, bytes](), list[dict[str, Any]](), False
    for one in kept:
        told = {name: one[name] for name in ("name", "kind", "fingerprint")} | {"since": one["_from_run_id"]}
        for name, ending in (("query", "json" if one["kind"] == "variables" else "sql"), ("contract", "yml")):
            told[name] = None
            if one[name] is not None:
                text = redact_lines(one[name])
                masked = masked or text != one[name]
                told[name] = f"sql/{one['kind']}/{one['name']}.{ending}"
                found[told[name]] = text.encode()
        listed.append(told)
    return found, {"texts": listed, "masked": masked}


def _tables(
    project: Project, tables: Mapping[Table, Rows], *, clients: bool
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """What is told of each table, and the lines of those that may be here."""
    listed, lines = list[dict[str, Any]](), dict[str, list[str]]()
    for table, rows in tables.items():
        made = project.contracts[table]
        member = f"published/{table}.csv" if clients or collect.CLIENT not in made.types else None
        numbers = {name: rows.columns.index(name) for name, kind in made.types.items() if kind == "NUMERIC"}
        sums = {name: total(row[at] for row in rows.rows if row[at] is not None) for name, at in numbers.items()}
        told = {"table": str(table), "key": made.key, "rows": len(rows.rows), "sums": sums, "member": member}
        listed.append(told)
        if member:
            lines[member] = as_csv(rows.columns, map(_masked, rows.rows))
    return listed, lines


def _traced(traces: Sequence[Trace], lines: dict[str, list[str]], *, clients: bool) -> list[dict[str, Any]]:
    """The numbers of one row, and their fees as lines: a column a number."""
    if not traces:
        return []
    fees: dict[tuple[str, str, int], dict[str, Any]] = {}
    for trace in traces:
        for line in trace.fees:
            place = line.file, line.version, line.row
            told = {name: cell for name, cell in line.fee.items() if clients or name != collect.CLIENT}
            source = {"source_file": line.file, "source_version": line.version, "source_row": line.row}
            at = fees.setdefault(place, {**told, **source})
            adds = f"{ADDS_TO}{trace.column}"  # a table may call its number as the fee's own
            at[adds] = total((at.get(adds) or total(()), line.contribution))
    first, numbers = traces[0], {trace.column: trace.value for trace in traces}
    added = [f"{ADDS_TO}{name}" for name in numbers]
    heads = list(dict.fromkeys([*(name for fee in fees.values() for name in fee if name not in added), *added]))
    member = f"traces/{first.table}.csv"
    lines[member] = as_csv(heads, (_masked([fee.get(name) for name in heads]) for _, fee in sorted(fees.items())))
    key = {name: cell if cell is None else plain(cell) for name, cell in first.key.items()}
    return [{"table": str(first.table), "key": key, "numbers": numbers, "fees": len(fees), "member": member}]


def _untraced(books: Books, rows: int) -> str:
    if books.later_runs:
        return "no number is traced to lines of files: later runs have staged other fees"
    if books.pending_now:
        return "no number is traced to lines of files: files have arrived that no run has staged"
    return f"no number is traced to lines of files: {rows:,} fees are too many; fees-etl trace does it for one number"


def _are_files_known(books: Books, left: LeftOut | None) -> bool:
    """Whether the books still tell which files raw held: a version that came back since then is told as new."""
    if left is None or not books.later_runs + books.pending_now:
        return True
    return sum(int(one["loaded_count"]) for one in books.files) == left.raw_rows


def _unnamed(project: Project, tables: Iterable[Mapping[str, Any]], *, clients: bool) -> list[dict[str, Any]]:
    """Differences of tables, without the samples of those that name clients."""
    named = {str(at) for at, made in project.contracts.items() if collect.CLIENT in made.types and not clients}
    return [{**one, "samples": []} if one["table"] in named else dict(one) for one in tables]


def _masked(cells: Sequence[Any]) -> list[Any]:
    return [_redact(cell) if isinstance(cell, str) else cell for cell in cells]


def _versions() -> dict[str, str]:
    found = {"python": python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # used from its folder
            found[name] = "0"
    return found
