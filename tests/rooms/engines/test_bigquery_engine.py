"""What the engine asks and learns: typed answers, labels, costs and caps, steps."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from bigquery import DEV, LOCK, Fate, Fault, Service, engine_on
from pipeline import project

from fees_etl import GuardRefused, WarehouseError
from fees_etl.engines.bigquery.script import Dialect, rows
from fees_etl.script import Answer, Ask, Script, Step, StepResult, Write

MIB = 2**20
ASK = Ask("n", "SELECT 1 AS n")
STEP = Step("Fees_By_Day", "rebuild", ("DELETE FROM ops.pending WHERE TRUE", "DELETE FROM ops.left_out WHERE TRUE"))
RUN = Script("20250131T120000-1A2B3C", [STEP, ASK], labels={"git_sha": "ABC", "part": ""}, lock=LOCK)


@pytest.fixture
def service():
    return Service(answers={"n": [["1"]]})


@pytest.fixture
def engine(service, monkeypatch):
    with engine_on(service, monkeypatch) as made:
        yield made


# answers


TYPED = """
SELECT
    'x' AS word, 7 AS number, NUMERIC '0.000000001' AS pounds, DATE '2025-01-31' AS day,
    TIMESTAMP '2025-01-31 12:00:00+00' AS moment, TRUE AS yes
