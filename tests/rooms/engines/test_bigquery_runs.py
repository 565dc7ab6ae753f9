"""Whole commands on a prepared warehouse in BigQuery: what is sent, what is said, how it ends."""

from __future__ import annotations

import json
import re
import signal
import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from bigquery import ANSWERS, Fate, Fault, Service, engine_on
from pipeline import MODELS, NOW, forget_settings, project

import fees_etl
from fees_etl import cli, plan, run, state
from fees_etl.errors import WarehouseBusy, WarehouseError
from fees_etl.types import Table

NAMES = [model.name for model in project().models.values()]
HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount"
TARGET = '[targets.dev]\nwarehouse = "bigquery://p?location=EU"\npii = "synthetic"\n'


@pytest.fixture
def service():
    found = Service(answers=dict(ANSWERS))
    found.prepare()
    return found


@pytest.fixture
def engine(service, monkeypatch):
    with engine_on(service, monkeypatch, patience=0.5) as made:
        yield made


def execute(engine, **options):
    planned = plan(project(), state=state(project(), engine))
    return run(planned, engine, run_id="R1", now=NOW, **options)


def test_a_run_is_one_job_and_tells_what_it_did(engine, service):
    service.fates = [Fate(looks=2, children=tuple((name, 20 * 2**20, 1000) for name in NAMES))]
    result = execute(engine)
    assert result.status == "published"
    assert sorted(step.name for step in result.steps) == sorted(NAMES)
    assert [(step.rows, step.bytes_read) for step in result.steps] == [
        (at, 20 * 2**20) for at, _ in enumerate(NAMES, 1)
    ]
    assert (result.bytes_processed, result.bytes_billed) == (len(NAMES) * 20 * 2**20, len(NAMES) * 40 * 2**20)
    assert [str(change.fee_date) for change in result.changes] == ["2025-02-01"]
    assert (result.before.staged_amount, result.after.staged_amount) == (Decimal(100), Decimal("150.5"))
    assert {one.failing for one in result.assertions} == {0}
    assert [job.name for job in service.begun] == ["fees-etl-R1-run-1"]


def test_a_run_that_is_rejected_shows_its_rows_masked(engine, service):
    service.fates = [Fate(verdict="rejected", looks=1)]
    planned = plan(project(), state=state(project(), engine))
    step = next(step for step in planned.steps if step.name == "assert_client_data")
    columns = engine._types(step.statements[0])
    cells = {"INT64": "1", "BOOL": "false", "DATE": "2025-01-01", "NUMERIC": "1", "STRING": "QQ123456C"}
    service.answers["assert_client_data"] = [
        [None if name == "_covering" else cells[kind] for name, kind in columns.items()]
    ]
    result = run(planned, engine, run_id="R1", now=NOW)
    assert result.status == "rejected"
    (failed,) = [one for one in result.assertions if one.failing]
    assert failed.name == "assert_client_data"
    assert service.writer == "nobody-yet"
    assert "QQ******C" in str(failed.sample)


def test_a_run_that_an_ingestion_has_overtaken_is_busy(engine, service):
    service.fates = [Fate(verdict="busy")]
    with pytest.raises(WarehouseBusy, match="an ingestion or another run changed"):
        execute(engine)
    assert len(service.begun) == 1


def test_a_run_that_failed_is_in_the_ledger(engine, service):
    service.fates = [Fate(reason="invalidQuery", message="Division by zero")]
    with pytest.raises(WarehouseError, match="Division by zero"):
        execute(engine)
    assert [job.name for job in service.begun] == ["fees-etl-R1-run-1", "fees-etl-R1-failed-1"]
    assert "'failed' AS status" in service.begun[1].sql
    assert service.begun[1].labels["kind"] == "failed"


def test_a_rehearsal_of_a_run_leaves_nothing(engine, service):
    assert execute(engine, rehearse=True).status == "rehearsed"
    assert "COMMIT" not in service.begun[0].sql
    assert service.writer == "nobody-yet"


# the command line


@pytest.fixture
def shell(service, monkeypatch, tmp_path, capsys):
    forget_settings(monkeypatch)
    (tmp_path / "fees_etl.toml").write_text(TARGET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fees_etl, "load", lambda *_, **__: project())

    def command(*args):
        code = cli.main(["--target", "dev", *args])
        shown = capsys.readouterr()
        assert "QQ123456" not in shown.out + shown.err
        return code, shown.out, shown.err

    with engine_on(service, monkeypatch, patience=0.5):
        yield command


