"""Models by rows: each folder ``<model>/<rule of SPEC 3>_<case>`` holds tables that a model reads, and what it makes of them.

An input that is left out is empty, a column that is left out is NULL there and not compared in expect.csv; a blank cell
is NULL. The order of rows does not matter.
"""

from __future__ import annotations

import csv
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from pipeline import MODELS as BUNDLED
from pipeline import project

from fees_etl import Table, connect
from fees_etl.runs.plan import render

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/expect.csv"))
MODELS = {model.name: model for model in project().models.values()}


@pytest.fixture(scope="module")
def engine():
    with closing(connect("duckdb://")) as opened:
        opened.prepare(project().contracts)
        yield opened


def fill(engine, table, path):
    """The rows of a CSV file into a table, typed by its columns."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    values = [[cell or None for cell in row] for row in rows]
    engine.native.executemany(f"INSERT INTO {table} ({', '.join(header)}) VALUES ({', '.join('?' * len(header))})", values)  # fmt: skip
    return header


def rows(engine, sql):
    return Counter(engine.query(sql).rows)


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_model_makes_these_rows_of_those(engine, case):
    model = MODELS[case.parent.name]
    with engine.rehearsal():
        for path in case.glob("*.*.csv"):
            assert Table.parse(path.stem) in model.reads
            fill(engine, path.stem, path)
        engine.native.execute(f"CREATE TABLE expected AS FROM {model.table} LIMIT 0")
        columns = ", ".join(fill(engine, "expected", case / "expect.csv"))
        expected = Counter(engine.native.execute(f"SELECT {columns} FROM expected").fetchall())

        assert rows(engine, f"SELECT {columns} FROM ({render(project(), model.name)}) AS made") == expected


def test_every_bundled_model_and_every_rule_has_a_case():
    assert {path.parent.name for path in CASES} >= {name.partition(".")[2] for name in BUNDLED}
    assert {int(path.name.partition("_")[0]) for path in CASES} == set(range(1, 10))


def test_no_nino_is_in_reporting():
    """Rule 10; which columns hold one is told by tags, and a tagged one that leaves staging stops ``load``."""
    tagged = {str(table) for table, one in project().contracts.items() if any(c.policy_tag for c in one.columns)}
    assert {name.partition(".")[0] for name in tagged} == {"raw", "staging"}
