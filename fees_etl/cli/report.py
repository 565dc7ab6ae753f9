"""The end of a run as a screen: values in, lines out. No I/O, no clock."""

from __future__ import annotations

import shlex
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote

from fees_etl.cli.text import change, count, grid, paragraph, plural, pounds, table, total
from fees_etl.ingestion.source import SAMPLE, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fees_etl.results import AssertionResult, Change, FileResult, IngestResult, LeftOut, Published, Result
    from fees_etl.settings import Settings
    from fees_etl.types import Pending, Plan


Lines: TypeAlias = list[tuple[str, ...]]
DATES = 10
FILES = 20
CHUNKS = "NOT PUBLISHED: an assertion failed. {chunks} of staging stay committed; reporting is as before. Run {run_id}."
VERDICTS = {
    "published": "PUBLISHED in {seconds:.2f} s: {moved}. Run {run_id}.",
    "rehearsed": "REHEARSED in {seconds:.2f} s: {moved}, and all of it rolled back. Readers saw nothing.",
    "rejected": "NOT PUBLISHED: an assertion failed, and all of it was rolled back. Run {run_id}.",
}


def run(result: Result, ingested: IngestResult | None) -> list[str]:
    """All of it, the verdict last, where the eye is; a first run changes every fee date, which needs no table."""
    seconds = result.seconds + (ingested.seconds if ingested else 0)
    return [
        *(files(ingested) if ingested else ()),
        *(causes(result.plan) if result.before.staged_rows else ()),
        *_staging(result.left_out, result.after),
        *_published(result),
        *(changes(result.changes) if result.before.staged_rows else ()),
        *_incomplete(result.after),
        *assertions(result.assertions),
        *_steps(result, ingested),
        "",
        (CHUNKS if result.chunks and result.status == "rejected" else VERDICTS[result.status]).format(
            chunks=plural(result.chunks, "chunk"), seconds=seconds, moved=_moved_pounds(result), run_id=result.run_id
        ),
    ]


def opening(settings: Settings, ingested: IngestResult | None) -> list[str]:
    """Where this happened; and when it was on the sample, that it was, and how to use one's own files."""
    project = settings.project_dir / "sql"
    lines = paragraph(
        f"target {settings.target} · {settings.warehouse} · {project if project.is_dir() else 'bundled sql'}", 0
    )
    if not (ingested and ingested.source == SAMPLE):
        return lines
    file = shlex.quote(unquote(settings.warehouse.removeprefix("duckdb://")))
    said = (
        "No source was given, so these are the made-up fees of the bundled sample, not yours. "
        "The sample never shares a warehouse with real files; for yours:"
    )
    return [*lines, "", *paragraph(said, 0), f"  rm {file} && fees-etl run --source 'folder/*.csv'"]


def files(ingested: IngestResult) -> list[str]:
    """What became of every file of the source."""
    rows: Lines = [("Files in", "", "rows", "rejected", "pounds")]
    shown = _worth_showing(ingested.files)
    notes: dict[int, list[str]] = {}
    for file in shown:
        rows.append(_file(file))
        notes[len(rows)] = _notes(file)
    hidden = len(ingested.files) - len(shown)
    if len(ingested.files) > 1:
        rows.append(_sum(ingested.files))
    lines: list[str] = []
    for number, line in enumerate(grid(rows, "<<>>>", 0), 1):
        if number == len(rows) and hidden:
            lines.append(f"  and {plural(hidden, 'unchanged file')}")
        lines += [line, *notes.get(number, ())]
    return ["", *lines]


def pending(rows: Sequence[Pending]) -> list[str]:
    """Fee dates whose rows arrived or vanished since they were last staged."""
    if not rows:
        return []
    found: Lines = [("Fee dates to restage", "rows in", "pounds in", "rows out", "pounds out")]
    dates = sorted({row.fee_date for row in rows})
    found += [(f"  {day}", *_moved([row for row in rows if row.fee_date == day])) for day in dates[:DATES]]
    if len(dates) > DATES:
        rest = [row for row in rows if row.fee_date not in dates[:DATES]]
        found.append((f"  and {count(len(dates) - DATES)} more", *_moved(rest)))
    return ["", *grid(found, "<>>>>", 0)]


