"""SPEC section 10: from any old total to the new one by lines of cause, with nothing left over."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import places
import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st
from pipeline import LENIENT, Pipeline
from places import ROOT
from shells import change
from tiers import worlds_of
from worlds import charge

from fees_etl import load
from fees_etl.explain import bridge, history
from fees_etl.runs.backfill import backfill

SUMS = {
    "reporting.rpt_adviser_ltv": (
        "total_client_ltv_1_month",
        "total_client_ltv_3_month",
        "total_client_ltv_6_month",
        "total_client_ltv_all_time",
    ),
    "reporting.rpt_cohort_ltv": ("total_ltv_1_month", "total_ltv_3_month", "total_ltv_6_month"),
}
EDITS = {
    "last touch": ("reporting/dim_clients.sql", "fee_date ASC", "fee_date DESC"),
    "a shorter window": ("reporting/rpt_client_ltv.sql", "fees.fee_date < DATE_ADD", "fees.fee_date <= DATE_ADD"),
    "an adviser's fees doubled": ("reporting/rpt_adviser_ltv.sql", "SUM(ltv.ltv_3_month)", "SUM(ltv.ltv_3_month * 2)"),
    "upper case": (
        "macros/clean.sql",
        "NULLIF(TRIM({{ column }}, {{ blanks() }}), '')",
        "NULLIF(UPPER(TRIM({{ column }}, {{ blanks() }})), '')",
    ),
    "refunds left out": (
        "staging/stg_fees.sql",
        "WHERE is_whole AND place = 1",
        "WHERE is_whole AND place = 1 AND fee_amount > 0",
    ),
}


@cache
def edited(name):
    """The project with one rule changed; its assertions only warn of what that makes of the numbers."""
    folder = Path(tempfile.mkdtemp())
    shutil.copytree(ROOT / "sql", folder / "sql")
    if name:
        file, old, new = EDITS[name]
        text = (folder / "sql" / file).read_text()
        assert old in text
        (folder / "sql" / file).write_text(text.replace(old, new))
    for path in (folder / "sql/assertions").glob("*.yml"):
        path.write_text(path.read_text().replace("severity: error", "severity: warn"))
    return load(folder, LENIENT)


def numbers(pipeline):
    """Every additive number that readers see, and the staged pounds."""
    found = {}
    for table, columns in SUMS.items():
        key = pipeline.project.contracts[_table(table)].key[0]
        for name, *values in pipeline.engine.query(f"SELECT {key}, {', '.join(columns)} FROM {table}").rows:
            found |= {(table, name, column): value for column, value in zip(columns, values, strict=True) if value}
    for table, column in (("staging.stg_fees", "fee_amount"), ("reporting.rpt_client_ltv", "ltv_total")):
        if total := pipeline.value(f"SELECT SUM({column}) FROM {table}"):
            found[table, None, column] = total
    return found


def _table(name):
    from fees_etl import Table

    return Table.parse(name)


def closes(bridges, was, now):
    """Each number that differs has a bridge from what it was to what it is, and every bridge closes."""
    told = {(one.table, next(iter(one.key.values()), None), one.column): one for one in bridges}
    assert len(told) == len(bridges)
    assert {key for key in {*was, *now} if was.get(key, 0) != now.get(key, 0)} <= set(told)
    for key, one in told.items():
        assert (one.before, one.after) == (was.get(key, 0), now.get(key, 0)), key
        assert one.residual == 0, one
    return told


@worlds_of(4)
@given(st.lists(worlds.files(names=("a.csv", "b.csv"), max_size=6), min_size=2, max_size=4), st.booleans(), st.data())
def test_every_bridge_of_every_additive_number_closes(versions, edits, data):
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder), **LENIENT) as pipeline:
        pipeline.project = edited(None)
        seen = []
        for world in versions:
            present = {name.removesuffix(".csv"): rows for name, rows in world.items()}
            if data.draw(st.booleans(), label="withdraw b") and (Path(folder) / "b.csv").exists():
                present["b"] = None
            pipeline.put(**{name: rows for name, rows in present.items() if rows is not None or name == "b"})
            pipeline.ingest(allow_withdraw=True)
            if data.draw(st.booleans(), label="no run") and seen:
                continue
            if edits:
                pipeline.project = edited(data.draw(st.sampled_from((None, *EDITS)), label="SQL"))
            before = seen[-1] if seen else {}
            result = pipeline.run()
            assert result.status == "published", result.failures
            seen.append(numbers(pipeline))
            if result.plan.state.last_staged:
                told = closes(result.bridges, before, seen[-1])
                causes = {line.cause for one in told.values() for line in one.lines}
                assert edits or "rule" not in causes
        known = history.moments(pipeline.project, pipeline.engine)
        assert len(known) == len(seen)
        for first, was in zip(known, seen, strict=True):
            for last, now in zip(known, seen, strict=True):
                if was and now:
                    closes(bridge.between(pipeline.project, pipeline.engine, first, last), was, now)


TRUE_TOTAL = Decimal("650123.37")
real = pytest.mark.skipif(places.REAL is None, reason="the real file is not beside this checkout")


@pytest.fixture
def published(tmp_path):
    """The real file, published."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.all(fees=places.REAL.read_bytes())
        yield pipeline


