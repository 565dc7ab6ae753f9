"""A column changes through its edges only, and each edge can be shown to matter: by changing cells at random."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest
from shapes import NO_SUMS, SCHEMA, SUMS, T, U, answer, fill

from fees_etl import load, query
from fees_etl.errors import ProjectError

MORE = {
    "ordered and cut": "SELECT id, x AS n FROM s.t ORDER BY y, id LIMIT 2",
    "ordered": "SELECT id, x AS n FROM s.t ORDER BY y",
    "exists": "SELECT id, x AS n FROM s.t AS t WHERE EXISTS (SELECT 1 FROM s.u AS u WHERE u.grp = t.grp AND u.factor > 0)",
    "value of a query": "SELECT id, (SELECT MAX(factor) FROM s.u) AS n FROM s.t",
    "correlated": "SELECT id, (SELECT MAX(u.factor) FROM s.u AS u WHERE u.grp = t.grp) AS n FROM s.t AS t",
    "joined texts": "SELECT grp AS id, STRING_AGG(CAST(x AS STRING), ',' ORDER BY y, id) AS n FROM s.t GROUP BY grp",
    "without": "SELECT id, x AS n FROM s.t EXCEPT DISTINCT SELECT id, factor FROM s.u",
    "united": "SELECT grp AS id, x AS n FROM s.t UNION DISTINCT SELECT grp, factor FROM s.u",
    "the row before": "SELECT id, LAG(x) OVER (PARTITION BY grp ORDER BY day, id) AS n FROM s.t",
    "flags": "SELECT grp AS id, LOGICAL_AND(x > 0) AS n, COUNTIF(y > 0) AS m FROM s.t GROUP BY grp",
    "nested names": "WITH a AS (SELECT id AS x, x AS id FROM s.t) SELECT x AS id, id AS n FROM a WHERE id > 0",
    "shadowed": "WITH t AS (SELECT id, y AS x FROM s.t) SELECT id, x AS n FROM t",
}
QUERIES = {**SUMS, **NO_SUMS, **MORE}
ENOUGH = 6
"""Random worlds, at least; more until each edge was seen to matter."""
DAYS = [date(2024, 12, 31), date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3)]
DRAWN = {
    "grp": lambda chance: chance.choice(["a", "b", "c", None]),
    "day": lambda chance: chance.choice(DAYS),
    "id": lambda chance: chance.randrange(12),
}


def drawn(chance, column):
    money = [None, *map(Decimal, ("-2", "-1", "0", "0.04", "1", "1.5", "2.25"))]
    return DRAWN[column](chance) if column in DRAWN else chance.choice(money)


def columns(sql):
    """Each column of the answer as its values in order."""
    names = [one.name for one in query.columns(query.parse(sql, "n.sql"), SCHEMA)]
    return dict(
        zip(
            names,
            map(sorted, zip(*[[(cell is not None, cell) for cell in row] for row in answer(sql)], strict=True)),
            strict=False,
        )
    )


@pytest.mark.parametrize("name", QUERIES)
def test_a_column_changes_through_its_edges_only(name):
    sql, chance = QUERIES[name], random.Random(name)
    edges = {
        column: {(edge.table, edge.column) for edge in found}
        for column, found in query.lineage(query.parse(sql, "n.sql"), SCHEMA).items()
    }
    moved = defaultdict(set)
    for turn in range(60):
        if turn >= ENOUGH and moved["n"] >= edges["n"]:
            break
        world = {
            table: [[number, *(drawn(chance, column) for column in list(SCHEMA[table])[1:])] for number in range(count)]
            for table, count in ((T, 7), (U, 4))
        }
        fill(world[T], world[U])
        before = columns(sql)
        for table, column in [(of, name) for of in (T, U) for name in SCHEMA[of]]:
            place = list(SCHEMA[table]).index(column)
            other = {**world, table: [[*row[:place], drawn(chance, column), *row[place + 1 :]] for row in world[table]]}
            fill(other[T], other[U])
            after = columns(sql)
            for one in edges:
                if before.get(one) != after.get(one):
                    moved[one].add((table, column))
    for one, found in edges.items():
        assert moved[one] <= found, f"{one} changed without an edge"
    assert not edges["n"] - moved["n"], "n has edges that never mattered"


def test_what_cannot_be_told_is_refused():
    with pytest.raises(ProjectError, match=r"n.sql:1: what a column of this is made of cannot be told"):
        query.lineage(query.parse("SELECT * FROM s.t PIVOT (SUM(x) FOR grp IN ('a', 'b'))", "n.sql"), SCHEMA)


def test_the_lineage_of_all_models_and_assertions_takes_no_longer_than_three_parses():
    project = load()
    schema = {table: made.types for table, made in project.contracts.items()}
    texts = [model.sql for model in project.models.values()] + [one.sql for one in project.assertions]
    began = time.process_time()
    parsed = [query.parse(text, "n.sql") for text in texts * 5]
    parse = time.process_time() - began
    began = time.process_time()
    found = [query.lineage(one, schema) for one in parsed]
    assert time.process_time() - began < 3 * parse
    assert all(found)


@pytest.mark.parametrize("written", ["s.f", "t.s.f", "t.s", "s", "t.s.f.g"])
def test_a_field_of_a_struct_is_of_its_column(written):
    schema = {T: {"id": "INT64", "s": "STRUCT<f STRUCT<g STRING>>"}}
    found = query.lineage(query.parse(f"SELECT t.id, {written} AS n FROM s.t AS t", "n.sql"), schema)
    assert {(edge.table, edge.column) for edge in found["n"]} == {(T, "s")}
