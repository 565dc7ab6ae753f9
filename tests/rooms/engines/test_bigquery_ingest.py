"""Files into BigQuery: typed here, one Parquet file and one load job, then one script that moves its rows."""

from __future__ import annotations

import re
import stat
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from bigquery import DEV, Fate, Fault, Service, engine_on, parquet
from pipeline import LENIENT, NOW, project

from fees_etl import GuardRefused, WarehouseError
from fees_etl.engines.bigquery import incoming
from fees_etl.errors import WarehouseBusy
from fees_etl.ingestion import ingest
from fees_etl.types import Table

INCOMING = Table("raw", "fees_incoming")
HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount\n"
GOOD = HEADER + "C1,QQ123456A,A1,2025-01-01,100.000000001\nC2,,A2,,-50.5\n"
MIXED = HEADER + "C3,QQ123456B,A1,2025-01-31,1\nC4,QQ123456C,A1,2025-13-01,1e3\n"
ROWS = """
SELECT _part, _source_row, client_id, client_nino, adviser_id, fee_date, fee_amount, record, reasons, row_count, amount
FROM {} ORDER BY ALL
"""


@pytest.fixture
def service():
    found = Service(answers={"files_mark": [["mark", "true", "true"]]})
    found.prepare()
    return found


@pytest.fixture
def engine(service, monkeypatch, tmp_path):
    (tmp_path / "lake").mkdir()
    settings = replace(DEV, spill=tmp_path / "spill")
    with engine_on(service, monkeypatch, settings) as made:
        yield made


@pytest.fixture
def lake(tmp_path, engine):
    """Two files, one of which has a record that cannot be typed."""
    (tmp_path / "lake" / "good.csv").write_text(GOOD)
    (tmp_path / "lake" / "mixed.csv").write_text(MIXED)
    return tmp_path / "lake"


def ingested(engine, lake):
    return ingest(project(**LENIENT), engine, str(lake), run_id="R1", now=NOW)


def loads(service):
    return [job for job in service.begun if "load" in job.sent["configuration"]]


def scripts(service):
    return [job for job in service.begun if "query" in job.sent["configuration"]]


# what is sent


def test_an_ingestion_is_one_load_and_one_script(engine, service, lake):
    result = ingested(engine, lake)
    assert [(Path(file.uri).name, file.outcome, file.rows, file.rejected, file.amount) for file in result.files] == [
        ("good.csv", "loaded", 2, 0, Decimal("49.500000001")),
        ("mixed.csv", "loaded", 2, 1, Decimal(1)),
    ]
    (load,), (script,) = loads(service), scripts(service)
    assert re.fullmatch(r"fees-etl-R1-load-[0-9a-f]{6}", load.name)
    assert load.labels == {"tool": "fees-etl", "target": "dev", "run": "r1", "kind": "load"}
    assert load.sent["configuration"]["load"]["destinationTable"] == {"projectId": "p", "datasetId": "raw", "tableId": "fees_incoming"}  # fmt: skip
    assert script.name == "fees-etl-R1-ingest-1"
    assert f"_load = '{load.name}'" in script.sql
    assert [name for name in service.requests if name.startswith("POST")] == [
        "POST /queries", "POST /upload/jobs", "POST /jobs",
    ]  # fmt: skip


def test_the_first_rejects_of_a_refused_file_travel_too_and_say_so(engine, service, lake):
    (lake / "bad.csv").write_text(HEADER + "QQ123456C,C1,A1,2025-01-01,1\n" * 1200)
    result = ingest(project(), engine, str(lake), run_id="R1", now=NOW)
    assert {Path(file.uri).name: file.outcome for file in result.files} == {
        "bad.csv": "refused", "good.csv": "loaded", "mixed.csv": "refused",
    }  # fmt: skip
    (load,) = loads(service)
    kept = "SELECT _source_file, file_status, reasons, COUNT(*) FROM {} WHERE _part = 'raw.fees_rejected' GROUP BY ALL ORDER BY ALL"
    assert [(Path(row[0]).name, *row[1:]) for row in parquet(load.data, kept)] == [
        ("bad.csv", "refused", "client_id looks like a National Insurance number", 1000),
        ("mixed.csv", "refused", "fee_date is not a date (YYYY-MM-DD); fee_amount is not a number", 1),
    ]


