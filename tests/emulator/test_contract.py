"""Four kinds of files in one lake, and a column that comes later: the same tables on DuckDB and BigQuery."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from emulator.product import Twins
from faults import TABLES
from lakes import extended, written
from pipeline import LENIENT

JANUARY, FEBRUARY = date(2025, 1, 31), date(2025, 2, 28)
ANN, BOB = ("ann", "a1", JANUARY, Decimal("1.50"), "north"), ("bob", "a1", JANUARY, Decimal("-0.25"), "south")
EVE, ZOE = ("eve", "a2", FEBRUARY, Decimal(3), "west"), ("zoe", "a2", date(2025, 3, 31), Decimal("4.000000001"), "east")
STAGED = "SELECT client_id, adviser_id, fee_date, fee_amount, region FROM staging.stg_fees ORDER BY client_id"


@pytest.fixture
def twins(product):
    with Twins(product, **LENIENT) as found:
        yield found


def by(twins, project):
    def prepare(one):
        one.project = project
        one.engine.prepare(project.contracts)

    twins.both(prepare)


def ingest(twins, files, **options):
    """What became of each file, the same on both."""
    twins.product.deal(files)
    source = f"{twins.product.lake.url}/**"
    first, second = twins.both(lambda one: one.ingest(source, allow_withdraw=True, **options))
    assert [(file.uri, file.outcome, file.rows, file.rejected, file.note) for file in first.files] == [
        (file.uri, file.outcome, file.rows, file.rejected, file.note) for file in second.files
    ]
    return [file.outcome for file in first.files]


def test_a_sixth_column_an_alias_and_a_layout_side_by_side(twins, tmp_path):
    """The tables are there before the column is; old rows get it when they are read again."""
    assert ingest(twins, {"plain.csv": written("plain", [ANN])}) == ["loaded"]
    assert twins.run() == ("published", "published")
    by(twins, extended(tmp_path))
    files = {
        "alias.csv": written("alias", [ZOE]),
        "fees_v2/layout.csv": written("layout", [EVE]),
        "six.csv": written("six", [BOB]),
    }
    assert ingest(twins, files) == ["loaded", "loaded", "unchanged", "loaded"]
    assert twins.run() == ("published", "published")
    assert twins.differences() == {}
    assert twins.product.rows(STAGED) == [(*ANN[:4], None), BOB, EVE, ZOE]
    assert ingest(twins, {}, reload=True) == ["loaded"] * 4
    assert twins.product.rows("SELECT COUNT(*) FROM ops.pending") == [(0,)]
    assert twins.product.rows("SELECT COUNT(*) FROM raw.fees") == [(4,)]
    assert twins.run() == ("published", "published")
    assert twins.differences([table for table in TABLES if table != "ops.changes"]) == {}
    files = {"plain.csv": written("six", [ANN, ZOE]), "six.csv": None}
    assert ingest(twins, files) == ["unchanged", "unchanged", "loaded", "withdrawn"]
    assert twins.run() == ("published", "published")
    assert twins.differences() == {}
    assert twins.product.rows(STAGED) == [ANN, EVE, ZOE]
