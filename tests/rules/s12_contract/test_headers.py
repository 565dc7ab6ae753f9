"""A header against the contract of its table: what it may say, and what a wrong one is told."""

from __future__ import annotations

from dataclasses import replace

import pipeline
import pytest

from fees_etl.ingestion.bytes import FileRefused
from fees_etl.ingestion.header import Form, columns_of, scan
from fees_etl.ingestion.source import layout_of
from fees_etl.types import Column, Layout, Table

PLAIN = pipeline.project().sources[Table("raw", "fees")]
FIVE = tuple(column.name for column in PLAIN.file_columns)
LAYOUT = Layout("fees_v2/**", ";", "DD/MM/YYYY", {"Client No": "client_id", "Paid": "fee_amount"})
CONTRACT = replace(
    PLAIN,
    columns=(
        *(replace(one, aliases=("Adviser Ref",)) if one.name == "adviser_id" else one for one in PLAIN.columns),
        Column("region", "STRING", aliases=("Sales Region", "Area")),
    ),
    layouts=(LAYOUT, Layout("**/old_*.csv", "|")),
)
ANY = Form(CONTRACT)
V2 = Form(CONTRACT, LAYOUT)


@pytest.mark.parametrize(
    ("form", "header", "columns"),
    [
        (ANY, "client_id,client_nino,adviser_id,fee_date,fee_amount", FIVE),
        (ANY, "region,client_id,client_nino,adviser_id,fee_date,fee_amount", ("region", *FIVE)),
        (ANY, "client_id,client_nino,ADVISER_REF,fee_date,fee_amount,salesregion", (*FIVE, "region")),
        (ANY, '"\ufeffclient_id",client_nino,"adviser  ref",fee_date, fee_amount ,AREA', (*FIVE, "region")),
        (V2, "Client No;client_nino;adviser_id;fee_date;Paid", FIVE),
        (V2, "client_id;client_nino;Adviser Ref;fee_date;Paid;Area", (*FIVE, "region")),
    ],
)
def test_names_aliases_and_a_layouts_names(form, header, columns):
    assert columns_of(header, form) == columns


MISSING = "header drift: client_nino, adviser_id, fee_date and fee_amount are missing"


@pytest.mark.parametrize(
    ("form", "header", "reason"),
    [
        (ANY, "client_id,client_nino,fee_date,fee_amount,region", "header drift: adviser_id is missing"),
        (ANY, "client_id,client_nino,adviser_id,Adviser Ref,fee_date,fee_amount", "header drift: adviser_id is doubled"),
        (ANY, "client_id,client_nino,adviser_id,fee_date,fee_amount,Area,region", "header drift: region is doubled"),
        (ANY, "client_id,client_nino,adviser_id,fee_date,fee_amount,Region", "header drift: 'Region' is unknown (did you mean region?)"),
        (V2, "client no;client_nino;adviser_id;fee_date;Paid", "header drift: client_id is missing; 'client no' is unknown (did you mean Client No?)"),
        (V2, "Client No;client_id;client_nino;adviser_id;fee_date;Paid", "header drift: client_id is doubled"),
        (ANY, "client_id;client_nino;adviser_id;fee_date;fee_amount", "the header is separated by ';', not by ',': write ',', or say so in a layout of sql/raw/fees.yml: {files: FOLDER/**, delimiter: ';'}"),
        (ANY, "client_id\tclient_nino\tadviser_id\tfee_date\tfee_amount", "the header is separated by a tab, not by ',': write ',', or say so in a layout of sql/raw/fees.yml: {files: FOLDER/**, delimiter: '\\t'}"),
        (ANY, "CLIENT_ID|CLIENT_NINO|X", "the header is separated by '|', not by ',': write ',', or say so in a layout of sql/raw/fees.yml: {files: FOLDER/**, delimiter: '|'}"),
        (V2, "client_id,client_nino,adviser_id,fee_date,fee_amount", "the header is separated by ',', not by ';': write ';', or say so in a layout of sql/raw/fees.yml: {files: fees_v2/**}"),
        (ANY, "sep=,", "its first line begins with 'sep=', which only spreadsheets read: delete that line"),
        (V2, "SEP=;", "its first line begins with 'sep=', which only spreadsheets read: delete that line"),
        (ANY, "CLIENT_ID,CLIENT_NINO,ADVISER_ID,FEE_DATE,FEE_AMOUNT", "the names in the header are in upper case: write client_id,client_nino,adviser_id,fee_date,fee_amount"),
        (ANY, "Client Id,Client Nino,XX,Fee Date,Fee Amount", "the names in the header are not written as the contract has them: write client_id,client_nino,...,fee_date,fee_amount"),
        (ANY, "C1,QQ123456C,7,2025-01-31,1.5", "no header: the first record names none of client_id, client_nino, adviser_id, fee_date, fee_amount"),
    ],
)  # fmt: skip
def test_a_wrong_header_says_what_it_is_and_what_to_write(form, header, reason):
    with pytest.raises(FileRefused) as refused:
        columns_of(header, form)
    assert refused.value.reason == reason


@pytest.mark.parametrize("content", [b"sep=,\nclient_id,client_nino\n", b'\xef\xbb\xbf"sep=,"\n'])
def test_a_line_for_spreadsheets(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    assert scan(tmp_path / "a.csv", ANY).refusal.startswith("its first line begins with 'sep='")


@pytest.mark.parametrize(
    ("uri", "delimiter"),
    [
        ("file:///data/lake/fees_v2/a.csv", ";"),
        ("file:///data/fees_v2/old_a.csv", ";"),  # the first that matches
        ("file:///data/fees_v2/deep%20er/a.csv", ";"),
        ("gs://lake/fees_v2/2025/a.csv.gz", ";"),
        ("gs://fees_v2/a.csv", ";"),
        ("file:///data/lake/my_fees_v2/a.csv", ","),
        ("file:///data/lake/fees_v2.csv", ","),
        ("file:///data/lake/old_a.csv", "|"),
        ("sample://fees_2024_h1.csv", ","),
    ],
)
def test_a_layout_is_chosen_by_what_a_path_ends_with(uri, delimiter):
    assert layout_of(CONTRACT, uri).delimiter == delimiter
