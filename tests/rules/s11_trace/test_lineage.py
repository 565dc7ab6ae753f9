"""SPEC 11: lineage proven by mutation, on the project's own models and assertions over random rows.

A column changes only when a cell does that it has an edge to; and however NINOs change, no column of reporting does.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache

import duckdb
import pytest
from hypothesis import given
from pipeline import project
from tiers import NIGHT, part, worlds_of
from worlds import COLUMNS, worlds

from fees_etl import query
from fees_etl.explain.lineage import dependences
from fees_etl.types import Table

FEES = Table("raw", "fees")
TURNS = 40 if NIGHT else 1
NAMES = ["a", "b", " a\t", "c", None]
DRAWN = {
    "STRING": lambda chance: chance.choice(NAMES),
    "DATE": lambda chance: date(2024, 12, 30) + timedelta(days=chance.choice([0, 1, 2, 31, 32, 90, 200])),
    "NUMERIC": lambda chance: chance.choice([None, *map(Decimal, ("-2", "0", "1", "1.5", "2.25"))]),
    "INT64": lambda chance: chance.randrange(4),
    "BOOL": lambda chance: chance.random() < 0.5,
    "TIMESTAMP": lambda chance: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=chance.randrange(50)),
}


@cache
def warehouse():
    """Empty tables of every contract."""
    made = duckdb.connect(config={"threads": 1})
    for macro in query.MACROS:
        made.execute(macro)
    kinds = {"STRING": "VARCHAR", "INT64": "BIGINT", "NUMERIC": "DECIMAL(38, 9)", "BOOL": "BOOLEAN", "TIMESTAMP": "TIMESTAMPTZ", "DATETIME": "TIMESTAMP"}  # fmt: skip
    for table, contract in project().contracts.items():
        columns = ", ".join(f'"{name}" {kinds.get(kind, kind)}' for name, kind in contract.types.items())
        made.execute(f"CREATE SCHEMA IF NOT EXISTS {table.dataset}; CREATE TABLE {table} ({columns})")
    return made


@cache
def native(sql):
    return query.to_duckdb(query.parse(sql, "n.sql"), {at: made.types for at, made in project().contracts.items()})


def fill(table, rows):
    warehouse().execute(f"DELETE FROM {table}")
    if rows:
        places = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
        warehouse().execute(f"INSERT INTO {table} VALUES {places}", [cell for row in rows for cell in row])


def columns(sql):
    """Of each column of an answer: how often which cell is in it."""
    found = warehouse().execute(native(sql))
    names = [one[0].lower() for one in found.description]
    rows = found.fetchall()
    return {name: Counter(row[at] for row in rows) for at, name in enumerate(names)}


ASKED = {
    **{str(table): (model.sql, model.reads) for table, model in project().models.items()},
    **{one.name: (one.sql, one.reads) for one in project().assertions if one.path},
}


MADE = {*map(str, project().models)}


def edges(name, kinds=None):
    """Of each column the columns that it depends on at once."""
    found = defaultdict(set)
    for one in dependences(project(), name):
        if one.table == name and (kinds is None or one.edge.kind in kinds):
            found[one.column.lower()].add((one.edge.table, one.edge.column))
    return found


def mutated(name, chance):
    """Columns of the answer that changed, with the column of a table that did, in one random world."""
    sql, reads = ASKED[name]
    kinds = {table: project().contracts[table].types for table in sorted(reads)}
    world = {
        table: [[DRAWN[kind](chance) for kind in types.values()] for _ in range(6)] for table, types in kinds.items()
    }
    for table, rows in world.items():
        fill(table, rows)
    before = columns(sql)
    for table, rows in world.items():
        tried = [*enumerate(kinds[table].items())]
        for place, (column, kind) in tried if name in MADE else part(tried, 4):
            fill(table, [[*row[:place], DRAWN[kind](chance), *row[place + 1 :]] for row in rows])
            after = columns(sql)
            yield from ((one, (table, column)) for one in before if before[one] != after[one])
        fill(table, rows)


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED)
def test_a_column_of_the_project_changes_through_its_edges_only(name):
    """Values must be seen to matter in models; an assertion of the books seldom has a row in a random world."""
    chance, known, moved = random.Random(name), edges(name), defaultdict(set)
    direct = edges(name, query.DIRECT) if name in MADE else {}
    for turn in range(60):
        if turn >= TURNS and all(found <= moved[one] for one, found in direct.items()):
            break
        for one, place in mutated(name, chance):
            moved[one].add(place)
            assert place in known[one], f"{one} changed without an edge"
    assert {one: found - moved[one] for one, found in direct.items() if not found <= moved[one]} == {}


def published(rows):
    """What the models make of rows of raw, column by column."""
    types = [*project().contracts[FEES].types]
    fill(
        FEES,
        [
            [dict(zip(COLUMNS, row, strict=True)).get(name, at if name == "_source_row" else None) for name in types]
            for at, row in enumerate(rows, 1)
        ],
    )
    found = {}
    for table, model in project().models.items():
        names = ", ".join(f'"{name}"' for name in model.contract.types)
        warehouse().execute(f"DELETE FROM {table}; INSERT INTO {table} SELECT {names} FROM ({native(model.sql)})")
        found[table] = {
            one.name: columns(f"SELECT {one.name} FROM {table}")[one.name] for one in model.contract.columns
        }
    return found


@worlds_of(8)
@given(worlds(max_size=9))
def test_whatever_the_ninos_are_no_column_of_reporting_changes(rows):
    others = [
        row if row[1] is None or not row[1].strip() else (row[0], f"ZZ{at:06}D", *row[2:])
        for at, row in enumerate(rows)
    ]
    before, after = published(rows), published(others)
    changed = {
        (str(table), name) for table, made in before.items() for name in made if made[name] != after[table][name]
    }
    assert changed <= {("staging.stg_fees", "client_nino")}
    assert bool(changed) == bool(before[Table("staging", "stg_fees")]["client_nino"])


@worlds_of(8)
@given(worlds(max_size=9))
def test_a_column_changes_with_those_columns_of_the_files_only_that_it_leads_back_to(rows):
    before = published(rows)
    for place, column in enumerate(COLUMNS):
        other = {
            "client_id": "other",
            "adviser_id": "other",
            "fee_date": date(2024, 6, 15),
            "fee_amount": Decimal("77.7"),
        }.get(column)
        after = published([(*row[:place], other, *row[place + 1 :]) for row in rows])
        changed = {
            (str(table), name) for table, made in before.items() for name in made if made[name] != after[table][name]
        }
        assert changed <= led_to(column)


@cache
def led_to(column):
    """The columns of models that lead back to a column of raw.fees."""
    return {
        (str(table), one.name)
        for table, made in ((at, model.contract) for at, model in project().models.items())
        for one in made.columns
        if any(
            step.edge.table == FEES and step.edge.column == column
            for step in dependences(project(), f"{table}.{one.name}")
        )
    }
