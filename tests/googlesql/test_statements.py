"""Every statement that the engines are sent, in every kind of run, passes Google's analyzer and our own rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from googlesql.rules import house_rules
from pipeline import LENIENT, Pipeline

from fees_etl.plans import Ask, Step
from fees_etl.runs import ledger
from fees_etl.runs.backfill import backfill
from fees_etl.runs.plan import render
from fees_etl.script import Stop, Write


def fee(client, day, amount, nino="QQ000001A"):
    return (client, nino, "x", day, Decimal(amount))


class Recorder:
    """An engine that remembers the GoogleSQL it was sent."""

    def __init__(self, engine):
        self.engine, self.sent = engine, {}

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def query(self, sql):
        self.sent[sql] = None
        return self.engine.query(sql)

    def answers(self, asks, watch=None):
        return self.engine.answers(map(self.noted, asks), watch)

    def transact(self, script, watch=None):
        return self.engine.transact(replace(script, parts=map(self.noted, script.parts)), watch)

    def noted(self, part):
        match part:
            case Write(sql) | Ask(_, sql) | Stop(_, sql):
                self.sent[sql] = None
            case Step():
                self.sent |= dict.fromkeys((*part.statements, *part.books))
        return part


@pytest.fixture(scope="module")
def everything_sent(tmp_path_factory):
    """What a warehouse is sent in a life of arrivals, corrections, withdrawals, runs, failures and looks."""
    january, march = date(2025, 1, 31), date(2025, 3, 31)
    with Pipeline(tmp_path_factory.mktemp("files"), **LENIENT) as pipeline:
        pipeline.engine = recorder = Recorder(pipeline.engine)
        pipeline.run()
        pipeline.all(a=[fee("ann", january, 1), fee("ann", january, 1)], b=[fee("bob", march, 2)])
        pipeline.all(a=[fee("ann", january, 3)], b=None, c="no header\n", **{"it's": [fee("cat", march, 2)]})
        pipeline.put(c=None)
        pipeline.ingest(allow_withdraw=True)
        pipeline.run(full_refresh=True)
        pipeline.run(start=january, end=march)
        pipeline.run(rehearse=True)
        assert pipeline.all(d=[fee("ann", march, 9, "QQ000009A")]).status == "rejected"
        pipeline.check()
        ledger.history(pipeline.project, recorder)
        ledger.history(pipeline.project, recorder, run_id="it's")
        pipeline.put(d=None)
        pipeline.ingest(allow_withdraw=True)
        backfill(pipeline.project, recorder, january, march, chunk="month")
        ledger.chunks(pipeline.project, recorder, "backfill --start 2025-01-01 --end 2025-01-31")
        sent = list(recorder.sent)
        sent += [render(pipeline.project, name) for name in [model.name for model in pipeline.project.models.values()]]
        sent += [assertion.sql for assertion in pipeline.project.assertions]
        yield pipeline.project, sent


def test_every_statement_passes_googles_analyzer(reference, everything_sent):
    project, sent = everything_sent
    tables = {str(table): contract.types for table, contract in project.contracts.items()}
    assert len(sent) > 60

    wrong = []
    for sql in sent:
        try:
            reference.analyze(sql, tables)
        except Exception as error:  # noqa: BLE001 - all of them in one report
            wrong.append(f"{error}\n{sql}")
    assert wrong == []


def test_every_statement_keeps_our_own_rules(everything_sent):
    assert [(rule, sql) for sql in everything_sent[1] for rule in house_rules(sql)] == []


def test_no_statement_computes_in_floating_point(reference, everything_sent):
    project, sent = everything_sent
    tables = {str(table): contract.types for table, contract in project.contracts.items()}

    assert [sql for sql in sent if reference.types(sql, tables) & {"FLOAT64", "FLOAT", "DOUBLE"}] == []


def test_each_contract_is_what_google_says_the_query_yields(reference, everything_sent):
    project, _ = everything_sent
    tables = {str(table): contract.types for table, contract in project.contracts.items()}

    for model in project.models.values():
        assert reference.analyze(model.sql, tables) == tuple(model.contract.types.items())


@pytest.mark.parametrize("waived", [(), (("ann",), ("it's",))])
def test_the_verdict_with_waivers_passes_too(reference, everything_sent, waived):
    project, _ = everything_sent
    tables = {str(table): contract.types for table, contract in project.contracts.items()}
    for assertion in project.assertions:
        keys = [(key * len(assertion.key)) for key in waived]
        sql = project.templates.render(
            "operations/verdict.sql", query=assertion.sql, key=assertion.key, order=assertion.key, waived=keys, shown=20
        )
        reference.analyze(sql, tables)
