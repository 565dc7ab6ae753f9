"""What happens to files, told by commands on BigQuery: late, corrected, withdrawn, renamed, refused and contradicting."""

from __future__ import annotations

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from emulator import product as products
from pipeline import MODELS
from worlds import charge

from fees_etl import load

REAL = next(iter(Path(__file__).parents[3].glob("*/data/synthetic_fees_1024_0925.csv")), None)
needs_real = pytest.mark.skipif(REAL is None, reason="the real file is not beside this checkout")
TOTAL = Decimal("650123.37")
JANUARY, FEBRUARY, MARCH = date(2025, 1, 31), date(2025, 2, 28), date(2025, 3, 31)
FILES = {
    "a.csv": [charge("ann", "x", JANUARY, "1.6"), charge("bob", "y", JANUARY, "2")],
    "b.csv": [charge("ann", "x", FEBRUARY, "4")],
    "c.csv": [charge("cat", "y", MARCH, "-0.000000001")],
}
WAIVER = '- {assertion: assert_client_data, key: ["ann"], reason: "re-issued, case 7", expires: 2099-01-01}'


@pytest.fixture(scope="module")
def kept(bigquery_url, storage_url, tmp_path_factory):
    with products.product(bigquery_url, storage_url, tmp_path_factory.mktemp("replaced")) as product:
        product.deal({"fees.csv": REAL.read_bytes()})
        assert product("run").code == 0
        assert totals(product) == (TOTAL, TOTAL)
        yield product


@pytest.fixture
def replaced(kept):
    """The real file, published. Whatever a test does to the lake is undone in it; the next run finds that out."""
    yield kept
    names = {blob.name for blob in kept.lake.bucket.list_blobs()} - {"fees.csv"}
    kept.deal({"fees.csv": REAL.read_bytes(), **dict.fromkeys(names)})


def totals(product):
    """Staged pounds, and those of all lifetime values."""
    return product.rows(
        "SELECT (SELECT SUM(fee_amount) FROM staging.stg_fees), (SELECT SUM(ltv_total) FROM reporting.rpt_client_ltv)"
    )[0]


def ledger(product, columns="status, error"):
    return product.rows(f"SELECT {columns} FROM ops.runs ORDER BY started_at")


def lines():
    return REAL.read_text().split("\n")


@needs_real
class TestWhatTheReplacedSystemGotWrong:
    """SPEC section 9: its reported totals were wrong in three of these, with every check green, and it broke in one."""

    def test_a_late_fee_counts_and_is_named(self, replaced):
        replaced.deal({"late.csv": f"{lines()[0]}\nnew-client,QQ123456A,1,2025-07-01,500.00\n"})
        said = replaced("run")

        assert said.code == 0
        assert totals(replaced) == (Decimal("650623.37"),) * 2
        assert f"{replaced.lake.url}/late.csv  2025-07-01  1 late row" in said.out
        assert "+500.00" in said.out

    def test_a_correction_replaces_what_it_corrects(self, replaced):
        text = lines()
        number = next(n for n, line in enumerate(text) if line.endswith(",2025-09-01,142.93"))
        text[number] = text[number].replace("142.93", "1142.93")
        replaced.deal({"fees.csv": "\n".join(text)})

        assert replaced("run").code == 0
        assert totals(replaced) == (Decimal("651123.37"),) * 2

    def test_withdrawn_rows_leave_every_table(self, replaced):
        text = lines()
        august = [n for n, line in enumerate(text) if ",2025-08-01," in line][:50]
        replaced.deal({"fees.csv": "\n".join(line for n, line in enumerate(text) if n not in august)})

        assert replaced("run").code == 0
        assert totals(replaced) == (Decimal("649756.86"),) * 2

    def test_a_fee_sent_again_with_another_nino_is_refused_and_both_rows_are_named(self, replaced):
        assert replaced("run").code == 0
        text = lines()
        client, _, *rest = text[1].split(",")
        replaced.deal({"again.csv": f"{text[0]}\n{','.join([client, 'QQ999999D', *rest])}\n"})
        said = replaced("run")

        assert said.code == 1
        assert "1 assertion failed: assert_client_data." in said.err
        assert "Published: Still 650,123.37 pounds in 51,578 fees, as before this run." in said.err
        assert "QQ******D" in said.out
        for row in ("again.csv", "fees.csv"):
            assert f"{replaced.lake.url}/{row}" in said.out
        assert totals(replaced) == (TOTAL, TOTAL)
        assert ledger(replaced)[-1] == ("rejected", "assert_client_data")


