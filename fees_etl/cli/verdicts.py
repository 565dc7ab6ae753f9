"""What is said when a command ends without publishing: the sentence, what readers see, the next command."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from fees_etl.cli.text import net, plural, pounds
from fees_etl.errors import AssertionsFailed, GuardRefused, InputRefused
from fees_etl.ingestion.source import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fees_etl.cli.options import Call
    from fees_etl.results import Result
    from fees_etl.types import Pending


_SHOWN = 10


def refusal(call: Call, refused: Sequence[tuple[str, str]], *, reads: bool) -> InputRefused:
    """Files of the source are refused, now or since an earlier ingestion."""
    lines = [f"    {shown(uri)}: {reason}" for uri, reason in refused]
    were, them = ("file is", "it") if len(refused) == 1 else ("files are", "them")
    return InputRefused(
        "\n".join([f"{len(refused)} {were} refused, and nothing of {them} was loaded:", *lines]),
        published="No model ran: readers see what the last committed run published. "
        "Every run stops here until the file is replaced or removed; other files are in raw and wait.",
        hint=f"Replace or remove the file, then: {_again(call, refused[0][0], reads=reads)}",
    )


def rejection(call: Call, result: Result, *, rehearsed: bool, reads: bool) -> AssertionsFailed:
    """An assertion has offending rows."""
    names = ", ".join(found.name for found in result.failures)
    again = _again(call, reads=reads or result.chunks > 0)
    if result.chunks and "--resume" not in again:
        again += " --resume"
    return AssertionsFailed(
        f"{plural(len(result.failures), 'assertion')} failed: {names}. The rows are in the report above.",
        published=_still(result, rehearsed=rehearsed),
        hint=f"Correct the file, or waive the row in sql/waivers.yml; then: {again}",
    )


def late(call: Call, found: Sequence[Pending]) -> GuardRefused:
    """Fee dates before the lookback changed, and the target wants to be asked."""
    lines = [
        f"    {plural(one.rows_added + one.rows_removed, 'late row')}, "
        f"{pounds(net(one.amount_removed, one.amount_added))}, {one.fee_date} ({shown(one.source_file)})"
        for one in found[:_SHOWN]
    ]
    return GuardRefused(
        "\n".join([f"the target's late_policy is 'fail', and {plural(len(found), 'fee date')} changed late:", *lines]),
        published="Nothing: the numbers are as before. The files are in raw, their fee dates wait.",
        hint=f"Publish them on purpose: FEES_ETL_LATE_POLICY=restate {call.line}",
    )


def _still(result: Result, *, rehearsed: bool) -> str:
    before = result.before
    if result.chunks:
        clients = plural(before.clients, "client")
        return f"Reporting is as before: {pounds(before.ltv_total)} pounds of {clients}. Staging keeps the chunks."
    still = f"Still {pounds(before.staged_amount)} pounds in {plural(before.staged_rows, 'fee')}, as before this run."
    raw = (
        "The rehearsal was rolled back, ingestion included." if rehearsed else "The files are in raw, their dates wait."
    )
    return f"{still if before.staged_rows else 'Nothing yet.'} {raw}"


def _again(call: Call, uri: str = "", *, reads: bool) -> str:
    """The same command where it looks at files; else one that does, since only that notices a corrected file."""
    return call.line if reads else f"{call.start} run --source {shlex.quote(shown(uri)) if uri else 'SOURCE'}"
