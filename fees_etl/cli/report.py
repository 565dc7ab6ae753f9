"""The end of a run as a screen: values in, lines out. No I/O, no clock."""

from __future__ import annotations

import shlex
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from fees_etl.cli.differences import bridged, differing, edited, totals
from fees_etl.cli.text import DATES, grid, paragraph, paragraphs, table
from fees_etl.figures import change, count, plural, pounds, shown, total
from fees_etl.ingestion.source import SAMPLE
from fees_etl.project.watched import ANOMALIES, FRESHNESS, kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fees_etl.results import AssertionResult, Change, IngestResult, LeftOut, Published, Result
    from fees_etl.script import Plan
    from fees_etl.settings import Settings
    from fees_etl.types import Pending

Lines: TypeAlias = list[tuple[str, ...]]
FILES, REASONS = 20, 5
HEADLINE = {
    "fees": "staged_rows",
    "pounds": "staged_amount",
    "lifetime value, pounds": "ltv_total",
    "clients": "clients",
    "cohorts": "cohorts",
    "advisers": "advisers",
}
CHUNKS = "NOT PUBLISHED: an assertion failed. {chunks} of staging stay committed; reporting is as before. Run {run_id}."
VERDICTS = {
    "published": "PUBLISHED in {seconds:.2f} s: {moved}. Run {run_id}.",
    "rehearsed": "REHEARSED in {seconds:.2f} s: {moved}, and all of it rolled back. Readers saw nothing.",
    "rejected": "NOT PUBLISHED: an assertion failed, and all of it was rolled back. Run {run_id}.",
}


def run(result: Result, ingested: IngestResult | None) -> list[str]:
    """All of it, the verdict last, where the eye is; a first run changes every fee date, which needs no table."""
    before, after = result.before, result.after
    moved = (
        f"{change(before.staged_amount, after.staged_amount, '0.00')} pounds"
        if result.changes or any(one.rows for one in result.tables)
        else "nothing changed"
    )
    verdict = CHUNKS if result.chunks and result.status == "rejected" else VERDICTS[result.status]
    seconds = result.seconds + (ingested.seconds if ingested else 0)
    return [
        *restated(result.plan),
        *(files(ingested) if ingested else ()),
        *(causes(result.plan.arrivals, set(result.plan.late)) if before.staged_rows else ()),
        *staging(result.left_out, after),
        *published(before, after, is_kept=result.status == "published"),
        *(changes(result.changes) if before.staged_rows else ()),
        *edited(result.plan.edited),
        *differing(result.tables),
        *bridged(result.bridges),
        *incomplete(after),
        *assertions(result.assertions),
        *_steps(result, ingested),
        "",
        verdict.format(chunks=plural(result.chunks, "chunk"), seconds=seconds, moved=moved, run_id=result.run_id),
    ]


def heading(settings: Settings, ingested: IngestResult | None = None, start: str = "fees-etl") -> list[str]:
    """Where this happened; and when it was on the sample, that it was, and how to use one's own files."""
    project = settings.project_dir / "sql"
    where = f"{settings.warehouse} · {project if project.is_dir() else 'bundled sql'}"
    lines = paragraph(f"target {settings.target} · {where}", 0)
    if not (ingested and ingested.source == SAMPLE):
        return lines
    file = shlex.quote(unquote(settings.warehouse.removeprefix("duckdb://")))
    said = (
        "No source was given, so these are the made-up fees of the bundled sample, not yours. "
        "The sample never shares a warehouse with real files; for yours:"
    )
    return [*lines, "", *paragraph(said, 0), f"  rm {file} && {start} run --source 'folder/*.csv'"]


def restated(plan: Plan) -> list[str]:
    """Which tables are staged whole although nobody asked for it, and why; nothing where none is."""
    return paragraph(f"Every fee date is staged again: {reasons(plan)}.", 0) if plan.restated else []


def reasons(plan: Plan) -> str:
    """Those tables, each with what its rows are, as far as runs have remembered it."""

    def reason(was: str | None) -> str:
        if not was:
            return "no run has recorded the SQL that built it" if was is None else "fees were staged without it"
        return "a backfill in chunks has begun it and did not end" if " " in was else "other SQL built it"

    return ", ".join(f"{name} ({reason(plan.state.built.get(name))})" for name in plan.restated)


