"""Every version of a published row is kept with the run that published it; what any run left can be read again."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date
from pathlib import Path

import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st
from pipeline import LENIENT, Pipeline
from tiers import worlds_of
from worlds import HARD, charge

from fees_etl import UsageError, load, plan, run
from fees_etl.explain import diff, history

BUNDLED = Path(__file__).parents[3] / "sql"


def reporting(pipeline):
    """Every published table, as it is now."""
    return {str(made.table): set(rows_of(pipeline, made)) for made in diff.published(pipeline.project)}


def rows_of(pipeline, made):
    return pipeline.engine.query(f"SELECT {', '.join(made.types)} FROM {made.table}").rows


def as_of(pipeline, moment):
    """The same as that run left it, and no row twice."""
    found = {}
    for made in diff.published(pipeline.project):
        rows = pipeline.engine.query(history.as_of(pipeline.project, made.table, moment)).rows
        assert len(rows) == len(set(rows))
        found[str(made.table)] = set(rows)
    return found


def differing(before, after, key):
    """What two versions of a table differ in, by Python: added, removed, changed rows."""
    was, now = ({row[:key]: row for row in rows} for rows in (before, after))
    changed = [one for one in was.keys() & now.keys() if was[one] != now[one]]
    return len(now.keys() - was.keys()), len(was.keys() - now.keys()), len(changed)


@worlds_of(4)
@given(st.lists(worlds.files(names=("a.csv", "b.csv"), max_size=6), min_size=2, max_size=5), st.data())
def test_what_any_run_left_can_be_read_again_and_two_of_them_compared(versions, data):
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder), **LENIENT) as pipeline:
        left = {}
        for world in versions:
            pipeline.put(**{name.removesuffix(".csv"): rows for name, rows in world.items()})
            pipeline.ingest(allow_withdraw=True)
            if data.draw(st.booleans(), label="rehearse"):
                pipeline.run(rehearse=True)
            run_id = pipeline.run().run_id
            left[run_id] = reporting(pipeline)
        moments = history.moments(pipeline.project, pipeline.engine)
        assert [one.run_id for one in moments] == list(left)
        for one in moments:
            assert as_of(pipeline, one) == left[one.run_id]
        first, last = moments[0], moments[-1]
        for found in diff.between(pipeline.project, pipeline.engine, first, last):
            before, after = left[first.run_id][found.table], left[last.run_id][found.table]
            assert (found.added, found.removed, found.changed) == differing(before, after, len(found.key))


def test_a_run_that_changes_nothing_keeps_nothing(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(fees=HARD)
        before = {made.table: pipeline.rows(made.history.table) for made in diff.published(pipeline.project)}
        assert not any(found.rows for found in pipeline.run(full_refresh=True).tables)
        assert before == {made.table: pipeline.rows(made.history.table) for made in diff.published(pipeline.project)}


def test_what_is_rejected_or_rehearsed_is_not_history(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(fees=HARD)
        before = pipeline.rows("history.dim_clients")
        pipeline.put(more=[charge("month-end", "x", date(2025, 1, 31), "2", nino="QQ999999A")])
        pipeline.ingest()
        assert pipeline.run(rehearse=True).status == "rejected"
        assert pipeline.run().status == "rejected"
        assert pipeline.rows("history.dim_clients") == before
        assert len(history.moments(pipeline.project, pipeline.engine)) == 1


def test_one_edited_line_moves_clients_and_a_rehearsal_says_so_before_anything_is_published(tmp_path):
    shutil.copytree(BUNDLED, tmp_path / "sql")
    lake = tmp_path / "lake"
    lake.mkdir()
    with Pipeline(lake, **LENIENT) as pipeline:
        pipeline.put(fees=[charge("ann", "first", date(2025, 1, 1), "5"), charge("ann", "last", date(2025, 2, 1), "7")])
        pipeline.ingest()
        pipeline.run()
        model = tmp_path / "sql" / "reporting" / "dim_clients.sql"
        model.write_text(model.read_text().replace("fee_date ASC", "fee_date DESC"))
        edited = load(tmp_path, LENIENT)
        rehearsed, published = (
            run(plan(edited, pipeline.engine), pipeline.engine, rehearse=is_rehearsed) for is_rehearsed in (True, False)
        )
        found = {one.table: one for one in rehearsed.tables}
        assert rehearsed.tables == published.tables
        assert found["reporting.dim_clients"].columns == {"first_adviser_id": 1}
        (cells,) = found["reporting.dim_clients"].samples
        assert (cells.key, cells.before, cells.after) == (("ann",), "first", "last")
        assert (found["reporting.rpt_adviser_ltv"].added, found["reporting.rpt_adviser_ltv"].removed) == (1, 1)
        moments = history.moments(edited, pipeline.engine)
        assert diff.between(edited, pipeline.engine, *moments) == published.tables
        back = diff.between(edited, pipeline.engine, *reversed(moments))
        assert [(one.before, one.after) for one in back[0].samples] == [("last", "first")]


def test_a_table_of_the_users_own_is_kept_and_a_column_it_gains_is_too(tmp_path):
    shutil.copytree(BUNDLED, tmp_path / "sql")
    folder = tmp_path / "sql" / "reporting"
    (folder / "rpt_days.sql").write_text("SELECT fee_date, COUNT(*) AS fees FROM staging.stg_fees GROUP BY fee_date\n")
    contract = (
        "description: One row per fee date.\nmaterialized: rebuild\nkey: [fee_date]\ncolumns:\n"
        "  - {name: fee_date, type: DATE, required: true, description: Day.}\n"
        "  - {name: fees, type: INT64, description: How many.}\n"
    )
    (folder / "rpt_days.yml").write_text(contract)
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.project = load(tmp_path, LENIENT)
        pipeline.put(fees=[charge("ann", "x", date(2025, 1, 1), "5")])
        pipeline.ingest()
        pipeline.run()
        (folder / "rpt_days.sql").write_text(
            "SELECT fee_date, COUNT(*) AS fees, SUM(fee_amount) AS pounds FROM staging.stg_fees GROUP BY fee_date\n"
        )
        (folder / "rpt_days.yml").write_text(contract + "  - {name: pounds, type: NUMERIC, description: Their sum.}\n")
        pipeline.project = load(tmp_path, LENIENT)
        result = run(plan(pipeline.project, pipeline.engine), pipeline.engine)
        assert {one.table: one.columns for one in result.tables}["reporting.rpt_days"] == {"pounds": 1}
        first, second = history.moments(pipeline.project, pipeline.engine)
        assert [row[2] for row in as_of(pipeline, first)["reporting.rpt_days"]] == [None]
        assert as_of(pipeline, second) == reporting(pipeline)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("previous", "only 1 runs have published"),
        ("2024-12-31", "nothing was published by 2024-12-31"),
        ("2025-02-30", "no day of the calendar"),
        ("yesterday", "no run 'yesterday' has published"),
    ],
)
def test_a_run_that_is_not_there_is_said_to_be_none(tmp_path, text, sentence):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(fees=HARD)
        known = history.moments(pipeline.project, pipeline.engine)
        assert history.moment(known, "latest") == history.moment(known, str(known[0].at.date())) == known[0]
        with pytest.raises(UsageError, match=sentence):
            history.moment(known, text)