def test_a_run_on_a_prepared_warehouse_takes_at_most_20_requests_and_one_job_that_writes(shell, service):
    service.fates = [Fate(looks=5)]
    code, out, _ = shell("run", "--skip-ingest")
    assert (code, "PUBLISHED" in out) == (0, True)
    tables, books = ["POST /queries"] * 2
    assert service.beyond_polling == [tables, books, "POST /jobs", "GET /jobs"]
    assert len(service.beyond_polling) <= 20
    assert [job.labels["kind"] for job in service.begun] == ["run"]


def test_files_take_an_upload_and_a_job_more(shell, service, tmp_path):
    service.answers["files_mark"] = [["mark", "true", "true"]]
    (tmp_path / "a.csv").write_text(f"{HEADER}\nC1,QQ123456A,A1,2025-01-01,1\n")
    code, out, _ = shell("run", "--source", "*.csv")
    assert (code, "PUBLISHED" in out) == (0, True)
    assert [job.labels["kind"] for job in service.begun] == ["load", "ingest", "run"]
    assert len({job.labels["run"] for job in service.begun}) == 1
    assert len(service.beyond_polling) == 10


def test_an_ingestion_sees_raw_and_the_books_only(shell, service, tmp_path):
    """Its account has no right to any other dataset, not even to look whether it exists."""
    service.answers["files_mark"] = [["mark", "true", "true"]]
    service.tables = {name: table for name, table in service.tables.items() if name.startswith(("raw.", "ops."))}
    (tmp_path / "a.csv").write_text(f"{HEADER}\nC1,QQ123456A,A1,2025-01-01,1\n")
    assert shell("ingest", "*.csv")[0] == 0
    sent = [
        *(asked["query"] for asked in service.queries),
        *(job.sql for job in service.begun if "query" in job.sent["configuration"]),
    ]
    assert len(sent) > 2
    assert not [text for text in sent if re.search(r"\b(staging|reporting)\b", text)]
    assert not [name for name in service.requests if re.search("staging|reporting", name)]


def test_a_run_without_an_ingestion_writes_nothing_into_raw(shell, service):
    assert shell("run", "--from", "stg_fees")[0] == 0
    written = re.findall(
        r"(?:INSERT INTO|DELETE FROM|UPDATE|MERGE(?: INTO)?|TRUNCATE TABLE) `?(\w+)\.", service.begun[0].sql
    )
    assert set(written) == {"staging", "reporting", "history", "ops"}


def test_a_cap_costs_a_request_for_each_statement_it_weighs(shell, service, monkeypatch):
    monkeypatch.setenv("FEES_ETL_MAX_COST", "5")
    assert shell("run", "--skip-ingest")[0] == 0
    others = len(NAMES) - len(MODELS)  # a rebuilt model has three: what fills it, and its two derived assertions
    assert len(service.weighed) == 39 + 3 * others  # one by one: a column that several read would count once together
    assert len(service.beyond_polling) == len(service.weighed) + 4


def test_a_cap_refuses_before_a_file_is_loaded(shell, service, monkeypatch, tmp_path):
    monkeypatch.setenv("FEES_ETL_MAX_COST", "0.000001")
    (tmp_path / "a.csv").write_text(f"{HEADER}\nC1,QQ123456A,A1,2025-01-01,1\n")
    code, _, err = shell("run", "--source", "*.csv")
    assert (code, "more than max_cost" in err) == (4, True)
    (job,) = service.begun
    assert "'refused' AS status" in job.sql
    assert "more than max_cost" in job.sql
    assert service.uploads == {}


EXITS = {
    "no source": (("run",), {}, 2, "no source is named"),
    "an ingestion rehearsed": (("ingest", "x.csv", "--rehearse"), {}, 2, "begins with a load job, which cannot be rolled back"),
    "a cap": (("run", "--skip-ingest"), {"FEES_ETL_MAX_COST": "0.000001"}, 4, "US dollars, more than max_cost = 0.000001 of target 'dev'"),
}  # fmt: skip


@pytest.mark.parametrize("case", EXITS)
def test_what_is_refused_has_its_exit_code_and_no_run_is_begun(shell, service, monkeypatch, case):
    args, environ, code, said = EXITS[case]
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    found, _, err = shell(*args)
    assert (found, said in re.sub(r"\s+", " ", err)) == (code, True)
    assert [job.labels["kind"] for job in service.begun] == ["refused"] * (code == 4)