def files(ingested: IngestResult) -> list[str]:
    """What became of every file of the source; where they are many, of those that did not stay as they were."""
    listed = [file for file in ingested.files if len(ingested.files) <= FILES or file.outcome != "unchanged"]
    rows: Lines = [("Files in", "", "rows", "rejected", "pounds")]
    below: list[list[str]] = [[]]
    for file in listed:
        figures = (count(file.rows), count(file.rejected), pounds(file.amount))
        refused = file.outcome == "refused"
        outcome = "REFUSED" if refused else file.outcome
        rows.append((f"  {outcome}", shown(file.uri), *(("", "", "") if refused else figures)))
        reasons = ", ".join(f"{reason} ({count(number)})" for reason, number in file.reasons[:REASONS])
        reasons += f" and {plural(len(file.reasons) - REASONS, 'reason')} more" if file.reasons[REASONS:] else ""
        named = ", ".join(row for row, _ in file.first_rejected)
        first = f"; the first: {named}" if named and not refused else ""
        kept = reasons and f"rejected, kept in raw.fees_rejected: {reasons}{first}"
        below.append(paragraphs(filter(None, (file.note, kept)), 13))
    if hidden := len(ingested.files) - len(listed):
        below[-1].append(f"  and {plural(hidden, 'unchanged file')}")
    if len(ingested.files) > 1:
        there = [file for file in ingested.files if file.outcome in {"loaded", "unchanged"}]
        read, rejected = sum(file.rows for file in there), sum(file.rejected for file in there)
        amount = pounds(total(file.amount for file in there))
        rows.append(("  total", plural(len(there), "file"), count(read), count(rejected), amount))
        below.append([])
    below[-1] += paragraphs(ingested.notes, 2, 2)
    lines = zip(grid(rows, "<<>>>", 0, keys=0), below, strict=True)
    return ["", *(text for line, more in lines for text in (line, *more))]


def causes(arrivals: Sequence[Pending], late: Collection[Pending]) -> list[str]:
    """Because of which file the published numbers changed; late rows first, a line per file and fee date."""
    found = sorted(arrivals, key=lambda one: (one not in late, one.fee_date, one.source_file))
    if not found:
        return []

    def net(some: Sequence[Pending]) -> str:
        return change(total(one.amount_removed for one in some), total(one.amount_added for one in some), "0.00")

    rows: Lines = [("Because of", "", "", "net")]
    rows += [(f"  {shown(one.source_file)}", str(one.fee_date), _words(one, late), net([one])) for one in found[:DATES]]
    if rest := found[DATES:]:
        rows.append((f"  and {count(len(rest))} more", "", "", net(rest)))
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
    notes = [note for one in results for note in (one.note, one.unused and f"unused waiver: {one.unused}") if note]
    lines += paragraphs(notes, 2, 2)
    for label, found in [*(("warn", one) for one in warned), *(("FAIL", one) for one in failed)]:
        lines += [f"  {label} {found.name}: {plural(found.failing, 'row')}", *paragraph(found.description, 7)]
        said = sentences(found)
        lines += paragraphs(said, 7, 2)
        lines += table(found.sample.columns, found.sample.rows, 7) if found.sample.rows and not said else []
        if more := max(found.failing - len(found.sample.rows), 0):
            lines.append(f"       and {plural(more, 'more row')}")
    return lines


def sentences(found: AssertionResult) -> list[str]:
    """One for each row of a warning of watching; none of another assertion, whose rows speak for themselves."""
    told = {ANOMALIES: _unusual, FRESHNESS: _overdue}.get(kind(found) or "")
    return [told(row) for row in found.sample.records] if told else []


def _unusual(row: dict[str, Any]) -> str:
    """Not as usual: 2025-09-01, lake/fees.csv: 46 rows, usually 81 to 151; 570.40 pounds, usually 1,351.60."""
    value, low, high = (_measured(row["measure"], row[name]) for name in ("found", "usual_from", "usual_to"))
    number = int(row["other_files"])
    others = f" and {plural(number, 'other file')}" if number else ""
    money = f"; {_money(row['pounds'])} pounds, usually {_money(row['usual_pounds'])}"
    said = {
        "rows": f"{value} rows, usually {low} to {high}{money}",
        "pounds": f"{value} pounds, usually {low} to {high}",
        "mean fee": f"a mean fee of {value} pounds, usually {low} to {high}{money}",
        "share of rejects": f"{value} of its records are rejected, usually {low} to {high}{money}",
    }[row["measure"]]
    return f"Not as usual: {row['fee_date']}, {shown(row['file'])}{others}: {said}."


def _measured(measure: str, value: Any) -> str:
    if measure == "rows":
        return count(round(Decimal(value)))
    return f"{100 * Decimal(value):.2f}%" if measure == "share of rejects" else _money(value)


def _money(value: Any) -> str:
    """Rounded, and from the ledger, which has texts, too."""
    return pounds(round(Decimal(value), 2))


