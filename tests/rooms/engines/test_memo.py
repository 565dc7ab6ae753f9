"""The tests' memory of translations gives what translating gives."""

from __future__ import annotations

import memo
import pytest
from pipeline import LENIENT, Pipeline

from fees_etl.engines import duckdb as engine

A = "client_id,client_nino,adviser_id,fee_date,fee_amount\nc,QQ123456A,a,2025-01-31,1\n"


def test_a_statement_translated_before_is_the_statement_translated_now(tmp_path, monkeypatch):
    compared = []

    def both(sql, known):
        remembered, made = memo.to_native(sql, known), memo.direct(sql, known)
        compared.append(remembered == made)
        return made

    monkeypatch.setattr(engine, "to_native", both)
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(a=A)
        pipeline.all(a=A.replace("-31,1", "-30,2"))
        pipeline.run(full_refresh=True)
        pipeline.check()

    assert len(compared) > 150
    assert all(compared)


@pytest.mark.parametrize("variables", [None, {"tolerance": "0.01"}])
@pytest.mark.parametrize("proven", [True, False])
def test_the_project_loaded_before_is_the_project_loaded_now(variables, proven):
    memo.load(None, variables, proven=proven)
    remembered, made = memo.load(None, variables, proven=proven), memo.directly(None, variables, proven=proven)

    assert remembered is not made
    assert (remembered.fingerprint, remembered.variables) == (made.fingerprint, made.variables)
    assert (remembered.contracts, remembered.models) == (made.contracts, made.models)
    assert [(one.name, one.sql, one.reads) for one in remembered.assertions] == [
        (one.name, one.sql, one.reads) for one in made.assertions
    ]
