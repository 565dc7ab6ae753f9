"""Files that are not as usual are named with pounds and the usual range, and published nonetheless."""

from __future__ import annotations

import json
from datetime import date

import pytest
from shells import fee, put

MONTHS = [date(2024, month, 1) for month in range(1, 9)]
NEXT = date(2024, 9, 1)


def fees(day, count=100, pounds="12.40"):
    return [fee(number, amount=pounds, day=day.isoformat()) for number in range(count)]


@pytest.fixture
def usual(shell):
    """Eight months of a hundred fees and two more each month, published."""
    for number, day in enumerate(MONTHS):
        put(f"fees_{day:%Y_%m}.csv", *fees(day, 100 + 2 * number))
    assert shell("run", "--source", "lake")[0] == 0
    return shell


def named(shell, *args):
    """What a run finds unusual, as fee date, measure and file name."""
    code, out, _ = shell(*args, "--output", "json")
    document = json.loads(out)
    (found,) = [one for one in document["assertions"] if one["name"] == "anomalies"]
    assert (code, found["severity"]) == (0, "warn")
    return [(row["fee_date"], row["measure"], row["file"].rpartition("/")[2]) for row in found["sample"]]


@pytest.mark.parametrize(
    ("files", "measures"),
    [
        ({"fees_2024_09.csv": fees(NEXT, 46)}, ["pounds", "rows"]),
        ({"fees_2024_09.csv": fees(NEXT, 116), "copy.csv": fees(NEXT, 116, "12.41")}, ["pounds", "rows"]),
        ({"fees_2024_09.csv": fees(NEXT, 116, "1240.00")}, ["mean fee", "pounds"]),
    ],
    ids=["40% of the pounds", "loaded twice", "decimal shift"],
)
def test_a_faulty_file_is_named_by_a_rehearsal_and_by_the_run(usual, files, measures):
    for name, lines in files.items():
        put(name, *lines)
    found = [(str(NEXT), measure, max(files)) for measure in measures]
    assert named(usual, "run", "--source", "lake", "--rehearse") == found
    code, out, _ = usual("run", "--source", "lake")
    print(out)
    assert "warn anomalies" in out