"""


def test_cells_come_back_typed_and_exact(engine, service):
    service.answers["rows"] = [
        ["a\tb\u00a0£", "-9223372036854775808", "12345678901234567890123456789.123456789", "2025-01-31", "2025-01-31 12:00:00.123456+00", "true"],
        ["", "0", "-0.000000001", "1990-01-01", "2025-07-01 00:30:00+01", "false"],
        [None] * 6,
    ]  # fmt: skip
    found = engine.query(TYPED)
    assert found.columns == ("word", "number", "pounds", "day", "moment", "yes")
    assert found.rows == (
        ("a\tb\u00a0£", -(2**63), Decimal("12345678901234567890123456789.123456789"), date(2025, 1, 31), datetime(2025, 1, 31, 12, 0, 0, 123456, UTC), True),
        ("", 0, Decimal("-0.000000001"), date(1990, 1, 1), datetime(2025, 6, 30, 23, 30, tzinfo=UTC), False),
        (None,) * 6,
    )  # fmt: skip
    assert found.rows[1][4].tzinfo is UTC


def test_a_moment_of_any_zone_is_utc():
    summer = datetime(2025, 7, 1, 12, tzinfo=timezone(timedelta(hours=1)))
    assert rows(json.dumps([[summer.isoformat(" ")]]), {"at": "TIMESTAMP"}).rows == (
        (datetime(2025, 7, 1, 11, tzinfo=UTC),),
    )


def test_rows_of_the_wrong_width_are_no_rows():
    with pytest.raises(ValueError, match="zip"):
        rows('[["1", "2"]]', {"n": "INT64"})


def test_the_rows_of_a_query_are_one_text():
    assert Dialect(lambda _: ["a", "b"], str).answer(Ask("n", "SELECT 1 AS a, 2 AS b")) == (
        "SELECT CONCAT('[', COALESCE(STRING_AGG(TO_JSON_STRING([CAST(a AS STRING), CAST(b AS STRING)]), ','), ''), ']')\n"
        "FROM (\nSELECT 1 AS a, 2 AS b\n)"
    )


def test_several_questions_are_one_request_and_told_in_order(engine, service):
    service.answers |= {"a": [["1"], ["2"]], "b": []}
    told = []
    found = engine.answers([Ask("a", "SELECT 1 AS x"), Ask("b", "SELECT 'y' AS y")], told.append)
    assert service.requests == ["POST /queries"]
    assert [answer.name for answer in told] == list(found) == ["a", "b"]
    assert found["a"].rows.rows == ((1,), (2,))
    assert (found["b"].rows.columns, found["b"].rows.rows) == (("y",), ())


def test_an_answer_without_columns_is_no_answer(engine, service):
    service.mute = True
    with pytest.raises(WarehouseError, match="did not answer a query") as caught:
        engine.query("SELECT 1 AS n")
    assert caught.value.exit_code == 5


def test_a_question_survives_a_moment_of_trouble(engine, service):
    service.answers["rows"] = [["1"]]
    service.faults = [Fault("POST /queries", 503), Fault("POST /queries"), Fault("POST /queries", 500, after=True)]
    assert engine.query("SELECT 1 AS n").rows == ((1,),)


REFUSED = {
    "accessDenied": (403, WarehouseError, "This account may not do that (reading): Access Denied: Table p:raw.fees"),
    "quotaExceeded": (403, WarehouseError, "BigQuery refused (reading; quotaExceeded)"),
    "bytesBilledLimitExceeded": (400, GuardRefused, "BigQuery refused to read more than max_bytes allows (reading)"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_question_that_is_refused_says_why(engine, service, reason):
    status, kind, said = REFUSED[reason]
    service.faults = [Fault("POST /queries", status, reason, "Access Denied: Table p:raw.fees QQ123456C")]
    with pytest.raises(kind) as caught:
        engine.query("SELECT 1 AS n")
    assert caught.value.message.startswith(said)
    assert "QQ123456C" not in caught.value.message


def test_a_question_on_a_dead_line_is_given_up(service, monkeypatch):
    service.faults = [Fault("POST /queries", silent=True, times=1000)]
    with (
        engine_on(service, monkeypatch, patience=0.5, timeout=0.2) as engine,
        pytest.raises(WarehouseError) as caught,
    ):
        engine.query("SELECT 1 AS n")
    assert caught.value.message == "BigQuery did not answer (ReadTimeout); (reading)."


# labels


def test_every_job_says_whose_it_is(engine, service):
    engine.settings = engine.jobs.settings = replace(engine.settings, max_bytes=MIB**2)
    service.prepare()
    engine._contracts.clear()
    engine.prepare(project().contracts)
    engine.query("SELECT 1 AS n")
    engine.transact(RUN)
    common = {"tool": "fees-etl", "target": "dev"}
    assert [body["labels"] for body in service.queries] == [common | {"kind": "tables"}, common | {"kind": "read"}]
    assert service.weighed[0]["configuration"]["labels"] == common | {"kind": "estimate"}
    run = common | {"run": "20250131t120000-1a2b3c", "kind": "run", "git_sha": "abc"}
    assert [job.labels for job in service.begun] == [run]


def test_steps_are_labelled_inside_of_the_job(engine, service):
    engine.transact(RUN)
    (job,) = service.begun
    assert "SET @@query_label = 'step:fees_by_day';" in job.sql
    assert "SET @@query_label = 'step:n';" in job.sql


def test_child_jobs_tell_what_each_step_read_and_took(engine, service):
    children = (("fees_by_day", 10 * MIB, 1500), ("fees_by_day", MIB, 250), ("n", 7, 100), ("", 5, 5), ("n", 1, None))
    service.fates = [Fate(children=children)]
    told = []
    outcome = engine.transact(RUN, told.append)
    assert outcome.steps == [StepResult("Fees_By_Day", "rebuild", None, 1, 0.5, 11 * MIB)]
    assert outcome.answers["n"].seconds == 0.1
    assert told == [*outcome.steps, outcome.answers["n"]]


def test_jobs_of_another_parent_are_no_steps(engine, service, monkeypatch):
    listed, service.fates = service.children, [Fate(children=(("n", 7, 100),)), Fate()]
    engine.transact(replace(RUN, run_id="R0"))
    others = {"projection": "full", "parentJobId": "fees-etl-R0-run-1"}
    monkeypatch.setattr(service, "children", lambda request: listed(request._replace(params=others)))
    assert engine.transact(RUN).answers["n"].seconds == 0.0


@pytest.mark.parametrize("fault", [[], [Fault("GET /jobs$", 403, "accessDenied")]])
def test_without_child_jobs_nothing_is_known_of_the_steps(engine, service, fault):
    service.faults = fault
    outcome = engine.transact(RUN)
    assert outcome.steps == [StepResult("Fees_By_Day", "rebuild", None, 1, 0.5, None)]
    assert outcome.answers["n"] == Answer("n", outcome.answers["n"].rows, 0.0)


def test_a_job_that_is_too_long_is_not_sent(engine, service):
    ninety = tuple(f"DELETE FROM ops.pending WHERE uri = '{'x' * 12_000}'" for _ in range(90))
    with pytest.raises(GuardRefused, match=r"bytes of SQL; BigQuery takes 1,000,000\.") as caught:
        engine.transact(Script("R1", list(map(Write, ninety)), lock=LOCK))
    assert caught.value.exit_code == 4
    assert service.requests == []


def test_a_script_that_writes_nothing_is_no_job(engine, service):
    assert engine.transact(Script("R1", [ASK], lock=LOCK)).verdict == "accepted"
    assert service.requests == []


# costs


def test_an_estimate_is_ten_mebibytes_a_table_at_least(engine, service):
    service.weigh = lambda sql: 25 * MIB + 1 if "raw.fees" in sql else 1
    asked = ["SELECT COUNT(*) AS n FROM raw.fees", "DELETE FROM ops.pending WHERE uri IN (SELECT uri FROM raw.files)", "SELECT 1 AS n"]  # fmt: skip
    assert engine.estimate(asked) == (26 * MIB, 20 * MIB, MIB)
    assert service.begun == []


CAPS = {
    "max_bytes": ({"max_bytes": 35 * MIB}, "This would read about 37,748,736 bytes, more than max_bytes = 36,700,160 of target 'dev'."),
    "max_cost": ({"max_cost": Decimal("0.0002")}, "This would cost about 0.000215 US dollars, more than max_cost = 0.0002 of target 'dev'."),
}  # fmt: skip


@pytest.mark.parametrize("cap", CAPS)
def test_a_cap_refuses_before_anything_is_written(service, monkeypatch, cap):
    settings, said = CAPS[cap]
    service.weigh = lambda _: 12 * MIB
    with engine_on(service, monkeypatch, replace(DEV, **settings)) as engine, pytest.raises(GuardRefused) as caught:
        engine.transact(replace(RUN, parts=[STEP, Ask("n", "SELECT COUNT(*) AS n FROM ops.runs")]))
    assert caught.value.message == said
    assert caught.value.exit_code == 4
    assert caught.value.published == "Nothing was written by it; the published numbers are as before."
    assert caught.value.hint == "See what costs it: fees-etl plan; raise the cap in [targets.dev] if it is meant."
    assert len(service.weighed) == 3
    assert service.begun == []


def test_under_its_cap_every_job_is_limited_to_it(service, monkeypatch):
    cap = 100 * MIB
    with engine_on(service, monkeypatch, replace(DEV, max_bytes=cap)) as engine:
        engine.query("SELECT 1 AS n")
        engine.transact(RUN)
    sent = [job.sent["configuration"]["query"] for job in service.begun]
    sent += [body["configuration"]["query"] for body in service.weighed] + service.queries
    assert {one["maximumBytesBilled"] for one in sent} == {str(cap)}
    assert len(sent) == 5


def test_a_job_that_would_read_more_after_all_is_refused_by_bigquery(service, monkeypatch):
    service.needs = 200 * MIB
    with (
        engine_on(service, monkeypatch, replace(DEV, max_bytes=100 * MIB)) as engine,
        pytest.raises(GuardRefused, match="more than max_bytes allows") as caught,
    ):
        engine.transact(RUN)
    assert caught.value.published.startswith("Nothing was published; statements of the job before this one are billed")


def test_without_a_cap_nothing_is_weighed(engine, service):
    engine.transact(RUN)
    assert service.weighed == []
    assert "maximumBytesBilled" not in service.begun[0].sent["configuration"]["query"]
