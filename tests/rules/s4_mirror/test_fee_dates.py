"""Which fee dates a run stages, that it touches no other, and that there may be thousands of them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
import sqlglot
from broken import FOLDERS, assembled
from faults import NEXT, START, deal
from pipeline import LENIENT, Pipeline
from shells import fee, put
from sqlglot import exp
from worlds import HARD, charge

from fees_etl import ProjectError, load, run
from fees_etl.types import Pending, State
from fees_etl.window import due, everything


def pending(*dates):
    return tuple(Pending(day, "file:///f.csv", "v", 1, Decimal(1), 0, Decimal(0)) for day in dates)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State(), "no fee dates"),
        (State(first_raw=date(2025, 1, 1), last_raw=date(2025, 3, 1)), "2025-01-01..2025-03-01"),
        (
            State(date(2025, 1, 1), date(2025, 3, 1), date(2025, 1, 1), date(2025, 3, 1)),
            "2025-02-26..2025-03-01",
        ),
        (
            State(date(2025, 1, 1), date(2025, 3, 9), date(2025, 1, 1), date(2025, 3, 1), pending(date(2025, 1, 5))),
            "2025-01-05, 2025-02-26..2025-03-09",
        ),
        # everything was withdrawn: what is staged must go
        (
            State(None, None, date(2025, 1, 1), date(2025, 3, 1), pending(date(2025, 1, 1))),
            "2025-01-01, 2025-02-26..2025-03-01",
        ),
    ],
)
def test_a_run_stages_the_lookback_and_every_pending_date(state, expected):
    assert str(due(state, 3)) == expected


def test_everything_is_what_raw_or_staging_holds():
    state = State(date(2025, 2, 1), date(2025, 3, 1), date(2025, 1, 1), date(2025, 2, 1))

    assert str(everything(state)) == "2025-01-01..2025-03-01"


def bounds(condition, column):
    """First and last date where the condition confines the column to constants, else None."""
    if not isinstance(condition, exp.Between | exp.EQ) or condition.this.sql() != column:
        return None
    ends = [condition.args[name] for name in ("low", "high")] if "low" in condition.args else [condition.expression] * 2
    return tuple(date.fromisoformat(end.this.name) for end in ends) if all(map(is_day, ends)) else None


def is_day(node):
    return isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.to.this == exp.DType.DATE


def confined(condition, column):
    """The ranges of constant dates that one of the conjuncts confines the column to; None when none does."""
    for part in condition.flatten() if isinstance(condition, exp.And) else [condition]:
        either = part.unnest()
        found = [bounds(one, column) for one in (either.flatten() if isinstance(either, exp.Or) else [either])]
        if None not in found:
            return tuple(found)
    return None


def test_the_merge_and_the_delete_of_a_run_can_touch_only_its_fee_dates(tmp_path):
    with Pipeline(tmp_path / "lake", **LENIENT) as pipeline:
        for files in (START, NEXT):
            deal(tmp_path / "lake", files)
            plan = pipeline.ingest() and pipeline.plan()
            run(plan, pipeline.engine)
    create, merge, delete = (sqlglot.parse_one(sql, dialect="bigquery") for sql in plan.steps[0].statements)
    reads = [
        select.args["where"].this
        for select in create.expression.find_all(exp.Select)
        if isinstance(select.args["from_"].this, exp.Table) and select.args["from_"].this.sql() == "raw.fees"
    ]

    assert str(plan.window) == "2024-12-05, 2024-12-20, 2024-12-31, 2025-01-15, 2025-02-10, 2025-02-24..2025-03-02"
    assert (type(create), type(merge), type(delete)) == (exp.Create, exp.Merge, exp.Delete)
    assert confined(merge.args["on"], "target.fee_date") == plan.window.ranges
    assert confined(delete.args["where"].this, "target.fee_date") == plan.window.ranges
    assert [confined(read, "fee_date") for read in reads] == [plan.window.ranges]  # raw is read once
    assert "target.fee_date = source.fee_date" in merge.args["on"].sql()
    tables = [table.sql() for tree in (create, merge, delete) for table in tree.find_all(exp.Table)]
    kept = ["_SESSION.stg_fees_ranked", *["_SESSION.stg_fees_ranked AS ranked"] * 2]
    assert sorted(name for name in tables if "." in name) == [*kept, "raw.fees", *["staging.stg_fees AS target"] * 2]


def test_a_merge_key_without_the_partition_column_is_refused(tmp_path):
    (found,) = [one for one in FOLDERS if one.name == "merge-without-partition-key"]
    folder = assembled(found, tmp_path)
    with pytest.raises(ProjectError, match="confined to a window of its partition column"):
        load(folder)


def test_dates_are_split_into_statements_of_4000_partitions(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.put(old=[charge("ann", "x", date(1990, 1, 1), "1"), charge("ann", "x", date(2025, 1, 1), "1")])
        pipeline.ingest()
        first = next(step for step in pipeline.plan().steps if step.name == "stg_fees")
        pipeline.run()

        assert len(first.statements) == 1 + 1 + 4  # what they share, one DELETE, then 12,785 days in four INSERTs
        assert pipeline.tables() == pipeline.expected()


@pytest.mark.parametrize("table", ["raw.fees", "staging.stg_fees"])
def test_rows_lie_in_the_order_of_their_dates_so_that_a_window_reads_only_its_blocks(tmp_path, table):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(fees=HARD)
        days = pipeline.engine.native.execute(f"SELECT fee_date FROM {table} WHERE fee_date IS NOT NULL").fetchall()

        assert days == sorted(days)
        assert len(set(days)) > 1


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


@pytest.fixture
def published(shell):
    put("a.csv", fee(1), *(fee(number, day="2025-06-30") for number in range(2, 9)))
    assert shell("run", "--source", "lake")[0] == 0
    return shell


def test_late_fees_stop_a_target_that_wants_to_be_asked(published, monkeypatch):
    monkeypatch.setenv("FEES_ETL_LATE_POLICY", "fail")
    put("late.csv", fee(1, "500", "2025-01-07"))
    code, _, err = published("run", "--source", "lake")

    assert code == 4
    assert "1 late row, 500.00, 2025-01-07" in " ".join(err.split())
    assert published.ask("SELECT COUNT(*) FROM staging.stg_fees") == [(8,)]
    monkeypatch.setenv("FEES_ETL_LATE_POLICY", "restate")
    assert published("run", "--source", "lake")[0] == 0
    assert published.ask("SELECT COUNT(*) FROM staging.stg_fees") == [(9,)]


def test_rows_on_time_do_not_stop_it(published, monkeypatch):
    monkeypatch.setenv("FEES_ETL_LATE_POLICY", "fail")
    put("new.csv", fee(1, "500", "2025-07-01"))

    assert published("run", "--source", "lake")[0] == 0
