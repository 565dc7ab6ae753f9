"""What spreadsheets and exports do to a header: read where it is plain what is meant, else refused by name."""

from __future__ import annotations

import pytest
from pipeline import LENIENT, Pipeline

HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount"
ROW = "ann,QQ000001A,a1,2025-01-31,1.50"


@pytest.fixture
def pipeline(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as found:
        yield found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{HEADER}\n{ROW}\n".replace(",", ";"), "the header is separated by ';', not by ','"),
        (f"{HEADER}\n{ROW}\n".replace(",", "\t"), "the header is separated by a tab, not by ','"),
        (f"sep=,\n{HEADER}\n{ROW}\n", "its first line begins with 'sep=', which only spreadsheets read"),
        (f"{HEADER.upper()}\n{ROW}\n", f"the names in the header are in upper case: write {HEADER}"),
    ],
)
def test_a_refusal_says_what_the_header_is(pipeline, text, reason):
    pipeline.put(a=text, b=f"{HEADER}\n{ROW}\n")
    first, second = pipeline.ingest().files
    assert (first.outcome, first.note[: len(reason)]) == ("refused", reason)
    assert "QQ" not in first.note
    assert second.outcome == "loaded"


@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_bom_inside_of_the_quotes_is_read(pipeline, bom):
    names = ",".join(f'"{name}"' for name in HEADER.split(","))
    pipeline.put(a=f"{bom}{names}\n{ROW}\n".replace('"client_id"', '"\ufeffclient_id"'))
    (file,) = pipeline.ingest().files
    assert (file.outcome, file.rows, file.rejected) == ("loaded", 1, 0)
