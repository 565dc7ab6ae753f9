"""What is claimed of rows and pounds: from the files to raw, to staging, to published tables, and back to lines."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fees_etl.evidence.contents import ADDS_TO, Claim, Evidence, claim
from fees_etl.explain.bridge import totals
from fees_etl.figures import EXACT, plural, pounds, total

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CLIENTS, FIRST = "reporting.rpt_client_ltv", "reporting.dim_clients"


def files(found: Evidence) -> Iterator[Claim]:
    """Each file by itself: its records, and its control totals."""
    files = found.files["files"]
    wrong = [
        one["uri"] for one in files
        if int(one["row_count"]) != int(one["loaded_count"]) + int(one["rejected_count"])
    ]  # fmt: skip
    yield claim("source", "of each file, records = loaded + rejected", not wrong, plural(len(files), "file"), wrong)
    added: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for one in found.files["totals"]:
        at = added[one["uri"], one["version"]]
        at[:] = [EXACT.add(at[0], Decimal(one["row_count"])), EXACT.add(at[1], Decimal(one["amount"]))]
    known = [one for one in files if (one["uri"], one["version"]) in added or not int(one["loaded_count"])]
    wrong = [
        one["uri"] for one in known
        if added[one["uri"], one["version"]] != [Decimal(one["loaded_count"]), Decimal(one["total_amount"])]
    ]  # fmt: skip
    words = f"{len(known):,} of {len(files):,} files, the others have left raw since"
    said = "control totals by fee date add up to what each file loaded"
    yield claim("source", said, not wrong, words if len(known) < len(files) else plural(len(files), "file"), wrong)


def complete(found: Evidence) -> Iterator[Claim]:
    """From the files to raw, and from raw to staging; each term is counted from its own rows."""
    left, published, files = found.run["left_out"], found.run["published"], found.files["files"]
    if not (left and published):
        yield Claim("completeness", "files = raw = staged + left out", None, "the ledger did not keep these figures")
        return
    after = published["after"]
    loaded = sum(int(one["loaded_count"]) for one in files), total(Decimal(one["total_amount"]) for one in files)
    raw = left["raw_rows"], Decimal(left["raw_amount"])
    is_known = found.manifest["files_known"]
    said = "what the files loaded is what the run found in raw"
    yield Claim("completeness", said, loaded == raw if is_known else None, f"{_fees(loaded)}; raw {_fees(raw)}")
    rejected = sum(int(one["rejected_count"]) for one in files), left["rejected_rows"]
    said = "what the files have besides is what was rejected, with reasons"
    yield Claim("completeness", said, rejected[0] == rejected[1] if is_known else None, plural(rejected[1], "record"))
    terms = [
        (after["staged_rows"], Decimal(after["staged_amount"])),
        (left["duplicate_rows"], Decimal(left["duplicate_amount"])),
        (left["blank_rows"], Decimal(left["blank_amount"])),
    ]
    both = sum(rows for rows, _ in terms), total(amount for _, amount in terms)
    waiting = found.manifest["pending"]
    figures = " + ".join(map(_fees, terms)) + (f"; {waiting:,} arrivals waited for a later run" if waiting else "")
    yield Claim("completeness", "raw = staged + duplicates + blank", None if waiting else both == raw, figures)
    said = "the staged pounds are the lifetime values"
    figures = f"{pounds(Decimal(after['ltv_total']))} of {plural(after['clients'], 'client')}"
    yield Claim("accuracy", said, Decimal(after["staged_amount"]) == Decimal(after["ltv_total"]), figures)


def by_date(found: Evidence) -> Iterator[Claim]:
    """The same by fee date, where staging is still what the run left."""
    said = "of each fee date, control totals = staged + duplicates + blank"
    if found.files["staged"] is None:
        yield Claim("completeness", said, None, "files or staging have changed since")
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
    yield claim("completeness", said, not wrong, plural(len(rests), "fee date"), wrong)


def tables(found: Evidence) -> Iterator[Claim]:
    """Published tables: as they were taken, and that all tell of the same pounds."""
    read = {name: found.rows(one["member"]) for name, one in found.tables.items() if one["member"]}
    wrong = [
        name
        for name, rows in read.items()
        if len(rows) != found.tables[name]["rows"]
        or any(total(Decimal(row[one] or 0) for row in rows) != said for one, said in found.sums(name).items())
    ]
    figures = f"{len(read)} of {len(found.tables)} tables are here"
    yield claim("accuracy", "published tables have the rows and sums that are told of them", not wrong, figures, wrong)
    clients = found.sums(CLIENTS)
    if found.run["published"] and "ltv_total" in clients:
        headline = Decimal(found.run["published"]["after"]["ltv_total"])
        said = "the clients' lifetime values add up to the headline"
        yield Claim("accuracy", said, clients["ltv_total"] == headline, pounds(headline))
    for at, (by, of) in totals().items():
        table, own = str(at), found.sums(str(at))
        both = {
            column: (own[column], clients[name]) for column, name in of.items() if column in own and name in clients
        }
        if both:
            wrong = [name for name, (mine, theirs) in both.items() if mine != theirs]
            figures = ", ".join(pounds(mine) for mine, _ in both.values())
            yield claim("accuracy", f"{table} adds up to the clients", not wrong, figures, wrong)
            yield from _grouped(table, by, {name: of[name] for name in both}, read)


def _grouped(table: str, by: str, of: Mapping[str, str], read: Mapping[str, list[dict[str, str]]]) -> Iterator[Claim]:
    """Each row of a table of sums, from the clients that it is of, where these are here."""
    if not {table, CLIENTS, FIRST} <= read.keys():
        return
    group = {row["client_id"]: row[by] for row in read[FIRST]}
    members: dict[str | None, list[dict[str, str]]] = defaultdict(list)
    for row in read[CLIENTS]:
        members[group.get(row["client_id"])].append(row)
    wrong = [f"of {plural(len(members[None]), 'client')} nobody knows which"] if None in members else []
    wrong += [
        key
        for row in read[table]
        for key in [next(iter(row.values()))]
        if any(
            total(Decimal(one[name] or 0) for one in members[key]) != Decimal(row[made] or 0)
            for made, name in of.items()
        )
    ]
    said = f"each row of {table} is the sum of its clients"
    yield claim("accuracy", said, not wrong, plural(len(read[table]), "row"), wrong)


def traces(found: Evidence) -> Iterator[Claim]:
    """Each traced number: that its fees add up to it, that it is the published one, and that files have such lines."""
    lines = {(one["uri"], one["version"]): int(one["row_count"]) for one in found.files["files"]}
    for one in found.document("traces.json"):
        fees = found.rows(one["member"])
        table = found.tables[one["table"]]
        row = next((each for each in found.rows(table["member"]) if _is_of(each, one["key"])), {})
        wrong = [
            name for name, value in one["numbers"].items()
            if total(Decimal(fee[f"{ADDS_TO}{name}"] or 0) for fee in fees) != Decimal(value)
            or Decimal(row.get(name) or "NaN") != Decimal(value)
        ]  # fmt: skip
        lost = [fee for fee in fees if not 0 < int(fee["source_row"]) <= lines.get(_file(fee), 0)]
        key = ", ".join(f"{name} {value}" for name, value in one["key"].items())
        numbers = ", ".join(f"{name} {pounds(Decimal(it))}" for name, it in one["numbers"].items())
        figures = f"{plural(len(fees), 'fee')}; {numbers}"
        said = f"the fees of {one['table']}, {key}, add up to what was published"
        yield claim("accuracy", said, not wrong, figures, wrong)
        said = f"each of these fees is a line of a file that is named ({one['table']})"
        yield Claim("source", said, not lost, plural(len({_file(fee) for fee in fees}), "file"))
    if not found.document("traces.json"):
        yield Claim("accuracy", "headline numbers are traced to lines of files", None, "not in this evidence")


def _is_of(row: Mapping[str, str], key: Mapping[str, Any]) -> bool:
    return all(row.get(name) == ("" if value is None else str(value)) for name, value in key.items())


def _file(fee: Mapping[str, str]) -> tuple[str, str]:
    return fee["source_file"], fee["source_version"]


def _fees(pair: tuple[int, Decimal]) -> str:
    return f"{plural(pair[0], 'fee')} of {pounds(pair[1])}"
