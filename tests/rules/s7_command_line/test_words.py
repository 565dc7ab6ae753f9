"""``--var`` and the names of ``assert``: one variable, one assertion, for once."""

from __future__ import annotations

import json

import pytest
from shells import GOOD, fee, put


def test_a_variable_is_the_projects_for_one_command(shell, monkeypatch):
    bad = [fee(number, amount="x") for number in range(3)]
    put("bad.csv", GOOD, *bad)
    monkeypatch.setenv("FEES_ETL_VARS", '{"max_rejected": "0.01", "lookback_days": 9}')
    assert shell("run", "--source", "lake/*.csv", "--var", "max_rejected=0.6")[0] == 0
    put("worse.csv", fee(9), *bad)
    assert shell("--var=lookback_days=5", "run", "--source", "lake/*.csv")[0] == 3


@pytest.mark.parametrize(
    "words", [["max_lost"], ["=1"], ["max_lost=1", "--var", "max_lost=2"], ["no_such=1"], ["max_lost=x"]]
)
def test_what_is_no_variable_is_exit_2_and_says_why(shell, words):
    code, _, err = shell("run", "--var", *words)
    assert code == 2
    assert "Error (exit 2)" in err
    assert words[0].partition("=")[0] in err


def test_an_assertion_by_its_name(fed):
    code, out, _ = fed("assert", "assert_ltv_matches_raw", "contract_columns", "--output", "json")
    assert code == 0
    assert [one["name"] for one in json.loads(out)["assertions"]] == ["assert_ltv_matches_raw", "contract_columns"]


def test_an_assertion_that_is_none_is_exit_2_with_the_nearest(fed):
    code, _, err = fed("assert", "assert_ltv_match_raw")
    assert code == 2
    assert "Did you mean assert_ltv_matches_raw?" in " ".join(err.split())
