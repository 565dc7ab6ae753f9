"""``test``: cases as folders of rows, of the bundled project and of one's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import places
import pytest

EXPECT = "client_id,client_nino,adviser_id,fee_date,fee_amount\n"


@pytest.fixture
def own(shell):
    """A project of one's own in the working folder; a function writes the files of a case of stg_fees."""
    shutil.copytree(places.ROOT / "sql", "sql")

    def case(name="a", model="stg_fees", **files):
        folder = Path("tests/models", model, name)
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / f"{file.replace('__', '.')}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())

    return case


def test_the_bundled_models_pass_theirs(shell):
    code, out, _ = shell("test", "--output", "json")
    told = json.loads(out)

    assert (code, told["without"], {one["verdict"] for one in told["cases"]}) == (0, [], {"pass"})
    assert {int(one["case"].partition("_")[0]) for one in told["cases"]} == set(range(1, 11)), "every rule of SPEC 3"


RAW = "client_id,client_nino,adviser_id,fee_date,fee_amount,_source_file,_source_row\n"
FEE = "ann,qq 12 34 56 a,x,2025-01-31,1.60,file:///a.csv,1\n"


def test_a_failing_case_shows_the_cells_that_differ_and_no_nino(shell, own):
    own(
        raw__fees=RAW + FEE + FEE.replace("ann", "bob"),
        expect=EXPECT + "ann,QQ123456B,x,2025-01-31,1.61\nbob,QQ123456A,x,2025-01-31,1.6\n",
    )

    code, out, err = shell("test", "--junit", "report.xml")

    assert code == 1
    assert "1 of 1 case failed" in err.replace("\n  ", " ")
    assert "client_id bob" not in out, "which is as expected"
    assert [line.split() for line in out.splitlines() if "a row" in line or "no row" in line]
    root = ET.parse("report.xml").getroot()
    assert [(one.get("name"), one.get("tests"), one.get("failures")) for one in root] == [("stg_fees", "1", "1")]
    assert "1.61" in root.find(".//failure").text
    assert "QQ123456" not in Path("report.xml").read_text()


@pytest.mark.parametrize("command", ["test", "check"])
def test_verdicts_are_written_over_nothing_but_verdicts(shell, own, command):
    own(raw__fees=RAW + FEE, expect=EXPECT + "ann,QQ123456A,x,2025-01-31,1.60\n")
    model = Path("sql/staging/stg_fees.sql")
    whole = model.read_bytes()

    code, _, err = shell(command, "--junit", str(model))

    assert (code, model.read_bytes(), "is there and is no XML; it was left alone" in err) == (2, whole, True)
    assert [shell(command, "--junit", "report.xml")[0] for _ in range(2)] == [0, 0]


def test_cells_are_named_by_the_key_where_it_is_compared(shell, own):
    own(
        model="dim_clients",
        staging__stg_fees="client_id,adviser_id,fee_date,fee_amount\nann,x,2025-01-31,1\n",
        expect="client_id,first_adviser_id,first_fee_date\nann,y,2025-01-30\nbob,y,2025-01-30\n",
    )

    code, out, _ = shell("test", "--output", "json")

    (case,) = json.loads(out)["cases"]
    assert (code, case["verdict"], case["error"]) == (1, "fail", None)
    assert case["differences"] == [
        {"key": {"client_id": "ann"}, "column": "first_adviser_id", "expected": "y", "made": "x"},
        {"key": {"client_id": "ann"}, "column": "first_fee_date", "expected": "2025-01-30", "made": "2025-01-31"},
        {"key": {"client_id": "bob"}, "column": None, "expected": True, "made": False},
    ]


def test_no_rows_inputs_left_out_and_files_that_are_no_rows(shell, own):
    own(expect="client_id\n", README="not,a\ntable")
    Path("tests/models/stg_fees/a/README.csv").rename("tests/models/stg_fees/a/README.md")
    Path("tests/models/notes.txt").touch()
    assert shell("test", "stg_fees")[0] == 0


