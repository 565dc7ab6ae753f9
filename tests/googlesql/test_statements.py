"""What stands by itself passes Google's analyzer and our own rules: models and assertions as rendered, and every look."""

from __future__ import annotations

import pytest
from googlesql.rules import house_rules
from pipeline import project

from fees_etl import query
from fees_etl.explain.levels import keys
from fees_etl.privacy import IN_AN_ID
from fees_etl.runs.plan import render

FLOATS = {"FLOAT64", "FLOAT", "DOUBLE"}


@pytest.fixture(scope="module")
def looks(written):
    """Each query that is none of a script, in datasets with the suffix of a target."""
    names = [one.name for one in (*project().models.values(), *project().assertions)]
    rendered = [query.with_suffix(render(project(), name), "_ci") for name in names]
    return tuple(dict.fromkeys([*rendered, *written.queries, *written.questions]))


def test_every_query_passes_googles_analyzer_and_computes_nothing_in_floating_point(reference, written, looks):
    assert len(looks) > 20

    assert [sql for sql in looks if reference.types(sql, written.tables) & FLOATS] == []


def test_every_query_keeps_our_own_rules(looks):
    assert [(rule, sql) for sql in looks for rule in house_rules(sql)] == []


def test_each_contract_is_what_google_says_the_query_yields(reference):
    tables = {str(table): contract.types for table, contract in project().contracts.items()}

    for model in project().models.values():
        assert reference.analyze(model.sql, tables) == tuple(model.contract.types.items())


@pytest.mark.parametrize("waived", [(), (("ann",), ("it's",))])
def test_the_verdict_with_waivers_passes_too(reference, waived):
    tables = {str(table): contract.types for table, contract in project().contracts.items()}
    for assertion in project().assertions:
        keys = [(key * len(assertion.key)) for key in waived]
        for standing in ([1] if waived else [], []):
            sql = project().templates.render(
                "operations/verdict.sql",
                query=assertion.sql, key=assertion.key, order=assertion.key, waived=keys, standing=standing, shown=20,
                tagged={"client_nino"}, nino=IN_AN_ID,
            )  # fmt: skip
            reference.analyze(sql, tables)


def test_the_ways_of_every_column_and_its_operands_pass_too(reference):
    tables = {str(table): contract.types for table, contract in project().contracts.items()}
    schema = {table: contract.types for table, contract in project().contracts.items()}
    sums = 0
    for model in project().models.values():
        parsed = query.parse(model.sql, model.path)
        asked = (parsed, schema, keys(project()), model.contract.key)
        for column in model.contract.types:
            try:
                texts = [way.sql for way in query.ways(*asked, column)]
                sums += 1
            except query.NotAdditive:
                texts = [query.operands(*asked, column)]
            assert [sql for sql in texts if reference.types(sql, tables) & FLOATS] == []
    assert sums >= 12
    line = {"uri": "it's", "version": "1", "row": 7}
    for name in ("fate", "rejected_line", "file_versions"):
        reference.analyze(project().templates.render(f"operations/{name}.sql", limit=5, **line), tables)
