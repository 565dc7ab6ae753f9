"""Defects found by using the product as its users do; each test is one of them, named by what must hold."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import places
import pytest
from pipeline import LENIENT, Pipeline, project
from shells import HEADER, fee, put, waive

from fees_etl import connect, run
from fees_etl.errors import WarehouseBusy
from fees_etl.results import Rows
from fees_etl.runs import ledger
from fees_etl.runs.backfill import backfill, command_line

ROOT = places.ROOT
BUG = 70


def process(*args, **options):
    """A real process: what it does to closed pipes and full disks cannot be seen from within."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "fees_etl", *args],
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        check=False,
        **options,
    )


# Files that come, go and look alike


def test_a_vanished_file_whose_name_looks_like_a_pattern_never_brings_in_another(shell):
    put("fees1.csv", fee(1))
    path = put("fees[1].csv", fee(2))
    shell("ingest", "lake/fees[1].csv")
    path.unlink()
    code, _, err = shell("ingest", "lake/fees[1].csv")
    assert code == 4, err
    assert shell.ask("SELECT client_id FROM raw.fees") == [("c2",)]


def test_a_hidden_file_that_a_pattern_never_meant_is_not_withdrawn_by_it(shell):
    for number in (1, 2):
        put(f"{number}.csv", fee(number))
    put(".hidden.csv", fee(3))
    shell("ingest", "lake")
    shell("ingest", "lake/.hidden.csv")
    shell("ingest", "lake")
    assert shell.ask("SELECT COUNT(*) FROM raw.fees") == [(3,)]


def test_a_folder_that_is_gone_is_a_mass_withdrawal_and_can_be_accepted(shell):
    put("a.csv", fee(1))
    shell("ingest", "lake")
    shutil.rmtree("lake")
    assert shell("ingest", "lake")[0] == 4
    assert shell("ingest", "lake", "--allow-withdraw")[0] == 0


def test_a_file_that_still_lies_in_another_source_is_a_copy_and_not_renamed(shell):
    put("a.csv", fee(1))
    shell("ingest", "lake")
    shutil.copytree("lake", "other")
    _, out, _ = shell("ingest", "other")
    assert "a copy of" in out
    assert "renamed" not in out


def test_a_control_file_that_comes_after_its_file_must_agree_too(shell):
    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    Path("lake/a.csv.control.json").write_text('{"rows": 99, "total": "5"}')
    assert shell("run", "--source", "lake")[0] == 3


def test_a_file_name_that_is_not_utf8_is_no_bug(shell):
    Path(os.fsdecode(b"lake/fees\xff.csv")).write_text(HEADER + fee(1))
    code, _, err = shell("ingest", "lake")
    assert code != BUG, err


def test_the_sample_never_enters_a_warehouse_whose_real_files_were_withdrawn(shell):
    put("a.csv", fee(1)).rename("lake/b.csv")
    shell("ingest", "lake")
    Path("lake/b.csv").unlink()
    shell("ingest", "lake", "--allow-withdraw")
    shell("run")
    assert shell.ask("SELECT COUNT(*) FROM raw.files WHERE uri LIKE 'sample:%'") == [(0,)]


def test_an_empty_source_is_refused_instead_of_meaning_the_sample(shell):
    code, _, err = shell("run", "--source", "")
    assert code == 2, err


def test_a_refused_file_does_not_claim_that_its_rows_are_kept(shell):
    put("a.csv", fee(1), fee(2, "five"))
    code, out, _ = shell("ingest", "lake")
    assert code == 3
    assert shell.ask("SELECT COUNT(*) FROM raw.fees_rejected") == [(0,)]
    assert "kept in raw.fees_rejected" not in out


def test_after_a_refusal_the_next_command_is_one_that_reads_files(shell):
    put("a.csv", "nonsense\n" * 3)
    shell("ingest", "lake")
    code, _, err = shell("run", "--skip-ingest")
    assert code == 3
    assert "--skip-ingest" not in err.rpartition("Next:")[2]


# Sizes


def test_thousands_of_file_versions_in_one_statement_are_no_bug():
    with connect("duckdb://") as engine:
        engine.prepare(project().contracts)
        uris = [f"file:///{number}.csv" for number in range(3000)]
        sql = project().templates.render("operations/conserved.sql", uris=uris, run_id="r")
        assert engine.query(sql).rows == ((False,),)


def test_thousands_of_scattered_pending_dates_are_no_bug(shell):
    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    put(
        "b.csv", *(fee(1, str(number), date(1990, 1, 1) + timedelta(days=2 * number)) for number in range(4200))
    )  # more than one statement takes
    code, _, err = shell("run", "--source", "lake", "-q")
    assert code == 0, err