def test_the_file_has_every_row_of_its_parts_in_the_columns_of_the_table(engine, service, lake):
    ingested(engine, lake)
    (load,) = loads(service)
    kinds = {"STRING": "VARCHAR", "INT64": "BIGINT", "NUMERIC": "DECIMAL(38,9)", "DATE": "DATE", "TIMESTAMP": "TIMESTAMP WITH TIME ZONE"}  # fmt: skip
    assert [row[:2] for row in parquet(load.data, "DESCRIBE SELECT * FROM {}")] == [
        (name, kinds[kind]) for name, kind in project().contracts[INCOMING].types.items()
    ]
    assert parquet(load.data, ROWS) == [
        ("raw.fees", 1, "C1", "QQ123456A", "A1", date(2025, 1, 1), Decimal("100.000000001"), None, None, None, None),
        ("raw.fees", 1, "C3", "QQ123456B", "A1", date(2025, 1, 31), Decimal("1.000000000"), None, None, None, None),
        ("raw.fees", 2, "C2", None, "A2", None, Decimal("-50.500000000"), None, None, None, None),
        ("raw.fees_rejected", 2, None, None, None, None, None, "C4,QQ123456C,A1,2025-13-01,1e3", "fee_date is not a date (YYYY-MM-DD); fee_amount is not a number", None, None),
        ("raw.file_totals", None, None, None, None, date(2025, 1, 1), None, None, None, 1, Decimal("100.000000001")),
        ("raw.file_totals", None, None, None, None, date(2025, 1, 31), None, None, None, 1, Decimal("1.000000000")),
        ("raw.file_totals", None, None, None, None, None, None, None, None, 1, Decimal("-50.500000000")),
    ]  # fmt: skip


def test_every_row_says_where_it_is_from_and_which_load_brought_it(engine, service, lake):
    ingested(engine, lake)
    (load,) = loads(service)
    assert parquet(load.data, "SELECT DISTINCT _load, _loaded_at > TIMESTAMPTZ '2025-01-01' FROM {}") == [
        (load.name, True)
    ]
    stamps = "SELECT DISTINCT _part, _run_id, _source_file, CAST(_ingested_at AT TIME ZONE 'UTC' AS VARCHAR), uri FROM {} WHERE COALESCE(uri, _source_file) LIKE '%mixed.csv' ORDER BY ALL"  # fmt: skip
    uri = (lake / "mixed.csv").as_uri()
    assert parquet(load.data, stamps) == [
        ("raw.fees", "R1", uri, "2025-10-01 06:00:00", None),
        ("raw.fees_rejected", "R1", uri, "2025-10-01 06:00:00", None),
        ("raw.file_totals", None, None, None, uri),
    ]


