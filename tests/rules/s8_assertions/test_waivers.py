"""Reviewed exceptions: what they cover, what they do not, and that they end."""

from __future__ import annotations

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import places
import pytest
from pipeline import NOW, Pipeline
from shells import fee, put, waive

from fees_etl import ProjectError, load, plan, run, state

FEES = [
    ("ann", "QQ000001A", "x", date(2025, 1, 31), Decimal(1)),
    ("ann", "QQ999999D", "x", date(2025, 1, 31), Decimal(2)),
    ("it's", "QQ000002A", "x", date(2025, 1, 31), Decimal(1)),
    ("it's", "QQ888888D", "x", date(2025, 1, 31), Decimal(2)),
]


def waiver(client, expires="2025-10-01"):
    return f'- {{assertion: assert_client_data, key: ["{client}"], reason: "re-issued, case 7", expires: {expires}}}\n'


@pytest.fixture
def waived(tmp_path):
    """A function: the result of a run of FEES under these waivers, and the pipeline."""
    (tmp_path / "lake").mkdir()
    pipelines = []

    def result(*lines):
        root = tmp_path / f"project{len(pipelines)}"
        shutil.copytree(load().root, root / "sql")
        (root / "sql" / "waivers.yml").write_text("".join(lines))
        pipeline = Pipeline(tmp_path / "lake")
        pipelines.append(pipeline)
        pipeline.project = load(root)
        pipeline.put(fees=FEES)
        pipeline.ingest()
        planned = plan(pipeline.project, state=state(pipeline.project, pipeline.engine), today=NOW.date())
        return run(planned, pipeline.engine, now=NOW), pipeline

    yield result
    for pipeline in pipelines:
        pipeline.engine.close()


def test_without_a_waiver_the_run_is_rejected(waived):
    result, _ = waived()

    assert (result.status, result.failures[0].failing) == ("rejected", 6)


def test_a_waiver_covers_its_key_and_no_other(waived):
    result, _ = waived(waiver("ann"))

    assert (result.status, result.failures[0].failing, result.failures[0].waived) == ("rejected", 3, 3)
    assert {row[0] for row in result.failures[0].sample.rows} == {"it's"}


def test_used_waivers_are_named_and_kept_in_the_ledger(waived):
    result, pipeline = waived(waiver("ann"), waiver("it's"))

    used = next(one for one in result.assertions if one.waived)
    said = "sql/waivers.yml:1: re-issued, case 7 (until 2025-10-01)"
    assert result.status == "published"
    assert (used.failing, used.waived) == (0, 6)
    assert said in used.note
    kept = json.loads(pipeline.value("SELECT assertions FROM ops.runs"))
    assert any(said in one["waivers"] and one["waived"] == 6 for one in kept)


def test_an_expired_waiver_covers_nothing(waived):
    result, _ = waived(waiver("ann", "2025-09-30"), waiver("it's", "2025-09-30"))

    assert (result.status, result.failures[0].failing) == ("rejected", 6)
    assert "sql/waivers.yml:2 waives nothing since 2025-09-30 has passed" in result.failures[0].note


def kept(pipeline):
    (told,) = [
        one for one in json.loads(pipeline.value("SELECT assertions FROM ops.runs")) if one["name"] == "assert_client_data"
    ]  # fmt: skip
    return told["waivers"], told["unused"]


def test_a_waiver_that_covers_nothing_is_named_and_never_as_used(waived):
    result, pipeline = waived(waiver("ann"), waiver("it's"), waiver("zzz"), waiver("ANN", "2025-09-30"))
    found = next(one for one in result.assertions if one.name == "assert_client_data")

    assert result.status == "published"
    assert found.unused == "sql/waivers.yml:3 covers no row: zzz; sql/waivers.yml:4 covers no row: ANN"
    assert "waivers.yml:3" not in found.note
    assert kept(pipeline) == (found.note, found.unused)
    assert found.note == (
        "waived by sql/waivers.yml:1: re-issued, case 7 (until 2025-10-01); "
        "waived by sql/waivers.yml:2: re-issued, case 7 (until 2025-10-01)"
    )