@pytest.fixture
def published(product):
    """Three small files, published."""
    product.deal(FILES)
    assert product("run").code == 0
    return product


def staged(product):
    return sorted(product.rows("SELECT client_id, fee_date, fee_amount FROM staging.stg_fees"))


def test_corrected_withdrawn_renamed_and_copied_files(published):
    before = staged(published)
    published.deal({"a.csv": FILES["a.csv"][:1], "b.csv": None, "c.csv": None, "d.csv": FILES["b.csv"]})
    said = published("run")
    assert said.code == 4
    assert "2 of the 3 files known under" in said.err
    assert "If they are meant to go: fees-etl --target dev run --allow-withdraw;" in " ".join(said.err.split())
    assert staged(published) == before
    assert [row[0] for row in ledger(published)] == ["published", "refused"]

    said = published("run", "--allow-withdraw")
    assert said.code == 0
    assert f"renamed from {published.lake.url}/b.csv" in " ".join(said.out.split())
    assert staged(published) == [("ann", JANUARY, Decimal("1.6")), ("ann", FEBRUARY, Decimal(4))]

    published.deal({"copy.csv": FILES["a.csv"][:1]})
    said = published("run")
    assert f"a copy of {published.lake.url}/a.csv" in " ".join(said.out.split())


def test_rows_that_vanish_from_known_files_and_a_place_that_is_forgotten(published):
    before = staged(published)
    published.deal({name: [] for name in FILES})
    said = published("run")
    assert said.code == 4
    assert "ess than half is left of what is known under" in " ".join(said.err.split())
    assert staged(published) == before

    published.deal(FILES | {"c.csv": None})
    place = f"{published.lake.url}/c.csv"
    for count in (1, 0):
        said = published("ingest", "--forget", place)
        assert said.code == 0, said.err
        assert said.out.count("withdrawn") == count
    assert published("ingest", "--forget", "gs://nowhere").code == 3
    assert published.rows(f"SELECT COUNT(*) FROM raw.fees WHERE _source_file = '{place}'") == [(0,)]
    assert published("run").code == 0
    assert published("assert").code == 0


def test_a_refused_file_stops_every_run_until_it_is_gone(published):
    published.deal({"odd.csv": "client_id,fee_amount\nC1,1\n", "late.csv": [charge("cat", "y", JANUARY, "5")]})
    for args in (["run"], ["run", "--from", "stg_fees"]):
        said = published(*args)
        assert said.code == 3
        assert "1 file is refused, and nothing of it was loaded" in said.err
        assert f"{published.lake.url}/odd.csv: header drift" in said.err
    assert published.rows("SELECT COUNT(*) FROM raw.fees WHERE ENDS_WITH(_source_file, 'late.csv')") == [(1,)]
    assert [row[0] for row in ledger(published)] == ["published", "refused", "refused"]

    published.deal({"odd.csv": None})
    assert published("run").code == 0
    assert ("cat", JANUARY, Decimal(5)) in staged(published)


def test_a_pattern_that_never_meant_a_file_is_refused(product):
    said = product("run")
    assert said.code == 3
    assert f"'{product.source}' matches no file." in said.err
    assert ledger(product) == [("refused", f"'{product.source}' matches no file.")]