def lines_of(pipeline):
    return (pipeline.folder / "fees.csv").read_text().split("\n")


def corrected(text):
    number = next(n for n, line in enumerate(text) if line.endswith(",2025-09-01,142.93"))
    return [line.replace("142.93", "1142.93") if n == number else line for n, line in enumerate(text)]


def without_august(text):
    august = [n for n, line in enumerate(text) if ",2025-08-01," in line][:50]
    return [line for n, line in enumerate(text) if n not in august]


def of_totals(result):
    """The bridges of the staged pounds and of all lifetime values, which are alike: their lines by file name and day."""
    staged, values = result.bridges[:2]
    assert (staged.table, values.table) == ("staging.stg_fees", "reporting.rpt_client_ltv")
    assert (staged.before, staged.after, staged.lines) == (values.before, values.after, values.lines)
    assert {one.residual for one in result.bridges} == {0}
    assert staged.before == TRUE_TOTAL
    return [
        (one.cause, one.is_error, one.file.rpartition("/")[2], str(one.fee_date), one.rows, one.pounds)
        for one in staged.lines
    ]


LATE = ("late", False, "late.csv", "2025-07-01", 1, Decimal(500))
CORRECTED = ("corrected", True, "fees.csv", "2025-09-01", 1, Decimal(1000))
WITHDRAWN = ("withdrawn", False, "fees.csv", "2025-08-01", 49, Decimal("-366.51"))


@real
class TestTheFourSituations:
    """SPEC section 9, each and all of them at once: by file and fee date, to the penny."""

    def late(self, published):
        return {"late": f"{lines_of(published)[0]}\nnew-client,QQ123456A,1,2025-07-01,500.00\n"}

    def test_a_late_fee(self, published):
        result = published.all(**self.late(published))

        assert of_totals(result) == [LATE]
        adviser = next(one for one in result.bridges if one.column == "total_client_ltv_6_month")
        assert (adviser.key, adviser.before, adviser.after) == (
            {"adviser_id": "1"},
            Decimal("103588.52"),
            Decimal("104088.52"),
        )

    def test_a_correction(self, published):
        assert of_totals(published.all(fees="\n".join(corrected(lines_of(published))))) == [CORRECTED]
        kept = "SELECT action, cause, pounds_before, pounds_after, source_row FROM ops.causes"
        assert sorted(published.engine.query(kept).rows) == [
            ("added", "corrected", None, Decimal("1142.93"), 35_006),
            ("removed", "corrected", Decimal("142.93"), None, 35_006),
        ]

    def test_rows_withdrawn(self, published):
        assert of_totals(published.all(fees="\n".join(without_august(lines_of(published))))) == [WITHDRAWN]
        assert published.value("SELECT COUNT(*) FROM ops.removed") == 0

    def test_a_fee_sent_again_with_another_nino_is_rejected_and_leaves_no_cause(self, published):
        client, _, *rest = lines_of(published)[1].split(",")
        result = published.all(again=f"{lines_of(published)[0]}\n{','.join([client, 'QQ999999D', *rest])}\n")

        assert (result.status, published.value("SELECT COUNT(*) FROM ops.causes")) == ("rejected", 0)

    def test_all_of_them(self, published):
        text = corrected(without_august(lines_of(published)))
        result = published.all(fees="\n".join(text), **self.late(published))

        assert of_totals(result) == [CORRECTED, LATE, WITHDRAWN]
        was, now = history.moments(published.project, published.engine)
        there = bridge.between(published.project, published.engine, was, now)
        back = bridge.between(published.project, published.engine, now, was)
        assert there == result.bridges
        assert [(one.before, one.after, one.residual) for one in back] == [(one.after, one.before, 0) for one in there]
        assert [found.name for found in published.check().values() if not found.passed] == []