def _overdue(row: dict[str, Any]) -> str:
    """Not on time: the fees of 2025-10-01 came on 2025-10-13; they were due by 2025-10-06, 7 days before."""
    came = f"came on {row['arrived_on']}" if row["arrived_on"] else "have not come"
    newest = f"the newest fee date is {row['newest_fee_date']}, the newest arrival {row['newest_arrival']}"
    due = f"they were due by {row['deadline']}, {plural(int(row['days_late']), 'day')} before"
    return f"Not on time: the fees of {row['due_date']} {came}; {due}; {newest}."


def _words(one: Pending, late: Collection[Pending]) -> str:
    """What happened to a file's rows of one fee date: "1 late row, 500.00"."""
    kind = "late row" if one in late else "row"
    if one.rows_added and one.rows_removed == one.rows_added:
        before, after = pounds(one.amount_removed), pounds(one.amount_added)
        return f"{plural(one.rows_added, kind)} corrected, {before} -> {after}"
    came = f"{plural(one.rows_added, kind)}, {pounds(one.amount_added)}" if one.rows_added else ""
    went = f"{plural(one.rows_removed, kind)} withdrawn, {pounds(one.amount_removed)}" if one.rows_removed else ""
    return "; ".join(filter(None, (came, went))) or "rows in another order"


def staging(left: LeftOut, after: Published) -> list[str]:
    """A sum that a reader can check by adding up: each term was counted from its own rows."""
    rows: Lines = [
        ("From the files to staging", "rows", "pounds"),
        ("  in the files", count(left.raw_rows + left.rejected_rows), ""),
        ("  unreadable, in raw.fees_rejected", change(left.rejected_rows, 0, "-"), ""),
        ("  in raw", count(left.raw_rows), pounds(left.raw_amount)),
        ("  the same fee again", change(left.duplicate_rows, 0, "-"), change(left.duplicate_amount, 0, "-")),
        ("  a field is blank", change(left.blank_rows, 0, "-"), change(left.blank_amount, 0, "-")),
        ("  staged", count(after.staged_rows), pounds(after.staged_amount)),
    ]
    lines = ["", *grid(rows, "<>>", 0)]
    if left.raw_rows - left.duplicate_rows - left.blank_rows != after.staged_rows:
        lines.append("  (rows of fee dates that this run did not stage make the difference)")
    return lines


def published(before: Published, after: Published, *, is_kept: bool) -> list[str]:
    """The headline numbers before and after."""
    rows: Lines = [("Published numbers" if is_kept else "If it were published", "before", "after", "change")]
    rows += [(f"  {label}", *cells) for label, *cells in totals(HEADLINE, before, after, "=")]
    rows += [
        ("  first fee date", str(before.first_fee_date or "-"), str(after.first_fee_date or "-"), ""),
        ("  last fee date", str(before.last_fee_date or "-"), str(after.last_fee_date or "-"), ""),
    ]
    return ["", *grid(rows, "<>>>", 0)]


def _both(some: Sequence[Change]) -> tuple[str, ...]:
    rows = (count(sum(one.rows_before for one in some)), count(sum(one.rows_after for one in some)))
    before, after = total(one.amount_before for one in some), total(one.amount_after for one in some)
    return (*rows, pounds(before), pounds(after), change(before, after, "0.00"))


def incomplete(after: Published) -> list[str]:
    """How many clients' 6-month values still grow, and in which cohorts."""
    few, all_of_them = after.incomplete_clients_6_month, after.clients
    if not few:
        return []
    share = f" ({100 * few / all_of_them:.0f}%)" if all_of_them else ""
    text = f"{count(few)} of {plural(all_of_them, 'client')}{share} are not complete at 6 months; cohorts: "
    cohorts = ", ".join(after.incomplete_cohorts_6_month)
    return ["", "Not complete yet", *paragraph(f"{text}{cohorts}. Their 6-month values will still grow.")]


def _steps(result: Result, ingested: IngestResult | None) -> list[str]:
    rows: Lines = [("Steps", "", "rows", "seconds", "MiB read")]
    if ingested:
        loaded = sum(file.rows for file in ingested.files if file.outcome == "loaded")
        rows.append(("  ingest", ingested.source, count(loaded), f"{ingested.seconds:.2f}", ""))
    for one in result.steps:
        read = "" if one.bytes_read is None else f"{one.bytes_read / 2**20:,.1f}"
        rows.append((f"  {one.kind}", str(one.table or one.name), count(one.rows), f"{one.seconds:.2f}", read))
    seconds = sum(one.seconds for one in result.assertions)
    rows.append(("  assert", plural(len(result.assertions), "assertion"), "", f"{seconds:.2f}", ""))
    width = 5 if any(one.bytes_read is not None for one in result.steps) else 4
    return ["", *grid([row[:width] for row in rows], "<<>>>"[:width], 0)]