def test_late_fees_stop_a_target_that_wants_to_be_asked(published):
    published.deal({"late.csv": [charge("cat", "y", JANUARY, "500")]})
    before = staged(published)
    said = published("run", late_policy="fail")

    assert said.code == 4
    assert f"1 late row, 500.00, 2025-01-31 ({published.lake.url}/late.csv)" in said.err
    assert "FEES_ETL_LATE_POLICY=restate fees-etl --target dev run" in said.err
    assert staged(published) == before
    assert published("run", late_policy="restate").code == 0
    assert len(staged(published)) == len(before) + 1


def test_a_failing_assertion_publishes_nothing_until_its_row_is_waived(published):
    tables = {name: published.rows(f"SELECT * FROM {name}") for name in MODELS}
    published.deal({"b.csv": [*FILES["b.csv"], charge("ann", "x", MARCH, "7", "QQ999999D")]})
    said = published("run")
    assert said.code == 1
    assert "Still 7.599999999 pounds in 4 fees, as before this run. The files are in raw, their dates wait." in said.err
    assert tables == {name: published.rows(f"SELECT * FROM {name}") for name in MODELS}
    assert ledger(published, "status, rows_before, rows_after, error, changes")[1] == (
        *("rejected", 4, 4, "assert_client_data", "[]"),
    )  # fmt: skip

    shutil.copytree(load().root, published.folder / "sql")
    (published.folder / "sql" / "waivers.yml").write_text(f"{WAIVER}\n{WAIVER.replace('ann', 'nobody')}\n")
    said = published("run")
    assert said.code == 0
    assert "waived by" in said.out
    (row,) = ledger(published, "status, assertions")[2:]
    (check,) = [one for one in json.loads(row[1]) if one["name"] == "assert_client_data"]
    assert (row[0], check["failing"], check["waived"] > 0) == ("published", 0, True)
    assert check["waivers"] == "waived by sql/waivers.yml:1: re-issued, case 7 (until 2099-01-01)"
    assert check["unused"] == "sql/waivers.yml:2 covers no row: nobody"
    assert "unused waiver: sql/waivers.yml:2 covers no row: nobody" in said.out


CLEANED = ("NULLIF(TRIM({{ column }}, {{ blanks() }}), '')", "NULLIF(UPPER(TRIM({{ column }}, {{ blanks() }})), '')")


def ids(product):
    return sorted(product.rows("SELECT DISTINCT client_id FROM staging.stg_fees"))


def built(product):
    return product.rows("SELECT table_name, fingerprint FROM ops.built ORDER BY table_name")


def test_changed_sql_never_mixes_with_what_older_sql_staged(published):
    shutil.copytree(load().root, published.folder / "sql")
    macro = published.folder / "sql" / "macros" / "clean.sql"
    lower, before = macro.read_text(), built(published)
    assert published("run", "--skip-ingest").code == 0  # the same SQL in another folder
    assert built(published) == before

    macro.write_text(lower.replace(*CLEANED))
    published.deal({"d.csv": [charge("DOT", "y", MARCH, "5")]})
    said = published("run", sql_policy="fail")
    assert said.code == 4
    assert "staging.stg_fees (other SQL built it)" in said.err
    assert (ids(published), built(published)) == ([("ann",), ("bob",), ("cat",)], before)
    assert published("run", "--skip-ingest", "--select", "rpt_*").code == 4

    told = published("plan").out
    assert "Every fee date is staged again: staging.stg_fees (other SQL built it)." in told
    said = published("run", "--start", str(MARCH), "--end", str(MARCH))
    assert said.code == 0
    assert "warning: Every fee date is staged again: staging.stg_fees (other SQL built it). It reads " in said.err
    assert "US dollars" in said.err
    assert ids(published) == [("ANN",), ("BOB",), ("CAT",), ("DOT",)]
    assert [name for name, _ in built(published)] == [name for name, _ in before]
    assert not set(built(published)) & set(before)

    macro.write_text(lower)
    said = published("backfill", "--start", str(MARCH), "--end", str(MARCH), "--chunk", "month")
    assert said.code == 0
    assert ids(published) == [("DOT",), ("ann",), ("bob",), ("cat",)]
    assert built(published) == before
    assert "staged again" not in published("run").err
