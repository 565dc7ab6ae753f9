"""Staging is what a full refresh of raw would give, whatever arrived in whatever order: on generated worlds, by an oracle."""

from __future__ import annotations

import re
import tempfile
from datetime import date
from pathlib import Path

import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st
from pipeline import LENIENT, MODELS, NOW, Pipeline
from shells import fee, put, waive
from tiers import worlds_of
from worlds import HARD

from fees_etl import forget

JANUARY = date(2025, 1, 31)


@worlds_of(4)
@given(worlds.files())
def test_every_table_equals_the_oracle(world):
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder), **LENIENT) as pipeline:
        result = pipeline.all(**{name.removesuffix(".csv"): rows for name, rows in world.items()})

        assert result.status == "published"
        assert pipeline.tables() == pipeline.expected()


@worlds_of(4)
@given(st.lists(worlds.files(names=("a.csv", "b.csv"), max_size=6), min_size=2, max_size=4), st.data())
def test_any_order_of_arrivals_corrections_and_withdrawals_ends_as_one_full_refresh(versions, data):
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder), **LENIENT) as pipeline:
        for world in versions:
            present = {name.removesuffix(".csv"): rows for name, rows in world.items()}
            if data.draw(st.booleans(), label="withdraw b") and (Path(folder) / "b.csv").exists():
                present["b"] = None
            pipeline.put(**{name: rows for name, rows in present.items() if rows is not None or name == "b"})
            pipeline.ingest(allow_withdraw=True)
            if data.draw(st.booleans(), label="run"):
                assert pipeline.run().status == "published"
            if data.draw(st.booleans(), label="backfill a part"):
                start, end = sorted(data.draw(st.tuples(worlds.fee_dates(), worlds.fee_dates()), label="range"))
                pipeline.run(start=start, end=end)
            if data.draw(st.booleans(), label="rehearse"):
                pipeline.run(rehearse=True)
        assert pipeline.run().status == "published"
        incremental = {name: pipeline.rows(name) for name in MODELS}
        assert all(found.passed for found in pipeline.check().values())
        assert pipeline.run(full_refresh=True).status == "published"

        assert incremental == {name: pipeline.rows(name) for name in MODELS}
        assert pipeline.tables() == pipeline.expected()


PLACES = ("lake", "copy", "copy/deep")


@worlds_of(4)
@given(st.lists(st.tuples(st.sampled_from(PLACES), worlds.files(names=("a.csv", "b.csv"), max_size=5)), min_size=2, max_size=5), st.data())  # fmt: skip
def test_places_that_come_and_are_forgotten_in_any_order_end_as_one_full_refresh(arrivals, data):
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder), **LENIENT) as pipeline:
        held = {}
        for place, world in arrivals:
            (Path(folder) / place).mkdir(parents=True, exist_ok=True)
            pipeline.put(**{f"{place}/{name.removesuffix('.csv')}": rows for name, rows in world.items()})
            pipeline.ingest(Path(folder) / place, allow_withdraw=True)
            held |= {f"{place}/{name}": len(rows) for name, rows in world.items()}
            if data.draw(st.booleans(), label="run"):
                assert pipeline.run().status == "published"
            gone = data.draw(
                st.sampled_from((None, "copy", "copy/a.csv", "*/b.csv", "copy/deep/", "lake")), label="forget"
            )
            meant = {name for name in held if gone and re.match(gone.replace("*", "[^/]*"), name)}
            if meant:
                found = forget(pipeline.project, pipeline.engine, f"{folder}/{gone}", now=NOW, allow_withdraw=True)
                assert {file.uri.partition(f"{folder}/")[2] for file in found.files} == meant
                held = {name: rows for name, rows in held.items() if name not in meant}
            assert pipeline.value("SELECT COUNT(*) FROM raw.fees") == sum(held.values())
        assert pipeline.run().status == "published"
        incremental = {name: pipeline.rows(name) for name in MODELS}
        assert all(found.passed for found in pipeline.check().values())
        assert pipeline.run(full_refresh=True).status == "published"

        assert incremental == {name: pipeline.rows(name) for name in MODELS}
        assert pipeline.tables() == pipeline.expected()


@pytest.mark.parametrize(
    "again",
    [{}, {"full_refresh": True}, {"select": ["stg_fees+"]}, {"select": ["rpt_*"]}, {"start": JANUARY, "end": JANUARY}],
)
def test_a_second_run_of_any_kind_leaves_every_table_identical(tmp_path, again):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(fees=HARD)
        before = {name: pipeline.rows(name) for name in MODELS}
        pipeline.ingest()
        result = pipeline.run(**again)

        assert result.status == "published"
        assert result.changes == ()
        assert before == {name: pipeline.rows(name) for name in MODELS}


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


def test_a_full_refresh_of_what_has_just_arrived_is_published(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(a=[worlds.charge("ann", "x", JANUARY, 1)])
        pipeline.put(b=[worlds.charge("bob", "x", JANUARY, 2)])
        pipeline.ingest()

        assert pipeline.run(full_refresh=True).status == "published"


def test_what_dates_that_did_not_change_leave_out_is_left_out_of_the_new_version(tmp_path):
    twice = [worlds.charge("ann", "x", JANUARY, 1)] * 2
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(a=twice)
        pipeline.all(a=[*twice, worlds.charge("ann", "x", date(2025, 8, 1), 3)])

        assert pipeline.check()["matches_left_out"].passed
