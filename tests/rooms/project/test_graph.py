from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fees_etl.errors import UsageError
from fees_etl.project.graph import CycleError, did_you_mean, order, select

EDGES = {
    "staging.stg_fees": ["raw.fees"],
    "reporting.dim_clients": ["staging.stg_fees"],
    "reporting.rpt_client_ltv": ["reporting.dim_clients", "staging.stg_fees"],
    "reporting.rpt_cohort_ltv": ["reporting.dim_clients", "reporting.rpt_client_ltv"],
    "reporting.rpt_adviser_ltv": ["reporting.dim_clients", "reporting.rpt_client_ltv"],
}
SHORT = {name.partition(".")[2]: name for name in EDGES}


@pytest.mark.parametrize(
    ("include", "exclude", "chosen"),
    [
        ([], [], "stg_fees dim_clients rpt_client_ltv rpt_adviser_ltv rpt_cohort_ltv"),
        (["stg_fees"], [], "stg_fees"),
        (["staging.stg_fees"], [], "stg_fees"),
        (["stg_fees+"], [], "stg_fees dim_clients rpt_client_ltv rpt_adviser_ltv rpt_cohort_ltv"),
        (["stg_fees+1"], [], "stg_fees dim_clients rpt_client_ltv"),
        (["+rpt_client_ltv"], [], "stg_fees dim_clients rpt_client_ltv"),
        (["1+rpt_cohort_ltv"], [], "dim_clients rpt_client_ltv rpt_cohort_ltv"),
        (["0+rpt_cohort_ltv"], [], "rpt_cohort_ltv"),
        (["+dim_clients+"], [], "stg_fees dim_clients rpt_client_ltv rpt_adviser_ltv rpt_cohort_ltv"),
        (["layer:reporting"], [], "dim_clients rpt_client_ltv rpt_adviser_ltv rpt_cohort_ltv"),
        (["rpt_*"], [], "rpt_client_ltv rpt_adviser_ltv rpt_cohort_ltv"),
        (["reporting.rpt_c*"], [], "rpt_client_ltv rpt_cohort_ltv"),
        (["stg_fees dim_clients"], [], "stg_fees dim_clients"),
        (["dim_clients", "stg_fees"], [], "stg_fees dim_clients"),
        (["stg_fees+"], ["rpt_*"], "stg_fees dim_clients"),
        ([], ["layer:reporting"], "stg_fees"),
        (["stg_fees"], ["stg_fees"], ""),
    ],
)
def test_selectors(include, exclude, chosen):
    assert select(EDGES, include, exclude) == tuple(SHORT[name] for name in chosen.split())


@pytest.mark.parametrize(
    ("selector", "message", "hint"),
    [
        ("stg_fee", "no model is called 'stg_fee'.", "Did you mean stg_fees?"),
        ("layer:reportin", "no model is called 'layer:reportin'.", "Did you mean layer:reporting?"),
        ("x+y", "'x+y' is not a selector.", "Write NAME, +NAME, NAME+, 2+NAME, layer:DATASET or a glob."),
        ("zzz*", "no model is called 'zzz*'.", "Known are: "),
    ],
)
def test_a_wrong_selector_is_explained(selector, message, hint):
    with pytest.raises(UsageError) as caught:
        select(EDGES, [selector])

    assert caught.value.message == message
    assert caught.value.hint.startswith(hint)


@given(st.dictionaries(st.integers(0, 20), st.lists(st.integers(0, 20), max_size=4), max_size=20))
def test_order_puts_each_name_after_those_it_reads(raw):
    edges = {f"{name:02}": [f"{read:02}" for read in reads if read < name] for name, reads in raw.items()}
    found = order(edges)

    assert sorted(found) == sorted(edges)
    assert all(found.index(read) < found.index(name) for name in edges for read in edges[name] if read in edges)


def test_a_circle_has_no_order():
    with pytest.raises(CycleError):
        order({"a": ["b"], "b": ["a"]})


def test_no_words_no_hint():
    assert did_you_mean("x", []) == ""
