"""Files that are not as usual are named with pounds and the usual range, and published nonetheless."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from pipeline import Pipeline
from shells import fee, put

MONTHS = [date(2024, month, 1) for month in range(1, 9)]
NEXT = date(2024, 9, 1)


def fees(day, count=100, pounds="12.40"):
    return [(f"c{number}", f"QQ{number:06}A", "a1", day, Decimal(pounds)) for number in range(count)]


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """Eight months of a hundred fees and two more each month, published."""
    with Pipeline(tmp_path_factory.mktemp("lake")) as pipeline:
        pipeline.all(**{f"fees_{day:%Y_%m}": fees(day, 100 + 2 * number) for number, day in enumerate(MONTHS)})
        yield pipeline


def named(result):
    """What is unusual, as fee date, subject, measure and file name; it is a warning, whatever it is."""
    (found,) = [one for one in result.assertions if one.name == "anomalies"]
    assert found.severity == "warn"
    rows = found.sample.records
    return [(row["fee_date"], row["measure"], row["file"].rpartition("/")[2], row["other_files"]) for row in rows]


def judged(usual, files):
    """What a run of these files as well finds unusual."""
    with usual.engine.rehearsal():
        try:
            usual.put(**files)
            usual.ingest(allow_withdraw=True)
            result = usual.run()
        finally:
            usual.put(**dict.fromkeys(files))
    assert result.status == "published"
    return named(result)


FAULTS = {
    "as usual": ({"fees_2024_09": fees(NEXT, 116)}, []),
    "40% of the pounds": ({"fees_2024_09": fees(NEXT, 46)}, [("pounds", "fees_2024_09.csv", 0), ("rows", "fees_2024_09.csv", 0)]),
    "loaded twice": (
        {"fees_2024_09": fees(NEXT, 116), "fees_copy": fees(NEXT, 116, "12.41")},
        [("pounds", "fees_copy.csv", 1), ("rows", "fees_copy.csv", 1)],
    ),
    "a decimal shift": (
        {"fees_2024_09": fees(NEXT, 116, "1240.00")},
        [("mean fee", "fees_2024_09.csv", 0), ("pounds", "fees_2024_09.csv", 0)],
    ),
    "rejects": (
        {"fees_2024_09": "\n".join(["client_id,client_nino,adviser_id,fee_date,fee_amount", *(",".join(map(str, row)) for row in fees(NEXT, 116)), *["c1,QQ000001A,a1,2024-09-01,many"] * 4])},
        [("share of rejects", "fees_2024_09.csv", 0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_file_that_is_not_as_usual_is_named_and_published(usual, name):
    files, expected = FAULTS[name]

    assert judged(usual, files) == [(NEXT, *one) for one in expected]


def test_history_is_judged_by_assert_and_was_as_usual(usual):
    found = usual.check()["anomalies"]

    assert (found.failing, found.severity) == (0, "warn")


def test_a_run_that_stages_nothing_new_does_not_ask(usual):
    with usual.engine.rehearsal():
        assert "anomalies" not in {one.name for one in usual.run().assertions}


def test_screen_log_and_json_name_pounds_file_and_usual_range_before_it_is_published(shell):
    for day in MONTHS[:6]:
        put(f"fees_{day:%Y_%m}.csv", *(fee(number, "12.40", day.isoformat()) for number in range(100)))
    assert shell("run", "--source", "lake", "-q")[0] == 0
    put("fees_2024_07.csv", *(fee(number, "1240.00", "2024-07-01") for number in range(100)))

    code, out, err = shell("run", "--source", "lake")

    said = (
        "2024-07-01, "
        + str(shell.folder / "lake/fees_2024_07.csv")
        + ": 124,000.00 pounds, usually 868.00 to 1,612.00."
    )
    assert code == 0
    assert f"warning: Not as usual: {said}" in err
    assert f"Not as usual: {said}" in " ".join(out.split())
    assert out.index("warn anomalies: 2 rows") < out.index("PUBLISHED")
    code, out, _ = shell("assert", "--output", "json")
    (found,) = [one for one in json.loads(out)["assertions"] if one["name"] == "anomalies"]
    row = next(one for one in found["sample"] if one["measure"] == "pounds")
    assert (code, found["verdict"], row["usual_from"], row["usual_to"]) == (0, "warn", "868.00", "1612.00")
    assert "124,000.00 pounds, usually 868.00 to 1,612.00" in " ".join(shell("runs", "show", "latest")[1].split())