def test_where_no_row_offends_every_waiver_is_unused(waived):
    fees, FEES[:] = list(FEES), FEES[::2]
    try:
        result, pipeline = waived(waiver("ann"))
    finally:
        FEES[:] = fees
    assert result.status == "published"
    assert kept(pipeline) == ("", "sql/waivers.yml:1 covers no row: ann")


def test_an_ended_waiver_is_named_where_its_row_fails_and_not_beside_one_that_stands(waived):
    result, pipeline = waived(waiver("ann", "2025-09-30"), waiver("ann"), waiver("it's", "2025-09-30"))
    (failed,) = result.failures

    assert (result.status, failed.failing, failed.waived) == ("rejected", 3, 3)
    assert kept(pipeline) == (failed.note, "")
    assert failed.note == (
        "waived by sql/waivers.yml:2: re-issued, case 7 (until 2025-10-01); "
        "sql/waivers.yml:3 waives nothing since 2025-09-30 has passed"
    )


def test_keys_and_reasons_are_any_text(waived):
    odd = """- {assertion: assert_client_data, key: ["it's"], reason: 'say "x" \\ {{ y }} %', expires: 9999-12-31}\n"""
    more = """- {assertion: assert_client_data, key: ["O'Brien\\\\\\n\\""], reason: 'é', expires: 9999-12-31}\n"""
    result, pipeline = waived(waiver("ann"), odd, more)
    found = next(one for one in result.assertions if one.waived)

    assert result.status == "published"
    assert 'say "x" \\ {{ y }} %' in found.note
    assert kept(pipeline) == (found.note, found.unused)


@pytest.mark.parametrize("key", ["[0123]", "0123", '["0123"]'])
def test_a_key_is_the_text_that_is_written(shell, key):
    put("a.csv", fee(1).replace("c1", "0123"), fee(2, "6").replace("c2", "0123"))
    where = waive("x")
    Path("project/sql/waivers.yml").write_text(
        f"- {{assertion: assert_client_data, key: {key}, reason: x, expires: 9999-12-31}}\n"
    )
    assert shell(*where, "run", "--source", "lake")[0] == 0


@pytest.mark.parametrize("command", [["run", "--source", "lake"], ["assert"]])
def test_an_unused_waiver_is_on_the_screen_and_in_the_document(shell, command):
    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    where = waive("nobody")
    code, out, _ = shell(*where, *command)
    assert (code, "unused waiver: sql/waivers.yml:1 covers no row: nobody" in out) == (0, True)
    (told,) = [
        one
        for one in json.loads(shell(*where, *command, "--output", "json")[1])["assertions"]
        if one["name"] == "assert_client_data"
    ]
    assert (told["note"], told["unused"]) == ("", "sql/waivers.yml:1 covers no row: nobody")


def test_a_waiver_must_not_quote_a_nino(waived):
    with pytest.raises(ProjectError, match=r"sql/waivers.yml:1: a waiver must not quote"):
        waived(waiver("ann").replace("case 7", "was QQ 12 34 56 a"))


@pytest.mark.parametrize(
    ("assertion", "key"),
    [("assert_client_data", ("c1", "more")), ("assert_financial_reconciliation", ("raw = control totals",))],
)
def test_a_waiver_has_as_many_values_as_its_assertion_has_keys(shell, assertion, key):
    put("a.csv", fee(1))
    where = waive(*key, assertion=assertion)
    code, _, err = shell(*where, "run", "--source", "lake")
    assert code == 2
    assert "waivers.yml:1" in err


@pytest.mark.parametrize("column", ["1.5", "[1]", "STRUCT(1 AS a)", "JSON '1'", "TIME '10:00:00'", "INTERVAL 1 DAY"])
def test_an_assertion_whose_column_cannot_be_told_is_named(shell, column):
    """It was called "query", which is no file that anybody could correct."""
    shutil.copytree(places.ROOT / "sql", "sql")
    Path("sql/assertions/assert_odd.sql").write_text(f"SELECT 'a' AS x, {column} AS y")
    Path("sql/assertions/assert_odd.yml").write_text("description: Odd.\nseverity: warn\nkey: [x]\n")
    code, _, err = shell("run")
    assert (code, "assert_odd:" in err, "query" in err) == (2, True, False)
    assert "Nothing of this run: readers see what the last committed run published." in " ".join(err.split())