def test_the_script_moves_each_part_and_sweeps_what_is_left(engine, service, lake):
    ingested(engine, lake)
    sql = scripts(service)[0].sql
    places = [
        sql.index(words)
        for words in (
            "'canary'", "is_masked", "is_overtaken", "INSERT INTO raw.fees (", "INSERT INTO raw.file_totals (",
            "INSERT INTO raw.fees_rejected (", "INSERT INTO raw.files", "is_lost", "DELETE FROM raw.fees_incoming",
            "COMMIT TRANSACTION;",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert "QQ123456A" not in sql  # rows travel in the file


def test_a_file_that_is_loaded_already_is_not_sent_again(engine, service, lake):
    ingested(engine, lake)
    (load,) = loads(service)
    sql = "SELECT DISTINCT COALESCE(uri, _source_file), COALESCE(version, _source_version) FROM {}"
    service.answers["known_files"] = [
        [uri, version, version, "loaded", "2", "0", "1", None, "2025-09-01 00:00:00+00"]
        for uri, version in parquet(load.data, sql)
    ]
    assert {file.outcome for file in ingested(engine, lake).files} == {"unchanged"}
    assert len(service.begun) == 2  # those of the first time


def test_a_suffix_is_that_of_the_table_that_is_loaded(service, monkeypatch, tmp_path):
    (tmp_path / "good.csv").write_text(GOOD)
    service.prepare(suffix="_ci")
    with engine_on(service, monkeypatch, suffix="_ci") as engine:
        ingested(engine, tmp_path)
    assert loads(service)[0].sent["configuration"]["load"]["destinationTable"]["datasetId"] == "raw_ci"


# what goes wrong


@pytest.mark.parametrize("gone", [404, 410, 409])
@pytest.mark.parametrize("status", [0, 503])
def test_an_upload_whose_reply_is_lost_is_adopted(engine, service, lake, status, gone):
    service.faults, service.gone = [Fault("PUT /upload", status, after=True)], gone
    ingested(engine, lake)
    assert (len(loads(service)), len(scripts(service))) == (1, 1)


@pytest.mark.parametrize("where", ["POST /upload", "PUT /upload"])
@pytest.mark.parametrize("status", [0, 429, 503])
def test_an_upload_that_did_not_arrive_is_sent_again(engine, service, lake, where, status):
    service.faults = [Fault(where, status, times=2)]
    ingested(engine, lake)
    assert (len(loads(service)), len(scripts(service))) == (1, 1)


@pytest.mark.parametrize("after", [True, False])
def test_an_upload_that_meets_silence_is_sent_again(service, monkeypatch, tmp_path, after):
    (tmp_path / "good.csv").write_text(GOOD)
    service.faults = [Fault("/upload", silent=True), Fault("PUT /upload", silent=True, after=after)]
    with engine_on(service, monkeypatch, timeout=0.3) as engine:
        ingested(engine, tmp_path)
    assert (len(loads(service)), len(scripts(service))) == (1, 1)


@pytest.mark.parametrize("where", ["POST /upload", "PUT /upload"])
def test_an_upload_that_never_arrives_begins_no_job(engine, service, lake, where):
    service.faults = [Fault(where, 503, times=1000)]
    with pytest.raises(WarehouseError, match=r"did not answer \(ServiceUnavailable\); no job was begun\."):
        ingested(engine, lake)
    assert service.begun == []


def test_a_session_that_is_lost_before_the_file_has_arrived_says_so(engine, service, lake):
    service.faults = [Fault("PUT /upload", 404, "notFound", "Upload session not found")]
    with pytest.raises(WarehouseError, match="notFound"):
        ingested(engine, lake)
    assert service.begun == []


@pytest.mark.parametrize("reason", ["invalid", "backendError"])
def test_a_load_that_failed_shows_no_value_and_no_script_follows(engine, service, lake, reason):
    service.fates = [Fate(looks=1, reason=reason, message="Could not parse 'secret 12' for QQ123456C")]
    with pytest.raises(WarehouseError) as caught:
        ingested(engine, lake)
    name = loads(service)[0].name
    assert caught.value.message == (
        f"BigQuery refused (job {name}; {reason}): its message is withheld, because it may quote rows; the job has it"
    )
    assert scripts(service) == []


VERDICTS = {
    "masked": (GuardRefused, 4, "This account is shown masked National Insurance numbers"),
    "overtaken": (WarehouseBusy, 75, "another ingestion changed raw while this one read its files."),
    "not conserved": (WarehouseError, 5, "raw does not hold what was read"),
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_verdict_of_the_script_ends_the_ingestion(engine, service, lake, verdict):
    kind, code, said = VERDICTS[verdict]
    service.fates = [Fate(), Fate(verdict=verdict)]
    with pytest.raises(kind) as caught:
        ingested(engine, lake)
    assert caught.value.message.startswith(said)
    assert caught.value.exit_code == code
    assert f"SET script_verdict = '{verdict}';" in scripts(service)[0].sql


def test_a_required_column_could_not_be_loaded(engine, service, lake):
    """The reason for a contract without one; googleapis/python-bigquery, issue 1981."""
    assert not any(column.required for column in project().contracts[INCOMING].columns)
    service.tables["raw.fees_incoming"]["schema"]["fields"][-1]["mode"] = "REQUIRED"
    with pytest.raises(WarehouseError, match="invalid"):
        ingested(engine, lake)


# the spill folder


def test_the_spill_folder_is_private_and_gone_afterwards(engine, service, lake, tmp_path, monkeypatch):
    seen, load = [], engine.jobs.load

    def looked(path, *rest):
        seen.append(sorted(found.name for found in path.parent.iterdir()))
        seen.append([stat.S_IMODE(found.stat().st_mode) & 0o077 for found in (path.parent, *path.parent.iterdir())])
        load(path, *rest)

    monkeypatch.setattr(engine.jobs, "load", looked)
    ingested(engine, lake)
    assert engine.spill.parent == tmp_path / "spill"
    assert seen[0][0] == "incoming.parquet"
    assert not any(name.startswith("part-") for name in seen[0])
    assert set(seen[1]) == {0}
    assert not list(engine.spill.glob("*.parquet"))
    engine.close()
    assert not engine.spill.exists()


def test_the_spill_folder_goes_when_the_load_fails(engine, service, lake):
    service.fates = [Fate(reason="invalid")]
    with pytest.raises(WarehouseError):
        ingested(engine, lake)
    assert list(engine.spill.glob("*.parquet"))
    engine.close()
    assert not engine.spill.exists()


# what one statement or one job may do


def test_rows_of_more_days_than_a_statement_may_write_move_in_several(engine, service, lake, monkeypatch):
    monkeypatch.setattr(incoming, "_MOST_DAYS", 2)
    days = [f"C{n},QQ12345{n}A,A1,2025-02-0{n},1\n" for n in range(1, 6)]
    (lake / "days.csv").write_text(HEADER + "".join(days))
    ingested(engine, lake)
    (script,) = scripts(service)
    conditions = re.findall(r"_part = 'raw\.fees'( AND .*)?", script.sql)
    assert conditions == [
        " AND fee_date BETWEEN DATE '2025-01-01' AND DATE '2025-01-31'",
        " AND fee_date BETWEEN DATE '2025-02-01' AND DATE '2025-02-02'",
        " AND fee_date BETWEEN DATE '2025-02-03' AND DATE '2025-02-04'",
        " AND fee_date BETWEEN DATE '2025-02-05' AND DATE '2025-02-05'",
        " AND fee_date IS NULL",
    ]


def test_a_job_of_as_many_files_as_come_at_once_is_far_from_the_limit_of_its_text(engine, service, lake):
    for number in range(30):
        (lake / f"{'a name of a usual length ' * 2}{number}.csv").write_text(
            HEADER + f"C{number},QQ123456A,A1,2025-01-01,1\n"
        )
        if number in (9, 29):
            ingest(project(**LENIENT), engine, str(lake), run_id=f"R{number}", now=NOW)
    few, more = [len(job.sql) for job in scripts(service)]
    assert few + (more - few) / 20 * (engine.most_files - 10) < 1_000_000
