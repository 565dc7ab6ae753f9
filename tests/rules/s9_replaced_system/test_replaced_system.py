"""SPEC section 9: what the replaced system got wrong on its own file with all its tests green. Ours is right."""

from __future__ import annotations

from decimal import Decimal

import places
import pytest
from pipeline import MODELS, Pipeline

REAL = places.REAL
pytestmark = pytest.mark.skipif(REAL is None, reason="the real file is not beside this checkout")
TRUE_TOTAL = Decimal("650123.37")


@pytest.fixture
def replaced(tmp_path):
    """The real file, published."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.put(fees=REAL.read_bytes())
        pipeline.ingest()
        result = pipeline.run()
        assert (result.status, result.after.staged_amount) == ("published", TRUE_TOTAL)
        yield pipeline


def lines(pipeline):
    return (pipeline.folder / "fees.csv").read_text().split("\n")


def again(pipeline, **files):
    pipeline.put(**files)
    pipeline.ingest()
    result = pipeline.run()
    tables = {name: pipeline.rows(name) for name in MODELS}
    pipeline.run(full_refresh=True)
    assert tables == {name: pipeline.rows(name) for name in MODELS}
    return result


def test_the_real_file_is_right_to_the_penny(replaced):
    ltvs = dict(replaced.engine.query("SELECT cohort_month, total_ltv_6_month FROM reporting.rpt_cohort_ltv").rows)
    leader = replaced.engine.query(
        "SELECT adviser_id, total_client_ltv_6_month FROM reporting.rpt_adviser_ltv WHERE rank_by_ltv_6_month = 1"
    ).rows
    now = replaced.run()

    assert (now.left_out.raw_rows, now.after.staged_rows, now.after.clients) == (51_697, 51_578, 5_200)
    assert (now.left_out.duplicate_rows, now.left_out.duplicate_amount) == (119, Decimal("57.66"))
    assert now.after.incomplete_clients_6_month == 2_904
    assert (ltvs["2025-01"], ltvs["2025-02"]) == (Decimal("55055.93"), Decimal("44298.68"))
    assert leader == (("1", Decimal("103588.52")),)
    assert replaced.tables() == replaced.expected()


def test_a_late_fee_is_found_counted_and_priced(replaced):
    header = lines(replaced)[0]
    result = again(replaced, late=f"{header}\nnew-client,QQ123456A,1,2025-07-01,500.00\n")

    assert result.after.staged_amount == Decimal("650623.37")
    assert [(str(one.fee_date), one.rows_added, one.amount_added) for one in result.plan.late] == [
        ("2025-07-01", 1, 500)
    ]


def test_a_correction_replaces_what_it_corrects(replaced):
    text = lines(replaced)
    number = next(n for n, line in enumerate(text) if line.endswith(",2025-09-01,142.93"))
    text[number] = text[number].replace("142.93", "1142.93")
    result = again(replaced, fees="\n".join(text))

    assert result.after.staged_amount == Decimal("651123.37")
    (change,) = result.plan.arrivals
    assert (change.rows_added, change.amount_added) == (1, Decimal("1142.93"))
    assert (change.rows_removed, change.amount_removed) == (1, Decimal("142.93"))


def test_withdrawn_rows_leave_every_table(replaced):
    text = lines(replaced)
    august = [n for n, line in enumerate(text) if ",2025-08-01," in line][:50]
    result = again(replaced, fees="\n".join(line for n, line in enumerate(text) if n not in august))

    assert result.after.staged_amount == Decimal("649756.86")
    assert result.plan.arrivals[0].rows_removed == 50


def test_a_fee_sent_again_with_another_nino_is_refused_and_both_rows_are_named(replaced):
    text = lines(replaced)
    client, _, *rest = text[1].split(",")
    replaced.put(again=f"{text[0]}\n{','.join([client, 'QQ999999D', *rest])}\n")
    replaced.ingest()
    result = replaced.run()

    assert result.status == "rejected"
    assert result.after.staged_amount == TRUE_TOTAL
    assert replaced.value("SELECT SUM(ltv_total) FROM reporting.rpt_client_ltv") == TRUE_TOTAL
    named = {(row[3].rpartition("/")[2], row[4]) for row in result.failures[0].sample.rows if row[3]}
    assert ("again.csv", 1) in named
    assert any(name == "fees.csv" for name, _ in named)
