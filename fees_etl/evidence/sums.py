"""What is claimed of rows and pounds: from the files to raw, to staging, to published tables, and back to lines."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.evidence.contents import Claim, Evidence, claim, pounds, summed
from fees_etl.results import EXACT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MONTHS = (1, 3, 6)


def files(found: Evidence) -> Iterator[Claim]:
    files = found.files["files"]
    wrong = [
        one["uri"] for one in files
        if int(one["row_count"]) != int(one["loaded_count"]) + int(one["rejected_count"])
    ]  # fmt: skip
    yield claim("source", "of each file, records = loaded + rejected", not wrong, f"{len(files):,} files", wrong)
    totals: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for one in found.files["totals"]:
        at = totals[one["uri"], one["version"]]
        at[:] = [EXACT.add(at[0], Decimal(one["row_count"])), EXACT.add(at[1], Decimal(one["amount"]))]
    known = [one for one in files if (one["uri"], one["version"]) in totals or not int(one["loaded_count"])]
    wrong = [
        one["uri"] for one in known
        if totals[one["uri"], one["version"]] != [Decimal(one["loaded_count"]), Decimal(one["total_amount"])]
    ]  # fmt: skip
    words = f"{len(known):,} of {len(files):,} files, the others have left raw since"
    said = "control totals by fee date add up to what each file loaded"
    yield claim("source", said, not wrong, words if len(known) < len(files) else f"{len(files):,} files", wrong)


def complete(found: Evidence) -> Iterator[Claim]:
    """From the files to raw, and from raw to staging; each term is counted from its own rows."""
    left, published, files = found.run["left_out"], found.run["published"], found.files["files"]
    if not (left and published):
        yield Claim("completeness", "files = raw = staged + left out", None, "the ledger did not keep these figures")
        return
    after = published["after"]
    loaded = sum(int(one["loaded_count"]) for one in files), summed(one["total_amount"] for one in files)
    raw = left["raw_rows"], Decimal(left["raw_amount"])
    is_known = found.manifest["files_known"]
    said = "what the files loaded is what the run found in raw"
    yield Claim("completeness", said, loaded == raw if is_known else None, f"{_fees(loaded)}; raw {_fees(raw)}")
    rejected = sum(int(one["rejected_count"]) for one in files), left["rejected_rows"]
    said = "what the files have besides is what was rejected, with reasons"
    yield Claim("completeness", said, rejected[0] == rejected[1] if is_known else None, f"{rejected[1]:,} records")
    terms = [
        (after["staged_rows"], Decimal(after["staged_amount"])),
        (left["duplicate_rows"], Decimal(left["duplicate_amount"])),
        (left["blank_rows"], Decimal(left["blank_amount"])),
    ]
    both = sum(rows for rows, _ in terms), summed(pounds for _, pounds in terms)
    waiting = found.manifest["pending"]
    figures = " + ".join(map(_fees, terms)) + (f"; {waiting:,} arrivals waited for a later run" if waiting else "")
    yield Claim("completeness", "raw = staged + duplicates + blank", None if waiting else both == raw, figures)
    said = "the staged pounds are the lifetime values"
    figures = f"{pounds(after['ltv_total'])} of {after['clients']:,} clients"
    yield Claim("accuracy", said, Decimal(after["staged_amount"]) == Decimal(after["ltv_total"]), figures)


def by_date(found: Evidence) -> Iterator[Claim]:
    said = "of each fee date, control totals = staged + duplicates + blank"
    if found.files["staged"] is None:
        yield Claim("completeness", said, None, "staging has changed since")
        return
    rests: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for sign, name in ((1, "totals"), (-1, "left_out"), (-1, "staged")):
        for one in found.files[name]:
            if one["fee_date"]:  # a record without one is blank, whatever else it has
                rest = rests[one["fee_date"]]
                rest[:] = [
                    EXACT.add(rest[0], sign * Decimal(one["row_count"])),
                    EXACT.add(rest[1], EXACT.multiply(Decimal(sign), Decimal(one["amount"]))),
                ]
    wrong = [day for day, rest in sorted(rests.items()) if any(rest)]
    yield claim("completeness", said, not wrong, f"{len(rests):,} fee dates", wrong)


def tables(found: Evidence) -> Iterator[Claim]:
    """Published tables: as they were taken, and that they tell of the same pounds."""
    published = found.run["published"]
    read = {name: found.rows(one["member"]) for name, one in found.tables.items() if one["member"]}
    wrong = [
        name for name, rows in read.items()
        if len(rows) != found.tables[name]["rows"] or any(
            summed(row[column] or 0 for row in rows) != Decimal(total)
            for column, total in found.tables[name]["sums"].items()
        )
    ]  # fmt: skip
    yield claim("accuracy", "published tables have the rows and sums that are told of them", not wrong,
                 f"{len(read)} of {len(found.tables)} tables are here", wrong)  # fmt: skip
    clients = found.tables.get("reporting.rpt_client_ltv", {}).get("sums", {})
    if published and clients:
        total = Decimal(published["after"]["ltv_total"])
        said = "the clients' lifetime values add up to the headline"
        yield Claim("accuracy", said, Decimal(clients["ltv_total"]) == total, pounds(total))
    for table, sums in {
        "reporting.rpt_adviser_ltv": {
            **{f"total_client_ltv_{at}_month": f"ltv_{at}_month" for at in _MONTHS}, "total_client_ltv_all_time": "ltv_total",
        },
        "reporting.rpt_cohort_ltv": {f"total_ltv_{at}_month": f"ltv_{at}_month" for at in _MONTHS},
    }.items():  # fmt: skip
        own = found.tables.get(table, {}).get("sums", {})
        both = {column: (own[column], clients[of]) for column, of in sums.items() if column in own and of in clients}
        if both:
            wrong = [name for name, (mine, theirs) in both.items() if Decimal(mine) != Decimal(theirs)]
            figures = ", ".join(pounds(mine) for mine, _ in both.values())
            yield claim("accuracy", f"{table} adds up to the clients", not wrong, figures, wrong)


def traces(found: Evidence) -> Iterator[Claim]:
    """Each traced number: that its fees add up to it, that it is the published one, and that files have such lines."""
    lines = {(one["uri"], one["version"]): int(one["row_count"]) for one in found.files["files"]}
    for one in found.document("traces.json"):
        fees = found.rows(one["member"])
        table = found.tables[one["table"]]
        row = next((each for each in found.rows(table["member"]) if _is_of(each, one["key"])), {})
        wrong = [
            name for name, value in one["numbers"].items()
            if summed(fee[name] or 0 for fee in fees) != Decimal(value) or Decimal(row.get(name) or "NaN") != Decimal(value)
        ]  # fmt: skip
        lost = [fee for fee in fees if not 0 < int(fee["source_row"]) <= lines.get(_file(fee), 0)]
        key = ", ".join(f"{name} {value}" for name, value in one["key"].items())
        figures = f"{len(fees):,} fees; {', '.join(f'{name} {pounds(it)}' for name, it in one['numbers'].items())}"
        said = f"the fees of {one['table']}, {key}, add up to what was published"
        yield claim("accuracy", said, not wrong, figures, wrong)
        said = f"each of these fees is a line of a file that is named ({one['table']})"
        yield Claim("source", said, not lost, f"{len({_file(fee) for fee in fees}):,} files")
    if not found.document("traces.json"):
        yield Claim("accuracy", "headline numbers are traced to lines of files", None, "not in this evidence")


def _is_of(row: Mapping[str, str], key: Mapping[str, Any]) -> bool:
    return all(row.get(name) == ("" if value is None else str(value)) for name, value in key.items())


def _file(fee: Mapping[str, str]) -> tuple[str, str]:
    return fee["source_file"], fee["source_version"]


def _fees(pair: tuple[int, Decimal]) -> str:
    return f"{pair[0]:,} fees of {pounds(pair[1])}"
