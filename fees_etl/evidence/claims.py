"""Every claim of evidence, made again from the members alone: no warehouse, no network, no project is asked."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fees_etl.errors import AssertionsFailed
from fees_etl.evidence import seals, sums
from fees_etl.evidence.contents import SCHEMA, Claim, Evidence, claim
from fees_etl.figures import EXACT, plural, pounds, total
from fees_etl.runs.plan import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def claims(members: Mapping[str, bytes], manifest: Mapping[str, Any]) -> list[Claim]:
    """Every claim, with what became of it; members that evidence never has are an error of any kind."""
    found = Evidence(members, manifest)
    checks = (
        *(sums.files, sums.complete, sums.by_date, sums.tables, sums.traces),
        *(_assertions, _moved, _bridges, _ledger, _texts),
    )
    return [one for check in checks for one in check(found)]


def verified(members: Mapping[str, bytes], manifest: Mapping[str, Any]) -> list[Claim]:
    """The claims of a file that anybody may have written.

    Raises:
        AssertionsFailed: a member does not say what evidence says.
    """
    try:
        pack, limits = manifest["chain"]["pack"], manifest["limits"]
        texts = [pack["digest"]] if pack else []
        is_shaped = isinstance(limits, list) and all(isinstance(one, str) for one in [*limits, *texts])
        if is_shaped and manifest["schema"] == SCHEMA:
            return claims(members, manifest)
    except Exception:  # noqa: BLE001, S110 - whatever a member may hold
        pass
    raise AssertionsFailed(
        f"this is not evidence as this version of fees-etl writes it ({SCHEMA}): a member says something else.",
        published="What it says cannot be relied on. No warehouse was asked.",
        hint="fees-etl --version (was it written by a newer one?)",
    )


def _assertions(found: Evidence) -> Iterator[Claim]:
    asked, told = found.run["assertions"], found.document("assertions.json")
    failing = [one["name"] for one in asked if one["severity"] == "error" and one["failing"]]
    yield claim("accuracy", "every assertion that must hold did", not failing, f"{len(asked)} were asked", failing)
    mine = [{name: one[name] for name in ("name", "severity", "failing", "waived", "waivers", "rows")} for one in told]
    same = mine == [{name: one[name] for name in mine[0]} for one in asked] if told else not asked
    missing = [one["name"] for one in told if one["sql"] is None]
    figures = f"{len(told) - len(missing)} of {len(told)} with their SQL"
    yield Claim("accuracy", "their answers are those of the run record", same, figures)


def _moved(found: Evidence) -> Iterator[Claim]:
    """From what was staged before to what is, by fee date."""
    run, changes = found.run, found.run["changes"]
    rows = run["rows_before"] + sum(after - before for before, after in (one["rows"] for one in changes))
    amount = Decimal(run["amount_before"])
    for before, after in (one["amount"] for one in changes):
        amount = EXACT.add(amount, EXACT.subtract(Decimal(after), Decimal(before)))
    same = (rows, amount) == (run["rows_after"], Decimal(run["amount_after"]))
    ends = [pounds(Decimal(run[name])) for name in ("amount_before", "amount_after")]
    figures = f"{' to '.join(ends)} over {plural(len(changes), 'fee date')}"
    said = "what was staged before and the changes of each fee date are what is staged now"
    yield Claim("change control", said, same, figures)


def _bridges(found: Evidence) -> Iterator[Claim]:
    if "bridge.json" not in found.members:
        is_first = found.manifest["chain"]["after"] is None
        verdict = (None, "no run published before") if is_first else (False, "it is missing")
        yield Claim("change control", "the bridge from the run before adds up", *verdict)
        return
    told = found.document("bridge.json")
    wrong = [
        f"{one['table']}.{one['column']}" for one in told["bridge"]
        if total(map(Decimal, [one["before"], *(line["pounds"] for line in one["lines"])])) != Decimal(one["after"])
        or Decimal(one["residual"])
    ]  # fmt: skip
    lines = sum(len(one["lines"]) for one in told["bridge"])
    figures = f"{plural(len(told['bridge']), 'number')} moved, {plural(lines, 'line')} of cause, residual 0"
    yield claim("change control", "the bridge from the run before adds up", not wrong, figures, wrong)
    published = found.run["published"]
    ends = [one for one in told["bridge"] if one["column"] == "fee_amount" and not one["key"]]
    if published and ends:
        same = Decimal(ends[0]["after"]) == Decimal(published["after"]["staged_amount"])
        yield Claim("change control", "it ends at what was published", same, pounds(Decimal(ends[0]["after"])))


def _ledger(found: Evidence) -> Iterator[Claim]:
    """The seals, made again: of the run's row and of those before it, back to the run of the evidence before."""
    ledger, chain = found.ledger, found.manifest["chain"]
    attempts, types = ledger["attempts"], ledger["types"]
    newest = attempts[0]
    said = "each attempt since then is as the ledger sealed it, and each follows the one before"
    after = chain["after"]
    ends = f"back to run {after['run_id']}" if after else "back to the first that was sealed"
    if not newest["seal"] or ledger["masked"]:
        why = "a text of the ledger is masked here" if ledger["masked"] else "the ledger was not sealed then"
        yield Claim("change control", said, None, why)
    else:
        broken = [one["run_id"] for one in attempts if seals.seal(one, types) != one["seal"]]
        ends_at = attempts[-1]["follows"] or ""
        leads = all(one["follows"] == next_["seal"] for one, next_ in pairwise(attempts))
        is_whole = ends_at == after["seal"] if after and after["seal"] else ends_at.startswith("begins ")
        holds = leads and is_whole and newest["seal"] == chain["seal"] and not broken
        yield claim("change control", said, holds, f"{plural(len(attempts), 'attempt')}, {ends}", broken)
        marks = seals.digest(ledger["changes"], ledger["change_types"])
        same = (marks if ledger["changes"] else None) == newest["_changes"]
        said = "the arrivals that the run staged are those that were sealed"
        yield Claim("change control", said, same, f"{len(ledger['changes']):,} by file and fee date")
    run = found.run
    wrong = [name for name in types if name in run and not _alike(run[name], newest[name], types[name])]
    wrong += [] if newest["run_id"] == found.manifest["run_id"] else ["run_id"]
    yield claim("change control", "the run record is the ledger's", not wrong, f"run {newest['run_id']}", wrong)


