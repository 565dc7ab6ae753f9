"""Every cell of every table against what trace says it is made of, in bulk: a query a column, not one a cell.

    cells, seen = wrong(pipeline)

Sums must close to the last digit; what is no sum is worked out here once more, in plain Python, from its operands.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from hashlib import md5

import oracle

from fees_etl import query
from fees_etl.explain import levels, trace

__all__ = ["WORKED_OUT", "wrong"]


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
