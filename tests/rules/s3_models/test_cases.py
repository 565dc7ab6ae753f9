"""Models by rows: each folder ``tests/models/<model>/<rule of SPEC 3>_<case>`` has tables that a model reads, and what it makes of them.

They are tried as ``fees-etl test`` tries them, and go out with the package.
"""

from __future__ import annotations

import pytest
from pipeline import MODELS as BUNDLED
from pipeline import project

from fees_etl.runs.cases import cases, judged

CASES = cases(project(), project().models.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.model.name}-{case.name}")
def test_a_model_makes_these_rows_of_those(case):
    (found,) = judged(project(), [case])
    assert found.passed, found


def test_every_bundled_model_and_every_rule_has_a_case():
    assert {case.model.name for case in CASES} >= {name.partition(".")[2] for name in BUNDLED}
    assert {int(case.name.partition("_")[0]) for case in CASES} == set(range(1, 11))


def test_no_nino_is_in_reporting():
    """Rule 10; which columns hold one is told by tags, and a tagged one that leaves staging stops ``load``."""
    tagged = {str(table) for table, one in project().contracts.items() if any(c.policy_tag for c in one.columns)}
    assert {name.partition(".")[0] for name in tagged} == {"raw", "staging"}
