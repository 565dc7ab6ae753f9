"""Charts are data: each spec as its golden file has it, every length from 0, and drawn without a warning."""

from __future__ import annotations

import json
from decimal import Decimal

import goldens
import pytest

from fees_etl.pages import specs
from fees_etl.pages.facts import Adviser, Cohort, Share
from fees_etl.pages.parts import Chart, svg

D = Decimal
COHORTS = [
    Cohort("2025-01", 2, {1: D("10.00"), 3: D("20.50"), 6: D("31.00")}, {1: True, 3: True, 6: True}),
    Cohort("2025-06", 1, {1: D("12.00"), 3: D("12.00"), 6: D("12.00")}, {1: True, 3: False, 6: False}),
]
SHARES = {"2025-01": Share(2, 0, D(62), D(0)), "2025-06": Share(0, 1, D(0), D(12))}
SPECS = {
    "reconciliation": specs.reconciliation(
        [("in raw", D(0), D("100.50")), ("the same fee again", D("90.25"), D("100.50")), ("staged", D(0), D("90.25"))]
    ),
    "curves": specs.curves(COHORTS),
    "heatmap": specs.heatmap(COHORTS),
    "completeness": specs.completeness(SHARES),
    "advisers": specs.advisers([Adviser("a1", 3, D(74), 1)], {"a1": Share(2, 1, D(62), D(12))}),
    "by_date": specs.by_date([("2025-01-01", D("10.50")), ("2025-01-02", D("-3"))]),
    "late": specs.late([("2025-01-01", "late", D("10.50")), ("2025-01-02", "withdrawn", D("-3"))]),
    "moved": specs.moved([("late (new information)", D("10.50")), ("corrected (error)", D("-3"))]),
    "ledger": specs.ledger([("20250930T120000-1a2b3c", D("10.50"))]),
}


def axes(part):
    """Every channel of position with a measure on it."""
    if isinstance(part, list):
        return [axis for one in part for axis in axes(one)]
    if not isinstance(part, dict):
        return []
    own = [part[name] for name in ("x", "y") if isinstance(part.get(name), dict)]
    return [one for one in own if one.get("type") == "quantitative"] + [
        axis for one in part.values() for axis in axes(one)
    ]


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_is_as_accepted(name):
    goldens.check(f"pages/{name}.json", json.dumps(SPECS[name], indent=1) + "\n")


@pytest.mark.parametrize("name", SPECS)
def test_a_length_begins_at_zero_and_names_its_unit(name):
    for axis in axes(SPECS[name]):
        assert axis["scale"]["zero"] if axis["field"] != "months" else 0 in axis["axis"]["values"]
        assert axis["title"].startswith(("pounds", "clients", "months"))


def test_what_is_not_complete_is_hatched_or_dashed():
    for name in ("completeness", "advisers", "heatmap"):
        assert specs.HATCHED in json.dumps(SPECS[name])
    assert '"strokeDash"' in json.dumps(SPECS["curves"])


def test_a_name_that_breaks_out_and_a_number_of_a_person_do_not_reach_the_page():
    found = svg(Chart("t", '"><script>', specs.by_date([("</text><script>", D(1)), ("QQ123456C", D(2))])), "c")
    assert "<script>" not in found
    assert "QQ123456C" not in found
    assert "[NINO]" in found
