"""Every next step that is printed is typed here as it stands, after what it asks for is done; and then it works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import places
import pytest
from shells import CONFLICT, GOOD, MORE, change, fee, next_steps, put, typed

import fees_etl
from fees_etl.cli import COMMANDS

LAKE = ("run", "--source", "lake/*.csv")
LATE = "C1,QQ123456A,A1,2024-01-01,100.00\n"
KNOWN = set(COMMANDS)


def nothing():
    """The step asks for nothing first."""


def publish(shell):
    put("good.csv", GOOD)
    assert shell(*LAKE)[0] == 0


def conflict(shell):
    publish(shell)
    put("conflict.csv", CONFLICT)


def ingested(shell):
    conflict(shell)
    assert shell("ingest", "lake/*.csv")[0] == 0


def ingested_partially(shell):
    partial(shell)
    assert shell("ingest", "lake/*.csv")[0] == 0


def corrected():
    put("conflict.csv", CONFLICT.replace("QQ999999D", "QQ123456A"))


def refused(shell):
    publish(shell)
    put("odd.csv", "x\n", header="client_id\n")


def without_odd():
    Path("lake/odd.csv").unlink()


def tampered(shell):
    publish(shell)
    change("UPDATE reporting.rpt_client_ltv SET ltv_total = ltv_total + 1")


def wrong_project(shell):
    shutil.copytree(places.ROOT / "sql", "sql")
    path = Path("sql/reporting/dim_clients.sql")
    path.write_text(path.read_text().replace("staging.stg_fees", "staging.stg_fee"))
    put("good.csv", GOOD)


def right_project():
    shutil.copy(places.ROOT / "sql/reporting/dim_clients.sql", "sql/reporting")


def sample(shell):
    assert shell("run")[0] == 0
    put("good.csv", GOOD)


def gone(shell):
    publish(shell)
    put("more.csv", MORE)
    assert shell(*LAKE)[0] == 0
    put("third.csv", fee(9))
    assert shell(*LAKE)[0] == 0
    Path("lake/good.csv").unlink()
    Path("lake/more.csv").unlink()


def damaged(shell):
    put("good.csv", GOOD)
    Path("fees.duckdb").write_bytes(b"no warehouse at all" * 1000)


def read_only(shell):
    publish(shell)
    Path("fees.duckdb").chmod(0o400)


def partial(shell):
    """A change that reaches clients, while only staging is selected."""
    publish(shell)
    put("more.csv", MORE)


def other_target(shell):
    Path("fees_etl.toml").write_text(
        '[targets.dev]\nwarehouse = "duckdb:///dev fees.duckdb"\n'.replace("///", f"//{shell.folder}/")
    )


def in_lake():
    put("good.csv", GOOD)


def with_files(_):
    in_lake()


def no_files(_):
    """The lake is not there yet."""


def quoted(shell):
    publish(shell)
    path = Path("a lake")
    path.mkdir()
    (path / "it's.csv").write_text(Path("lake/good.csv").read_text().replace("C1", "C8").replace("C2", "C9"))


SCENES = {
    "assertion": (conflict, LAKE, 1, corrected),
    "assertion, no files read": (ingested, ("run", "--from", "stg_fees"), 1, corrected),
    "assert": (tampered, ("assert",), 1, nothing),
    "selection": (partial, (*LAKE, "--select", "stg_fees"), 1, nothing),
    "selection =": (partial, (*LAKE, "--select=stg_fees", "--exclude=rpt_*"), 1, nothing),
    "from, to": (ingested_partially, ("run", "--from", "stg_fees", "--to", "dim_clients"), 1, nothing),
    "excluded": (partial, (*LAKE, "--exclude", "rpt_client_ltv+"), 1, nothing),
    "name": (publish, ("run", "--from", "stg_fee"), 2, nothing),
    "render": (publish, ("render", "stg_fee"), 2, nothing),
    "no warehouse": (with_files, ("runs",), 2, nothing),
    "no warehouse of a target": (other_target, ("--target", "dev", "runs"), 2, nothing),
    "project": (wrong_project, LAKE, 2, right_project),
    "both": (quoted, ("run", "--from", "stg_fees", "--source", "a lake/*.csv"), 2, nothing),
    "ends": (publish, ("run", "--start", "2025-01-01"), 2, nothing),
    "backwards": (publish, ("backfill", "--start", "2025-02-02", "--end", "2025-01-01"), 2, nothing),
    "refresh": (publish, ("run", "--full-refresh", "--start", "2025-01-01", "--end", "2025-01-02"), 2, nothing),
    "in common": (publish, ("run", "--from", "dim_clients", "--to", "stg_fees"), 2, nothing),
    "resume without chunks": (publish, ("backfill", "--start", "2025-01-01", "--end", "2025-02-02", "--resume"), 2, nothing),
    "nothing to resume": (
        publish, ("backfill", "--start", "2025-01-01", "--end", "2025-02-02", "--chunk", "month", "--resume"), 2, nothing,
    ),
    "no such run": (publish, ("runs", "show", "1999"), 2, nothing),
    "number": (publish, ("trace", "rpt_client_ltv", "client_id=C1"), 2, nothing),
    "attribute": (publish, ("trace", "dim_clients", "client_id=C1"), 2, nothing),
    "state": (publish, ("ls", "--state", "latest"), 2, nothing),
    "option": (publish, ("run", "--sorce", "x"), 2, nothing),
    "no file": (no_files, LAKE, 3, in_lake),
    "refused": (refused, LAKE, 3, without_odd),
    "sample": (sample, LAKE, 4, nothing),
    "withdrawal": (gone, LAKE, 4, nothing),
    "damaged": (damaged, LAKE, 5, nothing),
}  # fmt: skip


def steps(err):
    """The commands of this version; the branch that brings another tries it."""
    found = [one for one in next_steps(err) if "fees-etl init" not in one or "init" in KNOWN]
    assert found, err
    return found


@pytest.mark.parametrize("name", SCENES)
def test_what_is_printed_works_when_typed(shell, monkeypatch, name):
    prepare, line, code, mend = SCENES[name]
    prepare(shell)
    if name == "assert":  # without one the step names no source, for it cannot know any
        monkeypatch.setenv("FEES_ETL_SOURCE", "lake")
    found, _, err = shell(*line)
    assert found == code, err
    mend()
    for step in steps(err):
        found, _, said = typed(shell, step, monkeypatch)
        if found == 1 and " assert " in step:  # a comparison that says what is wrong, and what to do about that
            (further,) = steps(said)
            found, _, said = typed(shell, further, monkeypatch)
        assert found == 0, (step, said)


def test_a_refused_file_that_is_removed_lets_the_command_of_each_later_refusal_work(shell, monkeypatch):
    refused(shell)
    shell(*LAKE)
    code, _, err = shell("run", "--from", "stg_fees")
    assert code == 3
    without_odd()
    assert [typed(shell, step, monkeypatch)[0] for step in steps(err)] in ([0], [0, 0])


def test_late_rows_are_published_on_purpose(fed, monkeypatch):
    put("late.csv", LATE)
    monkeypatch.setenv("FEES_ETL_LATE_POLICY", "fail")
    code, _, err = fed(*LAKE)
    assert code == 4
    assert [typed(fed, step, monkeypatch)[0] for step in steps(err)] == [0]


def test_the_holder_leaves_and_the_command_is_repeated(fed, monkeypatch):
    code = "import duckdb, sys; held = duckdb.connect('fees.duckdb'); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        found, _, err = fed(*LAKE)
        assert found == 75
        holder.stdin.close()
    assert [typed(fed, step, monkeypatch)[0] for step in steps(err)] == [0]


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (ValueError(), 70), (fees_etl.WarehouseError("x."), 5)]
)
def test_a_stopped_backfill_goes_on_where_it_stopped_on_its_target(shell, monkeypatch, error, code):
    other_target(shell)
    put("good.csv", GOOD, MORE)
    assert shell("--target", "dev", *LAKE)[0] == 0
    real = fees_etl.runs.run.run

    def stopped(planned, *args, **options):
        if "2025-02" in str(planned.window):
            raise error
        return real(planned, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr("fees_etl.runs.backfill.run", stopped)
        quarter = ("--start", "2025-01-01", "--end", "2025-03-31", "--chunk", "month")
        found, _, err = shell("--target", "dev", "backfill", *quarter)
    assert found == code
    if code == 70:
        return
    assert "1 of 3 chunks are staged and stay so" in err
    (step,) = steps(err)
    assert step.startswith("fees-etl --target dev backfill")
    assert step.endswith("--resume")
    _, out, _ = typed(shell, f"{step} --output json", monkeypatch)
    assert '"command": "backfill"' in out
    assert out.count('"kind": "merge"') == 2


def test_a_place_for_the_warehouse_that_is_none(shell, monkeypatch):
    in_lake()
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{shell.folder}/new%20folder/fees.duckdb")
    code, _, err = shell(*LAKE)
    assert (code, "here is no folder" in " ".join(err.split())) == (2, True)
    assert f"mkdir -p '{shell.folder}/new folder' && fees-etl run" in err
    assert typed(shell, steps(err)[0], monkeypatch)[0] == 0


@pytest.mark.skipif(os.getuid() == 0, reason="root writes to what is read-only")
def test_a_read_only_warehouse(shell, monkeypatch):
    read_only(shell)
    code, _, err = shell(*LAKE)
    assert code == 5
    assert typed(shell, steps(err)[0], monkeypatch)[0] == 0


def test_files_of_another_place_are_named_with_the_command_that_withdraws_them(fed):
    other = Path("other")
    other.mkdir()
    (other / "copy.csv").write_text(Path("lake/good.csv").read_text().replace("C1", "C8").replace("C2", "C9"))
    code, _, err = fed("run", "--source", "other")
    assert (code, "Raw also holds 1 file of other places: fees-etl ingest --forget PLACE" in err) == (0, True)
    assert "other places" not in fed("run", "--source", "*/*.csv")[2]


def test_latest_and_previous_are_runs(fed):
    assert fed("backfill", "--start", "2025-01-01", "--end", "2025-01-31")[0] == 0
    (latest, previous) = (line for line in fed("runs")[1].splitlines()[1:])
    assert latest.split()[0] in fed("runs", "show", "latest")[1]
    assert previous.split()[0] in fed("runs", "show", "previous")[1]
    change("DELETE FROM ops.runs WHERE command LIKE 'backfill%'")
    code, _, err = fed("runs", "show", "previous")
    assert (code, "There is no previous run." in err) == (2, True)
