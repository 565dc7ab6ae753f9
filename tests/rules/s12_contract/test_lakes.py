"""Files follow the contract of their table: a sixth column, aliases and layouts side by side; additive and breaking change."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakes import REGION, Lake, extended
from pipeline import LENIENT, project
from tiers import worlds_of

from fees_etl import InputRefused, ProjectError, load

JANUARY, FEBRUARY = date(2025, 1, 31), date(2025, 2, 28)
ANN, BOB, EVE, ZOE = (
    ("ann", "a1", JANUARY, Decimal("1.50"), "north"),
    ("bob", "a1", JANUARY, Decimal("-0.25"), "south"),
    ("eve", "a2", FEBRUARY, Decimal(3), "west, far"),
    ("zoe", "a2", date(2025, 3, 31), Decimal("4.000000001"), "east"),
)


KEPT = TemporaryDirectory()


@cache
def six():
    """The project with a sixth column, an alias and a layout."""
    return extended(Path(KEPT.name))


@pytest.fixture
def lake(tmp_path):
    with Lake(tmp_path / "lake", six(), **LENIENT) as found:
        yield found


def without(fee):
    return (*fee[:4], None)


def test_four_kinds_of_files_side_by_side(lake):
    lake.put("plain", [ANN])
    lake.put("six", [BOB])
    lake.put("alias", [ZOE])
    lake.put("layout", [EVE])
    result = lake.ingest()
    assert [(Path(file.uri).name, file.outcome, file.rows, file.rejected) for file in result.files] == [
        ("alias_a.csv", "loaded", 1, 0), ("layout_a.csv", "loaded", 1, 0),
        ("plain_a.csv", "loaded", 1, 0), ("six_a.csv", "loaded", 1, 0),
    ]  # fmt: skip
    assert lake.run().status == "published"
    assert lake.staged() == [without(ANN), BOB, EVE, ZOE]
    assert lake.value("SELECT SUM(ltv_total) FROM reporting.rpt_client_ltv") == Decimal("8.250000001")


KINDS = st.sampled_from(["plain", "six", "alias", "layout"])
FEES = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "eve"]),
        st.sampled_from(["a1", "a2"]),
        st.sampled_from([JANUARY, FEBRUARY, date(2025, 3, 1)]),
        st.sampled_from([Decimal("1.5"), Decimal(2), Decimal("-1.5")]),
        st.sampled_from(["north", "south", ""]),
    ),
    max_size=4,
)
ARRIVALS = st.lists(st.tuples(KINDS, st.sampled_from("ab"), FEES, st.booleans()), min_size=1, max_size=7)


@worlds_of(4)
@given(ARRIVALS)
def test_any_order_of_arrivals_is_one_full_refresh(arrivals):
    """A kind, a name, its rows now (none: withdrawn) and whether a run follows at once."""
    with TemporaryDirectory() as folder, Lake(Path(folder, "lake"), six(), **LENIENT) as lake:
        lake.put("plain", [("first", "a1", JANUARY, Decimal(1), "")], "0")
        for kind, name, rows, runs in arrivals:
            lake.put(kind, rows, name)
            lake.ingest(reload=runs or None)
            if runs:
                lake.run()
        lake.run()
        found, staged = lake.tables(), lake.staged()
        assert lake.pending() == []
        lake.run(full_refresh=True)
        assert (lake.tables(), lake.staged()) == (found, staged)
        with Lake(Path(folder, "lake"), six(), **LENIENT) as other:
            other.ingest()
            other.run()
            assert (other.tables(), other.staged()) == (found, staged)


def test_additive_change(tmp_path):
    """A column more in the contract: old files stay, new ones have it, old ones get it when they are read again."""
    with Lake(tmp_path / "lake", project(), **LENIENT) as lake:
        lake.put("plain", [ANN])
        lake.ingest()
        lake.run()
        six_columns = lake.put("six", [BOB])
        (refused,) = lake.ingest().refused
        assert refused.note == "header drift: 'region' is unknown"
        lake.by(six())
        assert lake.value("SELECT COUNT(*) FROM raw.fees WHERE region IS NULL") == 1
        assert lake.ingest().refused  # judged once
        (reloaded,) = (file for file in lake.ingest(reload=str(six_columns)).files if file.outcome == "loaded")
        assert (reloaded.uri, reloaded.rows) == (six_columns.as_uri(), 1)
        lake.put("six", [EVE], "later")
        assert [file.outcome for file in lake.ingest().files] == ["unchanged", "unchanged", "loaded"]
        lake.run()
        assert lake.staged() == [without(ANN), BOB, EVE]


def test_what_is_read_again_replaces_its_own_rows(tmp_path):
    five = extended(tmp_path / "five", region=False)
    with Lake(tmp_path / "lake", five, **LENIENT) as lake:
        first = lake.put("plain", [ANN, BOB])
        lake.put("plain", [EVE], "b")
        lake.ingest()
        lake.run()
        before = lake.value("SELECT ingested_at FROM raw.files WHERE uri LIKE '%plain_a.csv'")
        assert [file.outcome for file in lake.ingest(reload=True).files] == ["loaded", "loaded"]
        assert lake.pending() == []  # the same rows
        assert lake.value("SELECT COUNT(*) FROM raw.fees") == 3
        assert lake.value("SELECT COUNT(*) FROM raw.file_totals") == 2
        assert lake.value("SELECT ingested_at FROM raw.files WHERE uri LIKE '%plain_a.csv'") == before
        lake.tamper("UPDATE raw.fees SET adviser_id = 'other' WHERE client_id = 'ann'")
        result = lake.ingest(reload=first.as_uri())
        assert [(file.outcome, file.note) for file in result.files] == [("loaded", "read again"), ("unchanged", "")]
        assert lake.pending() == [(JANUARY, 1, 1)]
        lake.run()
        assert all(result.failing == 0 for result in lake.check().values())


def test_a_folder_a_glob_and_a_wrong_name_are_read_again(lake):
    lake.put("plain", [ANN])
    lake.put("layout", [EVE])
    lake.ingest()

    def loaded(reload):
        return [Path(file.uri).name for file in lake.ingest(reload=reload).files if file.outcome == "loaded"]

    assert loaded(str(lake.folder / "fees_v2")) == ["layout_a.csv"]
    assert loaded(str(lake.folder / "plain_*.csv")) == ["plain_a.csv"]
    assert loaded(None) == []
    with pytest.raises(InputRefused, match=r"is no file of .* that was read before"):
        lake.ingest(reload=str(lake.folder / "other.csv"))


def test_what_was_rejected_is_typed_by_the_contract_of_today(lake):
    """A rejected row stays rejected until its file is sent anew, or read again."""
    lake.put(
        "plain",
        b"client_id,client_nino,adviser_id,fee_date,fee_amount\nann,QQ000001A,a1,2025-01-31,1\nbob,QQ000002A,a1,2025-01-31,x\n",
    )
    lake.ingest()
    lake.ingest(reload=True)
    assert lake.value("SELECT COUNT(*) FROM raw.fees_rejected") == 1
    assert lake.value("SELECT row_count - loaded_count - rejected_count FROM raw.files") == 0


def test_a_file_that_no_longer_follows_the_contract_keeps_its_rows(tmp_path):
    with Lake(tmp_path / "lake", six(), **LENIENT) as lake:
        lake.put("plain", [ANN])
        lake.ingest()
        stricter = extended(
            tmp_path / "strict", column=REGION.replace("type: STRING,", "type: STRING, required_in_file: true,")
        )
        lake.by(stricter)
        (refused,) = lake.ingest(reload=True).refused
        assert refused.note == "header drift: region is missing"
        assert lake.value("SELECT COUNT(*) FROM raw.fees") == 1
        assert lake.value("SELECT status FROM raw.files") == "loaded"


def test_the_order_of_rows_that_differ_in_the_sixth_column_counts(lake):
    """Of two rows of one fee the first is kept: a version with the rows the other way round is another one."""
    north, south = ANN, (*ANN[:4], "south")
    lake.put("six", [north, south])
    lake.ingest()
    lake.run()
    assert lake.staged() == [north]
    lake.put("six", [south, north])
    lake.ingest()
    assert lake.pending() == [(JANUARY, 0, 0)]
    lake.run()
    assert lake.staged() == [south]


def test_a_source_without_a_total_is_no_source_of_files(tmp_path):
    made = extended(tmp_path, region=False, layout=False)
    path = tmp_path / "sql/raw/fees.yml"
    path.write_text(path.read_text().replace("total: fee_amount\n", ""))
    with Lake(tmp_path / "lake", made) as lake, pytest.raises(ProjectError, match="needs 'total' and 'partition_by'"):
        lake.by(load(tmp_path)).ingest()