@pytest.mark.parametrize(
    ("files", "place", "said"),
    [
        ({"expect": "client_id,cleint\na,b\n"}, "expect.csv:1", "no column 'cleint'"),
        ({"expect": "client_id,client_id\na,b\n"}, "expect.csv:1", "is there twice"),
        ({"expect": ""}, "expect.csv:1", "no header"),
        ({"expect": "fee_date\n2025-01-31\n2025-02-30\n"}, "expect.csv:3", "'2025-02-30' is no DATE"),
        ({"expect": "fee_date\n20250131\n"}, "expect.csv:2", "'20250131' is no DATE"),
        ({"expect": "fee_amount\n1e3\n"}, "expect.csv:2", "'1e3' is no NUMERIC"),
        ({"expect": 'client_id,fee_amount\n"a\nb",1\nc,£5\n'}, "expect.csv:4", "'£5' is no NUMERIC"),
        ({"expect": "client_id,fee_amount\na\n"}, "expect.csv:2", "1 cells, but 2 columns"),
        ({"expect": "client_id\na,1\n"}, "expect.csv:2", "2 cells, but 1 columns"),
        ({"expect": 'client_id\n"a\n'}, "expect.csv:2", "no CSV"),
        ({"expect": b"client_id\n\xff\n"}, "expect.csv:2", "not UTF-8"),
        ({"expect": "client_id\n", "raw__fees": "_source_row\n1.5\n"}, "raw.fees.csv:2", "'1.5' is no INT64"),
        ({"expect": "client_id\n", "raw__fee": "client_id\n"}, "raw.fee.csv", "reads no table 'raw.fee'"),
        ({"expect": "client_id\n", "reporting__dim_clients": "client_id\n"}, "dim_clients.csv", "reads no table"),
        ({"expect": "client_id\n", "fees": "client_id\n", "raw__fees": "client_id\n"}, "stg_fees/a", "two files hold"),
        ({"raw__fees": "client_id\n"}, "stg_fees/a", "a case needs expect.csv"),
        ({"model": "stg_fee", "expect": "client_id\n"}, "models/stg_fee", "no model is called so"),
    ],
)  # fmt: skip
def test_a_case_that_is_wrong_is_refused_with_its_place(shell, own, files, place, said):
    own(**files)
    code, _, err = shell("test")
    text = " ".join(err.split())
    assert (code, place in text, said in text) == (2, True, True), text


def test_all_that_is_wrong_is_told_at_once_but_not_without_end(shell, own):
    own("a", expect="client\n", raw__fees="fee_date\nx\n")
    own("b", expect="fee_date\n" + "x\n" * 100)
    code, _, err = shell("test")
    assert (code, err.count("'x' is no DATE"), "and 82 more" in err) == (2, 19, True)


def test_a_query_that_fails_on_its_rows_is_a_failing_case(shell, own):
    path = Path("sql/staging/stg_fees.sql")
    path.write_text(
        path.read_text().replace("    fee_amount\nFROM ranked", "    fee_amount / 0 AS fee_amount\nFROM ranked")
    )
    own(raw__fees=RAW + FEE, expect="client_id,fee_amount\nann,1\n")

    code, out, err = shell("test")

    assert (code, "division by zero" in " ".join(out.split()), "1 of 1 case failed" in err) == (1, True, True), (
        out + err
    )


def test_without_cases_it_says_how_to_write_one(shell, own):
    code, _, err = shell("test", "rpt_cohort_ltv")
    assert (
        code,
        "tests/models/rpt_cohort_ltv/CASE/expect.csv" in err.replace("\n", "").replace("             ", ""),
    ) == (2, True)


def test_models_without_a_case_are_named_and_others_selected(shell, own):
    own(expect="client_id\n")
    code, out, _ = shell("test", "--select", "stg_fees+1")
    assert (code, "no case" in out, "dim_clients" in out) == (0, True, True)
    assert shell("test", "stg_fes")[0] == 2
    assert shell("test", "--junit", "nowhere/report.xml")[0] == 2


def test_a_link_to_a_name_that_no_disk_has_is_no_case(own, shell):
    own(expect=EXPECT)
    for place in ("tests/models", "tests/models/stg_fees"):
        Path(place, "odd").symlink_to("x" * 3000)
    assert shell("test")[0] == 0