def test_a_range_beyond_every_fee_date_is_no_bug(shell):
    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    code, _, err = shell("backfill", "--start", "1000-01-01", "--end", "9999-12-31")
    assert code in {0, 2}, err


# Staging is what a full refresh gives


def test_rows_that_only_changed_places_end_as_a_full_refresh_ends(shell):
    one, other = fee(1), fee(1, nino="QQ222222B")
    rest = fee(99, day="2025-06-01") + "".join(map(fee, range(2, 60)))
    where = waive("c1")
    put("a.csv", one, other, rest)
    shell(*where, "run", "--source", "lake")
    put("a.csv", other, one, rest)
    shell(*where, "run", "--source", "lake")
    found = shell.ask("SELECT * FROM staging.stg_fees ORDER BY ALL")
    assert shell(*where, "run", "--skip-ingest", "--full-refresh")[0] == 0
    assert found == shell.ask("SELECT * FROM staging.stg_fees ORDER BY ALL")


def test_after_a_full_refresh_nothing_is_pending(shell):
    gone = put("gone.csv", fee(1, day="2025-07-01"))
    put("stays.csv", fee(2))
    shell("ingest", "lake")
    gone.unlink()
    shell("ingest", "lake")
    assert shell("run", "--skip-ingest", "--full-refresh")[0] == 0
    assert shell.ask("SELECT COUNT(*) FROM ops.pending") == [(0,)]


def rejected_in_chunks(shell):
    """A backfill by months that an assertion stops after its chunks were committed."""
    put("a.csv", *(fee(number, day=f"2025-0{number}-01") for number in range(1, 7)))
    shell("run", "--source", "lake")
    put("conflict.csv", fee(1, "9", "2025-03-02", "QQ999999D"))
    shell("ingest", "lake")
    return shell("backfill", "--start", "2025-02-01", "--end", "2025-04-30", "--chunk", "month")


def test_a_backfill_in_chunks_that_is_rejected_says_what_its_chunks_have_staged(shell):
    code, out, err = rejected_in_chunks(shell)
    assert code == 1
    assert shell.ask("SELECT COUNT(*) FROM staging.stg_fees") == [(7,)]
    assert "all of it was rolled back" not in out
    assert "in 6 fees" not in err


def test_a_rejected_backfill_in_chunks_is_resumed_after_the_file_is_corrected(shell):
    rejected_in_chunks(shell)
    Path("lake/conflict.csv").unlink()
    shell("ingest", "lake")
    code, _, err = shell("backfill", "--start", "2025-02-01", "--end", "2025-04-30", "--chunk", "month", "--resume")
    assert code == 0, err


# Warehouses


@pytest.mark.parametrize("url", ["duckdb://fees.duckdb", "duckdb://./fees.duckdb", "duckdb://data/fees.duckdb"])
def test_a_warehouse_url_that_lost_its_third_slash_is_refused(shell, monkeypatch, url):
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", url)
    code, _, err = shell("runs")
    assert code == 2
    assert "duckdb:///" in err


@pytest.mark.parametrize("tail", ["a#b.duckdb", "a.duckdb?mode=x"])
def test_no_part_of_a_warehouse_url_is_dropped(shell, monkeypatch, tmp_path, tail):
    put("a.csv", fee(1))
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{tmp_path}/{tail}")
    code, _, err = shell("run", "--source", "lake")
    assert code == 2 or (tmp_path / tail).exists(), err


def test_a_folder_named_as_warehouse_keeps_its_permissions(shell, monkeypatch, tmp_path):
    Path("lake").chmod(0o755)
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", f"duckdb://{tmp_path}/lake")
    assert shell("run")[0] in {2, 5}
    assert stat.S_IMODE(Path("lake").stat().st_mode) == 0o755


def test_a_read_only_warehouse_file_is_not_made_writable(shell):
    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    Path("fees.duckdb").chmod(0o444)
    code, _, _ = shell("run")
    assert code == 5
    assert not Path("fees.duckdb").stat().st_mode & 0o222


def test_a_warehouse_file_of_somebody_else_is_no_bug(shell, monkeypatch):
    def not_the_owner(*_):
        raise PermissionError(1, "Operation not permitted")

    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    Path("fees.duckdb").chmod(0o660)
    monkeypatch.setattr(Path, "chmod", not_the_owner)
    code, _, err = shell("run")
    assert code != BUG, err


