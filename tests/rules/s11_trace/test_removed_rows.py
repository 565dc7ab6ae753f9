"""SPEC 11: the published sums that `trace FILE:ROW` names are exactly those that change when the row is removed."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import oracle
import pytest
from pipeline import LENIENT, MODELS, Pipeline
from tiers import NIGHT
from worlds import charge

from fees_etl.explain.fate import fate
from fees_etl.types import Table

TRIED = 1000 if NIGHT else 12
CLIENTS, ADVISERS = 150, 7


def world(chance):
    """Rows of clients with a few fees each: refunds, ends of months, some twice, some blank."""
    rows = []
    for _ in range(1300):
        client = chance.randrange(CLIENTS)
        day = date(2024, 1, 1) + timedelta(days=chance.choice([0, 30, 59, 60, 90, 181, 365]) + client % 28)
        amount = Decimal(chance.choice([-1, 1, 1, 1]) * chance.randrange(1, 99_999)).scaleb(-chance.choice([2, 2, 9]))
        row = charge(f"c{client}", f"a{chance.randrange(ADVISERS)}", day, amount)
        rows.append(row if chance.random() > 0.02 else (*row[:3], None, amount))
        rows += [row] if chance.random() < 0.03 else []
    return rows


def sums(tables, types):
    """By table, key and column: the sums of pounds."""
    found = {}
    for name in MODELS[2:]:
        columns = types[name]
        places = [at for at, column in enumerate(columns) if column.startswith(("ltv_", "total_"))]
        found |= {(name, row[0], columns[at]): row[at] for row in tables[name] for at in places}
    return found


@pytest.mark.slow
def test_the_sums_named_for_a_line_are_those_that_change_without_it(tmp_path):
    chance = random.Random(11)
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(fees=world(chance))
        types = {name: [*pipeline.project.contracts[Table.parse(name)].types] for name in MODELS}
        raw, tables = pipeline.raw(), pipeline.tables()
        before, ends = sums(tables, types), Counter()
        for removed in chance.sample(raw, TRIED):
            said = fate(pipeline.project, pipeline.engine, "fees.csv", removed.source_row)
            named = {(one.table, *one.key.values(), one.column): one.pounds for one in said.numbers}
            without = {
                name: [tuple(row) for row in rows]
                for name, rows in oracle.tables([one for one in raw if one != removed]).items()
            }
            after = sums(without, types)
            changed = {
                place: before[place] - after[place]
                for place in before.keys() & after.keys()
                if before[place] != after[place]
            }
            if sorted(without[MODELS[0]]) == sorted(tables[MODELS[0]]):
                twins = [
                    one
                    for one in raw
                    if (one.client_id, one.adviser_id, one.fee_date, one.fee_amount)
                    == (removed.client_id, removed.adviser_id, removed.fee_date, removed.fee_amount)
                ]
                ends["again" if said.fate == "staged" else said.fate] += 1
                assert changed == {}
                assert named == {} or (said.fate == "staged" and len(twins) > 1)
            elif sorted(without[MODELS[1]]) == sorted(tables[MODELS[1]]):
                ends["exact"] += 1
                assert named == changed
            else:  # the first fee of its client: without it windows, cohort and adviser are others
                ends["first"] += 1
                own = {
                    place: pounds for place, pounds in named.items() if place[1] == oracle.clean_id(removed.client_id)
                }
                assert all(pounds == removed.fee_amount for pounds in own.values())
                assert own
    assert ends["exact"] > TRIED / 2, ends
