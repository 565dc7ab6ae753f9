"""A number is the sum of what its ways lead to, whatever the query does."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import KEYS, NO_SUMS, SCHEMA, SUMS, answer, fill, published

from fees_etl import query
from fees_etl.errors import ProjectError
from fees_etl.project.template import literal

money = st.decimals(-3, 3, places=2) | st.none()
groups = st.sampled_from(["a", "b", "c", None])
days = st.dates(date(2024, 12, 30), date(2025, 1, 3))
t_rows = st.lists(st.tuples(groups, days, money, money), max_size=9)
u_rows = st.lists(st.tuples(groups, money), max_size=4)


def numbered(rows):
    return [(number, *row) for number, row in enumerate(rows)]


@cache
def ways(sql):
    return query.ways(query.parse(sql, "n.sql"), SCHEMA, KEYS, ["id"], "n")


@pytest.mark.parametrize("sql", SUMS.values(), ids=SUMS)
@settings(max_examples=10, deadline=None)
@given(ts=t_rows, us=u_rows)
def test_a_number_is_the_sum_of_what_its_ways_lead_to(sql, ts, us):
    fill(numbered(ts), numbered(us))
    wanted = published(sql)
    found = defaultdict(Decimal)
    for way in ways(sql):
        worth = dict(answer(f"SELECT id, {way.column} FROM {way.table}"))
        for key, of, value, *by in answer(way.sql):
            assert key in wanted
            assert value == worth[of]
            product = worth[of] or Decimal(0)
            for factor in by:
                product *= factor
            found[key] += product
    assert {key: found[key] for key, value in wanted.items() if value is not None} == {
        key: value for key, value in wanted.items() if value is not None
    }


@pytest.mark.parametrize("sql", SUMS.values(), ids=SUMS)
@settings(max_examples=5, deadline=None)
@given(ts=t_rows, us=u_rows, chance=st.randoms())
def test_the_ways_of_some_rows_are_those_of_all_rows(sql, ts, us, chance):
    fill(numbered(ts), numbered(us))
    keys = sorted(key for key in published(sql) if key is not None)
    some = tuple(sorted(chance.sample(keys, min(len(keys), 2))))
    for way, limited in zip(ways(sql), limited_ways(sql, some) if some else (), strict=bool(some)):
        wanted = [row for row in answer(way.sql) if row[0] in some]
        assert Counter(answer(limited.sql)) == Counter(wanted)


@pytest.mark.parametrize(
    ("name", "times"),
    [("grouped", 2), ("by an alias", 2), ("twice grouped", 3), ("copied", 1), ("a CTE with itself", 2)],
)
def test_members_of_other_groups_are_not_looked_at(name, times):
    (first, *_) = limited_ways(SUMS[name], ("a",))
    assert first.sql.count(" IN ('a')") == times


@cache
def limited_ways(sql, some):
    return query.ways(query.parse(sql, "n.sql"), SCHEMA, KEYS, ["id"], "n", only={"id": [literal(one) for one in some]})


@pytest.mark.parametrize("sql", NO_SUMS.values(), ids=NO_SUMS)
@settings(max_examples=10, deadline=None)
@given(ts=t_rows)
def test_what_is_no_sum_is_never_taken_for_one_and_has_operands(sql, ts):
    parsed = query.parse(sql, "n.sql")
    with pytest.raises(query.NotAdditive):
        query.ways(parsed, SCHEMA, KEYS, ["id"], "n")
    fill(numbered(ts))
    assert {row[0] for row in answer(query.operands(parsed, SCHEMA, KEYS, ["id"], "n"))} == set(published(sql))


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT id, x AS n FROM s.t UNION DISTINCT SELECT id, y FROM s.t", "UNION"),
        ("SELECT id, x AS n FROM s.t EXCEPT DISTINCT SELECT id, y FROM s.t", "EXCEPT"),
        ("SELECT grp AS id, SUM(x) AS n FROM s.t GROUP BY ROLLUP (grp)", "grouped in several ways"),
        ("SELECT id, v AS n FROM s.t CROSS JOIN UNNEST([x, y]) AS v", "cannot be traced"),
        (
            "SELECT a.grp AS id, a.n FROM (WITH b AS (SELECT grp, SUM(x) AS n FROM s.t GROUP BY grp) SELECT * FROM b) AS a",
            "WITH within a subquery",
        ),
    ],
)
def test_what_cannot_be_traced_is_refused_by_name(sql, why):
    with pytest.raises(ProjectError, match=f"n.sql:1: .*{why}"):
        query.ways(query.parse(sql, "n.sql"), SCHEMA, KEYS, ["id"], "n")
