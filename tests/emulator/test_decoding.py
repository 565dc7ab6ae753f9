"""What the last row of a script becomes, with pytest-bigquery-mock in the place of the client.

It replaces ``client.query`` for texts that are known beforehand. Requests, jobs that run or fail, and
``query_and_wait`` are no part of it: tests/test_bigquery_engine.py has them, and a strict fake at the wire.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pipeline import project

from fees_etl import connect
from fees_etl.script import Answer, Ask, Rows, Step, StepResult
from fees_etl.settings import Settings

pytest.importorskip("pytest_bigquery_mock", reason="pytest-bigquery-mock is not installed: nox -s emulator")

SCRIPT = "SELECT script_verdict, script_steps, answer_x, answer_y;"
X = "SELECT client_id, fee_date, fee_amount, _ingested_at, _source_row FROM raw.fees"
Y = "SELECT full_refresh, finished_at FROM ops.runs"
PARTS = [Step("stg_fees", "merge", ()), Step("dim_clients", "rebuild", ()), Ask("x", X), Ask("y", Y)]
STEPS = '{"name": "stg_fees", "rows": 2, "seconds": 0.25}, {"name": "dim_clients", "rows": null, "seconds": 1}'
CELLS = (
    r'[["a,\n\"b\" \ud83d\ude00","2024-02-29","-0.000000001","2025-01-31 12:00:00.500+00","1"],'
    '[null,null,"12345678901234567890123456789.123456789",null,null]]'
)


def said(*row):
    """The mock answers the script with this row."""
    columns = ["script_verdict", "script_steps", "answer_x", "answer_y"]
    return pytest.mark.bq_query_return_data([{"query": SCRIPT, "table": {"columns": columns, "rows": [row]}}])


@pytest.fixture
def outcome(bq_client_mock):
    """What the engine makes of the mock's row."""
    with connect("bigquery://p?location=EU", settings=Settings("dev", pii="synthetic")) as engine:
        engine._schema |= {table: contract.types for table, contract in project().contracts.items()}
        engine.client = bq_client_mock
        ended = bq_client_mock.query(SCRIPT)
        ended.total_bytes_processed = ended.total_bytes_billed = None  # the mock has no figures of a job
        yield engine._outcome(ended, PARTS)


@said("accepted", STEPS, CELLS, '[["true","2025-01-31 12:00:00+00"],["false",null]]')
def test_cells_are_typed_and_exact(outcome):
    columns = ("client_id", "fee_date", "fee_amount", "_ingested_at", "_source_row")
    rows = (
        ('a,\n"b" \U0001f600', date(2024, 2, 29), Decimal("-1e-9"), datetime(2025, 1, 31, 12, 0, 0, 500_000, UTC), 1),
        (None, None, Decimal("12345678901234567890123456789.123456789"), None, None),
    )
    assert outcome.verdict == "accepted"
    assert outcome.steps == [
        StepResult("stg_fees", "merge", None, 2, 0.25),
        StepResult("dim_clients", "rebuild", None, None, 1.0),
    ]
    assert outcome.answers["x"] == Answer("x", Rows(columns, rows))
    assert outcome.answers["y"].rows.rows == ((True, datetime(2025, 1, 31, 12, tzinfo=UTC)), (False, None))


@said("rejected", STEPS, "[]", "[]")
def test_no_rows_are_an_answer(outcome):
    assert (outcome.verdict, outcome.answers["x"].rows.rows, outcome.answers["x"].count("_failing_count")) == (
        "rejected",
        (),
        0,
    )


@said("busy", "", None, None)
def test_a_script_that_stopped_has_no_answers(outcome):
    assert (outcome.verdict, outcome.steps, outcome.answers) == ("busy", [], {})
