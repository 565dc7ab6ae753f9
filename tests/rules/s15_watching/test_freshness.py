"""Fees that do not come when they are due, by working days of the United Kingdom, are named and change nothing."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pipeline import Pipeline
from shells import GOOD, put, waive

from fees_etl import plan, run, state
from fees_etl.cli.report import sentences
from fees_etl.ingestion import ingest
from fees_etl.project.watched import due_days
from fees_etl.types import Freshness

FIRST = date(2025, 3, 3)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """Fees of January to March, loaded on the 3rd of March: what came late before is history."""
    with Pipeline(tmp_path_factory.mktemp("lake")) as pipeline:
        for month in (1, 2, 3):
            pipeline.put(**{f"fees_{month}": [("ann", "QQ000001A", "a1", date(2025, month, 1), Decimal(month))]})
        assert told(pipeline, FIRST) == []
        yield pipeline


def told(pipeline, today, **files):
    """What a run of that day says of lateness; it publishes nonetheless."""
    pipeline.put(**files)
    now = datetime.combine(today, datetime.min.time(), UTC)
    ingest(pipeline.project, pipeline.engine, str(pipeline.folder), run_id=f"on-{today}", now=now)
    made = plan(pipeline.project, state=state(pipeline.project, pipeline.engine), today=today)
    result = run(made, pipeline.engine)
    assert result.status == "published"
    (found,) = [one for one in result.assertions if one.name == "freshness_fees"]
    assert found.severity == "warn"
    return sentences(found)


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2025, 4, 4), []),
        (
            date(2025, 4, 7),
            [
                "Not on time: the fees of 2025-04-01 have not come; they were due by 2025-04-04, 3 days before; the newest fee date is 2025-03-01, the newest arrival 2025-03-03."
            ],
        ),
    ],
)  # fmt: skip
def test_fees_that_have_not_come_are_named_after_the_grace(live, today, said):
    with live.engine.rehearsal():
        assert told(live, today) == said


def test_a_file_a_week_late_is_named_by_the_run_that_publishes_it_and_never_again(live):
    fees = [("ann", "QQ000001A", "a1", date(2025, 4, 1), Decimal(4))]
    with live.engine.rehearsal():
        (said,) = told(live, date(2025, 4, 11), fees_4=fees)
        assert "the fees of 2025-04-01 came on 2025-04-11; they were due by 2025-04-04, 7 days before" in said
        assert told(live, date(2025, 4, 12)) == []
    live.put(fees_4=None)


@pytest.mark.parametrize(
    ("due", "grace", "calendar", "month", "expected"),
    [
        ("1st of month", "3 working days", "GB", date(2025, 5, 1), "2025-05-01 2025-05-07"),  # May Day and a weekend
        ("1st of month", "3 days", "GB", date(2025, 5, 1), "2025-05-01 2025-05-04"),
        ("31st of month", "0 days", "GB", date(2025, 2, 1), "2025-02-28 2025-02-28"),
        ("last day of month", "1 working day", "GB", date(2025, 11, 1), "2025-11-30 2025-12-01"),
        ("last day of month", "1 working day", "GB-SCT", date(2025, 11, 1), "2025-11-30 2025-12-02"),  # St Andrew's Day
        ("31st of month", "2 working days", "GB-SCT", date(2025, 12, 1), "2025-12-31 2026-01-06"),  # and 2 January
    ],
)
def test_days_of_grace_are_those_that_banks_are_open(due, grace, calendar, month, expected):
    (found,) = due_days(
        Freshness(due, grace, calendar),
        month,
        month.replace(day=28 if month.month == 2 else 30 + (month.month in {5, 12})),
    )

    assert f"{found[0]} {found[1]}" == expected


def test_a_clock_at_the_end_of_the_calendar_stops_nothing():
    assert due_days(Freshness("1st of month", "3 working days", "GB"), date(9999, 1, 1), date.max) == []


def test_a_mistake_in_the_contract_is_named_and_a_warning_may_be_waived(shell):
    put("good.csv", GOOD)
    where = waive("2025-01-01", assertion="freshness_fees")
    assert shell(*where, "run", "--source", "lake")[0] == 0
    path = shell.folder / "project/sql/raw/fees.yml"
    path.write_text(path.read_text().replace("1st of month", "first thing"))

    code, _, err = shell(*where, "run", "--source", "lake")

    assert (code, "sql/raw/fees.yml:6: 'due' should match" in " ".join(err.split())) == (2, True)


@pytest.mark.parametrize("name", ["freshness_of_advisers", "anomalies_of_advisers"])
def test_an_assertion_that_is_called_alike_is_another_one(shell, name):
    sql = "SELECT adviser_id, 'no name' AS problem FROM reporting.rpt_adviser_ltv"
    said = {"description": "Every adviser has a name.", "severity": "warn", "key": ["adviser_id"]}
    shell("init", "project")
    folder = shell.folder / "project/sql/assertions"
    (folder / f"{name}.sql").write_text(f"{sql}\n")
    (folder / f"{name}.yml").write_text(json.dumps(said))
    put("good.csv", GOOD)

    code, out, err = shell("--project-dir", "project", "--log-format", "gcp", "run", "--source", "lake")

    assert code == 0, err
    assert f"warn {name}" in out
    (ended,) = [line for line in map(json.loads, err.splitlines()) if line.get("event") == "finished"]
    assert (ended["unusual_fees"], ended["overdue_fees"]) == (0, 0)