def causes(plan: Plan) -> list[str]:
    """Because of which file the published numbers changed; late rows first, a line per file and fee date."""
    late = set(plan.late)
    found = sorted(plan.arrivals, key=lambda one: (one not in late, one.fee_date, one.source_file))
    if not found:
        return []
    rows: Lines = [("Because of", "", "", "net")]
    rows += [
        (f"  {shown(one.source_file)}", str(one.fee_date), _words(one, late=one in late), _net([one]))
        for one in found[:DATES]
    ]
    if rest := found[DATES:]:
        rows.append((f"  and {count(len(rest))} more", "", "", _net(rest)))
    return ["", *grid(rows, "<<<>", 0)]


def changes(found: Sequence[Change], limit: int = DATES) -> list[str]:
    """What a run changed in the staged fees, a line a date."""
    if not found:
        return []
    rows: Lines = [("Changed fee dates", "rows before", "rows after", "pounds before", "pounds after", "net")]
    rows += [(f"  {one.fee_date}", *_both([one])) for one in found[:limit]]
    if rest := found[limit:]:
        rows.append((f"  and {count(len(rest))} more", *_both(rest)))
    if len(found) > 1:
        rows.append(("  all", *_both(found)))
    return ["", *grid(rows, "<>>>>>", 0)]


def assertions(results: Sequence[AssertionResult]) -> list[str]:
    """How many hold, and every one that does not with its rows."""
    failed = [found for found in results if not found.passed and found.severity == "error"]
    warned = [found for found in results if not found.passed and found.severity == "warn"]
    waived = sum(found.waived for found in results)
    counts = f"{len(results) - len(failed) - len(warned)} pass, {len(warned)} warn, {len(failed)} fail"
    lines = ["", f"Assertions: {counts}" + (f", {plural(waived, 'row')} waived" if waived else "")]
    lines += [line for one in results if one.note for line in paragraph(one.note, 2, 2)]
    for label, found in [*(("warn", one) for one in warned), *(("FAIL", one) for one in failed)]:
        lines += [f"  {label} {found.name}: {plural(found.failing, 'row')}", *paragraph(found.description, 7)]
        lines += table(found.sample.columns, found.sample.rows, 7) if found.sample.rows else []
        if len(found.sample.rows) < found.failing:
            lines.append(f"       and {plural(found.failing - len(found.sample.rows), 'more row')}")
    return lines


def _worth_showing(results: Sequence[FileResult]) -> list[FileResult]:
    """Everything that happened; of the files nothing happened to, only while the list is short."""
    if len(results) <= FILES:
        return list(results)
    return [file for file in results if file.outcome != "unchanged"]


def _file(file: FileResult) -> tuple[str, ...]:
    name = shown(file.uri)
    if file.outcome == "refused":
        return ("  REFUSED", name, "", "", "")
    return (f"  {file.outcome}", name, count(file.rows), count(file.rejected), pounds(file.amount))


def _notes(file: FileResult) -> list[str]:
    rejected = ", ".join(f"{reason} ({count(rows)})" for reason, rows in file.reasons)
    said = [file.note] if file.note else []
    if rejected:
        said.append(f"rejected{', kept in raw.fees_rejected' if file.outcome == 'loaded' else ''}: {rejected}")
    return [line for text in said for line in paragraph(text, 13)]


def _sum(results: Sequence[FileResult]) -> tuple[str, ...]:
    present = [file for file in results if file.outcome in {"loaded", "unchanged"}]
    rejected = count(sum(file.rejected for file in present))
    amount = pounds(total([file.amount for file in present]))
    return ("  total", plural(len(present), "file"), count(sum(file.rows for file in present)), rejected, amount)


def _words(one: Pending, *, late: bool) -> str:
    """What happened to a file's rows of one fee date: "1 late row, 500.00"."""
    kind = "late row" if late else "row"
    if one.rows_added and one.rows_removed == one.rows_added:
        before, after = pounds(one.amount_removed), pounds(one.amount_added)
        return f"{plural(one.rows_added, kind)} corrected, {before} -> {after}"
    came = f"{plural(one.rows_added, kind)}, {pounds(one.amount_added)}" if one.rows_added else ""
    went = f"{plural(one.rows_removed, kind)} withdrawn, {pounds(one.amount_removed)}" if one.rows_removed else ""
    return "; ".join(filter(None, (came, went))) or "rows in another order"


def _net(rows: Sequence[Pending]) -> str:
    removed, added = total([one.amount_removed for one in rows]), total([one.amount_added for one in rows])
    return change(removed, added) or pounds(Decimal(0))


def _moved(rows: Iterable[Pending]) -> tuple[str, str, str, str]:
    found = list(rows)
    return (
        count(sum(row.rows_added for row in found)),
        pounds(total([row.amount_added for row in found])),
        count(sum(row.rows_removed for row in found)),
        pounds(total([row.amount_removed for row in found])),
    )