def test_a_rehearsal_in_an_empty_folder_leaves_it_empty(shell):
    put("a.csv", fee(1))
    assert shell("run", "--source", "lake", "--rehearse")[0] == 0
    assert sorted(path.name for path in Path().iterdir()) == ["lake"]


def test_what_a_killed_ingestion_left_of_its_files_is_gone_after_the_next_run(shell):
    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    left = Path("fees.duckdb.tmp/reading-killed")
    left.mkdir(parents=True)
    (left / "good.csv").write_text(fee(1))
    shell("run", "--source", "lake")
    assert not left.exists()


def test_a_full_disk_in_the_careful_reader_is_exit_5(shell):
    put("a.csv", '"two\nlines",QQ123456A,a,2025-01-01,1\n', *map(fee, range(20_000)))

    def small_disk():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    done = process("ingest", "lake", stdout=subprocess.DEVNULL, preexec_fn=small_disk)
    assert done.returncode == 5, done.stderr


# What is said


@pytest.mark.parametrize("closed", [False, True])
def test_a_report_that_cannot_be_printed_does_not_deny_what_was_published(shell, closed):
    put("a.csv", fee(1))
    if closed:
        done = process("run", "--source", "lake", preexec_fn=lambda: os.close(1))
    else:
        with Path("/dev/full").open("w") as full:
            done = process("run", "--source", "lake", stdout=full)
    assert shell.ask("SELECT status FROM ops.runs") == [("published",)]
    assert done.returncode != BUG, done.stderr
    assert "Nothing of this command" not in done.stderr


@pytest.mark.parametrize(
    "variables",
    [{"max_rejected": "abc"}, {"max_rejected": None}, {"max_rejected": -1}, {"max_lost": "abc"}, {"tolerance": "abc"},
     {"tolerance": -1}, {"lookback_days": 99_999_999}],
)  # fmt: skip
def test_a_variable_that_makes_no_sense_is_exit_2_before_anything_is_read(shell, monkeypatch, variables):
    put("a.csv", fee(1), *(fee(number) for number in range(2, 30)), fee(1, "x"))
    monkeypatch.setenv("FEES_ETL_VARS", "{}")
    shell("run", "--source", "lake")
    put("b.csv", *(fee(number) for number in range(30, 60)), fee(1, "x"))
    monkeypatch.setenv("FEES_ETL_VARS", json.dumps(variables))
    code, _, err = shell("run", "--source", "lake")
    assert code == 2, err
    assert next(iter(variables)) in err


@pytest.mark.parametrize(
    ("assertion", "key"),
    [("assert_client_data", ("c1", "more")), ("assert_financial_reconciliation", ("raw = control totals",))],
)
def test_a_waiver_has_as_many_values_as_its_assertion_has_keys(shell, assertion, key):
    put("a.csv", fee(1))
    where = waive(*key, assertion=assertion)
    code, _, err = shell(*where, "run", "--source", "lake")
    assert code == 2
    assert "waivers.yml:1" in err


def test_a_run_planned_before_another_ingestion_was_published_is_busy(tmp_path):
    """What is pending is then as it was; only the files tell that a full refresh would lose what came in between."""
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(a=HEADER + fee(1))
        stale = pipeline.plan(full_refresh=True)
        pipeline.all(b=HEADER + fee(2, day="2025-06-05"))
        with pytest.raises(WarehouseBusy, match="another run changed"):
            run(stale, pipeline.engine)
        assert ledger.state(pipeline.project, pipeline.engine).last_staged == date(2025, 6, 5)


def test_attempts_are_in_order_whatever_order_an_engine_gives_them_in(tmp_path):
    """A query's rows are one text on BigQuery, in no order: the last backfill must not be taken for an older one."""
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(a=HEADER + fee(1))
        begin, end = date(2025, 1, 1), date(2025, 1, 31)
        for name in ("first", "second"):
            backfill(pipeline.project, pipeline.engine, begin, end, chunk="month", run_id=name)
        upside_down = Backwards(pipeline.engine)
        asked = command_line(begin, end, "month")
        for found in (ledger.chunks, lambda *names: ledger.history(*names[:2])):
            assert found(pipeline.project, upside_down, asked) == found(pipeline.project, pipeline.engine, asked)
        assert ledger.chunks(pipeline.project, upside_down, asked).rows[-2][0] == "second"


class Backwards:
    """An engine that gives rows in the opposite order."""

    def __init__(self, engine):
        self.engine = engine

    def query(self, sql):
        found = self.engine.query(sql)
        return Rows(found.columns, found.rows[::-1])