def _texts(found: Evidence) -> Iterator[Claim]:
    """The SQL, contracts and variables: present, and as their fingerprints say where texts alone make them."""
    index = found.document("sql.json")
    wrong = []
    for one in index["texts"]:
        query, contract = (found.members[one[name]].decode() if one[name] else None for name in ("query", "contract"))
        if one["kind"] == "variables" and query is not None and digest([query]) != one["fingerprint"]:
            wrong.append(one["name"])
        if one["kind"] == "source" and contract is not None and digest(contract.split()) != one["fingerprint"]:
            wrong.append(one["name"])
    kinds = {kind: sum(one["kind"] == kind for one in index["texts"]) for kind in ("model", "assertion", "source")}
    figures = ", ".join(f"{many} {kind}s" for kind, many in kinds.items())
    if not index["texts"]:
        yield Claim("parameters", "the SQL, contracts and variables of the run", None, "the run kept none")
        return
    said = "variables and source contracts have their fingerprints"
    yield claim("parameters", said, None if index["masked"] else not wrong, f"{figures}, and the variables", wrong)


def _alike(mine: Any, theirs: str | None, kind: str) -> bool:
    """Whether a value of the run record is what the ledger has as a text."""
    if mine is None or theirs is None:
        return mine is None and theirs is None
    if isinstance(mine, list):
        return bool(mine == json.loads(theirs))
    if kind in ("NUMERIC", "INT64"):
        return Decimal(str(mine)) == Decimal(theirs)
    if kind == "TIMESTAMP":
        return datetime.fromisoformat(mine) == datetime.fromisoformat(theirs)
    return str(mine).lower() == theirs.lower() if kind == "BOOL" else mine == theirs
