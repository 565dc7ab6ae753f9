"""SPEC 11: every cell of every table, in bulk: sums close to the penny, all others are worked out from their operands."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from hashlib import md5

import oracle
import places
import pytest
from pipeline import LENIENT, Pipeline
from worlds import HARD

from fees_etl import query
from fees_etl.explain import levels, trace
from fees_etl.ingestion.source import SAMPLE
from fees_etl.types import Table

WORLDS = {"hard": HARD, "sample": SAMPLE, "real": places.REAL}


@contextmanager
def filled(folder, world):
    with Pipeline(folder, **LENIENT) as pipeline:
        if isinstance(world, list):
            pipeline.put(fees=world)
        pipeline.ingest(folder if isinstance(world, list) else world)
        assert pipeline.run().status == "published"
        yield pipeline


def the(name):
    """All rows that a group has agree on this operand, which is the cell."""
    return lambda rows: rows[0][name] if len({row[name] for row in rows}) == 1 else None


def complete(months, rows):
    (row,) = rows
    return row["last_fee_date"] >= oracle.add_months(row["first_fee_date"], months) - timedelta(days=1)


def fee_id(rows):
    (row,) = rows
    text = f"{len(row['client_id'])}:{row['client_id']}{len(row['adviser_id'])}:{row['adviser_id']}"
    amount = f"{row['fee_amount'].normalize(oracle.EXACT):f}"
    return md5(f"{text}{row['fee_date']}:{amount}".encode()).hexdigest()


def mean(total, count, rows):
    (row,) = rows
    return oracle._pennies(Fraction(row[total]) / row[count])


def every(name, rows):
    return all(row[name] for row in rows)


def rank(own, rows):
    return 1 + sum(row["total_client_ltv_6_month"] > own["total_client_ltv_6_month"] for row in rows)


WORKED_OUT = {
    "stg_fees": {
        "fee_id": fee_id,
        "client_id": lambda rows: oracle.clean_id(the("client_id")(rows)),
        "adviser_id": lambda rows: oracle.clean_id(the("adviser_id")(rows)),
        "fee_date": the("fee_date"),
    },
    "dim_clients": {
        "client_id": the("client_id"),
        "first_fee_date": lambda rows: min(row["fee_date"] for row in rows),
        "first_adviser_id": the("adviser_id"),
        "cohort_month": lambda rows: f"{the('first_fee_date')(rows):%Y-%m}",
    },
    "rpt_client_ltv": {
        "client_id": the("client_id"),
        "first_fee_date": the("first_fee_date"),
        **{f"is_complete_{months}_month": partial(complete, months) for months in (1, 3, 6)},
    },
    "rpt_adviser_ltv": {
        "adviser_id": the("first_adviser_id"),
        "client_count": len,
        "avg_client_ltv_6_month": partial(mean, "total_client_ltv_6_month", "client_count"),
        "rank_by_ltv_6_month": rank,
        "complete_client_count_6_month": lambda rows: sum(row["is_complete_6_month"] for row in rows),
    },
    "rpt_cohort_ltv": {
        "cohort_month": the("cohort_month"),
        "client_count": len,
        **{f"avg_ltv_{n}_month": partial(mean, f"total_ltv_{n}_month", "client_count") for n in (1, 3, 6)},
        "median_ltv_6_month": partial(mean, "middle_sum", "middle_count"),
        **{f"is_complete_{n}_month": partial(every, f"is_complete_{n}_month") for n in (1, 3, 6)},
    },
}


def added_up(pipeline, model, column):
    """By key what a column adds up, each way in one query; None: it is no sum."""
    if model.contract.types[column] not in {"NUMERIC", "INT64"}:
        return None
    try:
        ways = levels.found_ways(pipeline.project, model, column)
    except query.NotAdditive:
        return None
    found, width = defaultdict(Decimal), len(model.contract.key)
    keys = ", ".join(f"way.key_{at}" for at in range(width))
    for way in ways:
        product = " * ".join(["way.of_worth", *(f"way.by_{at}" for at in range(way.factors))])
        sql = f"SELECT {keys}, SUM({product}) AS pounds FROM (\n{way.sql}\n) AS way GROUP BY {keys}"
        for row in pipeline.engine.query(sql).rows:
            found[row[:width]] += row[-1]
    return found


def worked_out(pipeline, model, column, published):
    """By key what a column comes to from its operands, those of all rows in one query."""
    found = pipeline.engine.query(trace.operands(pipeline.project, model, column))
    width, rows = len(model.contract.key), defaultdict(list)
    names = [name.removeprefix("operand_") for name in found.columns[width:]]
    for row in found.rows:
        rows[row[:width]].append(dict(zip(names, row[width:], strict=True)))
    make = WORKED_OUT[model.name][column]
    if make is rank:
        return {key: rank(published[key], group) for key, group in rows.items()}
    return {key: make(group) for key, group in rows.items()}


def wrong(pipeline, names=None):
    """The cells that are not what they are made of, and how many of each kind were looked at."""
    seen, cells = defaultdict(int), set()
    for model in pipeline.project.models.values():
        made = model.contract
        rows = pipeline.engine.query(f"SELECT {', '.join(made.types)} FROM {made.table}").records
        published = {tuple(row[name] for name in made.key): row for row in rows}
        for column in (one.name for one in made.columns if not one.policy_tag):
            if names is not None and (model.name, column) not in names:
                continue
            found = added_up(pipeline, model, column)
            seen["sums" if found is not None else "others"] += len(published)
            found = worked_out(pipeline, model, column, published) if found is None else found
            cells |= {(model.name, column) for key, row in published.items() if found.get(key) != row[column]}
            cells |= {(model.name, column)} if found.keys() - published.keys() else set()
    return cells, dict(seen)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_every_cell_of_every_table(tmp_path, name):
    if WORLDS[name] is None:
        pytest.skip("the real file is not here")
    with filled(tmp_path, WORLDS[name]) as pipeline:
        cells, seen = wrong(pipeline)
        assert cells == set()
        count = {
            one.name: pipeline.value(f"SELECT COUNT(*) FROM {one.table}") for one in pipeline.project.models.values()
        }
    sums = {"stg_fees": 1, "dim_clients": 0, "rpt_client_ltv": 4, "rpt_cohort_ltv": 3, "rpt_adviser_ltv": 4}
    assert seen == {
        "sums": sum(count[table] * many for table, many in sums.items()),
        "others": sum(count[table] * len(many) for table, many in WORKED_OUT.items()),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_all_advisers_go_down_to_the_lines_of_files(tmp_path, name):
    if WORLDS[name] is None:
        pytest.skip("the real file is not here")
    with filled(tmp_path, WORLDS[name]) as pipeline:
        model = pipeline.project.models[Table("reporting", "rpt_adviser_ltv")]
        rows = pipeline.engine.query(f"SELECT adviser_id, total_client_ltv_all_time FROM {model.table}").rows
        parts = [levels.Part((), row[:1], row[1]) for row in rows]
        descent = levels.Descent(pipeline.project, pipeline.engine)
        (end,) = descent.go(model, "total_client_ltv_all_time", parts)
        lines = pipeline.engine.query(
            "SELECT _source_file, _source_version, _source_row, fee_amount FROM raw.fees"
        ).rows
        published = pipeline.value("SELECT COUNT(*) FROM staging.stg_fees")
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
