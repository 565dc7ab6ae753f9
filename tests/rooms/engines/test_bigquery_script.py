"""The text of a job: one transaction, in order, that ends one way only. Google's analyzer reads it in tests/googlesql."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from bigquery import LOCK, Service, engine_on

from fees_etl import query
from fees_etl.engines.bigquery.script import Dialect, job, question
from fees_etl.script import Ask, Load, Record, Script, Step, Stop, Write
from fees_etl.types import Table

RUNS = Table("ops", "runs")
BEFORE, AFTER = (
    Ask("before", "SELECT fee_date, n, amount FROM a.x"),
    Ask("after", "SELECT fee_date, n, amount FROM a.y"),
)
CHECK = Ask("check", "SELECT _failing_count, _waived_count FROM a.z", "error")
TEXT = "INSERT INTO ops.runs (run_id)\nWITH script AS (\n    @script\n)\nSELECT '@script' FROM script"
ACCEPTED = Record(RUNS, TEXT, ("before", "check"))
REJECTED = Record(RUNS, TEXT, ("before",))
FILL = Step("fees", "rebuild", ("DELETE FROM a.t WHERE TRUE", "INSERT INTO a.t (n) VALUES (1)"), books=("DELETE FROM ops.pending WHERE TRUE",))  # fmt: skip
STOP = Stop("busy", "SELECT COUNT(*) > 0 AS is_busy FROM ops.pending")
PARTS = (STOP, Write("DELETE FROM a.first WHERE TRUE"), BEFORE, FILL, CHECK, AFTER)
SCRIPT = Script("R1", PARTS, ACCEPTED, REJECTED, lock=LOCK)


def dialect(suffix="", **rest):
    def columns(sql):
        return re.findall(r"\w+", sql.partition(" FROM ")[0])[1:]

    return Dialect(columns, lambda sql: query.with_suffix(sql, suffix), **rest)


def text(script=SCRIPT, **rest):
    return job(script, tuple(script.parts), dialect(**rest), "job-1")


def order(found, *wanted):
    """The places of these words, each after the one before."""
    places, at = [], -1
    for words in wanted:
        at = found.index(words, at + 1)
        places.append(at)
    return places


def test_everything_happens_in_one_transaction_in_order():
    order(
        text(),
        "DECLARE script_verdict STRING DEFAULT 'accepted';", "BEGIN\n", "BEGIN TRANSACTION;", "MERGE INTO ops.writer",
        "COUNT(*) > 0 AS is_busy", "THEN", "ROLLBACK TRANSACTION;", "SET script_verdict = 'busy';", "ELSE",
        "DELETE FROM a.first", "SET answer_before = (", "DELETE FROM a.t", "INSERT INTO a.t", "DELETE FROM ops.pending",
        "SET answer_check = (", "SET answer_after = (", "IF COALESCE(CAST(JSON_VALUE(answer_check, '$[0][0]') AS INT64), 0) > 0 THEN", "ROLLBACK TRANSACTION;",
        "SET script_verdict = 'rejected';", "ELSE", "INSERT INTO ops.runs", "COMMIT TRANSACTION;",
        "EXCEPTION WHEN ERROR THEN", "ROLLBACK TRANSACTION;", "RAISE;", "\nEND;",
        "IF script_verdict = 'rejected' AND (", "WHERE run_id = 'R1'", "BEGIN TRANSACTION;", "MERGE INTO ops.writer",
        "INSERT INTO ops.runs", "COMMIT TRANSACTION;", "END IF;",
        "SELECT script_verdict, script_steps, answer_before, answer_check, answer_after;",
    )  # fmt: skip
    assert text().count("COMMIT TRANSACTION;") == text().count("BEGIN TRANSACTION;") == 2


def test_the_first_statement_is_the_lock_and_names_the_job():
    after = text().partition("BEGIN TRANSACTION;")[2]
    lock, _, rest = after.partition("\n    ;")
    assert lock.strip().startswith("MERGE INTO ops.writer")
    assert "'job-1' AS job_id" in lock
    assert "'R1' AS run_id" in lock
    assert rest.strip().startswith("IF (")


def test_of_two_stops_the_second_is_asked_only_when_the_first_lets_pass():
    found = text(replace(SCRIPT, parts=(STOP, replace(STOP, verdict="later"), *PARTS[1:])))
    order(found, "'busy'", "ELSE", "'later'", "ELSE", "DELETE FROM a.first", "END IF;", "END IF;", "EXCEPTION")
    assert found.count("IF (\n") == 2


@pytest.mark.parametrize("fatal", [True, False])
def test_only_what_can_fail_is_looked_at(fatal):
    found = text(replace(SCRIPT, parts=(*PARTS[:-2], replace(CHECK, severity="error" if fatal else "warn"), AFTER)))
    assert ("JSON_VALUE(answer_check" in found) is fatal


def test_a_rehearsal_keeps_nothing():
    found = text(replace(SCRIPT, keep=False))
    assert "COMMIT" not in found
    assert "ops.runs" not in found
    order(found, "SET answer_after", "ROLLBACK TRANSACTION;\n        END IF;\n    END IF;\nEXCEPTION")
    assert found.count("ROLLBACK TRANSACTION;") == 4  # busy, rejected, rehearsed, error


def test_in_a_rehearsal_every_job_rolls_back(monkeypatch):
    service = Service(answers={"n": [["1"]]})
    keeps = Script("R1", [Write("DELETE FROM ops.pending WHERE TRUE"), Ask("n", "SELECT 1 AS n")], lock=LOCK)
    with engine_on(service, monkeypatch) as engine:
        with engine.rehearsal():
            assert engine.transact(keeps).answers["n"].rows.rows == ((1,),)
        assert service.writer == "nobody-yet"
        engine.transact(replace(keeps, run_id="R2"))
    assert ["COMMIT" in one.sql for one in service.begun] == [False, True]
    assert service.writer == "fees-etl-R2-run-1"


def test_a_script_without_a_record_has_none():
    found = text(replace(SCRIPT, accepted=None, rejected=None))
    assert "INSERT INTO ops.runs" not in found
    assert "COMMIT TRANSACTION;" in found


def test_a_dataset_has_its_targets_suffix_and_a_text_has_not():
    found = text(replace(SCRIPT, parts=(*PARTS, Write("DELETE FROM a.t WHERE word = 'a.t'"))), suffix="_ci")
    tables = re.findall(r"(?:(?<!DISTINCT )FROM|INTO) (\w+)\.\w+", found)
    assert {"a_ci", "ops_ci"} == set(tables)
    assert "'a.t'" in found


def test_no_column_can_shadow_a_variable():
    assert all(name.startswith(("script_", "answer_")) for name in re.findall(r"DECLARE (\w+)", text()))


def test_the_rows_of_a_step_are_those_of_its_statements_after_what_it_clears():
    found = text()
    order(
        found, "SET @@query_label = 'step:fees';", "SET script_rows = 0;", "DELETE FROM a.t", "INSERT INTO a.t",
        "SET script_rows = script_rows + @@row_count;", "DELETE FROM ops.pending", '{"name": "fees", "rows": ',
    )  # fmt: skip
    assert found.count("@@row_count") == 1


def test_what_was_read_is_kept_with_the_record():
    assert text().count("SET script_bytes = @@script.bytes_processed;") == 2


def test_a_record_reads_what_the_script_knows():
    found = text()
    order(
        found, "INSERT INTO ops.runs", "CONCAT('[', script_steps, ']') AS steps", "CURRENT_TIMESTAMP() AS finished_at",
        "script_bytes AS bytes_processed", "answer_before AS answer_before", "answer_check AS answer_check",
        "SELECT '@script' FROM script",
    )  # fmt: skip
    assert found.count("@script") == 2 + 2  # the texts that say so, and @@script.bytes_processed


def test_what_was_never_asked_is_null_in_the_record_of_a_failure():
    found = text(Script("R1", (), ACCEPTED, name="failed", lock=LOCK))
    assert "CAST(NULL AS STRING) AS answer_before" in found
    assert "DECLARE answer_" not in found


def test_a_file_has_no_place_inside_of_a_job():
    with pytest.raises(AssertionError, match="Load has no place"):
        text(replace(SCRIPT, parts=(Load(RUNS, "SELECT 1", {}),)))


def test_questions_are_columns_of_one_row():
    found = question([BEFORE, AFTER], dialect("_ci"))
    order(found, "SELECT\n", "FROM a_ci.x", ") AS answer_before,", "FROM a_ci.y", ") AS answer_after")
    assert found.endswith(") AS answer_after")
