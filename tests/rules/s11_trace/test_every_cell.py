"""SPEC 11: every cell of every table, in bulk: sums close to the penny, all others are worked out from their operands."""

from __future__ import annotations

from contextlib import contextmanager

import places
import pytest
from cells import WORKED_OUT, wrong
from pipeline import LENIENT, Pipeline
from worlds import HARD

from fees_etl.explain import levels
from fees_etl.ingestion.source import SAMPLE
from fees_etl.types import Table

WORLDS = {"hard": HARD, "sample": SAMPLE, "real": places.REAL}


@pytest.fixture(params=WORLDS)
def known(request, tmp_path):
    """Each of the worlds, published."""
    if WORLDS[request.param] is None:
        pytest.skip("the real file is not here")
    with filled(tmp_path, WORLDS[request.param]) as pipeline:
        yield pipeline


@contextmanager
def filled(folder, world):
    with Pipeline(folder, **LENIENT) as pipeline:
        if isinstance(world, list):
            pipeline.put(fees=world)
        pipeline.ingest(folder if isinstance(world, list) else world)
        assert pipeline.run().status == "published"
        yield pipeline


@pytest.mark.slow
def test_every_cell_of_every_table(known):
    cells, seen = wrong(known)
    assert cells == set()
    count = {one.name: known.value(f"SELECT COUNT(*) FROM {one.table}") for one in known.project.models.values()}
    sums = {"stg_fees": 1, "dim_clients": 0, "rpt_client_ltv": 4, "rpt_cohort_ltv": 3, "rpt_adviser_ltv": 4}
    assert seen == {
        "sums": sum(count[table] * many for table, many in sums.items()),
        "others": sum(count[table] * len(many) for table, many in WORKED_OUT.items()),
    }


@pytest.mark.slow
def test_all_advisers_go_down_to_the_lines_of_files(known):
    model = known.project.models[Table("reporting", "rpt_adviser_ltv")]
    rows = known.engine.query(f"SELECT adviser_id, total_client_ltv_all_time FROM {model.table}").rows
    parts = [levels.Part((), row[:1], row[1]) for row in rows]
    (end,) = levels.Descent(known.project, known.engine).go(model, "total_client_ltv_all_time", parts)
    lines = known.engine.query("SELECT _source_file, _source_version, _source_row, fee_amount FROM raw.fees").rows
    published = known.value("SELECT COUNT(*) FROM staging.stg_fees")
    worth = {row[:3]: row[3] for row in lines}
    assert all(worth[part.key] == part.pounds for part in end.parts)
    assert len({part.key for part in end.parts}) == len(end.parts) == published


CHANGES = {
    "STRING": "'?'",
    "DATE": "DATE '1999-01-01'",
    "BOOL": "NOT {0}",
    "NUMERIC": "{0} + 0.000000001",
    "INT64": "{0} + 1",
}


@pytest.mark.slow
def test_a_cell_that_was_written_to_by_hand_is_seen(tmp_path):
    """Each column of each table in turn: this file's own check can fail."""
    with filled(tmp_path, HARD[:9]) as pipeline:
        for model in pipeline.project.models.values():
            table, kinds = model.table, model.contract.types
            for column in (one.name for one in model.contract.columns if not one.policy_tag):
                pipeline.tamper(f"CREATE OR REPLACE TEMP TABLE kept AS FROM {table}")
                value = CHANGES[kinds[column]].format(column)
                pipeline.tamper(f"UPDATE {table} SET {column} = {value} WHERE rowid = (SELECT MIN(rowid) FROM {table})")
                assert wrong(pipeline, {(model.name, column)})[0] == {(model.name, column)}
                pipeline.tamper(f"DELETE FROM {table}; INSERT INTO {table} FROM kept")
        assert wrong(pipeline)[0] == set()