def _staging(left: LeftOut, after: Published) -> list[str]:
    """A sum that a reader can check by adding up: each term was counted from its own rows."""
    rows: Lines = [
        ("From the files to staging", "rows", "pounds"),
        ("  in the files", count(left.raw_rows + left.rejected_rows), ""),
        ("  unreadable, in raw.fees_rejected", _minus(left.rejected_rows), ""),
        ("  in raw", count(left.raw_rows), pounds(left.raw_amount)),
        ("  the same fee again", _minus(left.duplicate_rows), _minus(left.duplicate_amount)),
        ("  a field is blank", _minus(left.blank_rows), _minus(left.blank_amount)),
        ("  staged", count(after.staged_rows), pounds(after.staged_amount)),
    ]
    lines = ["", *grid(rows, "<>>", 0)]
    if left.raw_rows - left.duplicate_rows - left.blank_rows != after.staged_rows:
        lines.append("  (rows of fee dates that this run did not stage make the difference)")
    return lines


def _minus(left: Decimal | int) -> str:
    return change(left, 0 if isinstance(left, int) else Decimal(0)) or "-"


def _published(result: Result) -> list[str]:
    before, after = result.before, result.after

    def row(label: str, old: Decimal | int, new: Decimal | int) -> tuple[str, ...]:
        shown = [count(one) if isinstance(one, int) else pounds(one) for one in (old, new)]
        return (f"  {label}", *shown, change(old, new) or "=")

    rows: Lines = [
        ("Published numbers" if result.status == "published" else "If it were published", "before", "after", "change"),
        row("fees", before.staged_rows, after.staged_rows),
        row("pounds", before.staged_amount, after.staged_amount),
        row("lifetime value, pounds", before.ltv_total, after.ltv_total),
        row("clients", before.clients, after.clients),
        row("cohorts", before.cohorts, after.cohorts),
        row("advisers", before.advisers, after.advisers),
        ("  first fee date", _day(before.first_fee_date), _day(after.first_fee_date), ""),
        ("  last fee date", _day(before.last_fee_date), _day(after.last_fee_date), ""),
    ]
    return ["", *grid(rows, "<>>>", 0)]


def _day(day: object) -> str:
    return str(day) if day else "-"


def _both(changes: Sequence[Change]) -> tuple[str, ...]:
    before = total([one.amount_before for one in changes])
    after = total([one.amount_after for one in changes])
    rows_before, rows_after = sum(one.rows_before for one in changes), sum(one.rows_after for one in changes)
    return (
        count(rows_before),
        count(rows_after),
        pounds(before),
        pounds(after),
        change(before, after) or pounds(Decimal(0)),
    )


def _incomplete(after: Published) -> list[str]:
    if not after.incomplete_clients_6_month:
        return []
    few, all_of_them = after.incomplete_clients_6_month, after.clients
    share = f" ({100 * few / all_of_them:.0f}%)" if all_of_them else ""
    text = f"{count(few)} of {plural(all_of_them, 'client')}{share} are not complete at 6 months; cohorts: "
    cohorts = ", ".join(after.incomplete_cohorts_6_month)
    return ["", "Not complete yet", *paragraph(f"{text}{cohorts}. Their 6-month values will still grow.")]


def _steps(result: Result, ingested: IngestResult | None) -> list[str]:
    rows: Lines = [("Steps", "", "rows", "seconds", "MiB read")]
    if ingested:
        loaded = sum(file.rows for file in ingested.files if file.outcome == "loaded")
        rows.append(("  ingest", ingested.source, count(loaded), f"{ingested.seconds:.2f}", ""))
    rows += [
        (f"  {one.kind}", str(one.table or one.name), count(one.rows), f"{one.seconds:.2f}", _mib(one.bytes_read))
        for one in result.steps
    ]
    seconds = sum(one.seconds for one in result.assertions)
    rows.append(("  assert", plural(len(result.assertions), "assertion"), "", f"{seconds:.2f}", ""))
    billed = any(one.bytes_read is not None for one in result.steps)
    return ["", *(grid(rows, "<<>>>", 0) if billed else grid([row[:-1] for row in rows], "<<>>", 0))]


def _mib(read: int | None) -> str:
    return "" if read is None else f"{read / 2**20:,.1f}"


def _moved_pounds(result: Result) -> str:
    if not result.changes:
        return "nothing changed"
    return f"{change(result.before.staged_amount, result.after.staged_amount) or '0.00'} pounds"