@real
def test_first_touch_turned_into_last_touch_moves_clients_between_advisers(published):
    published.project = edited("last touch")
    result = published.run(rehearse=True)
    said = {(one.key["adviser_id"], one.column): one for one in result.bridges if "adviser_id" in one.key}
    one = said["1", "total_client_ltv_6_month"]

    assert (one.before, one.after, one.residual) == (Decimal("103588.52"), Decimal("104252.71"), 0)
    assert [(line.cause, line.is_error) for line in one.lines] == [("moved", True)]
    assert {line.cause for one in result.bridges for line in one.lines} == {"moved"}


def small(pipeline, **files):
    result = pipeline.all(**files)
    assert {one.residual for one in result.bridges} <= {0}
    return {
        (one.table.partition(".")[2], next(iter(one.key.values()), ""), one.column): [
            (line.cause, line.rows, line.pounds) for line in one.lines
        ]
        for one in result.bridges
    }


JANUARY, APRIL, JULY, AUGUST = date(2025, 1, 31), date(2025, 4, 15), date(2025, 7, 31), date(2025, 8, 1)


@pytest.fixture
def lenient(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        yield pipeline


def test_an_earlier_fee_moves_the_window_the_cohort_and_the_adviser(lenient):
    lenient.all(a=[charge("ann", "x", APRIL, 10), charge("ann", "x", AUGUST, 5)])
    found = small(lenient, b=[charge("ann", "y", JANUARY, 2)])

    assert found["rpt_client_ltv", "", "ltv_total"] == [("late", 1, 2)]
    assert found["rpt_adviser_ltv", "x", "total_client_ltv_6_month"] == [
        ("late", 1, 2),
        ("moved", 1, -12),
        ("window", 1, -5),
    ]
    assert found["rpt_adviser_ltv", "y", "total_client_ltv_6_month"] == [("moved", 1, 12)]
    assert found["rpt_cohort_ltv", "2025-01", "total_ltv_6_month"] == [("moved", 1, 12)]


def test_a_duplicate_that_takes_the_place_of_a_withdrawn_row_is_told_and_moves_nothing(lenient):
    fee = charge("ann", "x", JANUARY, 10)
    lenient.all(a=[fee], b=[fee, charge("bob", "x", JANUARY, 1)])
    found = small(lenient, a=None)

    assert found == {("stg_fees", "", "fee_amount"): [("duplicate", 1, 0)]}
    assert lenient.value("SELECT uri FROM ops.causes").endswith("/b.csv")


def test_a_file_that_grows_brings_new_fees_and_corrects_none(lenient):
    old = [charge("ann", "x", JANUARY, 10)]
    lenient.all(a=old)

    assert small(lenient, a=[*old, charge("ann", "x", JANUARY, 3)])["stg_fees", "", "fee_amount"] == [("new", 1, 3)]
    dated = [charge("ann", "x", JULY, 10), charge("ann", "x", JANUARY, 3)]
    causes = small(lenient, a=dated)["stg_fees", "", "fee_amount"]
    assert causes == [("corrected", 1, -10), ("corrected", 1, 10)]  # by day: the same row of the file, another date


def test_data_comes_before_a_rule_that_changed_with_it(lenient):
    lenient.project = edited(None)
    lenient.all(a=[charge("ann", "x", JANUARY, 10), charge("bob", "x", JANUARY, -4)])
    lenient.project = edited("refunds left out")
    found = small(lenient, b=[charge("cat", "y", JANUARY, 7)])

    assert found["stg_fees", "", "fee_amount"] == [("new", 1, 7), ("rule", 1, 4)]
    assert found["rpt_adviser_ltv", "x", "total_client_ltv_all_time"] == [("rule", 1, 4)]
    assert found["rpt_adviser_ltv", "y", "total_client_ltv_all_time"] == [("new", 1, 7)]


@pytest.mark.parametrize("first", [True, False], ids=["the first build", "a later run"])
def test_a_rule_of_ones_own_values_what_comes_later_too(lenient, first):
    """The adviser's sum of 3 months counts each fee twice: a fee that comes later is told once as data, once as the rule."""
    lenient.project = edited("an adviser's fees doubled" if first else None)
    lenient.all(a=[charge("ann", "x", JANUARY, 10)])
    if not first:
        lenient.project = edited("an adviser's fees doubled")
        assert small(lenient)["rpt_adviser_ltv", "x", "total_client_ltv_3_month"] == [("rule", 0, 10)]
    result = lenient.all(b=[charge("bob", "x", JANUARY, 3)])

    one = next(one for one in result.bridges if one.column == "total_client_ltv_3_month")
    assert (one.before, one.after, one.residual) == (20, 26, 0)
    assert [(line.cause, line.is_error, line.pounds) for line in one.lines] == [("new", False, 3), ("rule", False, 3)]


def test_a_window_of_ones_own_values_what_comes_later_too(lenient):
    """Where the fee of the very day on which a window ends counts, it is the rule's: the bundled window leaves it out."""
    lenient.project = edited("a shorter window")
    lenient.all(a=[charge("ann", "x", date(2025, 1, 15), 10)])
    found = small(lenient, b=[charge("ann", "x", APRIL, 4)])

    assert found["rpt_client_ltv", "", "ltv_total"] == [("new", 1, 4)]
    assert found["rpt_adviser_ltv", "x", "total_client_ltv_3_month"] == [("rule", 1, 4)]


def test_what_was_changed_by_hand_and_is_mirrored_again_moves_no_published_number(lenient):
    lenient.all(a=[charge("ann", "x", JANUARY, 10)])
    lenient.tamper("DELETE FROM staging.stg_fees")
    result = lenient.run(full_refresh=True)

    assert (result.status, [one.residual for one in result.bridges if one.residual]) == ("published", [])
    assert lenient.engine.query("SELECT action, cause FROM ops.causes").rows == (("added", "repaired"),)


def test_chunks_of_a_backfill_belong_to_the_run_that_publishes_them(lenient):
    lenient.all(a=[charge("ann", "x", JANUARY, 10), charge("ann", "x", JULY, 1)])
    lenient.put(b=[charge("bob", "y", JANUARY, 4), charge("bob", "y", JULY, 2)])
    lenient.ingest()
    result = backfill(lenient.project, lenient.engine, JANUARY, JULY, chunk="month")

    assert {one.residual for one in result.bridges} == {0}
    staged = next(one for one in result.bridges if one.table == "staging.stg_fees")
    assert (staged.before, staged.after, sum(line.pounds for line in staged.lines)) == (11, 17, 6)


def test_an_emptied_warehouse_that_is_filled_again_is_explained(lenient):
    lenient.all(a=[charge("ann", "x", JANUARY, 10)])
    lenient.all(a=None)
    lenient.all(b=[charge("ann", "y", JANUARY, 9)])
    first, *_, last = history.moments(lenient.project, lenient.engine)

    assert {one.residual for one in bridge.between(lenient.project, lenient.engine, first, last)} == {0}


def test_causes_that_were_edited_by_hand_break_the_ledger(lenient):
    lenient.all(a=[charge("ann", "x", JANUARY, 10)])
    lenient.all(b=[charge("bob", "x", JANUARY, 1)])
    assert lenient.check()["assert_ledger"].passed
    lenient.tamper("UPDATE ops.causes SET cause = 'late'")

    assert not lenient.check()["assert_ledger"].passed


def test_a_key_that_somebody_took_out_of_history_does_not_end_a_run_that_is_committed_with_a_bug(fed):
    change("UPDATE history.rpt_adviser_ltv SET adviser_id = NULL")
    code, out, _ = fed("run", "--skip-ingest")
    assert (code, "PUBLISHED" in out) == (0, True)
    assert fed("assert")[0] == 0
