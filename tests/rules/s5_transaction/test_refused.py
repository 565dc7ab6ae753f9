"""Attempts that were refused before they began are in the ledger, with the reason; looking and rehearsing leave nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from shells import CONFLICT, GOOD, MORE, change, put

ATTEMPTS = {
    "a file": (["run", "--source", "lake/*.csv"], 3, "1 file is refused"),
    "a file, ingested alone": (["ingest", "lake/*.csv"], 3, "1 file is refused"),
    "a file, before a backfill": (["backfill", "--start", "2025-01-01", "--end", "2025-01-31"], 3, "1 file is refused"),
    "no file": (["run", "--source", "nowhere/*.csv"], 3, "matches no file"),
    "mass withdrawal": (["run", "--source", "lake"], 4, "files known under"),
    "drift": (["run", "--skip-ingest"], 4, "by sql/staging/stg_fees.yml"),
}


def attempted(fed, case):
    if case.startswith("a file"):
        put("good.csv", "x,y\n", header="")
        if "backfill" in case:
            fed("ingest", "lake/*.csv")
    if case == "mass withdrawal":
        Path("lake/good.csv").unlink()
        put("other.csv", MORE)
    if case == "drift":
        change("ALTER TABLE staging.stg_fees ALTER adviser_id TYPE BIGINT USING 1")
    return ATTEMPTS[case]


@pytest.mark.parametrize("case", ATTEMPTS)
def test_a_refused_attempt_is_in_the_ledger_with_its_reason(fed, case):
    args, code, said = attempted(fed, case)
    before = fed.ask("SELECT COUNT(*) FROM ops.runs")
    assert fed(*args)[0] == code

    ((status, command, error),) = fed.ask(
        "SELECT status, command, error FROM ops.runs ORDER BY started_at DESC, run_id DESC LIMIT 1"
    )
    assert (status, command, said in error) == ("refused", args[0], True)
    assert fed.ask("SELECT COUNT(*) - 1 FROM ops.runs") == before
    if case != "drift":  # which every look at the warehouse refuses, too
        assert "refused" in fed("runs")[1]


def test_the_chain_goes_on_through_refused_and_rejected_attempts(fed):
    put("conflict.csv", CONFLICT)
    assert fed("run", "--source", "lake/*.csv")[0] == 1
    put("conflict.csv", "x,y\n", header="")
    assert fed("run", "--source", "lake/*.csv")[0] == 3
    Path("lake/conflict.csv").unlink()
    assert fed("run", "--source", "lake/*.csv")[0] == 0
    assert [status for (status,) in fed.ask("SELECT status FROM ops.runs ORDER BY started_at")] == [
        "published", "rejected", "refused", "published",
    ]  # fmt: skip
    assert fed("assert")[0] == 0
    change("DELETE FROM ops.runs WHERE status = 'refused'")
    code, out, _ = fed("assert")
    assert (code, "FAIL assert_ledger" in out) == (1, True)


@pytest.mark.parametrize("args", [("run", "--source", "nowhere", "--rehearse"), ("plan",)])
def test_what_changes_nothing_is_not_recorded(fed, args):
    before = fed.ask("SELECT COUNT(*) FROM ops.runs")
    fed(*args)
    assert fed.ask("SELECT COUNT(*) FROM ops.runs") == before


def test_a_nino_in_a_reason_is_masked(fed):
    assert fed("run", "--source", "QQ 12 34 56 C/*.csv")[0] == 3
    assert fed.ask("SELECT error FROM ops.runs WHERE status = 'refused' AND error LIKE '%[NINO]%'")


def test_hints_lead_from_a_changed_raw_to_its_files_and_never_to_a_refresh(fed):
    change("UPDATE raw.fees SET client_nino = 'QQ765432A' WHERE client_id = 'C1'")
    code, _, err = fed("assert")
    assert (code, "fees-etl assert --source" in err, "--full-refresh" in err) == (1, True, False)
    code, _, err = fed("run", "--full-refresh", "--skip-ingest")
    assert (code, "fees-etl assert --source" in err, "waive" in err) == (1, True, False)
    code, out, err = fed("assert", "--source", "lake/*.csv")
    assert (code, "fees-etl ingest 'lake/*.csv' --reload" in err) == (1, True)
    assert "lake/good.csv:1" in out
    assert fed("ingest", "lake/*.csv", "--reload")[0] == 0
    assert fed("run", "--source", "lake/*.csv")[0] == 0
    assert fed("assert", "--source", "lake/*.csv")[0] == 0


def test_the_sample_is_compared_without_a_name(shell):
    assert shell("run")[0] == 0
    code, out, err = shell("assert", "--source")
    assert (code, "FAIL" in out) == (0, False), err


def test_a_ledger_of_before_begins_its_chain_at_the_next_run(fed):
    for statement in (
        "ALTER TABLE ops.runs DROP COLUMN seal", "ALTER TABLE ops.runs DROP COLUMN follows", "ALTER TABLE ops.pending DROP COLUMN seal",
        "ALTER TABLE raw.files DROP COLUMN seal", "ALTER TABLE raw.file_totals DROP COLUMN digest", "DELETE FROM ops.writer",
        "ALTER TABLE ops.writer DROP COLUMN seal",
    ):  # fmt: skip
        change(statement)
    put("more.csv", GOOD.replace("C", "D").replace("QQ123456A", "QQ123456D").replace("QQ123456B", "QQ123457D"))
    assert fed("run", "--skip-ingest")[0] == 0
    assert fed("assert")[0] == 0
    assert fed("run", "--source", "lake/*.csv")[0] == 0
    assert fed("assert")[0] == 0
    change("UPDATE ops.runs SET error = 'x' WHERE seal IS NULL")
    assert fed("assert")[0] == 1