ENDS = {
    "a conflict": (Fate(reason="invalidQuery", message="Transaction is aborted due to concurrent update"), 75, "Another writer changed the warehouse"),
    "busy": (Fate(verdict="busy"), 75, "An ingestion or another run changed"),
    "masked": (Fate(verdict="masked"), 4, "This account is shown masked National Insurance numbers"),
    "a failure": (Fate(reason="quotaExceeded"), 5, "BigQuery refused"),
    "after the commit": (Fate(reason="backendError", commits=True), 5, "All of this command: the job failed after its commit."),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_a_job_that_does_not_publish_has_its_exit_code(shell, service, case):
    fate, code, said = ENDS[case]
    service.fates = [fate]
    found, out, err = shell("run", "--skip-ingest")
    assert (found, said in re.sub(r"\s+", " ", err), out) == (code, True, "")
    assert f"SET script_verdict = '{fate.verdict}';" in service.begun[0].sql or fate.reason


def test_a_dead_line_is_exit_5(shell, service):
    service.faults = [Fault("POST /queries", 503, times=1000)]
    code, _, err = shell("run", "--skip-ingest")
    assert code == 5
    assert "did not answer" in err


def test_ctrl_c_is_exit_130_and_the_job_is_cancelled(shell, service):
    def press(_):
        service.on_look = None
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    service.fates, service.on_look = [Fate(looks=9)], press
    code, _, err = shell("run", "--skip-ingest")
    assert code == 130
    assert "is cancelled: what it had not committed is rolled back." in err
    assert [job.error and job.error["reason"] for job in service.begun] == ["stopped", None]
    assert "'interrupted' AS error" in service.begun[1].sql


def test_a_rehearsal_reads_no_files_and_says_so(shell, service):
    code, out, err = shell("run", "--rehearse", "--source", "x.csv")
    assert (code, "REHEARSED" in out.upper()) == (0, True)
    assert "A rehearsal on BigQuery reads no files" in err
    assert "COMMIT" not in service.begun[0].sql


def test_a_plan_weighs_each_statement_and_begins_no_job(shell, service):
    service.weigh = lambda _: 12 * 2**20
    code, out, _ = shell("plan", "--output", "json")
    steps = json.loads(out)["steps"]
    assert code == 0
    assert service.begun == []
    assert all(step["estimated_bytes"] >= 12 * 2**20 for step in steps)
    assert len(service.weighed) >= len(steps)


def test_a_plan_without_a_source_promises_no_sample(shell, service):
    service.answers["state"] = [[None, None, None, None, "0", "false", "mark"]]
    service.answers["pending"] = []
    code, out, _ = shell("plan")
    assert (code, "first ingests" in out) == (0, False)


def test_chunks_are_not_rehearsed_because_the_assertions_would_see_none(shell, service):
    asked = ("backfill", "--start", "2025-01-01", "--end", "2025-02-28", "--rehearse")
    code, _, err = shell(*asked, "--chunk", "month")
    assert (code, service.begun) == (2, [])
    assert f"fees-etl --target dev {' '.join(asked)}" in " ".join(err.split())
    assert shell(*asked)[0] == 0
    assert "COMMIT" not in service.begun[0].sql


def test_a_changed_project_is_one_job_that_rolls_back_and_makes_no_table(shell, service, monkeypatch):
    before = dict(service.tables)
    code, out, err = shell("diff", "--project", ".")
    assert (code, len(service.begun), "COMMIT" in service.begun[0].sql) == (0, 1, False), err
    assert "US dollars." in err
    assert "Nothing differs in any published table." in out

    dim = next(model for model in project().models.values() if model.name == "dim_clients")
    made = replace(dim, contract=replace(dim.contract, table=Table("reporting", "dim_new")))
    reader = replace(
        dim, contract=replace(dim.contract, table=Table("reporting", "rpt_new")), reads=frozenset({made.table})
    )
    models = project().models | {one.table: one for one in (made, reader)}
    monkeypatch.setattr(fees_etl, "load", lambda *_, **__: replace(project(), models=models))
    code, out, err = shell("diff", "--project", ".")
    assert code == 0, err
    assert "Not compared, for a table or a column is not there yet: reporting.dim_new" in " ".join(out.split())
    assert "dim_new" not in service.begun[1].sql
    assert service.tables == before
